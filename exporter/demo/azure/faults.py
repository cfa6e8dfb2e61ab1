"""Troubles that the fake makes on request."""

from dataclasses import dataclass
from enum import StrEnum

from exporter.demo._faults import FaultBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request.

    ``service`` is graph, arm or metrics. The graph answers for many ``subscriptions`` at
    once, and for all regions.
    """

    service: str
    operation: str
    subscriptions: frozenset[str] = frozenset()
    region: str = ""

    @property
    def scope(self) -> str:
        """The subscriptions in words."""
        return ", ".join(sorted(self.subscriptions))


class FaultKind(StrEnum):
    """What goes wrong. Each is told in the words of the API that it happens to."""

    THROTTLING = "throttling"
    """429 with Retry-After, as long as ``seconds`` says (1 unless told)."""
    BARE_THROTTLING = "bare-throttling"
    """429 without Retry-After; the graph sends its quota headers."""
    UNAVAILABLE = "unavailable"
    INTERNAL_ERROR = "internal-error"
    LATENCY = "latency"
    """The answer comes ``seconds`` later, or when the faults are cleared."""
    HANG = "hang"
    """The answer comes when the faults are cleared, never before."""
    EXPIRED_CREDENTIALS = "expired-credentials"
    INVALID_CREDENTIALS = "invalid-credentials"
    MISSING_PERMISSION = "missing-permission"
    """403. The graph refuses if nothing is left, and else leaves out what may not be read."""
    NOT_FOUND = "not-found"
    """404: the subscription, or the regional endpoint's view of it, is not there."""
    NOT_REGISTERED = "not-registered"
    """Microsoft.Insights is not registered in the subscription: batches come back empty."""
    REGISTRATION_REFUSED = "registration-refused"
    """The same, told as 409 MissingSubscriptionRegistration."""
    HTML = "html"
    """A web page with status 200, as a captive portal or a proxy gives."""
    TRUNCATED = "truncated"
    """The first half of the right answer."""
    RESET = "reset"
    """The connection is torn down without an answer."""
    RESULT_EMPTY = "result-empty"
    """A batch succeeds, results within it have an empty ``value``."""
    RESULT_ERROR = "result-error"
    """A batch succeeds, metrics within it have an ``errorCode`` and no grains."""
    RESULT_MISSING = "result-missing"
    """A batch succeeds, results within it are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of trouble and the requests that it meets; None meets them all.

    ``resource_ids`` (lower case) narrows the faults of single results.
    """

    kind: FaultKind
    service: str | None = None
    operation: str | None = None
    subscription: str | None = None
    region: str | None = None
    seconds: float = 0.0
    resource_ids: frozenset[str] | None = None

    @property
    def wait_seconds(self) -> float | None:
        """How long it keeps a request waiting; None until the faults are cleared."""
        if self.kind is FaultKind.HANG:
            return None
        return self.seconds if self.kind is FaultKind.LATENCY else 0.0

    def meets(self, call: Call) -> bool:
        """Whether a request runs into this fault."""
        pairs = (
            (self.service, call.service),
            (self.operation, call.operation),
            (self.region, call.region),
        )
        mine = self.subscription is None or self.subscription in call.subscriptions
        return mine and all(wanted is None or wanted == found for wanted, found in pairs)

    def hits(self, resource_id: str) -> bool:
        """Whether the result of one resource has this fault."""
        return self.resource_ids is None or resource_id in self.resource_ids


class Faults(FaultBook[Fault]):
    """The faults in force. Thread-safe."""
