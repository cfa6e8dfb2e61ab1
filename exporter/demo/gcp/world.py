"""What the services of the fake share: the estate seen as projects and zones at a time."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from exporter.core.clock import epoch
from exporter.core.ports import Clock
from exporter.demo.estate import Estate, EstateMachine, EstateState, MachineType
from exporter.demo.lateness import Lateness

_ZONE_LETTERS: Final[Mapping[str, str]] = {"europe-west1": "bcd", "us-central1": "abcf"}
_USUAL_LETTERS: Final = "abc"
EMPTY_REGION: Final = "europe-north1"
"""A region that is listed and has no machines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes at which Google cuts an answer; tests lower them.

    Origin: the references of timeSeries.list (points of a page) and instances.aggregatedList.
    """

    points: int = 100_000
    instances: int = 500


@dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """The estate, its clock and the rules of the fake. Has no slots: it remembers what is fixed.

    ``lag_seconds`` is how long after its end a point is due. ``scopes`` holds the projects that a
    scoping project sees besides itself.
    """

    estate: Estate
    clock: Clock
    lag_seconds: float
    lateness: Lateness
    limits: Limits
    scopes: Mapping[str, tuple[str, ...]]

    def now(self) -> float:
        """Return the epoch seconds of the clock."""
        return epoch(self.clock.now())

    @cached_property
    def projects(self) -> tuple[str, ...]:
        """Projects of the estate, and scoping projects without machines of their own."""
        return tuple(dict.fromkeys((*self.estate.accounts, *self.scopes)))

    @cached_property
    def zones(self) -> tuple[str, ...]:
        """All zones that Compute lists, sorted."""
        regions = {m.region for m in self.estate.templates} | {EMPTY_REGION}
        usual = {f"{r}-{letter}" for r in regions for letter in _letters(r)}
        return tuple(sorted(usual | {m.zone for m in self.estate.templates}))

    @cached_property
    def machine_types(self) -> Mapping[tuple[str, str, str], MachineType]:
        """Types by project, zone and name: those that machines there have."""
        return {(m.account, m.zone, m.instance_type): m.machine_type for m in self.estate.templates}

    def listed(self, project: str, moment: float) -> tuple[EstateMachine, ...]:
        """Return the machines that Compute lists, by zone and id; deleted ones are not."""
        return self._lists(project, moment)

    @cached_property
    def _lists(self) -> Callable[[str, float], tuple[EstateMachine, ...]]:
        """The latest lists: the pages of one answer all show the same time."""
        return lru_cache(maxsize=4)(self._listed)

    def _listed(self, project: str, moment: float) -> tuple[EstateMachine, ...]:
        shown = (EstateState.RUNNING, EstateState.STOPPED)
        found = (
            machine
            for machine in self.estate.machines_between(moment, moment + 1)
            if machine.account == project and self.estate.state_at(machine, moment) in shown
        )
        return tuple(sorted(found, key=lambda m: (m.zone, m.resource_id)))

    def measured(self, project: str, start: float, end: float) -> tuple[EstateMachine, ...]:
        """Return the machines that ran in a window in all projects that a project sees, by id."""
        seen = {project, *self.scopes.get(project, ())}
        found = (
            machine
            for machine in self.estate.machines_between(start, end)
            if machine.account in seen and self.estate.runs(machine, start, end)
        )
        return tuple(sorted(found, key=lambda m: (m.account, m.resource_id)))


def _letters(region: str) -> str:
    return _ZONE_LETTERS.get(region, _USUAL_LETTERS)


def write_token(*numbers: float) -> str:
    """Write a paging token: opaque to clients, all that the next page needs."""
    return urlsafe_b64encode(":".join(repr(number) for number in numbers).encode()).decode()


def read_token(token: str, count: int) -> tuple[float, ...]:
    """Read a token of so many numbers.

    Raises:
        ValueError: the token is not one of ours.
    """
    numbers = tuple(float(part) for part in urlsafe_b64decode(token).decode().split(":"))
    if len(numbers) != count:
        message = f"a token of {len(numbers)} numbers"
        raise ValueError(message)
    return numbers
