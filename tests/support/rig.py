"""The engine around simulated adapters, wired as the composition root wires the real ones.

``run`` makes one cycle of every collector and a snapshot, and checks on the way what must hold at
any time: counters never fall, regions are the sums of their machines, nothing known is lost.
"""

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from exporter.core.clock import floor_to
from exporter.core.model import Machine, RegionKey, ResourceKey, RunState
from exporter.core.ports import GridSource, Provider
from exporter.core.snapshot import Quality, RegionView, ResourceView, Snapshot
from exporter.core.units import GramsCO2eq, Joules
from exporter.engine.collector import GridCollector, ProviderCollector
from exporter.engine.estimate import Accrual, MachineModel
from exporter.engine.grid_view import GridViewer
from exporter.engine.intensity import IntensityBook
from exporter.engine.ledger import Ledger
from exporter.engine.resource_account import BucketRules, Missing
from exporter.engine.running_spans import Spec
from exporter.engine.status import CollectorStatus
from exporter.engine.store import Store
from exporter.engine.view import Surroundings, Viewer
from tests.support.clock import ManualClock
from tests.support.sim import (
    Judge,
    SimAnnual,
    SimForecaster,
    SimMachine,
    SimPower,
    Truth,
    region_of,
)

HOUR: Final = 3600
DAY: Final = 24 * HOUR
T0: Final = 1_772_409_600
"""2026-03-02 00:00 UTC, where ManualClock starts."""
RULES: Final = BucketRules(
    resolution=300,
    settle=300,
    look_back=HOUR,
    max_catch_up=DAY,
    keep_gone=HOUR + 300 + 180,
    missing=Missing.SKIP,
)
CLOSE: Final = 1e-9


def model_of(key: ResourceKey, spec: Spec) -> MachineModel:
    machine = Machine(
        key=key, name="", instance_type=spec.instance_type, state=RunState.RUNNING, shape=spec.shape
    )
    region = region_of(key.provider, key.cloud_region)
    return MachineModel(
        profile=SimPower().profile(machine), pue=region.pue, grid_zone=region.grid_zone
    )


@dataclass
class Watch:
    """Remembers shown counters over restarts; one that falls is a failure."""

    resources: dict[ResourceKey, Accrual] = field(default_factory=dict)
    regions: dict[RegionKey, tuple[float, ...]] = field(default_factory=dict)

    def look(self, snapshot: Snapshot) -> None:
        for view in snapshot.resources:
            if view.withheld:
                continue
            self._never_falls(self.resources, view.machine.key, counters(view))
        for region in snapshot.regions:
            if region.withheld:
                continue
            seconds = tuple(region.observed_seconds[quality] for quality in Quality)
            shown = (region.energy, region.operational, region.embodied, *seconds)
            self._never_falls(self.regions, region.key, shown)
        assert self.regions.keys() <= {region.key for region in snapshot.regions}

    @staticmethod
    def _never_falls(known, key, shown) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001 — two tables
        before = known.get(key, (0.0,) * len(shown))
        assert all(new >= old for new, old in zip(shown, before, strict=True)), (key, before, shown)
        known[key] = shown


def _accrual(joules: float, operational: float, embodied: float) -> Accrual:
    return Accrual(Joules(joules), GramsCO2eq(operational), GramsCO2eq(embodied))


def counters(view: ResourceView) -> Accrual:
    return Accrual(view.energy, view.operational, view.embodied)


class Rig:
    """An engine with a state file; ``restart`` and ``kill`` replace all of it but the file."""

    def __init__(  # noqa: PLR0913 — each part of the wiring
        self,
        path: Path,
        clouds: Sequence[Provider],
        grids: Sequence[GridSource],
        clock: ManualClock,
        *,
        rules: BucketRules = RULES,
        stale_after: float = 1500.0,
    ) -> None:
        self.path, self.clouds, self.grids, self.clock = path, clouds, grids, clock
        self.rules, self.stale_after = rules, stale_after
        self.watch = Watch()
        self.start(Store.open(path))

    def start(self, store: Store, *, restore: bool = True) -> None:
        """Wire a new engine around a store, and restore what it holds."""
        self.store = store
        self.store_status = CollectorStatus("store", self.clock)
        self.book = IntensityBook(self.grids, SimAnnual(), store, self.clock, SimForecaster())
        self.ledger = Ledger(store, model_of, self.book.over, chart_step=self.rules.resolution)
        if restore:
            keep_gone = dict.fromkeys((cloud.name for cloud in self.clouds), self.rules.keep_gone)
            self.book.restore(self.ledger.take_up(keep_gone, self.now).intensity)
        self.collectors = [self._collector(cloud) for cloud in self.clouds]
        self.asking = [self._asking(grid) for grid in self.grids]
        limits = dict.fromkeys((cloud.name for cloud in self.clouds), self.stale_after)
        self.viewer = Viewer(
            self.ledger, GridViewer(self.book, SimAnnual(), ()), region_of, self.collectors, limits
        )

    def _collector(self, cloud: Provider) -> ProviderCollector:
        return ProviderCollector(
            provider=cloud,
            ledger=self.ledger,
            rules=replace(self.rules, settle=cloud.settle),
            clock=self.clock,
            store_status=self.store_status,
        )

    def _asking(self, grid: GridSource) -> GridCollector:
        return GridCollector(
            source=grid,
            ledger=self.ledger,
            book=self.book,
            clock=self.clock,
            store_status=self.store_status,
            look_back=self.rules.look_back + self.rules.settle + self.rules.resolution,
        )

    def restart(self) -> None:
        """Stop in good order and start again from the file."""
        self.store.close()
        self.start(Store.open(self.path))

    def kill(self) -> None:
        """Start again from the files as they lie there now: ``kill -9``."""
        left = self.path.with_name(f"{self.path.name}-left")
        copy_database(self.path, left)
        self.store.close()
        copy_database(left, self.path)
        self.start(Store.open(self.path))

    def run(self) -> Snapshot:
        """Make one cycle of every collector, and check the snapshot after it.

        The grids are asked before, for what is known, and after, for what was found: in the daemon
        either comes first.
        """
        self.refresh()
        for collector in self.collectors:
            collector.run()
        self.refresh()
        return self.look()

    def refresh(self) -> None:
        """Let every grid source be asked, if its time has come."""
        for grid in self.asking:
            grid.run()

    def look(self) -> Snapshot:
        """Take a snapshot, and check what must always hold."""
        around = Surroundings(
            collectors=tuple(collector.status.view() for collector in self.collectors),
            api={},
            simulated=True,
        )
        snapshot = self.viewer.snapshot(self.clock.now().timestamp(), around)
        self.watch.look(snapshot)
        if self.store_status.view().success is not False:
            self._exposed_covers_accounted()
        return snapshot

    def _exposed_covers_accounted(self) -> None:
        with self.ledger.reading() as (accounts, totals):
            tallies = [*(account.tally for account in accounts), *totals.values()]
            for tally in tallies:
                assert all(e >= a for e, a in zip(tally.exposed, tally.accounted, strict=True))

    def every(self, seconds: float, until: float) -> Snapshot:
        """Run cycles at an interval, from now until a time (epoch seconds)."""
        snapshot = self.run()
        while self.clock.now().timestamp() + seconds <= until:
            self.clock.advance(seconds)
            snapshot = self.run()
        return snapshot

    @property
    def now(self) -> int:
        return int(self.clock.now().timestamp())

    @property
    def final(self) -> int:
        """End of the newest final bucket of the first cloud."""
        return floor_to(self.now - self.clouds[0].settle, self.rules.resolution)

    def accounted(self) -> dict[str, Accrual]:
        """Sums of each machine by its name, debts included."""
        with self.ledger.reading() as (accounts, _):
            return {a.machine.key.resource_id: _accrual(*a.tally.accounted) for a in accounts}

    def region(self, name: str) -> RegionView:
        """Return the view of one region."""
        return next(r for r in self.look().regions if r.key.cloud_region == name)

    def region_sums(self) -> dict[str, tuple[float, ...]]:
        """Sums of each region by its name: joules, grams, seconds by quality; debts included."""
        with self.ledger.reading() as (_, totals):
            return {key.cloud_region: tuple(tally.accounted) for key, tally in totals.items()}


def copy_database(source: Path, target: Path) -> None:
    """Copy a database with its write-ahead log, as a crash leaves them."""
    for suffix in ("", "-wal"):
        part, copy = Path(f"{source}{suffix}"), Path(f"{target}{suffix}")
        copy.unlink(missing_ok=True)
        if part.exists():
            shutil.copyfile(part, copy)


def same(left: float, right: float) -> bool:
    """Equal to 1e-9 relative, or both next to nothing."""
    return math.isclose(left, right, rel_tol=CLOSE, abs_tol=1e-9)


def assert_true(rig: Rig, machines: Sequence[SimMachine], judge: Judge) -> None:
    """Every machine's joules and grams are the truth, and every region is their sum."""
    accounted = rig.accounted()
    truths: dict[str, list[Truth]] = {}
    for machine in machines:
        truth = judge.of(machine)
        truths.setdefault(machine.region, []).append(truth)
        if machine.name in accounted:
            for said, true in zip(accounted[machine.name], truth[:3], strict=True):
                assert same(said, true), (machine.name, accounted[machine.name], truth)
    for region, sums in rig.region_sums().items():
        columns = [math.fsum(column) for column in zip(*truths[region], strict=True)]
        measured, missing = sums[3], sums[5]
        for said, true in zip((*sums[:3], measured, missing), columns, strict=True):
            assert same(said, true), (region, sums, columns)
