"""The whole program told to stop, whenever and whatever hangs: state saved, exit 0, in time."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.engine.store import Store

BUDGET = 2.0
"""Seconds that these stops may take; the real nine are tried once."""
SLACK = 5.0
"""A loaded machine is slow to start threads and to end processes."""

PROGRAM = """
import ctypes, os, sys, threading, time
sys.argv = ["carbon-exporter", "serve"]
from exporter.app import run, stopping
budget = float(os.environ["BUDGET"])
if budget:
    stopping.STOP_SECONDS, run.FLUSH_SECONDS = budget, budget / 4
def for_ever(*_, **__):
    print("hangs", file=sys.stderr, flush=True)
    threading.Event().wait()
def deaf(library):
    # A lock taken twice: a call that no signal interrupts.
    print("hangs", file=sys.stderr, flush=True)
    mutex = ctypes.create_string_buffer(64)
    for _ in range(2):
        library.pthread_mutex_lock(mutex)
{sabotage}
from exporter.__main__ import main
main()
"""


@contextlib.contextmanager
def program(tmp_path: Path, sabotage: str, budget: float = BUDGET) -> Iterator["Running"]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CARBON_")}
    settings = {
        "CARBON_PROVIDERS": "host",
        "CARBON_GRIDS": "[]",
        "CARBON_LISTEN": "127.0.0.1:0",
        "CARBON_LOG_FORMAT": "json",
        "BUDGET": str(budget),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.replace("{sabotage}", sabotage)],
        cwd=tmp_path,
        env=kept | settings,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Running(process)
        finally:
            process.kill()


class Running:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def until(self, what: str) -> str:
        """Read stderr up to a line that holds a text; returns that line."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            assert "Traceback" not in line
            if what in line:
                return line
        pytest.fail(f"it ended without a word of {what!r}")

    def serving(self) -> int:
        return int(json.loads(self.until("serving"))["url"].rpartition(":")[2].strip("/"))

    def stopped(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; returns the exit code and how many seconds it took."""
        begun = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        return code, time.monotonic() - begun


def saved(tmp_path: Path) -> list[str]:
    store = Store.open(tmp_path / "carbon-exporter.db")
    kinds = [row.machine.key.provider for row in store.load().resources.values()]
    store.close()
    return kinds


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_daemon_that_is_well_saves_and_stops_at_once(
    tmp_path: Path, number: signal.Signals
) -> None:
    with program(tmp_path, "") as running:
        running.serving()
        code, seconds = running.stopped(number)
    assert code == 0
    assert seconds < BUDGET + SLACK
    assert saved(tmp_path) == ["host"]


def slow(*values: str) -> Any:  # noqa: ANN401 — pytest's own type is private
    return pytest.param(*values, marks=pytest.mark.slow)


HANGING_CYCLE = """
from exporter.engine import collector
collector.ProviderCollector._discover = for_ever
"""


@pytest.mark.parametrize(
    ("hang", "sabotage"),
    [
        ("looking up the name to listen on", "run.bind = lambda _: deaf(ctypes.CDLL(None))"),
        slow("building an adapter", "run.build = for_ever"),
        slow("opening the state file", "run._open = for_ever"),
        ("a cycle", HANGING_CYCLE),
        ("a commit", "from exporter.engine import store; store.Store.commit = for_ever"),
        slow("rendering", "from exporter.exposition import publisher; publisher.body = for_ever"),
    ],
)
def test_whatever_hangs_a_stop_has_an_end(tmp_path: Path, hang: str, sabotage: str) -> None:
    with program(tmp_path, sabotage) as running:
        running.until("hangs")
        code, seconds = running.stopped()
    assert code == 0, hang
    assert seconds < BUDGET + SLACK, hang


FULL_PIPE = """
stop = run._stop
def unread(*given):
    # Nobody reads stderr, and the pipe is full: the last line of the log cannot be written.
    threading.Thread(target=os.write, args=(2, b"x" * 2_000_000), daemon=True).start()
    time.sleep(0.2)
    return stop(*given)
run._stop = unread
"""


@pytest.mark.parametrize(
    "sabotage",
    [
        slow("run.App.close = for_ever"),
        slow("run.Store.close = for_ever"),
        slow("import atexit; atexit.register(for_ever)"),
        "threading._register_atexit(for_ever)",  # as pools do, to join their threads
        slow("threading.Thread(target=threading.Event().wait).start()"),
        FULL_PIPE,
    ],
)
def test_closing_has_an_end_too(tmp_path: Path, sabotage: str) -> None:
    with program(tmp_path, sabotage) as running:
        running.serving()
        code, seconds = running.stopped()
    assert code == 0
    assert seconds < BUDGET + SLACK


def test_a_request_that_hangs_delays_no_stop(tmp_path: Path) -> None:
    with program(tmp_path, "run.explainer = lambda _: for_ever") as running:
        port = running.serving()
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /api/v1/explain/x HTTP/1.1\r\nHost: localhost\r\n\r\n")
            running.until("hangs")
            code, seconds = running.stopped()
    assert code == 0
    assert seconds < BUDGET + SLACK
    assert saved(tmp_path) == ["host"], "what was collected is saved all the same"


@pytest.mark.slow
def test_the_real_budget_is_nine_seconds(tmp_path: Path) -> None:
    with program(tmp_path, "run.explainer = lambda _: for_ever", budget=0) as running:
        port = running.serving()
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /api/v1/explain/x HTTP/1.1\r\nHost: localhost\r\n\r\n")
            running.until("hangs")
            code, seconds = running.stopped()
    assert code == 0
    assert seconds < 9.5


@pytest.mark.parametrize(
    "module", ["exporter.cli.main", "exporter.settings.model", "exporter.app.run", "uvicorn"]
)
def test_a_signal_during_the_imports_ends_it_in_good_order(tmp_path: Path, module: str) -> None:
    code = f"""
import os, signal, sys
class Signals:
    def find_spec(self, name, *_):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGTERM)
sys.meta_path.insert(0, Signals())
sys.argv = ["carbon-exporter", "serve"]
from exporter.__main__ import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_hangup_ends_nothing_and_is_told(tmp_path: Path) -> None:
    with program(tmp_path, "") as running:
        running.serving()
        running.process.send_signal(signal.SIGHUP)
        assert "not reloaded" in running.until("SIGHUP")
        assert running.stopped()[0] == 0
