"""The provider of this machine."""

from collections.abc import Sequence
from datetime import timedelta
from math import inf
from typing import Final

from exporter.core.errors import UnreachableError
from exporter.core.model import Inventory, Machine, PermissionCheck, Reading, UsageSeries, Window
from exporter.providers.host.machine import Identity, describe
from exporter.providers.host.sampler import Sampler

SETTLE_SECONDS: Final = 10
"""Two sampling intervals: a sample after the bucket's end is there by then."""


class HostProvider:
    """One machine: the one this runs on."""

    kind: Final = "host"

    def __init__(
        self, name: str, identity: Identity, sampler: Sampler, *, settle: int = SETTLE_SECONDS
    ) -> None:
        self.name: Final = name
        self.settle: Final = settle
        self.listed_after_end: Final = 0
        self._identity = identity
        self._sampler = sampler
        self._machine: Machine | None = None

    def discover(self) -> Inventory:
        """Describe this machine, and start sampling its CPU if that was not done yet.

        Raises:
            CollectorError: the system does not tell.
        """
        self._sampler.start()
        if self._machine is None:  # once: boot times computed later differ by a second
            self._machine = describe(self._identity)
        return Inventory(machines=(self._machine,))

    def read(self, machines: Sequence[Machine], window: Window) -> Reading:
        """Return the means of the window's buckets that were observed.

        Raises:
            CollectorError: the counters cannot be read at present.
        """
        if self._sampler.failure is not None:
            raise UnreachableError(str(self._sampler.failure)) from self._sampler.failure
        means = self._sampler.means(window)
        own = None if self._machine is None else self._machine.key
        return Reading(
            series=tuple(
                UsageSeries(key=one.key, cpu=means if one.key == own else {}) for one in machines
            )
        )

    def retention(self, resolution: int) -> int:  # noqa: ARG002 - the port's
        """Nothing is kept: history begins with the daemon."""
        return 0

    def told_since(self, machine: Machine, asked_at: float) -> float:  # noqa: ARG002 - the port's
        """Since ever: it runs while this does."""
        return -inf

    def permissions(self) -> Sequence[PermissionCheck]:
        """None are needed."""
        return ()

    def monthly_cost(self, machines: int, poll_interval: timedelta) -> None:
        """Nothing is billed."""

    def close(self) -> None:
        """Stop sampling."""
        self._sampler.stop()
