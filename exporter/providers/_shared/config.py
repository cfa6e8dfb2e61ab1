"""Keys that the sections of all clouds take, and what their collectors are called."""

from datetime import timedelta
from typing import Final

from pydantic import Field

from exporter.core.plugins import Duration, ProviderConfig

CONNECT_SECONDS: Final = 5.0
"""Most that a connection may take to be made, where ``timeout`` is longer."""


REQUEST_TIMEOUTS: Final = 3
"""A request that has not ended after so many time-outs is cut off."""
CYCLE_TIMEOUTS: Final = 15
"""Nothing is asked any more after so many time-outs, 5 min by default: what is missing is unread,
and has its turn at the next poll."""


class CloudConfig(ProviderConfig):
    """Keys of every cloud: how it is asked."""

    timeout: Duration = Field(
        default=timedelta(seconds=20),
        description="How long to wait for one answer before it is tried again.",
    )
    max_attempts: int = Field(
        default=3, ge=1, le=10, description="How often one request is sent before it has failed."
    )

    @property
    def read_seconds(self) -> float:
        """How long to wait for an answer."""
        return self.timeout.total_seconds()

    @property
    def request_seconds(self) -> float:
        """How long one try of a request may take in all, whatever trickles in."""
        return REQUEST_TIMEOUTS * self.read_seconds

    @property
    def cycle_seconds(self) -> float:
        """How long one listing, or one read, of an account may take with all its requests."""
        return CYCLE_TIMEOUTS * self.read_seconds

    @property
    def connect_seconds(self) -> float:
        """How long to wait for a connection."""
        return min(CONNECT_SECONDS, self.read_seconds)


def collector_names(name: str | None, kind: str, targets: tuple[str, ...]) -> tuple[str, ...]:
    """Return the ``collector`` label of each thing that a section watches on its own.

    Several are told apart by what they watch; a single one may have the section's name.
    """
    if name and len(targets) == 1:
        return (name,)
    return tuple(f"{name or kind}:{target}" for target in targets) or (name or kind,)
