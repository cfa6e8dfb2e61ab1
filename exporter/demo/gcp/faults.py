"""Troubles that the fake of Google Cloud makes on request."""

from dataclasses import dataclass
from typing import ClassVar, Final

from exporter.demo._faults import BaseFault, FaultBook, FaultKind

KINDS: Final = frozenset(
    {
        FaultKind.THROTTLING,
        FaultKind.QUOTA,
        FaultKind.UNAVAILABLE,
        FaultKind.INTERNAL_ERROR,
        FaultKind.DEADLINE,
        FaultKind.EXPIRED_CREDENTIALS,
        FaultKind.INVALID_CREDENTIALS,
        FaultKind.MISSING_PERMISSION,
        FaultKind.API_DISABLED,
        FaultKind.EXECUTION_ERRORS,
        FaultKind.UNREACHABLE_ZONE,
    }
)
NOT_GRPC: Final = frozenset(
    {
        FaultKind.DRIP,
        FaultKind.DRIP_HEADERS,
        FaultKind.ENDLESS_INFORMATIONAL,
        FaultKind.GZIP_BOMB,
    }
)
"""Kinds that only HTTP/1.1 knows: Cloud Monitoring, which speaks gRPC here, does not make them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request: ``service`` is compute, monitoring or oauth; ``project`` may be empty."""

    service: str
    operation: str
    project: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(BaseFault):
    """One kind of trouble and the requests that it meets; None meets them all."""

    SCOPE: ClassVar[tuple[str, ...]] = ("service", "project", "operation")

    project: str | None = None
    zone: str = ""


class Faults(FaultBook[Fault]):
    """The faults in force. Thread-safe."""

    def __init__(self) -> None:
        super().__init__(KINDS)

    def add(self, fault: Fault, *, times: int | None = None) -> None:
        """Put a fault in force for so many requests, or until cleared where ``times`` is None.

        Raises:
            ValueError: the fake does not know the kind, or cannot make it in gRPC.
        """
        if fault.service == "monitoring" and fault.kind in NOT_GRPC:
            message = f"the fault {fault.kind} is none of gRPC"
            raise ValueError(message)
        super().add(fault, times=times)
