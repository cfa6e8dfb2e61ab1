"""The fake's HTTP server on loopback."""

from collections.abc import Mapping
from itertools import count
from typing import Final

from exporter.core.ports import Clock
from exporter.demo._fake import Fake
from exporter.demo._http import HttpRequest, Reply
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


class AzureFake(Fake[Fault]):
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
        super().__init__("azure", faults or Faults())
        self._world = World(
            estate=estate.of("azure"),
            clock=clock,
            lag_seconds=lag_seconds,
            lateness=lateness,
            limits=limits or Limits(),
        )
        self._numbers = count(1)

    @property
    def metrics_url(self) -> str:
        """Template of the regional endpoints of metrics batch: put the name in for ``{region}``."""
        return f"{self.url}/metrics/{{region}}"

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Subscriptions that the caller can see; the last has no machines."""
        return self._world.subscriptions

    def reply(self, request: HttpRequest) -> Reply:
        """Answer one HTTP request."""
        request_id = f"demo-{next(self._numbers):08d}"
        try:
            call = self._read_call(request)
        except AzureError as error:
            return refusal(Call(service="graph", operation="resources"), error, request_id)
        self._count(call.service, call.operation)
        met = self.faults.meet(call)
        return met.carried(self._right_reply(call, request, met.faults, request_id))

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
