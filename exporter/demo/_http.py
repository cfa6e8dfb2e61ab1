"""A small HTTP server on loopback that knows its open connections: what every fake stands on."""

import socket
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Final, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: closing sends RST instead of FIN."""
_CLOSE_SECONDS: Final = 5.0
_HANDSHAKE_HEAD: Final = bytes.fromhex("1603034000")
"""A record of TLS 1.2 that holds a handshake of 16 KiB (RFC 8446, section 5.1)."""


class Headers(Protocol):
    """HTTP headers, found whatever their case."""

    def get(self, name: str, failobj: str, /) -> str:
        """Return the value of a header, or the default."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request; ``path`` is decoded, names in ``query`` are in lower case.

    ``target`` is path and query as they came.
    """

    method: str
    target: str
    path: str
    query: Mapping[str, str]
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A connection whose request has been read, and the right answer as bytes, not sent yet."""

    connection: socket.socket
    head: bytes
    """Status line and headers, up to the blank line."""
    body: bytes

    def send(self, data: bytes) -> None:
        """Send at once.

        Raises:
            ConnectionError: the client has hung up.
        """
        self.connection.sendall(data)

    def reset(self) -> None:
        """Make closing the connection, which comes next, a reset: RST instead of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)

    def until_gone(self) -> None:
        """Wait until the client hangs up or the server closes."""
        with suppress(OSError):
            while self.connection.recv(4096):
                pass


Deliver = Callable[[Wire], None]
"""Brings an answer to the client in its own way; the connection is closed after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer, ready to send: at once, or as ``deliver`` does it."""

    status: int
    content_type: str = "application/json"
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    deliver: Deliver | None = None


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


class SilentServer:
    """Takes connections on a free port of 127.0.0.1 and says nothing: a TLS handshake never ends.

    Where ``drip_seconds`` is given, it sends the beginning of a record of TLS, a byte each so many
    seconds, so that no ``recv`` of the client ever waits for long.
    """

    def __init__(self, drip_seconds: float | None = None) -> None:
        self._drip_seconds = drip_seconds
        self._closing = threading.Event()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, name="demo-silent", daemon=True).start()

    @property
    def url(self) -> str:
        """Base address, without a trailing slash."""
        return f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Stop listening, and hang up."""
        self._closing.set()
        for line in (self._listener, *self._open):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                self._open.append(line)
                if self._drip_seconds is not None:
                    threading.Thread(target=self._drip, args=(line,), daemon=True).start()

    def _drip(self, line: socket.socket) -> None:
        with suppress(OSError):
            for byte in _HANDSHAKE_HEAD + bytes(0x4000):
                if self._closing.wait(self._drip_seconds):
                    return
                line.sendall(bytes([byte]))


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
            reply = Reply(status=HTTPStatus.OK, body=b"", deliver=Wire.reset)
        head = self._head(reply)
        if reply.deliver is None:
            self.wfile.write(head + reply.body)
            return
        self.close_connection = True
        reply.deliver(Wire(connection=self.connection, head=head, body=reply.body))

    def _head(self, reply: Reply) -> bytes:
        headers = {
            "Server": self.version_string(),
            "Date": self.date_time_string(),
            "Content-Type": reply.content_type,
            "Content-Length": str(len(reply.body)),
            **reply.headers,
        }
        told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        phrase = HTTPStatus(reply.status).phrase
        return f"HTTP/1.1 {reply.status} {phrase}\r\n{told}\r\n".encode("latin-1")

    def _request(self) -> HttpRequest:
        parts = urlsplit(self.path)
        query = parse_qsl(parts.query, keep_blank_values=True)
        return HttpRequest(
            method=self.command,
            target=self.path,
            path=unquote(parts.path),
            query={name.lower(): value for name, value in query},
            headers=self.headers,
            body=self.rfile.read(int(self.headers.get("Content-Length", "0"))),
        )
