"""One grid source as the engine keeps it: what it told, what it was asked, when it may be again."""

import threading
from bisect import bisect_right
from collections.abc import Iterable
from math import isfinite
from typing import Final, NamedTuple

from exporter.core.model import IntensityPoint, Standing
from exporter.core.ports import Clock, GridSource
from exporter.engine.status import CollectorStatus

PATIENCE: Final = 0.9
"""Share of a source's refresh time that must pass between two questions: a job that comes round
a moment early must not have to wait for the next round."""

LATE_SECONDS: Final = 3600
"""How often a source is asked for hours that have long passed: it may never have them."""


class Series:
    """Points of one source and zone, by start. A newer point for the same start replaces."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.points: dict[int, IntensityPoint] = {}

    def put(self, point: IntensityPoint) -> bool:
        """Take in a point; returns whether it tells anything new."""
        if self.points.get(point.start) == point:
            return False
        if point.start not in self.points:
            place = bisect_right(self.starts, point.start)
            self.starts.insert(place, point.start)
        self.points[point.start] = point
        return True

    def forget(self, before: int) -> None:
        """Drop what ended before a time."""
        if self.starts and self.points[self.starts[0]].end < before:
            self.points = {s: point for s, point in self.points.items() if point.end >= before}
            self.starts = sorted(self.points)

    def in_order(self) -> list[IntensityPoint]:
        """Return all points by start."""
        return [self.points[start] for start in self.starts]

    def newest(self) -> IntensityPoint | None:
        """Return the point that starts last."""
        return self.points[self.starts[-1]] if self.starts else None

    def span(self) -> int:
        """Seconds from the first start to the last end; gaps between them count."""
        newest = self.newest()
        return newest.end - self.starts[0] if newest else 0

    def last_before(self, at: float) -> IntensityPoint | None:
        """Return the newest point that started at or before a time."""
        place = bisect_right(self.starts, at)
        return self.points[self.starts[place - 1]] if place else None

    def covering(self, at: float) -> IntensityPoint | None:
        """Return the point that is valid at a time."""
        point = self.last_before(at)
        return point if point is not None and at < point.end else None

    def next_start(self, at: float) -> int | None:
        """Return when the first point after a time begins."""
        place = bisect_right(self.starts, at)
        return self.starts[place] if place < len(self.starts) else None

    def gap(self, start: int, end: int) -> int | None:
        """Return the first time of a span without a final value, None if there is none."""
        at = start
        while at < end:
            point = self.covering(at)
            if point is None or point.estimated:
                return at
            at = point.end
        return None


class _Question(NamedTuple):
    """What a source was asked, and when by the monotonic clock."""

    zones: frozenset[str]
    start: int
    end: int
    when: float

    def met(self, zone: str, gap: int) -> bool:
        return zone in self.zones and self.start <= gap < self.end


_EMPTY: Final = Series()


class SourceHistory:
    """One source with what it told. Guarded by its owner's lock; ``asking`` is for questions."""

    def __init__(self, source: GridSource, clock: Clock) -> None:
        self.source = source
        self.status = CollectorStatus(source.name, clock)
        self.unsaved: dict[tuple[str, int, bool], IntensityPoint] = {}
        self.standings: dict[str, Standing] = {}
        """What it told last of each zone; they are about the present and not kept."""
        self.asking = threading.Lock()
        """Who needs the same answer waits for it, and does not count with a fallback meanwhile."""
        self._clock = clock
        self._observed: dict[str, Series] = {}
        self._forecast: dict[str, Series] = {}
        self._asked: list[_Question] = []

    def observed(self, zone: str) -> Series:
        """Return what was measured, or is being."""
        return self._observed.get(zone, _EMPTY)

    def forecast(self, zone: str) -> Series:
        """Return what the source expects."""
        return self._forecast.get(zone, _EMPTY)

    def put(self, points: Iterable[IntensityPoint], oldest: int) -> set[str]:
        """Take in points, and drop what ended before ``oldest``; returns zones with news."""
        news = set()
        for point in points:
            table = self._forecast if point.forecast else self._observed
            if table.setdefault(point.zone, Series()).put(point):
                news.add(point.zone)
        for series in (*self._observed.values(), *self._forecast.values()):
            series.forget(oldest)
        return news

    def wanted(self, zones: Iterable[str], start: int, end: int, pause: float = 0.0) -> list[str]:
        """Return the zones to be asked for now: those with a gap that was not just asked about.

        Just: less than a refresh ago, or less than ``pause`` seconds where that is longer, up to
        an hour.
        """
        usual = self.source.refresh_seconds
        now = self._clock.monotonic()
        self._asked = [q for q in self._asked if now - q.when < max(usual, LATE_SECONDS) * PATIENCE]
        recent = [q for q in self._asked if now - q.when < max(usual, pause) * PATIENCE]
        return [zone for zone in sorted(set(zones)) if self._lacks(zone, start, end, recent)]

    def note(self, zones: Iterable[str], start: int, end: int) -> None:
        """Remember that the source was asked."""
        self._asked.append(_Question(frozenset(zones), start, end, self._clock.monotonic()))

    def _lacks(self, zone: str, start: int, end: int, recent: Iterable[_Question]) -> bool:
        if not self.source.covers(zone):
            return False
        gap = self.observed(zone).gap(start, end)
        return gap is not None and not any(question.met(zone, gap) for question in recent)


def sound(point: IntensityPoint) -> bool:
    """Whether it can be multiplied with: a total that once took in a NaN stays one."""
    told = [point.gco2eq_per_kwh, *(b for b in (point.low, point.high) if b is not None)]
    return all(map(isfinite, told)) and point.start < point.end
