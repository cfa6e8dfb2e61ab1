"""When a machine runs: intervals in whole epoch seconds, computed for any time.

Every run and every pause of the demo lasts at least :data:`SHORTEST`, so that whoever lists the
machines every ten minutes sees each of them.
"""

from dataclasses import dataclass
from itertools import count
from typing import Final, NamedTuple, Protocol

from exporter.demo.estate.hashing import mix

DAY: Final = 86_400
WEEK: Final = 7 * DAY
SHORTEST: Final = 600
"""Seconds that any run and any pause of the demo estate lasts at least."""
MONDAY: Final = 1_736_121_600
"""2025-01-06 00:00 UTC, a Monday: the origin of recurring schedules."""
EVERY_DAY: Final = frozenset(range(7))
WORKING_DAYS: Final = frozenset(range(5))
"""Monday is 0."""


class Run(NamedTuple):
    """The machine is on in ``[start, end)`` epoch seconds; ``end`` is None while it has none."""

    start: int
    end: int | None

    def overlaps(self, start: float, end: float) -> bool:
        """Whether any instant of ``[start, end)`` is inside."""
        return self.start < end and (self.end is None or self.end > start)

    def covers(self, start: float, end: float) -> bool:
        """Whether all of ``[start, end)`` is inside."""
        return self.start <= start and (self.end is None or self.end >= end)


class Schedule(Protocol):
    """All runs of one machine, past and future."""

    def first(self) -> int:
        """Return the start of the first run."""
        ...

    def runs(self, start: float, end: float) -> tuple[Run, ...]:
        """Return the runs that overlap ``[start, end)``, whole, in order."""
        ...

    def last(self, moment: float) -> Run | None:
        """Return the latest run that began at or before the moment."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """One run, for ever where ``end`` is None."""

    start: int
    end: int | None = None

    def first(self) -> int:
        """Return the start of the run."""
        return self.start

    def runs(self, start: float, end: float) -> tuple[Run, ...]:
        """Return the run if it overlaps ``[start, end)``."""
        run = Run(self.start, self.end)
        return (run,) if run.overlaps(start, end) else ()

    def last(self, moment: float) -> Run | None:
        """Return the run if it has begun."""
        return Run(self.start, self.end) if self.start <= moment else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """A run of ``length`` seconds every ``period`` seconds from ``anchor`` on.

    ``jitter`` spreads starts and ends over that many seconds, by hash. Runs whose undisturbed
    start is not on one of the UTC ``weekdays`` do not take place.
    """

    anchor: int
    period: int
    length: int
    jitter: int = 1
    seed: int = 0
    weekdays: frozenset[int] = EVERY_DAY

    def first(self) -> int:
        """Return the start of the first run."""
        return next(run.start for run in map(self._run, count()) if run is not None)

    def runs(self, start: float, end: float) -> tuple[Run, ...]:
        """Return the runs that overlap ``[start, end)``."""
        first = int((start - self.anchor - self.length - self.jitter) // self.period)
        after = int((end - self.anchor) // self.period) + 1
        found = (self._run(number) for number in range(max(0, first), after))
        return tuple(run for run in found if run is not None and run.overlaps(start, end))

    def last(self, moment: float) -> Run | None:
        """Return the latest run that began at or before the moment."""
        newest = int((moment - self.anchor) // self.period)
        for number in range(newest, -1, -1):
            run = self._run(number)
            if run is not None and run.start <= moment:
                return run
        return None

    def _run(self, number: int) -> Run | None:
        base = self.anchor + number * self.period
        if weekday(base) not in self.weekdays:
            return None
        start = base + mix(self.seed, 2 * number) % self.jitter
        return Run(start, base + self.length + mix(self.seed, 2 * number + 1) % self.jitter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """Another schedule whose starts and ends are put back to whole steps of so many seconds."""

    schedule: Schedule
    step: int = 300

    def first(self) -> int:
        """Return the start of the first run."""
        return self._floor(self.schedule.first())

    def runs(self, start: float, end: float) -> tuple[Run, ...]:
        """Return the runs that overlap ``[start, end)``."""
        near = self.schedule.runs(start, end + self.step)
        return tuple(run for run in map(self._put_back, near) if run.overlaps(start, end))

    def last(self, moment: float) -> Run | None:
        """Return the latest run that began at or before the moment."""
        before_next = self._floor(int(moment // 1)) + self.step - 1
        run = self.schedule.last(before_next)
        return None if run is None else self._put_back(run)

    def _put_back(self, run: Run) -> Run:
        return Run(self._floor(run.start), None if run.end is None else self._floor(run.end))

    def _floor(self, moment: int) -> int:
        return moment // self.step * self.step


def weekday(moment: int) -> int:
    """Day of the week in UTC; Monday is 0."""
    return (moment // DAY + 3) % 7  # 1970-01-01 was a Thursday
