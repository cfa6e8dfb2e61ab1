"""What can go wrong with any fake: one vocabulary, one book of what is in force, one wire.

A kind of trouble is one of three. Those of *transport* (:data:`TRANSPORT`) happen to the right
answer on its way and are written here, once for all servers: a further one is a member of
:class:`FaultKind` and a function. *Refusals* are put into the words of its API by each cloud. *Odd
results* are answers that succeed with something wrong in them; each cloud's ``faults`` tells which
of them it knows.
"""

import struct
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from http import HTTPStatus
from typing import Any, ClassVar, Final, Generic, TypeVar

from exporter.demo._http import Reply, Wire


class FaultKind(StrEnum):
    """What goes wrong. Each is told in the words of the API that it happens to."""

    # Transport: how an answer comes, or does not.
    LATENCY = "latency"
    """The answer comes ``seconds`` later, or when the faults are cleared."""
    HANG = "hang"
    """The answer comes when the faults are cleared, never before."""
    HALF_OPEN = "half-open"
    """The request is taken and never answered, as by a peer that is gone: not even when the faults
    are cleared. The connection stays open until either side closes it."""
    RESET = "reset"
    """The connection is torn down without an answer."""
    HTML = "html"
    """A web page with status 200, as a captive portal or a proxy gives; bytes that are no message
    where gRPC is spoken."""
    TRUNCATED = "truncated"
    """The first half of the right answer."""
    DRIP = "drip"
    """The body comes a byte every ``seconds`` (2 unless told), headers at once."""
    DRIP_HEADERS = "drip-headers"
    """The same from the first byte of the status line on."""
    ENDLESS_INFORMATIONAL = "endless-informational"
    """100 Continue every ``seconds`` (0.05 unless told) instead of an answer."""
    GZIP_BOMB = "gzip-bomb"
    """A body of :data:`BOMB_BYTES` that are a thousandth of that on the wire."""

    # Refusals.
    THROTTLING = "throttling"
    BARE_THROTTLING = "bare-throttling"
    """Azure: 429 without Retry-After (which THROTTLING sends, as long as ``seconds`` says, 1 unless
    told); the graph sends its quota headers."""
    QUOTA = "quota"
    """Google: throttling as a 403 with reason rateLimitExceeded, as Compute tells it too."""
    UNAVAILABLE = "unavailable"
    INTERNAL_ERROR = "internal-error"
    DEADLINE = "deadline"
    """Google's own deadline passed: 504, DEADLINE_EXCEEDED."""
    EXPIRED_CREDENTIALS = "expired-credentials"
    INVALID_CREDENTIALS = "invalid-credentials"
    MISSING_PERMISSION = "missing-permission"
    """Azure's graph refuses if nothing is left, and else leaves out what may not be read."""
    API_DISABLED = "api-disabled"
    """Google: the project has not enabled the API."""
    NOT_FOUND = "not-found"
    """Azure: the subscription, or the regional endpoint's view of it, is not there."""
    REGISTRATION_REFUSED = "registration-refused"
    """Azure: NOT_REGISTERED told as 409 MissingSubscriptionRegistration."""

    # Odd results.
    RESULT_INTERNAL_ERROR = "result-internal-error"
    """GetMetricData succeeds, results within it have StatusCode InternalError."""
    RESULT_FORBIDDEN = "result-forbidden"
    """GetMetricData succeeds, results within it have StatusCode Forbidden."""
    EXECUTION_ERRORS = "execution-errors"
    """ListTimeSeries succeeds without the series of one half, and says so in its last page."""
    UNREACHABLE_ZONE = "unreachable-zone"
    """aggregatedList succeeds in part, without the machines of ``zone``."""
    NOT_REGISTERED = "not-registered"
    """Microsoft.Insights is not registered in the subscription: batches come back empty."""
    RESULT_EMPTY = "result-empty"
    """A batch of Azure succeeds, results within it have an empty ``value``."""
    RESULT_ERROR = "result-error"
    """A batch of Azure succeeds, metrics within it have an ``errorCode`` and no grains."""
    RESULT_MISSING = "result-missing"
    """A batch of Azure succeeds, results within it are left out."""
    GRID_ANSWER = "grid-answer"
    """The simulated grid answers as its own ``Fault`` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseFault:
    """One kind of trouble and the requests that it meets; None meets them all.

    Each fake narrows it by what its requests have: ``SCOPE`` names the fields that must be those
    of the request. ``seconds`` is what the kind makes of it, 0 its usual.
    """

    SCOPE: ClassVar[tuple[str, ...]] = ("service", "operation")

    kind: FaultKind
    service: str | None = None
    operation: str | None = None
    seconds: float = 0.0

    @property
    def wait_seconds(self) -> float | None:
        """How long it keeps a request waiting; None until the faults are cleared."""
        if self.kind is FaultKind.HANG:
            return None
        return self.seconds if self.kind is FaultKind.LATENCY else 0.0

    def meets(self, call: Any, /) -> bool:  # noqa: ANN401 - each fake has a record of its own
        """Whether a request runs into it."""
        wanted = ((getattr(self, name), name) for name in self.SCOPE)
        return all(value is None or value == getattr(call, name) for value, name in wanted)


FaultT = TypeVar("FaultT", bound=BaseFault)


@dataclass(frozen=True, slots=True, kw_only=True)
class Met(Generic[FaultT]):
    """The faults that one request has met; ``released`` is set once they are cleared."""

    faults: tuple[FaultT, ...]
    released: threading.Event

    @property
    def kinds(self) -> frozenset[FaultKind]:
        """What goes wrong with the request."""
        return frozenset(fault.kind for fault in self.faults)

    def carried(self, right: Reply) -> Reply:
        """Return what transport makes of an answer."""
        reply = right
        for kind, happen in TRANSPORT.items():
            for fault in self.faults:
                if fault.kind is kind:
                    reply = happen(reply, fault, self.released)
        return reply


class FaultBook(Generic[FaultT]):
    """The faults in force. Thread-safe.

    ``kinds`` are the refusals and odd results that the fake knows.
    """

    def __init__(self, kinds: frozenset[FaultKind]) -> None:
        self._known = kinds | TRANSPORT.keys() | {FaultKind.LATENCY, FaultKind.HANG}
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._left: list[tuple[FaultT, float]] = []

    def add(self, fault: FaultT, *, times: int | None = None) -> None:
        """Put a fault in force for so many requests, or until cleared where ``times`` is None.

        Raises:
            ValueError: the fake does not know the kind.
        """
        if fault.kind not in self._known:
            message = f"this fake does not know the fault {fault.kind}"
            raise ValueError(message)
        with self._lock:
            self._left.append((fault, float("inf") if times is None else times))

    def clear(self) -> None:
        """End all faults; requests that hang or drip are answered now."""
        with self._lock:
            self._left.clear()
            self._released.set()
            self._released = threading.Event()

    def meet(self, call: object) -> Met[FaultT]:
        """Return the faults that a request meets, after the waiting that they cause.

        Each has one time less to happen.
        """
        met: list[FaultT] = []
        with self._lock:
            left = list[tuple[FaultT, float]]()
            for fault, times in self._left:
                hit = fault.meets(call)
                if hit:
                    met.append(fault)
                if times > hit:
                    left.append((fault, times - hit))
            self._left = left
            released = self._released
        for fault in met:
            if fault.wait_seconds != 0:
                released.wait(fault.wait_seconds)
        return Met(faults=tuple(met), released=released)


# The wire. Each takes the right answer and returns what becomes of it.

BOMB_BYTES: Final = 256 * 1024 * 1024
"""What a bomb unpacks to: several times what a daemon may use of memory in all."""
_MIB: Final = 1024 * 1024
_GZIP_HEAD: Final = bytes.fromhex("1f8b08000000000000ff")
_LAST_BLOCK: Final = bytes.fromhex("0300")
"""RFC 1952, without name and time; and the empty block of RFC 1951 that ends a stream."""
_DRIP_SECONDS: Final = 2.0
_INFORMATIONAL_SECONDS: Final = 0.05
PORTAL: Final = Reply(
    status=HTTPStatus.OK,
    content_type="text/html",
    body=b"<!DOCTYPE html><html><body><h1>demo captive portal</h1></body></html>",
)
"""Well formed on purpose: XML parsers accept it, so only the content tells that it is no answer."""


def _reset(right: Reply, _: BaseFault, _released: threading.Event) -> Reply:
    return replace(right, deliver=Wire.reset)


def _portal(_: Reply, _fault: BaseFault, _released: threading.Event) -> Reply:
    return PORTAL


def _truncated(right: Reply, _: BaseFault, _released: threading.Event) -> Reply:
    return replace(right, body=right.body[: len(right.body) // 2])


def _bomb(right: Reply, _: BaseFault, _released: threading.Event) -> Reply:
    return replace(right, body=_bomb_body(), headers={**right.headers, "Content-Encoding": "gzip"})


@cache
def _bomb_body() -> bytes:
    """Return blanks as one member of gzip: most clients read the first member only."""
    # A full flush ends on a whole byte and refers to nothing before it, so one block can be
    # repeated: packing all of it would keep the first client waiting for seconds.
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    blanks, blocks = b" " * _MIB, BOMB_BYTES // _MIB
    block = packer.compress(blanks) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(blocks):
        checksum = zlib.crc32(blanks, checksum)
    return _GZIP_HEAD + block * blocks + _LAST_BLOCK + struct.pack("<II", checksum, BOMB_BYTES)


def _half_open(right: Reply, _: BaseFault, _released: threading.Event) -> Reply:
    return replace(right, deliver=Wire.until_gone)


def _drip(right: Reply, fault: BaseFault, released: threading.Event) -> Reply:
    def deliver(wire: Wire) -> None:
        wire.send(wire.head)
        _send_slowly(wire, wire.body, fault.seconds or _DRIP_SECONDS, released)

    return replace(right, deliver=deliver)


def _drip_headers(right: Reply, fault: BaseFault, released: threading.Event) -> Reply:
    def deliver(wire: Wire) -> None:
        _send_slowly(wire, wire.head + wire.body, fault.seconds or _DRIP_SECONDS, released)

    return replace(right, deliver=deliver)


def _send_slowly(wire: Wire, data: bytes, seconds: float, released: threading.Event) -> None:
    for at in range(len(data)):
        if released.wait(seconds):
            wire.send(data[at:])
            return
        wire.send(data[at : at + 1])


def _informational(right: Reply, fault: BaseFault, released: threading.Event) -> Reply:
    def deliver(wire: Wire) -> None:
        while not released.wait(fault.seconds or _INFORMATIONAL_SECONDS):
            wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        wire.send(wire.head + wire.body)

    return replace(right, deliver=deliver)


TRANSPORT: Final[Mapping[FaultKind, Callable[[Reply, BaseFault, threading.Event], Reply]]] = {
    # In this order: what changes the bytes before what brings them, and a reset last.
    FaultKind.TRUNCATED: _truncated,
    FaultKind.HTML: _portal,
    FaultKind.GZIP_BOMB: _bomb,
    FaultKind.DRIP: _drip,
    FaultKind.DRIP_HEADERS: _drip_headers,
    FaultKind.ENDLESS_INFORMATIONAL: _informational,
    FaultKind.HALF_OPEN: _half_open,
    FaultKind.RESET: _reset,
}
"""What happens to an answer on its way; waiting (LATENCY, HANG) has happened before it exists."""
