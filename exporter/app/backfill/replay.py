"""Providers in replayed time: asked for long stretches of the past, answering short ones."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

from exporter.app.backfill.lives import Life
from exporter.app.backfill.records import Account, Lack
from exporter.core.clock import floor_to, from_epoch
from exporter.core.errors import CollectorError
from exporter.core.model import (
    Inventory,
    Machine,
    PermissionCheck,
    Reading,
    ResourceKey,
    UsageSeries,
    Window,
)

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
    read in slices; ``lacks`` are those parts that could not be read.
    """

    def __init__(
        self, account: Account, clock: ReplayClock, sleep: Callable[[float], None]
    ) -> None:
        real, machines = account.provider, account.inventory.machines
        self.name: Final = real.name
        self.kind: Final = real.kind
        self.settle: Final = real.settle
        self.listed_after_end: Final = real.listed_after_end
        self.lacks: list[Lack] = []
        self._account = account
        self._clock = clock
        self._sleep = sleep
        self._lives = [
            Life.of(one, real.told_since(one, account.asked_at), real.listed_after_end)
            for one in machines
        ]
        self._read_until = account.start
        self._series: dict[ResourceKey, UsageSeries] = {}

    def discover(self) -> Inventory:
        """Show the machines as they were at the clock's time."""
        now, resolution = self._clock.time, self._account.resolution
        while self._read_until < min(now, self._account.until):
            self._read_on()
        known = (life.at(now, self._read_until, resolution) for life in self._lives)
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
        asked = [life.machine for life in self._lives if life.may_have_run(start)]
        read = self._read(asked, Window(start=start, end=end, resolution=resolution))
        oldest = floor_to(self._clock.time - self.settle, resolution) - resolution
        for life in self._lives:
            series = read.get(life.machine.key)
            if series is not None:
                life.forget(oldest)
                life.learn(sorted(series.starts()), resolution)
        self._series = {
            key: _joined(self._series.get(key), read.get(key), oldest)
            for key in self._series.keys() | read.keys()
        }
        self._read_until = end

    def _read(self, machines: Sequence[Machine], window: Window) -> dict[ResourceKey, UsageSeries]:
        """Read a window, again and again for those that were not read; what stays is a lack."""
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
            self._lack(waiting, cause, window)
        return read

    def _lack(self, machines: Iterable[Machine], cause: str, window: Window) -> None:
        count = len(list(machines))
        what = f"the CPU of {count} machine{'s' if count > 1 else ''}"
        self.lacks.append(
            Lack(collector=self.name, what=what, cause=cause, start=window.start, end=window.end)
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
