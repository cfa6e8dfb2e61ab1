"""Troubles that the fake of AWS makes on request."""

from dataclasses import dataclass
from typing import ClassVar, Final

from exporter.demo._faults import BaseFault, FaultBook, FaultKind

KINDS: Final = frozenset(
    {
        FaultKind.THROTTLING,
        FaultKind.UNAVAILABLE,
        FaultKind.INTERNAL_ERROR,
        FaultKind.EXPIRED_CREDENTIALS,
        FaultKind.INVALID_CREDENTIALS,
        FaultKind.MISSING_PERMISSION,
        FaultKind.RESULT_INTERNAL_ERROR,
        FaultKind.RESULT_FORBIDDEN,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(BaseFault):
    """One kind of trouble and the requests that it meets; None meets them all.

    ``service`` is the name in the signature: ec2, rds, monitoring or sts. ``instance_ids`` narrows
    the faults of single results; databases go by their names.
    """

    SCOPE: ClassVar[tuple[str, ...]] = ("service", "region", "account", "operation")

    region: str | None = None
    account: str | None = None
    instance_ids: frozenset[str] | None = None

    def hits(self, instance_id: str) -> bool:
        """Whether the result of one instance has this fault."""
        return self.instance_ids is None or instance_id in self.instance_ids


class Faults(FaultBook[Fault]):
    """The faults in force. Thread-safe."""

    def __init__(self) -> None:
        super().__init__(KINDS)
