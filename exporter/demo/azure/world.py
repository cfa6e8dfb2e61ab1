"""What the services of the fake share: the estate seen as subscriptions and regions at a time."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from exporter.core.clock import epoch
from exporter.core.ports import Clock
from exporter.demo.estate import Estate, EstateMachine, EstateState, MachineType
from exporter.demo.lateness import Lateness

EMPTY_SUBSCRIPTION: Final = "de300000-0000-4000-8000-00000000000f"
"""Visible, without machines."""
TENANT: Final = "de300000-0000-4000-8000-0000000000aa"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes at which Azure refuses a question (``batch``) or cuts an answer; tests lower them.

    Origin: the references of metrics batch and Resource Graph.
    """

    batch: int = 50
    rows: int = 1000
    subscriptions: int = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """The estate, its clock and the rules of the fake. Has no slots: it remembers what is fixed.

    ``lag_seconds`` is how long after its end a grain has its value.
    """

    estate: Estate
    clock: Clock
    lag_seconds: float
    lateness: Lateness
    limits: Limits

    def now(self) -> float:
        """Return the epoch seconds of the clock."""
        return epoch(self.clock.now())

    @cached_property
    def subscriptions(self) -> tuple[str, ...]:
        """Subscriptions that the caller can see."""
        return (*self.estate.accounts, EMPTY_SUBSCRIPTION)

    @cached_property
    def regions(self) -> tuple[str, ...]:
        """Regions in which the estate has machines, sorted."""
        return tuple(sorted({m.region for m in self.estate.templates}))

    @cached_property
    def sizes(self) -> Mapping[str, Mapping[str, MachineType]]:
        """VM sizes by region and name: those that machines there have."""
        found: dict[str, dict[str, MachineType]] = {region: {} for region in self.regions}
        for machine in self.estate.templates:
            found[machine.region][machine.instance_type] = machine.machine_type
        return found

    def listed(self, moment: float) -> tuple[EstateMachine, ...]:
        """Return the machines that Resource Graph lists, by id; deleted ones are not."""
        return self._lists(moment)

    @cached_property
    def _lists(self) -> Callable[[float], tuple[EstateMachine, ...]]:
        """The latest lists: the pages of one answer all show the same time."""
        return lru_cache(maxsize=4)(self._listed)

    def _listed(self, moment: float) -> tuple[EstateMachine, ...]:
        shown = (EstateState.RUNNING, EstateState.STOPPED)
        found = (
            machine
            for machine in self.estate.machines_between(moment, moment + 1)
            if self.estate.state_at(machine, moment) in shown
        )
        return tuple(sorted(found, key=lambda m: m.resource_id))

    def measured(self, ids: Collection[str], start: float, end: float) -> dict[str, EstateMachine]:
        """Return the machines with these ids, deleted ones of the window included, by id."""
        passing = {m.resource_id: m for m in self.estate.members_between(start, end)}
        found = {one: self._permanent.get(one) or passing.get(one) for one in ids}
        return {one: machine for one, machine in found.items() if machine is not None}

    @cached_property
    def _permanent(self) -> Mapping[str, EstateMachine]:
        return {machine.resource_id: machine for machine in self.estate.machines}
