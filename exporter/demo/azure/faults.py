"""Troubles that the fake of Azure makes on request."""

from dataclasses import dataclass
from typing import ClassVar, Final

from exporter.demo._faults import BaseFault, FaultBook, FaultKind

KINDS: Final = frozenset(
    {
        FaultKind.THROTTLING,
        FaultKind.BARE_THROTTLING,
        FaultKind.UNAVAILABLE,
        FaultKind.INTERNAL_ERROR,
        FaultKind.EXPIRED_CREDENTIALS,
        FaultKind.INVALID_CREDENTIALS,
        FaultKind.MISSING_PERMISSION,
        FaultKind.NOT_FOUND,
        FaultKind.NOT_REGISTERED,
        FaultKind.REGISTRATION_REFUSED,
        FaultKind.RESULT_EMPTY,
        FaultKind.RESULT_ERROR,
        FaultKind.RESULT_MISSING,
    }
)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(BaseFault):
    """One kind of trouble and the requests that it meets; None meets them all.

    ``resource_ids`` (lower case) narrows the faults of single results.
    """

    SCOPE: ClassVar[tuple[str, ...]] = ("service", "operation", "region")

    subscription: str | None = None
    region: str | None = None
    resource_ids: frozenset[str] | None = None

    def meets(self, call: Call) -> bool:
        """Whether a request runs into this fault."""
        mine = self.subscription is None or self.subscription in call.subscriptions
        return mine and BaseFault.meets(self, call)

    def hits(self, resource_id: str) -> bool:
        """Whether the result of one resource has this fault."""
        return self.resource_ids is None or resource_id in self.resource_ids


class Faults(FaultBook[Fault]):
    """The faults in force. Thread-safe."""

    def __init__(self) -> None:
        super().__init__(KINDS)
