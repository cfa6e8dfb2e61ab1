"""Troubles that the fake makes on request."""

from dataclasses import dataclass
from enum import StrEnum

from exporter.demo._faults import FaultBook
from exporter.demo.aws.wire import Call


class FaultKind(StrEnum):
    """What goes wrong. Each is told in the words of the API that it happens to."""

    THROTTLING = "throttling"
    UNAVAILABLE = "unavailable"
    INTERNAL_ERROR = "internal-error"
    LATENCY = "latency"
    """The answer comes ``seconds`` later, or when the faults are cleared."""
    HANG = "hang"
    """The answer comes when the faults are cleared, never before."""
    EXPIRED_CREDENTIALS = "expired-credentials"
    INVALID_CREDENTIALS = "invalid-credentials"
    MISSING_PERMISSION = "missing-permission"
    HTML = "html"
    """A web page with status 200, as a captive portal or a proxy gives."""
    TRUNCATED = "truncated"
    """The first half of the right answer."""
    RESET = "reset"
    """The connection is torn down without an answer."""
    RESULT_INTERNAL_ERROR = "result-internal-error"
    """GetMetricData succeeds, results within it have StatusCode InternalError."""
    RESULT_FORBIDDEN = "result-forbidden"
    """GetMetricData succeeds, results within it have StatusCode Forbidden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of trouble and the requests that it meets; None meets them all.

    ``service`` is the name in the signature: ec2, rds, monitoring or sts. ``instance_ids`` narrows
    the faults of single results; databases go by their names.
    """

    kind: FaultKind
    service: str | None = None
    region: str | None = None
    account: str | None = None
    operation: str | None = None
    seconds: float = 0.0
    instance_ids: frozenset[str] | None = None

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
            (self.region, call.region),
            (self.account, call.account),
            (self.operation, call.operation),
        )
        return all(wanted is None or wanted == found for wanted, found in pairs)

    def hits(self, instance_id: str) -> bool:
        """Whether the result of one instance has this fault."""
        return self.instance_ids is None or instance_id in self.instance_ids


class Faults(FaultBook[Fault]):
    """The faults in force. Thread-safe."""
