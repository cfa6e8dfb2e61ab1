"""The records of a backfill: whose past is read, and what of it could not be had."""

from dataclasses import dataclass
from typing import Final

from exporter.core.model import Inventory
from exporter.core.ports import Provider

POINTS_AT_ONCE: Final = 500_000
"""Points of one account in memory: about 50 MB."""
SHORTEST_SLICE: Final = 6 * 3600
LONGEST_SLICE: Final = 5 * 86_400
"""Seconds. At five minutes, 1,440 points of a machine: what one billed call of Azure returns."""


def slice_seconds(machines: int, resolution: int) -> int:
    """Return how long a stretch is read at once: longer ones cost less, but need memory."""
    most = POINTS_AT_ONCE // max(1, machines) * resolution
    longest = min(LONGEST_SLICE, max(SHORTEST_SLICE, most))
    return longest // SHORTEST_SLICE * SHORTEST_SLICE


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """Something of the past that could not be had: whose, which span in epoch seconds, and why."""

    collector: str
    what: str
    cause: str
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The past of one provider account: buckets ``[start, until)`` in epoch seconds."""

    provider: Provider
    inventory: Inventory
    asked_at: float
    """When the inventory was asked for."""
    start: int
    until: int
    resolution: int
    dollars: float | None = None
    """List price of reading it; None where nobody knows one."""

    @property
    def name(self) -> str:
        """The collector label."""
        return self.provider.name

    @property
    def slice_seconds(self) -> int:
        """How much of it is read at once."""
        return slice_seconds(len(self.inventory.machines), self.resolution)

    @property
    def shown_from(self) -> int:
        """When a live exporter would have shown the start: when it was final."""
        return self.start + self.provider.settle

    @property
    def shown_until(self) -> int:
        """When a live exporter would have shown the end."""
        return self.until + self.provider.settle
