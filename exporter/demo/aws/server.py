"""The fake's HTTP server on loopback."""

import socket
import struct
import threading
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Final, Self

from exporter.core.ports import Clock
from exporter.demo.aws.cloudwatch import count_metrics
from exporter.demo.aws.faults import Fault, FaultKind, Faults
from exporter.demo.aws.services import respond
from exporter.demo.aws.wire import (
    AwsError,
    Call,
    Headers,
    Reply,
    WireProtocol,
    answer,
    read_call,
    refusal,
)
from exporter.demo.aws.world import Limits, World, unknown_key
from exporter.demo.estate import Estate
from exporter.demo.lateness import PUNCTUAL, Lateness

_PORTAL: Final = Reply(
    status=HTTPStatus.OK,
    content_type="text/html",
    body=b"<!DOCTYPE html><html><body><h1>demo captive portal</h1></body></html>",
)
"""Well formed on purpose: XML parsers accept it, so only the content tells that it is no answer."""
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: closing sends RST instead of FIN."""
_CLOSE_SECONDS: Final = 5.0


class AwsFake:
    """EC2, CloudWatch and STS for the accounts of an estate, at one loopback address.

    Which service, region and account a request means is read from its signature, so one
    ``endpoint_url`` serves all clients. Signatures are not checked. The key of the first account is
    ``access_key_id(accounts[0])``; AssumeRole gives keys for the others.

    Args:
        estate: what exists.
        clock: what time it is there.
        lag_seconds: how long after its end a bucket is due.
        lateness: which buckets come late, partial or never.
        faults: trouble to make; may be changed while the fake runs.
        limits: sizes at which answers are cut and requests refused.
        external_ids: what AssumeRole must be told, by account; other accounts do not ask.
    """

    def __init__(  # noqa: PLR0913 - each is one independent knob of the simulation
        self,
        estate: Estate,
        clock: Clock,
        *,
        lag_seconds: float = 120,
        lateness: Lateness = PUNCTUAL,
        faults: Faults | None = None,
        limits: Limits | None = None,
        external_ids: Mapping[str, str] | None = None,
    ) -> None:
        self.faults = faults or Faults()
        self._world = World(
            estate=estate,
            clock=clock,
            lag_seconds=lag_seconds,
            lateness=lateness,
            limits=limits or Limits(),
            external_ids=external_ids or {},
        )
        self._server: _Server | None = None
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._metrics = 0
        self._numbers = count(1)

    @property
    def url(self) -> str:
        """Where the fake listens, once started."""
        if self._server is None:
            message = "the AWS fake has not been started"
            raise RuntimeError(message)
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def accounts(self) -> tuple[str, ...]:
        """AWS accounts of the estate."""
        return self._world.accounts

    @property
    def requests(self) -> Mapping[tuple[str, str], int]:
        """How often each (service, operation) was asked, refused requests included."""
        with self._lock:
            return dict(self._requests)

    @property
    def metrics_requested(self) -> int:
        """How many metrics GetMetricData was asked for: what AWS bills."""
        with self._lock:
            return self._metrics

    def start(self) -> Self:
        """Listen on a free port of the loopback interface."""
        self._server = _Server(self)
        threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="demo-aws", daemon=True
        ).start()
        return self

    def close(self) -> None:
        """Stop listening, tear down open connections, and clear the faults to end what hangs."""
        if self._server is not None:
            server, self._server = self._server, None
            server.shutdown()
            server.drop_connections()
            self.faults.clear()
            server.wait_until_idle()
            server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def reply(self, headers: Headers, body: bytes) -> Reply | None:
        """Answer one HTTP request; None means to reset its connection."""
        request_id = f"demo-{next(self._numbers):08d}"
        try:
            call = read_call(headers, body)
        except AwsError as error:
            return refusal(WireProtocol.QUERY, error, request_id)
        self._count(call)
        call = replace(call, account=self._world.account_of(call.access_key) or "")
        met = self.faults.meet(call)
        return _spoiled(self._right_reply(call, met, request_id), {fault.kind for fault in met})

    def _right_reply(self, call: Call, faults: tuple[Fault, ...], request_id: str) -> Reply:
        try:
            if not call.account:
                raise unknown_key(call)
            return answer(call, respond(self._world, call, faults), request_id)
        except AwsError as error:
            return refusal(call.protocol, error, request_id)

    def _count(self, call: Call) -> None:
        with self._lock:
            self._requests[call.service, call.operation] += 1
            self._metrics += count_metrics(call)


def _spoiled(right: Reply, kinds: Collection[FaultKind]) -> Reply | None:
    """Return what faults of the transport leave of an answer; None where nothing comes."""
    if FaultKind.RESET in kinds:
        return None
    if FaultKind.HTML in kinds:
        return _PORTAL
    half = len(right.body) // 2
    return replace(right, body=right.body[:half]) if FaultKind.TRUNCATED in kinds else right


class _Server(ThreadingHTTPServer):
    """Knows its open connections, so that closing leaves none behind."""

    daemon_threads = True

    def __init__(self, fake: AwsFake) -> None:
        self.fake = fake
        self._idle = threading.Condition()
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

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

    def do_POST(self) -> None:
        """Answer one API request."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        reply = self.server.fake.reply(self.headers, body)
        if reply is None:
            self._reset()
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the inherited name
        """Stay silent: the caller's own log tells what it asked."""

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.close_connection = True
