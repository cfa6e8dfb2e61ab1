"""The whole program under thousands of idle and dozens of hostile clients."""

import contextlib
import json
import multiprocessing
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.slow

IDLE = 5000
HOSTILE = 50
SCRAPES = 200
P99_SECONDS = 0.1
"""As long as a scrape may take then; it takes 2 ms on a machine that has nothing else to do."""

ATTACKS = [
    b"GET /api/v1/resources?"
    + b"&".join([b"tag"] * 10_000)
    + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /api/v1/resources?limit=10000 HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20,
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: identity\r\n\r\n" * 20,
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"\x16\x03\x01 not HTTP\r\n\r\n",
    b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n"
    + b"x" * 60_000,
    b"GET /metrics HTTP/1.1\r\nX-Long: " + b"x" * 60_000,
    b"GET /metrics HTTP/1.1\r\nX-Slow: ",
]


@contextlib.contextmanager
def serving(folder: Path, files: int) -> Iterator[str]:
    """Run the daemon with so many file descriptors; yields its address."""
    environ = {
        "CARBON_PROVIDERS": "host",
        "CARBON_GRIDS": "[]",
        "CARBON_LISTEN": "127.0.0.1:0",
        "CARBON_LOG_FORMAT": "json",
        "CARBON_POLL_INTERVAL": "10s",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    log = folder / "log"
    with log.open("w") as out:
        daemon = subprocess.Popen(
            ["sh", "-c", f'ulimit -n {files}; exec "$0" -m exporter serve', sys.executable],
            cwd=folder,
            env=os.environ | environ,
            stderr=out,
        )
    try:
        deadline = time.monotonic() + 60
        while "serving" not in log.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.2)  # another process is watched: there is nothing to wait on
        url: str = json.loads(log.read_text().splitlines()[0])["url"]
        with httpx.Client(base_url=url, trust_env=False) as client:
            while client.get("/-/ready").status_code != 200:
                assert time.monotonic() < deadline
                time.sleep(0.2)
        yield url
    finally:
        daemon.kill()
        daemon.wait()


def attack(address: tuple[str, int], number: int) -> None:
    """Send nonsense for ever, over a new connection each time that the old one ends."""
    while True:
        with contextlib.suppress(OSError), socket.create_connection(address, 5) as sock:
            sock.settimeout(0.5)
            sock.sendall(ATTACKS[number % len(ATTACKS)])
            with contextlib.suppress(TimeoutError):
                while sock.recv(4096):
                    time.sleep(0.01)  # a slow reader
        time.sleep(0.05)


def attack_in_threads(address: tuple[str, int]) -> None:
    threads = [threading.Thread(target=attack, args=(address, n)) for n in range(HOSTILE)]
    for thread in threads:
        thread.start()


def scrape(address: tuple[str, int]) -> tuple[float, str]:
    """Ask for metrics over a new connection; returns how many seconds it took, and the page."""
    begun = time.monotonic()
    with socket.create_connection(address, 15) as sock, sock.makefile("rb") as answer:
        sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        page = answer.read().decode()
    assert page.startswith("HTTP/1.1 200")
    return time.monotonic() - begun, page


def age(page: str) -> float:
    """Return the seconds since the collector's last success."""
    name = 'carbon_collector_last_success_timestamp_seconds{collector="host"} '
    [line] = [line for line in page.splitlines() if line.startswith(name)]
    return time.time() - float(line.removeprefix(name))


@pytest.fixture(autouse=True)
def _enough_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < IDLE + 500:
        pytest.skip(f"this machine allows {hard} open files, the test needs {IDLE + 500}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, IDLE + 500), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("files", [1024, 4096])
def test_scrapes_and_collecting_go_on(tmp_path: Path, files: int) -> None:
    with serving(tmp_path, files) as url, contextlib.ExitStack() as held:
        host, port = url.removeprefix("http://").strip("/").split(":")
        address = (host, int(port))
        for _ in range(IDLE):
            held.enter_context(socket.create_connection(address, 15))
        before = [scrape(address)[0] for _ in range(SCRAPES)]
        attackers = multiprocessing.get_context("fork").Process(
            target=attack_in_threads, args=(address,), daemon=True
        )
        attackers.start()
        held.callback(attackers.kill)
        took = []
        for _ in range(SCRAPES):
            seconds, page = scrape(address)
            took.append(seconds)
            time.sleep(0.1)  # the pace at which attacks are met
        assert age(page) < 40, "the collector goes on"
        # On a machine that others keep busy the processor is waited for, attack or not.
        limit = max(P99_SECONDS, 10 * p99(before))
        assert p99(took) < limit, (p99(before), sorted(took)[-10:])
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    assert len(log.splitlines()) < 50


def p99(seconds: list[float]) -> float:
    return sorted(seconds)[int(0.99 * len(seconds))]
