"""What the harnesses of the three clouds share: a simulated cloud with a fleet of known truth."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from exporter.core.clock import epoch
from exporter.core.meter import ApiMeter
from exporter.core.model import Disk, ResourceKey
from exporter.core.ports import AdapterContext, Clock, Provider, TypeCatalogue
from exporter.data.regions import RegionTable
from exporter.demo._fake import Fake
from exporter.demo._faults import BaseFault, FaultKind
from exporter.demo.estate import Estate, EstateMachine, Once
from tests.support.clock import ManualClock
from tests.support.providers import HOUR, Fleet, NoTypes, Part

AWKWARD: Final = 'quote " backslash \\ newline \n tab \t emoji 🌍 <&> \u202e'
DAY: Final = 24 * HOUR


def context_of(clock: Clock, meter: ApiMeter, types: TypeCatalogue | None = None) -> AdapterContext:
    """Return what the composition root hands to the adapter."""
    return AdapterContext(
        clock=clock,
        meter=meter,
        types=types or NoTypes(),
        user_agent="test/1",
        regions=RegionTable(),
    )


class FakeHarness:
    """A fake with a fleet, and the providers that ask it; a subclass starts both.

    ``regions`` are the two of the fleet and ``many`` the machines of a large one. ``machine``
    makes one with a number in a region, ``usual_fleet`` the usual ones around a moment.
    """

    lacks: Mapping[Part, str]
    unstable_seconds: int
    regions: tuple[str, str]
    many: int
    machine: Callable[..., EstateMachine]
    usual_fleet: Callable[[int], Estate]
    fake: Fake[Any]
    fault: type[BaseFault]

    def __init__(self, fleet: Fleet | Estate, clock: ManualClock | None) -> None:
        self.clock = clock or ManualClock()
        self.meter = ApiMeter()
        self.estate = self._fleet(fleet) if isinstance(fleet, Fleet) else fleet

    def _fleet(self, fleet: Fleet) -> Estate:
        """Return the estate of a fleet; every account that is asked about has an owner."""
        moment, machine, regions = int(epoch(self.clock.now())), type(self).machine, self.regions
        if fleet is Fleet.EMPTY:
            never = Once(start=moment + 365 * DAY)
            return Estate(machines=tuple(machine(1, region=r, schedule=never) for r in regions))
        if fleet is Fleet.MANY:
            numbers = range(1, self.many + 1)
            return Estate(machines=tuple(machine(n, regions[n % 5 > 0]) for n in numbers))
        return type(self).usual_fleet(moment)

    def pass_time(self, seconds: int) -> None:
        self.clock.advance(seconds)

    def mean(self, key: ResourceKey, start: int, end: int) -> float | None:
        return self.estate.mean_utilization(self._machine(key), start, end)

    def gpu(self, key: ResourceKey, start: int, end: int) -> float | None:
        machine = self._machine(key)
        if not self.reports_gpus(machine):
            return None
        return self.estate.mean_gpu_utilization(machine, start, end)

    def reports_gpus(self, machine: EstateMachine) -> bool:
        """Whether the cloud's monitoring is told how busy the GPUs are."""
        return machine.gpu_agent

    def disks(self, key: ResourceKey) -> tuple[Disk, ...]:
        return self._machine(key).disks

    def native_resolution(self, key: ResourceKey) -> int:
        return self._machine(key).native_resolution

    def heal(self) -> None:
        self.fake.faults.clear()

    def spoil(self, kind: FaultKind, seconds: float) -> None:
        """Spoil the way of all answers from now on."""
        self.fake.faults.add(type(self).fault(kind=kind, seconds=seconds))

    def requests(self) -> Mapping[str, int]:
        return {operation: times for (_, operation), times in self.fake.requests.items()}

    def close_all(self, providers: Iterable[Provider]) -> None:
        for provider in providers:
            provider.close()
        self.fake.close()

    def _machine(self, key: ResourceKey) -> EstateMachine:
        return next(
            m for m in self.estate.machines if (m.account, m.resource_id) == (key[1], key[4])
        )
