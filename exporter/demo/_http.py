"""A small HTTP server on loopback that knows its open connections: what every fake stands on."""

import socket
import struct
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Final, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: closing sends RST instead of FIN."""
_CLOSE_SECONDS: Final = 5.0


class Headers(Protocol):
    """HTTP headers, found whatever their case."""

    def get(self, name: str, failobj: str, /) -> str:
        """Return the value of a header, or the default."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request; ``path`` is decoded, names in ``query`` are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer, ready to send."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


PORTAL: Final = Reply(
    status=HTTPStatus.OK,
    content_type="text/html",
    body=b"<!DOCTYPE html><html><body><h1>demo captive portal</h1></body></html>",
)
"""Well formed on purpose: XML parsers accept it, so only the content tells that it is no answer."""


def spoiled(right: Reply, faults: Collection[str]) -> Reply | None:
    """Return what the faults ``reset``, ``html`` and ``truncated`` leave of an answer.

    None means to reset its connection.
    """
    if "reset" in faults:
        return None
    if "html" in faults:
        return PORTAL
    half = len(right.body) // 2
    return replace(right, body=right.body[:half]) if "truncated" in faults else right


Respond = Callable[[HttpRequest], Reply | None]
"""Answers one request; None means to reset its connection."""


class LoopbackServer:
    """Serves on a free port of 127.0.0.1 from construction until ``close``.

    Args:
        name: of the thread that listens.
        respond: called from one thread per connection.
    """

    def __init__(self, name: str, respond: Respond) -> None:
        self._server = _Server(respond)
        serve = self._server.serve_forever
        threading.Thread(target=serve, args=(0.05,), name=name, daemon=True).start()

    @property
    def url(self) -> str:
        """Base address, without a trailing slash."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self, release: Callable[[], None]) -> None:
        """Stop listening and tear down open connections; ``release`` ends requests that hang."""
        self._server.shutdown()
        self._server.drop_connections()
        release()
        self._server.wait_until_idle()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    """Knows its open connections, so that closing leaves none behind."""

    daemon_threads = True

    def __init__(self, respond: Respond) -> None:
        self.respond = respond
        self._idle = threading.Condition()
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        """Bind without the reverse name look-up of HTTPServer, which may hang offline."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def opened(self, connection: socket.socket) -> None:
        with self._idle:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._idle:
            self._open.discard(connection)
            self._idle.notify_all()

    def drop_connections(self) -> None:
        with self._idle:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def wait_until_idle(self) -> None:
        with self._idle:
            self._idle.wait_for(lambda: not self._open, _CLOSE_SECONDS)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def setup(self) -> None:
        """Take a connection in the server's book."""
        super().setup()
        self.server.opened(self.connection)

    def handle(self) -> None:
        """Serve a connection until either side ends it."""
        with suppress(ConnectionError):
            super().handle()

    def finish(self) -> None:
        """Strike the connection from the book; a client may be gone before its answer."""
        try:
            with suppress(ConnectionError):
                super().finish()
        finally:
            self.server.closed(self.connection)

    def do_GET(self) -> None:
        """Answer one request."""
        self._answer()

    def do_POST(self) -> None:
        """Answer one request."""
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the inherited name
        """Stay silent: the caller's own log tells what it asked."""

    def _answer(self) -> None:
        reply = self.server.respond(self._request())
        if reply is None:
            self._reset()
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def _request(self) -> HttpRequest:
        parts = urlsplit(self.path)
        query = parse_qsl(parts.query, keep_blank_values=True)
        return HttpRequest(
            method=self.command,
            path=unquote(parts.path),
            query={name.lower(): value for name, value in query},
            headers=self.headers,
            body=self.rfile.read(int(self.headers.get("Content-Length", "0"))),
        )

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.close_connection = True
