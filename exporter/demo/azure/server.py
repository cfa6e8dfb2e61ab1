"""The fake's HTTP server on loopback."""

import threading
from collections import Counter
from collections.abc import Mapping
from itertools import count
from typing import Final, Self

from exporter.core.ports import Clock
from exporter.demo._http import HttpRequest, LoopbackServer, Reply, spoiled
from exporter.demo.azure import arm, graph, logs, metrics
from exporter.demo.azure.credential import token_for
from exporter.demo.azure.errors import AzureError, refusal, refuse, unauthorized
from exporter.demo.azure.faults import Call, Fault, Faults
from exporter.demo.azure.world import Limits, World
from exporter.demo.estate import Estate
from exporter.demo.lateness import PUNCTUAL, Lateness

_AUDIENCES: Final[Mapping[str, str]] = {
    "arm": "https://management.azure.com",
    "graph": "https://management.azure.com",
    "metrics": "https://metrics.monitor.azure.com",
    "logs": logs.AUDIENCE,
}


class AzureFake:
    """Resource Graph, Resource Manager and metrics batch for the subscriptions of an estate.

    Args:
        estate: what exists; only its Azure machines are seen.
        clock: what time it is there.
        lag_seconds: how long after its end a grain has its value; about 180 s in Azure.
        lateness: which grains come late, partial or never.
        faults: trouble to make; may be changed while the fake runs.
        limits: sizes at which answers are cut and requests refused.
    """

    def __init__(  # noqa: PLR0913 - each is one independent knob of the simulation
        self,
        estate: Estate,
        clock: Clock,
        *,
        lag_seconds: float = 180,
        lateness: Lateness = PUNCTUAL,
        faults: Faults | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.faults = faults or Faults()
        self._world = World(
            estate=estate.of("azure"),
            clock=clock,
            lag_seconds=lag_seconds,
            lateness=lateness,
            limits=limits or Limits(),
        )
        self._server: LoopbackServer | None = None
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._numbers = count(1)

    @property
    def url(self) -> str:
        """Where Resource Manager and Resource Graph are, once started."""
        if self._server is None:
            message = "the Azure fake has not been started"
            raise RuntimeError(message)
        return self._server.url

    @property
    def metrics_url(self) -> str:
        """Template of the regional endpoints of metrics batch: put the name in for ``{region}``."""
        return f"{self.url}/metrics/{{region}}"

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Subscriptions that the caller can see; the last has no machines."""
        return self._world.subscriptions

    @property
    def requests(self) -> Mapping[tuple[str, str], int]:
        """How often each (service, operation) was asked, refused requests included."""
        with self._lock:
            return dict(self._requests)

    def start(self) -> Self:
        """Listen on a free port of the loopback interface."""
        self._server = LoopbackServer("demo-azure", self.reply)
        return self

    def close(self) -> None:
        """Stop listening, tear down open connections, and clear the faults to end what hangs."""
        if self._server is not None:
            server, self._server = self._server, None
            server.close(self.faults.clear)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def reply(self, request: HttpRequest) -> Reply | None:
        """Answer one HTTP request; None means to reset its connection."""
        request_id = f"demo-{next(self._numbers):08d}"
        try:
            call = self._read_call(request)
        except AzureError as error:
            return refusal(Call(service="graph", operation="resources"), error, request_id)
        with self._lock:
            self._requests[call.service, call.operation] += 1
        met = self.faults.meet(call)
        right = self._right_reply(call, request, met, request_id)
        return spoiled(right, {fault.kind for fault in met})

    def _read_call(self, request: HttpRequest) -> Call:
        if request.path.lower() == graph.PATH:
            return graph.read_call(self._world, request.body)
        read = metrics.read_call(request.path) or logs.read_call(request.path)
        return read or arm.read_call(request.path)

    def _right_reply(
        self, call: Call, request: HttpRequest, met: tuple[Fault, ...], request_id: str
    ) -> Reply:
        try:
            if call.service == "logs":
                logs.refuse(call, met)
            refuse(call, met)
            _require_token(call, request)
            if call.service == "graph":
                return graph.respond(self._world, call, request.body, met)
            if call.service == "metrics":
                return metrics.respond(self._world, call, request, met)
            if call.service == "logs":
                return logs.respond(self._world, request, met)
            return arm.respond(self._world, call, request, met)
        except AzureError as error:
            return refusal(call, error, request_id)


def _require_token(call: Call, request: HttpRequest) -> None:
    """Refuse a request without a token, or with one that names another service of Azure."""
    audience = _AUDIENCES[call.service]
    given = request.headers.get("Authorization", "")
    if not given.startswith("Bearer "):
        text = "Authentication failed. The 'Authorization' header is missing."
        unauthorized("AuthenticationFailed", text)
    others = {f"Bearer {token_for(other)}" for other in _AUDIENCES.values() if other != audience}
    if given in others:
        text = "The access token has been obtained for wrong audience or resource."
        unauthorized("InvalidAuthenticationTokenAudience", text)
