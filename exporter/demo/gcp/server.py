"""The fake's two servers on loopback: gRPC for Cloud Monitoring, HTTP for everything else."""

import threading
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Self

import grpc  # type: ignore[import-untyped] # the package ships no types
from google.cloud.monitoring_v3 import ListTimeSeriesRequest

from exporter.core.ports import Clock
from exporter.demo._fake import Fake
from exporter.demo._faults import PORTAL, FaultKind, Met
from exporter.demo._http import HttpRequest, Reply
from exporter.demo.estate import Estate
from exporter.demo.gcp import compute, monitoring, oauth
from exporter.demo.gcp.errors import GoogleError, json_reply, refusal, refuse
from exporter.demo.gcp.faults import Call, Fault, Faults
from exporter.demo.gcp.world import Limits, World
from exporter.demo.lateness import PUNCTUAL, Lateness

_SERVICE: Final = "google.monitoring.v3.MetricService"
_THREADS: Final = 64
"""Requests that can hang at a time without hindering the others."""


class GcpFake(Fake[Fault]):
    """Cloud Monitoring and Compute for the projects of an estate.

    Args:
        estate: what exists; only its Google machines are seen.
        clock: what time it is there.
        lag_seconds: how long after its end a point is due; Google documents up to 240 s.
        lateness: which points come late, partial or never.
        faults: trouble to make; may be changed while the fake runs.
        limits: sizes at which answers are cut.
        scopes: projects that a scoping project sees besides itself.
    """

    def __init__(  # noqa: PLR0913 - each is one independent knob of the simulation
        self,
        estate: Estate,
        clock: Clock,
        *,
        lag_seconds: float = 240,
        lateness: Lateness = PUNCTUAL,
        faults: Faults | None = None,
        limits: Limits | None = None,
        scopes: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        super().__init__("gcp", faults or Faults())
        self._world = World(
            estate=estate.of("gcp"),
            clock=clock,
            lag_seconds=lag_seconds,
            lateness=lateness,
            limits=limits or Limits(),
            scopes=scopes or {},
        )
        self._grpc: Any = None
        self._gone = threading.Event()
        self._port = 0
        self._series = 0

    @property
    def monitoring_address(self) -> str:
        """``host:port`` of Cloud Monitoring, gRPC without TLS, once started."""
        if self._grpc is None:
            message = "the gcp fake has not been started"
            raise RuntimeError(message)
        return f"127.0.0.1:{self._port}"

    @property
    def monitoring_url(self) -> str:
        """The same as an address whose scheme says that there is no TLS."""
        return f"http://{self.monitoring_address}"

    @property
    def projects(self) -> tuple[str, ...]:
        """Projects of the estate."""
        return self._world.projects

    @property
    def series_returned(self) -> int:
        """How many time series ListTimeSeries returned, page by page: what Google bills."""
        with self._lock:
            return self._series

    def start(self) -> Self:
        """Listen on two free ports of the loopback interface."""
        super().start()
        self._gone.clear()
        options = [("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)]
        self._grpc = grpc.server(ThreadPoolExecutor(_THREADS), options=options)
        self._grpc.add_generic_rpc_handlers((self._handler(),))
        self._port = self._grpc.add_insecure_port("127.0.0.1:0")
        self._grpc.start()
        return self

    def close(self) -> None:
        """Stop listening, tear down open connections, and clear the faults to end what hangs."""
        if self._grpc is None:
            return
        server, self._grpc = self._grpc, None
        stopped = server.stop(None)
        self._gone.set()
        super().close()
        stopped.wait()

    def reply(self, request: HttpRequest) -> Reply:
        """Answer one HTTP request."""
        token = oauth.read_call(request.path)
        call = token or compute.read_call(request.path)
        met = self._met(call)
        try:
            refuse(call, met.kinds)
            if token is not None:
                right = oauth.respond(self._world, call, request)
            else:
                right = json_reply(compute.respond(self._world, call, request, met.faults))
        except GoogleError as error:
            right = refusal(error) if token is None else oauth.refusal(error)
        return met.carried(right)

    def _met(self, call: Call) -> Met[Fault]:
        self._count(call.service, call.operation)
        return self.faults.meet(call)

    def _handler(self) -> Any:  # noqa: ANN401 - grpc has no types
        method = grpc.unary_unary_rpc_method_handler(
            self._list_time_series,
            request_deserializer=ListTimeSeriesRequest.pb().FromString,
            response_serializer=None,
        )
        return grpc.method_handlers_generic_handler(_SERVICE, {"ListTimeSeries": method})

    def _list_time_series(self, request: Any, context: Any) -> bytes:  # noqa: ANN401 - grpc has no types
        call = monitoring.read_call(request)
        met = self._met(call)
        kinds = met.kinds
        if FaultKind.HALF_OPEN in kinds:
            self._gone.wait()
        if FaultKind.RESET in kinds:
            context.abort(grpc.StatusCode.UNAVAILABLE, "recvmsg:Connection reset by peer")
        try:
            refuse(call, kinds)
            answer = monitoring.list_time_series(self._world, call, request, met.faults)
        except GoogleError as error:
            context.abort(grpc.StatusCode[error.code], str(error))
        with self._lock:
            self._series += len(answer.time_series)
        return _spoiled_bytes(answer.SerializeToString(), kinds)


def _spoiled_bytes(right: bytes, kinds: Collection[FaultKind]) -> bytes:
    if FaultKind.HTML in kinds:
        return PORTAL.body
    return right[: len(right) // 2] if FaultKind.TRUNCATED in kinds else right
