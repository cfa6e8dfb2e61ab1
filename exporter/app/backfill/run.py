"""The replay itself: from a plan to a file with history."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from exporter.app.backfill.engine import PastEngine
from exporter.app.backfill.fade import fading, within
from exporter.app.backfill.grids import GridPast, Means, Wanted, gather
from exporter.app.backfill.plan import Plan
from exporter.app.backfill.records import Lack
from exporter.app.backfill.replay import ReplayClock, ReplayedProvider
from exporter.app.backfill.writer import Report, Tell, Writer
from exporter.app.build import App
from exporter.app.wiring import offered_regions
from exporter.core.errors import CarbonExporterError
from exporter.core.model import Machine, RegionKey
from exporter.core.snapshot import Snapshot


class OutputError(CarbonExporterError):
    """The file cannot be written."""


class Backfill:
    """Carries a plan out. ``output`` is a file, or a folder that gets a file for each day."""

    def __init__(
        self,
        app: App,
        plan: Plan,
        output: Path,
        tell: Tell,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._app = app
        self._plan = plan
        self._output = output
        self._tell = tell
        self._sleep = sleep
        self._times = plan.times
        self._clock = ReplayClock(self._times[0])
        self._failed: dict[str, Lack] = {}

    def run(self) -> Report:
        """Read, count and write.

        Raises:
            OutputError: the file cannot be written.
        """
        past = self._grids()
        accounts = self._plan.accounts
        providers = [ReplayedProvider(one, self._clock, self._sleep) for one in accounts]
        engine = PastEngine(self._app, providers, past.points, self._clock, self._plan.step)
        writer = Writer(self._output, self._app.settings.tags, self._plan.labels)
        try:
            self._replay(engine, writer)
            writer.finish(self._tell)
        except OSError as error:
            cause = error.strerror or type(error).__name__
            message = f"cannot write {self._output}: {cause} — free space, or write elsewhere"
            raise OutputError(message) from error
        finally:
            writer.close()
            engine.store.close()
        read = [lack for provider in providers for lack in provider.lacks]
        return writer.report((*self._plan.lacks, *past.lacks, *read, *self._failed.values()))

    def _grids(self) -> GridPast:
        """Ask the grid sources: first of all, because some answer slowly."""
        accounts, app = self._plan.accounts, self._app
        used = {self._zone_of(one) for account in accounts for one in account.inventory.machines}
        offered = {region.grid_zone for region in offered_regions(app)}
        wanted = Wanted(
            used=frozenset(used),
            others=frozenset(offered - used),
            start=min(account.start for account in accounts),
            end=self._times[-1] + 1,
        )
        tell = partial(self._tell, "reading the grids")
        means = Means(clock=app.clock, meter=app.meter, sleep=self._sleep, tell=tell)
        return gather(app.sources, wanted, means)

    def _zone_of(self, machine: Machine) -> str:
        region = self._app.regions.find(machine.key.provider, machine.key.cloud_region)
        return machine.grid_zone or region.grid_zone

    def _replay(self, engine: PastEngine, writer: "Writer") -> None:
        closer = fading(self._times[0], self._times[-1], self._plan.step)
        before = self._times[0]
        for number, at in enumerate(self._times):
            self._tell("reading and counting", number, len(self._times))
            active = [a for a in self._plan.accounts if a.shown_from <= at <= a.shown_until]
            self._blame(engine.count([account.name for account in active], at), at)
            snapshot = self._unfinished(engine.snapshot(), at)
            told = at <= self._plan.grids_until
            writer.record(snapshot, grids=told, instead=within(closer, before, at))
            before = at
        self._tell("reading and counting", len(self._times), len(self._times))

    def _blame(self, names: Iterable[str], at: int) -> None:
        """Remember a cycle that failed by a fault of ours; the log has its traceback."""
        for name in names:
            lack = Lack(collector=name, what="some buckets", cause="see the log", start=at, end=at)
            self._failed.setdefault(name, lack)

    def _unfinished(self, snapshot: Snapshot, at: int) -> Snapshot:
        """Leave out accounts whose live counters have begun by then."""
        ended = [account for account in self._plan.accounts if account.shown_until < at]
        if not ended:
            return snapshot
        lasting = [account for account in self._plan.accounts if account.shown_until >= at]
        kept = {one.key for account in lasting for one in account.inventory.machines}
        regions = {RegionKey(*key[:3]) for key in kept}
        return replace(
            snapshot,
            resources=tuple(v for v in snapshot.resources if v.machine.key in kept),
            regions=tuple(v for v in snapshot.regions if v.key in regions),
        )
