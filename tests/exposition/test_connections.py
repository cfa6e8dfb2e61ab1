"""Clients that are slow, mute, many or malformed: each is bounded, and others are served."""

import contextlib
import logging
import resource
import signal
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from exporter.core.snapshot import Snapshot
from exporter.exposition import connections
from exporter.exposition.publisher import Publisher
from tests.support.exposition import running
from tests.support.snapshots import TIME, a_view, rich_snapshot

PATIENCE = 20.0
"""Seconds that a test waits for something that should happen within one."""

GET = b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.5)
    monkeypatch.setattr(connections, "ANSWER_SECONDS", 0.5)


@contextlib.contextmanager
def connected(client: httpx.Client) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", client.base_url.port or 0), PATIENCE) as sock:
        yield sock


def closed(sock: socket.socket) -> bool:
    """Wait for the other side's end; whatever it said before is passed over."""
    with contextlib.suppress(ConnectionError):
        while sock.recv(65536):
            pass
    return True


def closed_while_dripping(sock: socket.socket, text: bytes) -> bool:
    """Send a byte at a time, for ever, until the other side closes."""
    sock.settimeout(0.05)
    for number in range(int(PATIENCE / 0.05)):
        try:
            sock.sendall(text[number % len(text) :][:1])
            if not sock.recv(65536):
                return True
        except TimeoutError:
            continue
        except ConnectionError:
            return True
    return False


def test_a_connection_that_says_nothing_is_closed(client: httpx.Client) -> None:
    with connected(client) as sock:
        assert closed(sock)


@pytest.mark.parametrize("begin", [b"", GET], ids=["new", "kept alive"])
def test_a_request_that_drips_in_is_cut_off(client: httpx.Client, begin: bytes) -> None:
    with connected(client) as sock:
        sock.sendall(begin + b"GET /metrics HTTP/1.1\r\n")
        assert closed_while_dripping(sock, b"X-Slow: 1\r\n")


def test_a_connection_that_idles_after_an_answer_is_closed(client: httpx.Client) -> None:
    with connected(client) as sock:
        sock.sendall(GET)
        assert sock.recv(12) == b"HTTP/1.1 200"
        assert closed(sock)


def test_requests_one_after_the_other_and_at_once_are_all_answered(client: httpx.Client) -> None:
    with connected(client) as sock:
        sock.sendall(GET * 3)
        received = b""
        while received.count(b'"healthy"') < 3:
            piece = sock.recv(65536)
            assert piece, received
            received += piece
        sock.sendall(GET)
        assert sock.recv(12) == b"HTTP/1.1 200"


def test_a_client_that_does_not_read_its_answer_is_cut_off(
    publisher: Publisher, client: httpx.Client
) -> None:
    publisher.publish(Snapshot(time=TIME, resources=tuple(a_view(n) for n in range(4000))))
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(PATIENCE)
        sock.connect(("127.0.0.1", client.base_url.port or 0))
        sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 4)
        poll = threading.Event()
        for _ in range(int(PATIENCE / 0.05)):  # an error shows without reading: it was reset
            if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                return
            poll.wait(0.05)
    pytest.fail("the connection is still there")


def test_at_the_limit_who_asks_is_answered_and_who_idles_longest_goes(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", PATIENCE)
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 4)
    with running(publisher) as client, contextlib.ExitStack() as held:
        idle = [held.enter_context(connected(client)) for _ in range(4)]
        for _ in range(3):
            assert httpx.get(client.base_url.join("/metrics"), trust_env=False).is_success
        assert closed(idle[0])
        assert client.get("/-/healthy").is_success


def test_half_of_the_file_descriptors_stay_for_collecting() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert connections.connection_limit() <= soft // 2


def test_upgrades_are_answered_without_upgrading_and_without_a_word(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = client.get(
            "/-/healthy",
            headers={
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Key": "x",
                "Sec-WebSocket-Version": "13",
            },
        )
    assert answer.status_code == 200
    assert [r for r in caplog.records if r.name.startswith("uvicorn")] == []


def test_serving_leaves_signals_alone(publisher: Publisher) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    publisher.publish(rich_snapshot())
    with running(publisher) as client:
        assert client.get("/metrics").is_success
        assert before == {number: signal.getsignal(number) for number in before}
