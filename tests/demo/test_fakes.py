"""What every fake shares: its life, its faults, and what a client sees of them on its socket."""

import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import pytest

from exporter.demo import aws, azure, gcp
from exporter.demo._fake import Fake
from exporter.demo._faults import BOMB_BYTES, TRANSPORT, BaseFault, FaultKind
from exporter.demo._http import LoopbackServer, Reply, Wire
from exporter.demo.estate import demo_estate
from exporter.demo.grid import GridFake
from exporter.demo.grid.faults import GridFault
from tests.support.clock import ManualClock

Spoil = Callable[[FaultKind, float], None]
"""Puts a fault in force for all requests, with its seconds."""
FAULTS: Mapping[type[Fake[Any]], type[BaseFault]] = {
    aws.AwsFake: aws.Fault,
    azure.AzureFake: azure.Fault,
    gcp.GcpFake: gcp.Fault,
    GridFake: GridFault,
}
PATIENCE = 10.0


def type_of(fake: Fake[Any]) -> type[BaseFault]:
    return FAULTS[type(fake)]


@pytest.fixture(params=FAULTS, ids=lambda made: made.__name__)
def scene(request: pytest.FixtureRequest) -> Iterator[tuple[Fake[Any], Spoil]]:
    made, clock = request.param, ManualClock()
    world = (lambda _zone, _start: 1.0) if made is GridFake else demo_estate()
    fake: Fake[Any] = made(world, clock)
    with fake:
        yield fake, lambda kind, seconds: fake.faults.add(type_of(fake)(kind=kind, seconds=seconds))


SIGNED = "AWS4-HMAC-SHA256 Credential=AKIADEMO111122223333/20260302/us-east-1/sts/aws4_request"
"""Of the one API that tells who is meant in a header; the others do not look at it."""


class Client:
    """One request on a bare socket: what comes back as it comes."""

    def __init__(self, fake: Fake[Any]) -> None:
        parts = urlsplit(fake.url)
        self.socket = socket.create_connection((parts.hostname, parts.port), PATIENCE)
        self.socket.sendall(
            f"POST /subscriptions HTTP/1.1\r\nHost: demo\r\nAuthorization: {SIGNED}\r\n"
            "Content-Length: 24\r\n\r\nAction=GetCallerIdentity".encode()
            if isinstance(fake, aws.AwsFake)
            else b"GET /token HTTP/1.1\r\nHost: demo\r\n\r\n"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def next(self) -> bytes:
        return self.socket.recv(65_536)

    def until(self, end: bytes) -> bytes:
        """Read byte by byte up to an end, so that nothing behind it is taken."""
        seen = b""
        while not seen.endswith(end):
            seen += self.socket.recv(1)
        return seen

    def rest(self) -> bytes:
        """Read to the end, which may be a reset: the fake tears connections down as it closes."""
        seen = b""
        with suppress(ConnectionResetError):
            while part := self.next():
                seen += part
        return seen


def right_answer(fake: Fake[Any]) -> bytes:
    with Client(fake) as client:
        head = client.until(b"\r\n\r\n")
        length = next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Length"))
        body = b""
        while len(body) < int(length.partition(b":")[2]):
            body += client.next()
        return body


def answered(fake: Fake[Any]) -> bytes:
    """Return the status of an answer."""
    with Client(fake) as client:
        return client.until(b"\r\n").split()[1]


def test_a_fake_has_an_address_while_it_is_started_which_may_be_again(
    scene: tuple[Fake[Any], Spoil],
) -> None:
    fake, _ = scene
    before = answered(fake)
    fake.close()
    fake.close()
    with pytest.raises(RuntimeError, match="not been started"):
        _ = fake.url
    with fake:
        assert answered(fake) == before


def test_a_fault_happens_so_many_times_and_without_a_number_until_it_is_cleared(
    scene: tuple[Fake[Any], Spoil],
) -> None:
    fake, spoil = scene
    right = right_answer(fake)
    fake.faults.add(type_of(fake)(kind=FaultKind.TRUNCATED), times=2)
    lengths = [len(right_answer(fake)) for _ in range(4)]
    assert lengths == [len(right) // 2] * 2 + [len(right)] * 2
    spoil(FaultKind.TRUNCATED, 0)
    assert [len(right_answer(fake)) for _ in range(3)] == [len(right) // 2] * 3
    fake.faults.clear()
    assert len(right_answer(fake)) == len(right)


def test_a_request_that_hangs_is_answered_once_the_faults_are_cleared(
    scene: tuple[Fake[Any], Spoil],
) -> None:
    fake, spoil = scene
    spoil(FaultKind.HANG, 0)
    with Client(fake) as client:
        client.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.next()
        client.socket.settimeout(PATIENCE)
        fake.faults.clear()
        assert client.until(b"\r\n").startswith(b"HTTP/1.1 ")


def test_closing_ends_a_request_that_hangs(scene: tuple[Fake[Any], Spoil]) -> None:
    fake, spoil = scene
    spoil(FaultKind.HANG, 0)
    with Client(fake) as client:
        began = time.monotonic()
        fake.close()
        assert client.rest() == b""
        assert time.monotonic() - began < 4  # and not the 5 s after which it no longer waits


def test_a_drip_brings_the_head_at_once_and_the_body_byte_by_byte(
    scene: tuple[Fake[Any], Spoil],
) -> None:
    fake, spoil = scene
    spoil(FaultKind.DRIP, 0.02)
    began = time.monotonic()
    with Client(fake) as client:
        assert client.until(b"\r\n\r\n").startswith(b"HTTP/1.1 ")
        body = [client.socket.recv(1) for _ in range(5)]
        assert time.monotonic() - began >= 5 * 0.02
        fake.faults.clear()
        dripped = b"".join(body) + client.rest()
    assert len(dripped) == len(right_answer(fake))


def test_a_drip_of_headers_begins_with_the_status_line(scene: tuple[Fake[Any], Spoil]) -> None:
    fake, spoil = scene
    spoil(FaultKind.DRIP_HEADERS, 0.02)
    with Client(fake) as client:
        began = time.monotonic()
        assert client.until(b"HTTP") == b"HTTP"
        assert time.monotonic() - began >= 3 * 0.02
        fake.faults.clear()
        assert client.rest().startswith(b"/1.1 ")


def test_the_usual_drip_is_slower_than_any_timeout_of_one_read(
    scene: tuple[Fake[Any], Spoil],
) -> None:
    fake, spoil = scene
    spoil(FaultKind.DRIP, 0)
    with Client(fake) as client:
        client.until(b"\r\n\r\n")
        client.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.next()


def test_a_refusal_drips_too(scene: tuple[Fake[Any], Spoil]) -> None:
    fake, spoil = scene
    if isinstance(fake, GridFake):
        fake.faults.add(GridFault(kind=FaultKind.DRIP, seconds=0.3))
    else:
        spoil(FaultKind.UNAVAILABLE, 0)
        spoil(FaultKind.DRIP, 0.3)
    with Client(fake) as client:
        status = client.until(b"\r\n").split()[1]
        client.until(b"\r\n\r\n")
        assert status in {b"503", b"400"}
        assert len(client.next()) == 1


def test_a_half_open_peer_is_silent_until_the_fake_closes(
    scene: tuple[Fake[Any], Spoil],
) -> None:
    fake, spoil = scene
    spoil(FaultKind.HALF_OPEN, 0)
    with Client(fake) as client:
        client.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.next()
        fake.faults.clear()
        with pytest.raises(TimeoutError):
            client.next()
        client.socket.settimeout(PATIENCE)
        fake.close()
        assert client.rest() == b""


def test_a_half_open_peer_lets_go_of_a_client_that_gives_up() -> None:
    over = threading.Event()

    def deliver(wire: Wire) -> None:
        wire.until_gone()
        over.set()

    server = LoopbackServer("half-open", lambda _: Reply(status=200, body=b"", deliver=deliver))
    with socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0)) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert over.wait(PATIENCE)
    server.close(lambda: None)


def test_informational_answers_never_end_until_the_fault_does(
    scene: tuple[Fake[Any], Spoil],
) -> None:
    fake, spoil = scene
    spoil(FaultKind.ENDLESS_INFORMATIONAL, 0.001)
    with Client(fake) as client:
        for _ in range(200):
            assert client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        fake.faults.clear()
        last = client.rest().replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
        assert last.startswith(b"HTTP/1.1 ")
        assert int(last.split()[1]) >= 200


def test_a_client_that_knows_http_reads_on_through_informational_answers(
    scene: tuple[Fake[Any], Spoil],
) -> None:
    fake, spoil = scene
    spoil(FaultKind.ENDLESS_INFORMATIONAL, 0.001)
    timer = threading.Timer(0.2, fake.faults.clear)
    timer.start()
    began = time.monotonic()
    assert httpx.get(fake.url, headers={"Authorization": SIGNED}).status_code >= 200
    assert time.monotonic() - began >= 0.15


def test_a_bomb_is_small_on_the_wire_and_huge_behind_it(scene: tuple[Fake[Any], Spoil]) -> None:
    fake, spoil = scene
    spoil(FaultKind.GZIP_BOMB, 0)
    wire, unpacked = 0, 0
    unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    with httpx.stream(
        "GET", f"{fake.url}/token", headers={"Authorization": SIGNED}, timeout=6 * PATIENCE
    ) as reply:
        assert reply.headers["Content-Encoding"] == "gzip"
        for part in reply.iter_raw():
            wire += len(part)
            unpacked += len(unpack.decompress(part))
    assert unpacked + len(unpack.flush()) == BOMB_BYTES
    assert unpack.eof
    assert wire < BOMB_BYTES / 500


@pytest.mark.parametrize("kind", sorted(TRANSPORT))
def test_no_fault_of_transport_keeps_a_fake_from_closing(kind: FaultKind) -> None:
    fake = GridFake(lambda _zone, _start: 1.0, ManualClock()).start()
    fake.inject(kind)
    with Client(fake):
        began = time.monotonic()
        fake.close()
        assert time.monotonic() - began < 4  # and not the 5 s after which it no longer waits


def test_a_fake_refuses_a_fault_that_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="does not know the fault result-empty"):
        aws.Faults().add(aws.Fault(kind=FaultKind.RESULT_EMPTY))
    with pytest.raises(ValueError, match="drip is none of gRPC"):
        gcp.Faults().add(gcp.Fault(kind=FaultKind.DRIP, service="monitoring"))
