"""The daemon's engine in replayed time: nothing is late, nothing is saved.

Providers are asked for long stretches of the past, and answer the engine's short questions.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from exporter.app.assembly import Rhythm, assemble, bucket_rules
from exporter.app.build import App
from exporter.core.clock import floor_to, from_epoch
from exporter.core.errors import CollectorError
from exporter.core.model import (
    IntensityInForce,
    IntensityPoint,
    Inventory,
    Machine,
    PermissionCheck,
    Reading,
    Region,
    ResourceKey,
    UsageSeries,
    Window,
)
from exporter.core.ports import AnnualIntensities, Provider
from exporter.core.snapshot import RegionIntensityView, Snapshot
from exporter.engine.grid_view import SIGNALS, TOLD, GridsNow
from exporter.engine.intensity import IntensityBook
from exporter.engine.store import Store
from exporter.history.grid_past import PastSource
from exporter.history.inferred_runs import InferredRuns
from exporter.history.plan import AccountPlan, Gap

_Value = TypeVar("_Value")

PAUSES: Final = (5.0, 20.0, 60.0)
"""Seconds to wait before what was not read is asked for again; then it counts as missing."""


class ReplayClock:
    """A clock that stands where it was set: the engine's, never the adapters'."""

    def __init__(self, start: float) -> None:
        self.time = start

    def now(self) -> datetime:
        """Return the replayed time."""
        return from_epoch(self.time)

    def monotonic(self) -> float:
        """Return the replayed time in seconds."""
        return self.time


class ReplayedProvider:
    """Implements ``core.ports.Provider`` over what one real provider told.

    The inventory was asked for once; ``discover`` shows it as it was at the clock's time. Data is
    read in slices; ``gaps`` are those parts that could not be read.
    """

    def __init__(
        self, account: AccountPlan, clock: ReplayClock, sleep: Callable[[float], None]
    ) -> None:
        real, machines = account.provider, account.inventory.machines
        self.name: Final = real.name
        self.kind: Final = real.kind
        self.settle: Final = real.settle
        self.listed_after_end: Final = real.listed_after_end
        self.gaps: list[Gap] = []
        self._account = account
        self._clock = clock
        self._sleep = sleep
        self._machines = [
            InferredRuns.of(one, real.told_since(one, account.asked_at), real.listed_after_end)
            for one in machines
        ]
        self._read_until = account.start
        self._series: dict[ResourceKey, UsageSeries] = {}

    def discover(self) -> Inventory:
        """Show the machines as they were at the clock's time."""
        now, resolution = self._clock.time, self._account.resolution
        while self._read_until < min(now, self._account.until):
            self._read_on()
        known = (machine.at(now, self._read_until, resolution) for machine in self._machines)
        return Inventory(machines=tuple(one for one in known if one is not None))

    def read(self, machines: Sequence[Machine], window: Window) -> Reading:
        """Return the part of what was read that lies in the window."""
        buckets = window.buckets
        return Reading(
            series=tuple(
                _cut(whole, buckets)
                for machine in machines
                if (whole := self._series.get(machine.key)) is not None
            )
        )

    def retention(self, resolution: int) -> int:
        """Return what the real one says."""
        return self._account.provider.retention(resolution)

    def told_since(self, machine: Machine, asked_at: float) -> float:
        """Return what the real one says."""
        return self._account.provider.told_since(machine, asked_at)

    def permissions(self) -> Sequence[PermissionCheck]:
        """Nothing: it asks nobody."""
        return ()

    def monthly_cost(self, machines: int, poll_interval: timedelta) -> None:
        """Nothing is billed but the slices, whose price the plan holds."""

    def close(self) -> None:
        """Nothing is held: the real provider is closed by who made it."""

    def _read_on(self) -> None:
        """Read the next slice; of the one before, keep what may still be asked for."""
        start, resolution = self._read_until, self._account.resolution
        end = min(start + self._account.slice_seconds, self._account.until)
        asked = [machine.machine for machine in self._machines if machine.may_have_run(start)]
        read = self._read(asked, Window(start=start, end=end, resolution=resolution))
        oldest = floor_to(self._clock.time - self.settle, resolution) - resolution
        for machine in self._machines:
            series = read.get(machine.machine.key)
            if series is not None:
                machine.forget(oldest)
                machine.learn(sorted(series.starts()), resolution)
        self._series = {
            key: _joined(self._series.get(key), read.get(key), oldest)
            for key in self._series.keys() | read.keys()
        }
        self._read_until = end

    def _read(self, machines: Sequence[Machine], window: Window) -> dict[ResourceKey, UsageSeries]:
        """Read a window, again and again for those that were not read; what stays is a gap."""
        read: dict[ResourceKey, UsageSeries] = {}
        waiting, cause = list(machines), ""
        for pause in (0.0, *PAUSES):
            if not waiting:
                break
            self._sleep(pause)
            try:
                answer = self._account.provider.read(waiting, window)
            except CollectorError as error:
                cause = str(error)
                continue
            read |= {series.key: series for series in answer.series}
            waiting = [one for one in waiting if one.key in answer.unread]
            cause = str(answer.failures[-1]) if answer.failures else cause
        if waiting:
            self._gap(waiting, cause, window)
        return read

    def _gap(self, machines: Iterable[Machine], cause: str, window: Window) -> None:
        count = len(list(machines))
        what = f"the CPU of {count} machine{'s' if count > 1 else ''}"
        self.gaps.append(
            Gap(collector=self.name, what=what, cause=cause, start=window.start, end=window.end)
        )


def _cut(whole: UsageSeries, buckets: range) -> UsageSeries:
    return UsageSeries(
        key=whole.key,
        cpu=_within(whole.cpu, buckets),
        gpu=_within(whole.gpu, buckets),
        units=None if whole.units is None else _within(whole.units, buckets),
        watts=_within(whole.watts, buckets),
    )


def _within(column: Mapping[int, _Value], buckets: range) -> dict[int, _Value]:
    return {at: column[at] for at in buckets if at in column} if column else {}


def _joined(before: UsageSeries | None, after: UsageSeries | None, oldest: int) -> UsageSeries:
    first, *rest = [one for one in (before, after) if one is not None]
    whole = first.joined(rest[0]) if rest else first
    return UsageSeries(
        key=whole.key,
        cpu=_since(oldest, whole.cpu),
        gpu=_since(oldest, whole.gpu),
        units=None if whole.units is None else _since(oldest, whole.units),
        watts=_since(oldest, whole.watts),
    )


def _since(oldest: int, column: Mapping[int, _Value]) -> dict[int, _Value]:
    return {at: value for at, value in column.items() if at >= oldest}


class PastEngine:
    """Counts the past with the ledger, the intensities and the models of the daemon.

    ``points`` are what the grid sources told of the past, by their names; ``step`` are the seconds
    between two cycles.
    """

    def __init__(
        self,
        app: App,
        providers: Sequence[ReplayedProvider],
        points: Mapping[str, list[IntensityPoint]],
        clock: ReplayClock,
        step: int,
    ) -> None:
        replayed = replace(
            app,
            providers=tuple(providers),
            sources=tuple(map(PastSource, app.sources)),
            clock=clock,
        )
        self._clock = clock
        self._store = Store.in_memory()
        self._parts = assemble(
            replayed, self._store, rhythm_of=partial(_rhythm, step), grids_of=_PastGrids
        )
        self._parts.book.restore(dict(points))

    def count(self, collectors: Iterable[str], time: float) -> list[str]:
        """Run a cycle of some collectors at a time; returns the names of those that failed."""
        self._clock.time = time
        wanted = set(collectors)
        some = [each.collector for each in self._parts.polled if each.collector.name in wanted]
        return [collector.name for collector in some if not collector.run()]

    def snapshot(self) -> Snapshot:
        """Show what a daemon would have shown at the clock's time."""
        return self._parts.daemon.snapshot()

    def close(self) -> None:
        """Forget: the file with the history is all that is left of a replay."""
        self._store.close()


def _rhythm(step: int, app: App, provider: Provider) -> Rhythm:
    """Close each bucket at once: in the past every value is final."""
    usual = bucket_rules(app, provider)
    past = replace(usual, look_back=0, max_catch_up=max(usual.max_catch_up, 2 * step))
    return Rhythm(rules=past, poll_seconds=step)


class _PastGrids:
    """Leaves out what has no history: forecasts, and the means of a day that rankings show."""

    zones: frozenset[str] = frozenset()
    """No grid is asked for any more: all that there is has been told before."""

    def __init__(
        self, book: IntensityBook, annual: AnnualIntensities, offered: Sequence[Region]
    ) -> None:
        self.book = book
        self._annual = annual
        self._offered = offered

    def look(self, used: Iterable[Region], now: float) -> GridsNow:
        """Return the values in force in the grids of all regions."""
        regions = {(one.provider, one.name): one for one in (*self._offered, *used)}
        zones = sorted({region.grid_zone for region in regions.values()})
        priced = {zone: self.book.at(zone, now) for zone in zones}
        return GridsNow(
            in_force=tuple(one for zone in zones for one in (priced[zone], *self._told(zone, now))),
            outlooks=(),
            standings=(),
            regions=tuple(self._view(region, priced) for _, region in sorted(regions.items())),
        )

    def _told(self, zone: str, now: float) -> Iterable[IntensityInForce]:
        signals = (self.book.signal(zone, now, *signal) for signal in SIGNALS)
        return (one for one in signals if one is not None and one.level in TOLD)

    def _view(self, region: Region, priced: Mapping[str, IntensityInForce]) -> RegionIntensityView:
        return RegionIntensityView(
            region=region,
            grid=priced[region.grid_zone],
            mean_24h=None,
            annual=self._annual.annual(region.grid_zone),
        )
