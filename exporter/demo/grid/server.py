"""The simulated grid's HTTP server on loopback."""

import json
import sys
import threading
from collections.abc import Callable, Collection
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from socketserver import TCPServer
from types import TracebackType
from typing import Self

from exporter.core.ports import Clock
from exporter.demo.grid.base import BadQueryError
from exporter.demo.grid.documents import GridDocuments
from exporter.demo.grid.electricity_maps import TOKEN, VERSION, is_locked
from exporter.demo.grid.faults import UNAUTHORIZED, Answer, Fault, FaultSwitch, spoiled

_Request = socket | tuple[bytes, socket]


class GridFake:
    """Serves the intensities of a simulated estate on a free port of 127.0.0.1.

    ``intensity(zone, start)`` is gCO2eq/kWh of the interval of ``step`` seconds that begins at
    ``start`` (epoch seconds); ``zones`` are those it knows, None for every zone. ``paths`` lists
    the request targets so far.
    """

    def __init__(
        self,
        intensity: Callable[[str, int], float],
        clock: Clock,
        *,
        zones: Collection[str] | None = None,
        step: int = 1800,
    ) -> None:
        self._documents = GridDocuments(intensity=intensity, clock=clock, zones=zones, step=step)
        self._faults = FaultSwitch()
        self._closing = threading.Event()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._latency_seconds = 0.0
        self.paths: list[str] = []

    @property
    def url(self) -> str:
        """Base address, without a trailing slash."""
        if self._server is None:
            message = "the simulated grid is not started"
            raise RuntimeError(message)
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def electricity_maps_url(self) -> str:
        """Base address of the protocol that has a version in its path; its key is ``token``."""
        return f"{self.url}/{VERSION}"

    @property
    def token(self) -> str:
        """The key of the one protocol that needs one."""
        return TOKEN

    def start(self) -> Self:
        """Bind a free port and answer from a thread."""
        self._closing.clear()
        self._server = _Server(self._receive)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop answering and free the port; harmless when not started."""
        self._closing.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def inject(
        self, fault: Fault, *, answers: int | None = None, retry_after: int | None = None
    ) -> None:
        """Spoil the next ``answers`` answers, or all until ``heal``.

        ``retry_after`` is the header's value in seconds, sent with a 429.
        """
        self._faults.set(fault, answers=answers, retry_after=retry_after)

    def delay(self, seconds: float) -> None:
        """Take so long for every answer from now on."""
        self._latency_seconds = seconds

    def heal(self) -> None:
        """Answer rightly and at once again."""
        self._faults.clear()
        self._latency_seconds = 0.0

    def _receive(self, target: str, token: str) -> Answer:
        """Answer one request of the wire, if it has the key where one is needed."""
        if is_locked(target) and token != TOKEN:
            self.paths.append(target)
            return UNAUTHORIZED
        return self.respond(target)

    def respond(self, target: str) -> Answer:
        """Answer one request target (path and query)."""
        self.paths.append(target)
        self._closing.wait(self._latency_seconds)
        fault, fixed = self._faults.take()
        if fixed is not None:
            return fixed
        if fault is Fault.HANG:
            self._closing.wait()
        try:
            document = self._documents.build(target, fault)
        except BadQueryError as error:
            return Answer(status=error.status, body=json.dumps(error.document).encode())
        return Answer(status=HTTPStatus.OK, body=spoiled(json.dumps(document).encode(), fault))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, respond: Callable[[str, str], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.respond = respond

    def server_bind(self) -> None:
        """Bind without the reverse name look-up of HTTPServer, which may hang offline."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: _Request, client_address: object) -> None:
        """Report an error, unless a client hung up early, which is none of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Answer one request and close the connection."""
        answer = self.server.respond(self.path, self.headers.get("auth-token", ""))
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_args: object) -> None:
        """Keep the terminal for the program's own log."""
