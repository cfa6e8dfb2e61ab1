"""From a plan to history: one file, or a folder with a file for each day."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from exporter.app.assembly import offered_regions
from exporter.app.build import App
from exporter.core.clock import floor_to, from_epoch
from exporter.core.errors import CarbonExporterError
from exporter.core.model import Machine, RegionKey
from exporter.core.snapshot import Snapshot
from exporter.exposition.history import History
from exporter.history.grid_past import Deps, GridPast, Wanted, gather
from exporter.history.handover import sample_spacing, within
from exporter.history.plan import Gap, Plan
from exporter.history.replay import PastEngine, ReplayClock, ReplayedProvider

_DAY: Final = 86_400


Progress = Callable[[str, int, int], None]
"""Hears of progress: what is being done, how much of it, and of how much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of a backfill."""

    files: tuple[Path, ...]
    series: int
    """The most in one file."""
    samples: int
    gaps: tuple[Gap, ...]


class OutputError(CarbonExporterError):
    """The file cannot be written."""


class Backfill:
    """Carries a plan out. ``output`` is a file, or a folder that gets a file for each day."""

    def __init__(
        self,
        app: App,
        plan: Plan,
        output: Path,
        tell: Progress,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._app = app
        self._plan = plan
        self._output = output
        self._tell = tell
        self._sleep = sleep
        self._times = plan.times
        self._clock = ReplayClock(self._times[0])
        self._failed: dict[str, Gap] = {}

    def run(self) -> Report:
        """Read, count and write.

        Raises:
            OutputError: the file cannot be written.
        """
        past = self._grids()
        accounts = self._plan.accounts
        providers = [ReplayedProvider(one, self._clock, self._sleep) for one in accounts]
        engine = PastEngine(self._app, providers, past.points, self._clock, self._plan.step)
        writer = _Writer(self._output, self._app.settings.tags, self._plan.labels)
        try:
            self._replay(engine, writer)
            writer.finish(self._tell)
        except OSError as error:
            cause = error.strerror or type(error).__name__
            message = f"cannot write {self._output}: {cause} — free space, or write elsewhere"
            raise OutputError(message) from error
        finally:
            writer.close()
            engine.close()
        read = [gap for provider in providers for gap in provider.gaps]
        return writer.report((*self._plan.gaps, *past.gaps, *read, *self._failed.values()))

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
        deps = Deps(clock=app.clock, meter=app.meter, sleep=self._sleep, tell=tell)
        return gather(app.sources, wanted, deps)

    def _zone_of(self, machine: Machine) -> str:
        region = self._app.regions.find(machine.key.provider, machine.key.cloud_region)
        return machine.grid_zone or region.grid_zone

    def _replay(self, engine: PastEngine, writer: "_Writer") -> None:
        closer = sample_spacing(self._times[0], self._times[-1], self._plan.step)
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
            gap = Gap(collector=name, what="some buckets", cause="see the log", start=at, end=at)
            self._failed.setdefault(name, gap)

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


class _Writer:
    """Takes snapshots in order. ``output`` is a folder if it exists as one."""

    def __init__(self, output: Path, tags: Sequence[str], labels: Mapping[str, str]) -> None:
        self._output = output
        self._daily = output.is_dir()
        self._folder = output if self._daily else output.parent
        self._tags = tags
        self._labels = labels
        self._day: int | None = None
        self._history: History | None = None
        self._files: list[Path] = []
        self._series = 0
        self._samples = 0

    def record(self, snapshot: Snapshot, *, grids: bool, instead: Sequence[int] = ()) -> None:
        """Add a snapshot, as ``History.record`` does; a day that is over is written.

        Raises:
            OSError: it cannot be written.
        """
        day = floor_to(snapshot.time, _DAY)
        if self._daily and self._day != day:
            self.finish()
        self._day = day
        if self._history is None:
            self._history = History(self._folder, tags=self._tags, labels=self._labels)
        self._history.record(snapshot, grids=grids, instead=instead)

    def finish(self, tell: Progress = lambda *_: None) -> None:
        """Write what was taken in since the last file.

        Raises:
            OSError: it cannot be written.
        """
        history = self._history
        if history is None or self._day is None:
            return
        path = self._output
        if self._daily:
            path = self._folder / f"{from_epoch(self._day):%Y-%m-%d}.om"
        history.write(path, lambda done: tell("writing", done, history.samples))
        self._files.append(path)
        self._series = max(self._series, history.series)
        self._samples += history.samples
        self.close()

    def close(self) -> None:
        """Remove what lies on disk besides finished files."""
        if self._history is not None:
            self._history.close()
            self._history = None

    def report(self, gaps: Iterable[Gap]) -> Report:
        """Say what was written."""
        return Report(
            files=tuple(self._files),
            series=self._series,
            samples=self._samples,
            gaps=tuple(gaps),
        )
