"""Connections of clients, each bounded in time, size and number: uvicorn with limits of its own.

uvicorn closes a connection only when it idles after an answer. One that never finishes a request,
or never reads its answer, would stay for ever, and a few thousand of them take every file
descriptor, those for collecting included. So each connection has at any time exactly one deadline:
for its next whole request, or for the answer to be taken. Bytes that drip in do not move it.

At the limit the connection that has waited longest for a request makes room: who connects and asks
at once, as a scraper does, is answered even while thousands idle.
"""

import asyncio
import contextlib
import resource
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Final, cast

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

log = structlog.get_logger()

REQUEST_SECONDS: Final = 10.0
"""From the connection, or the last answer, to the end of the next request's headers."""
ANSWER_SECONDS: Final = 60.0
"""From a request to the last byte of its answer taken by the client: a slow reader gets 24 MB of
plain text over 400 kB/s."""
MAX_CONNECTIONS: Final = 1000
"""Open at once. A dozen is usual; where few file descriptors are allowed, it is half of those."""
MAX_HEADER_BYTES: Final = 16 * 1024
"""Of a request line with its headers that has not ended yet; whole ones are measured later."""
BACKLOG: Final = 128
WISHED_FILES: Final = 65_536
"""File descriptors to ask for where the system allows more than the usual 1,024."""

_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time
_UNUSED: Final = 3600  # uvicorn's own time of idling, which a byte is enough to begin anew
_GRACE_SECONDS: Final = 2  # answers in flight at a stop; the whole stop has nine seconds


def raise_file_limit() -> None:
    """Let this process open as many files as it may, up to ``WISHED_FILES``."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wished = WISHED_FILES if hard == resource.RLIM_INFINITY else min(hard, WISHED_FILES)
    if soft != resource.RLIM_INFINITY and soft < wished:
        # A sandbox may refuse what its own limit allows: then it stays as it was.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wished, hard))


def connection_limit() -> int:
    """Say how many clients may be connected: half of the file descriptors stay for collecting."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, soft // 2)


def serve(app: ASGIApp, sock: socket.socket, *, stop: threading.Event) -> None:
    """Serve on a listening socket until ``stop``, which is set on return; closes the socket.

    It returns a few seconds after ``stop`` at the latest, unless a request handler hangs in a
    thread: whoever calls it and has a deadline calls it in a thread of its own. Signals are left
    to the caller.
    """
    config = _Config(
        app,
        http=_Bounded,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        timeout_keep_alive=_UNUSED,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    config.most, config.waiting = connection_limit(), {}
    server = _Server(config)
    with sock, _ended_by(stop, server):
        server.run(sockets=[sock])


class _Server(uvicorn.Server):
    """Leaves signals alone: the process has one owner of them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def _ended_by(stop: threading.Event, server: uvicorn.Server) -> Iterator[None]:
    def watch() -> None:
        stop.wait()
        server.should_exit = True

    watcher = threading.Thread(target=watch, name="http-stop", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()


class _Config(uvicorn.Config):
    """What all connections of one server share."""

    most = MAX_CONNECTIONS
    waiting: "dict[_Bounded, None]"
    """Connections that wait for a request, longest first: all may wait equally long."""


class _Bounded(H11Protocol):
    """One connection with a deadline."""

    config: _Config
    _deadline: asyncio.TimerHandle | None = None
    _answering: object = None
    """The request in flight, None while one is waited for."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.config.most:
            self._make_room()
        self._wait_for_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._within(None)
        super().connection_lost(exc)

    def handle_events(self) -> None:
        super().handle_events()
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        if cycle is not None and not cycle.response_complete and cycle is not self._answering:
            self._answering = cycle
            self._within(ANSWER_SECONDS)

    def on_response_complete(self) -> None:
        self._answering = None
        super().on_response_complete()  # begins the next request, if one was pipelined
        if not self._busy() and not self.transport.is_closing():
            self._wait_for_request()

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: the request is answered without the upgrade, and anyone may send many."""

    def _busy(self) -> bool:
        return self._answering is not None

    def _wait_for_request(self) -> None:
        self._within(REQUEST_SECONDS)
        self.config.waiting[self] = None

    def _within(self, seconds: float | None) -> None:
        """Give the connection this long from now; None: it is over."""
        self.config.waiting.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self.end)

    def end(self) -> None:
        """Close it now: an ordinary close waits for a client that reads nothing."""
        if self._busy():  # nor shall the kernel keep what such a client did not read
            sock = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    def _make_room(self) -> None:
        """Close the connection that waits longest for its request, or else this one."""
        log.warning("too many connections: the one that idles longest is closed")
        oldest = next(iter(self.config.waiting), self)
        # Now, not when the loop comes to it: else each newcomer of a burst picks the same one.
        self.connections.discard(oldest)
        self.config.waiting.pop(oldest, None)
        oldest.end()
