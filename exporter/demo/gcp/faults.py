"""Troubles that the fake makes on request."""

from dataclasses import dataclass
from enum import StrEnum

from exporter.demo._faults import FaultBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request: ``service`` is compute, monitoring or oauth; ``project`` may be empty."""

    service: str
    operation: str
    project: str = ""


class FaultKind(StrEnum):
    """What goes wrong. Each is told in the words of the API that it happens to."""

    THROTTLING = "throttling"
    """429 of Compute, RESOURCE_EXHAUSTED of Monitoring."""
    QUOTA = "quota"
    """The same as a 403 with reason rateLimitExceeded, as Compute tells it too."""
    UNAVAILABLE = "unavailable"
    INTERNAL_ERROR = "internal-error"
    DEADLINE = "deadline"
    """Google's own deadline passed: 504, DEADLINE_EXCEEDED."""
    LATENCY = "latency"
    """The answer comes ``seconds`` later, or when the faults are cleared."""
    HANG = "hang"
    """The answer comes when the faults are cleared, never before."""
    EXPIRED_CREDENTIALS = "expired-credentials"
    INVALID_CREDENTIALS = "invalid-credentials"
    MISSING_PERMISSION = "missing-permission"
    API_DISABLED = "api-disabled"
    """The project has not enabled the API."""
    HTML = "html"
    """A web page with status 200, as a captive portal or a proxy gives; bytes that are no message
    where gRPC is spoken."""
    TRUNCATED = "truncated"
    """The first half of the right answer."""
    RESET = "reset"
    """The connection is torn down without an answer."""
    EXECUTION_ERRORS = "execution-errors"
    """ListTimeSeries succeeds without the series of one half, and says so in its last page."""
    UNREACHABLE_ZONE = "unreachable-zone"
    """aggregatedList succeeds in part, without the machines of ``zone``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of trouble and the requests that it meets; None meets them all."""

    kind: FaultKind
    service: str | None = None
    project: str | None = None
    operation: str | None = None
    seconds: float = 0.0
    zone: str = ""

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
            (self.project, call.project),
            (self.operation, call.operation),
        )
        return all(wanted is None or wanted == found for wanted, found in pairs)


class Faults(FaultBook[Fault]):
    """The faults in force. Thread-safe."""
