"""Which intensity applies to a zone at a time: the fallback chain over all sources.

For each zone and time: the preferred source's value (level 0), another source's (1), the last known
value within an age limit (2), a forecast (3), the annual average (4). There is always a value, and
it always says how it was come by. History is kept, so that a late energy bucket finds the
intensity of its own time and not that of the poll.
"""

import threading
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from math import isfinite
from typing import Final, NamedTuple

from exporter.core.errors import StoreError
from exporter.core.model import (
    LEVEL_ANNUAL,
    LEVEL_FORECAST,
    LEVEL_LAST_KNOWN,
    LEVEL_LIVE,
    LEVEL_SECOND_SOURCE,
    Basis,
    FallbackLevel,
    IntensityInForce,
    IntensityPoint,
    Method,
)
from exporter.core.ports import AnnualIntensities, Clock, GridSource
from exporter.core.units import GCO2eqPerKwh
from exporter.engine.status import CollectorStatus, Outcome, reasons
from exporter.engine.store import Store

LAST_KNOWN_SECONDS: Final = 6 * 3600
"""How long a value may be carried on. Grids swing within a day: after a quarter of one, a typical
forecast or the annual average is the better guess."""

PATIENCE: Final = 0.9
"""Share of a source's refresh time that must pass between two questions: a job that comes round
a moment early must not have to wait for the next round."""

KEEP_SECONDS: Final = 14 * 86400
"""How much history is kept: two weeks cover every catch-up and a weekly shape."""


class _Series:
    """Points of one source and zone, by start. A newer point for the same start replaces."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.points: dict[int, IntensityPoint] = {}

    def put(self, point: IntensityPoint) -> None:
        if point.start not in self.points:
            place = bisect_right(self.starts, point.start)
            self.starts.insert(place, point.start)
        self.points[point.start] = point

    def forget(self, before: int) -> None:
        self.points = {s: point for s, point in self.points.items() if point.end >= before}
        self.starts = sorted(self.points)

    def last_before(self, at: float) -> IntensityPoint | None:
        """Return the newest point that started at or before a time."""
        place = bisect_right(self.starts, at)
        return self.points[self.starts[place - 1]] if place else None

    def gap(self, start: int, end: int) -> int | None:
        """Return the first time of a span without a final value, None if there is none."""
        at = start
        while at < end:
            point = self.last_before(at)
            if point is None or point.end <= at or point.estimated:
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


class _Feed:
    """One source with what it told."""

    def __init__(self, source: GridSource, clock: Clock) -> None:
        self.source = source
        self.status = CollectorStatus(source.name, clock)
        self.observed: dict[str, _Series] = {}
        self.forecast: dict[str, _Series] = {}
        self.asked: list[_Question] = []
        self.unsaved: dict[tuple[str, int, bool], IntensityPoint] = {}
        self.asking = threading.Lock()
        """Who needs the same answer waits for it, and does not count with a fallback meanwhile."""


class IntensityBook:
    """All that is known of the grids. Thread-safe."""

    def __init__(
        self,
        sources: Sequence[GridSource],
        annual: AnnualIntensities,
        store: Store,
        clock: Clock,
    ) -> None:
        self._annual = annual
        self._store = store
        self._clock = clock
        self._lock = threading.RLock()
        self._feeds = [_Feed(source, clock) for source in sources]

    def restore(self, history: dict[str, list[IntensityPoint]]) -> None:
        """Take over what the state file held."""
        for feed in self._feeds:
            self._put(feed, history.get(feed.source.name, ()))

    @property
    def statuses(self) -> tuple[CollectorStatus, ...]:
        """One for each source, in order of preference."""
        return tuple(feed.status for feed in self._feeds)

    @property
    def sources(self) -> tuple[GridSource, ...]:
        """The sources in order of preference."""
        return tuple(feed.source for feed in self._feeds)

    def cover(
        self, zones: Collection[str], start: int, end: int, *, only: str | None = None
    ) -> None:
        """Ask the sources for what is missing of ``[start, end)``; never raises for a failure.

        A source is not asked again for the same gap sooner than it refreshes. ``only`` names one
        source where the others have their own turn.
        """
        for feed in self._feeds:
            if only is not None and feed.source.name != only:
                continue
            with feed.asking:
                wanted = self._wanted(feed, zones, start, end)
                if wanted:
                    feed.status.attempt(partial(self._ask, feed, wanted, start, end))

    def _wanted(self, feed: _Feed, zones: Collection[str], start: int, end: int) -> list[str]:
        now = self._clock.monotonic()
        pause = feed.source.refresh_seconds * PATIENCE
        feed.asked = [question for question in feed.asked if now - question.when < pause]
        wanted = [zone for zone in sorted(set(zones)) if self._lacks(feed, zone, start, end)]
        if wanted:
            feed.asked.append(_Question(frozenset(wanted), start, end, now))
        return wanted

    def _lacks(self, feed: _Feed, zone: str, start: int, end: int) -> bool:
        if not feed.source.covers(zone):
            return False
        with self._lock:
            gap = feed.observed.get(zone, _Series()).gap(start, end)
        return gap is not None and not any(question.met(zone, gap) for question in feed.asked)

    def _ask(self, feed: _Feed, zones: list[str], start: int, end: int) -> Outcome:
        reading = feed.source.fetch(zones, start, end)
        points = [point for point in reading.points if _sound(point)]
        self._put(feed, points)
        self._keep(feed, points)
        observed = [point.end for point in points if not point.forecast]
        return reasons(reading.failures), max(observed, default=None)

    def _put(self, feed: _Feed, points: Iterable[IntensityPoint]) -> None:
        with self._lock:
            for point in points:
                table = feed.forecast if point.forecast else feed.observed
                table.setdefault(point.zone, _Series()).put(point)
            oldest = int(self._clock.now().timestamp()) - KEEP_SECONDS
            for series in (*feed.observed.values(), *feed.forecast.values()):
                series.forget(oldest)

    def _keep(self, feed: _Feed, points: Iterable[IntensityPoint]) -> None:
        """Write to the state file; what cannot be written now goes with the next points."""
        oldest = int(self._clock.now().timestamp()) - KEEP_SECONDS
        feed.unsaved.update(((p.zone, p.start, p.forecast), p) for p in points)
        try:
            self._store.save_intensity(
                feed.source.name, list(feed.unsaved.values()), forget_before=oldest
            )
            feed.unsaved.clear()
        except StoreError:  # the ledger's own commit fails as well, and tells
            feed.unsaved = {key: p for key, p in feed.unsaved.items() if p.end >= oldest}

    def over(self, zone: str, start: int, end: int) -> IntensityInForce:
        """Return the time-weighted mean intensity of a bucket.

        The common case, one grid step over the whole bucket, is that step's own value. The level
        of a mean is that of its weakest part.
        """
        with self._lock:
            parts = list(self._parts(zone, start, end))
        (first, _) = parts[0]
        if len(parts) == 1:
            return first
        total = sum(seconds for _, seconds in parts)
        mean = sum(part.gco2eq_per_kwh * seconds for part, seconds in parts) / total
        weakest = max((part for part, _ in parts), key=lambda part: part.level)
        return IntensityInForce(
            zone=zone,
            gco2eq_per_kwh=GCO2eqPerKwh(mean),
            source=weakest.source,
            method=weakest.method,
            basis=weakest.basis,
            level=weakest.level,
            valid_from=first.valid_from,
            estimated=any(part.estimated for part, _ in parts),
        )

    def _parts(self, zone: str, start: int, end: int) -> Iterable[tuple[IntensityInForce, float]]:
        at = start
        while at < end:
            found, until = self._at(zone, at)
            stop = min(end, until)
            yield found, stop - at
            at = stop

    def at(self, zone: str, moment: float) -> IntensityInForce:
        """Return the value in force at a time."""
        with self._lock:
            return self._at(zone, int(moment))[0]

    def _at(self, zone: str, at: int) -> tuple[IntensityInForce, int]:
        """Find the value in force and until when the finding holds."""
        feeds = [
            feed
            for feed in self._feeds
            if feed.source.method is Method.AVERAGE
            and feed.source.basis is Basis.LIFECYCLE
            and feed.source.covers(zone)
        ]
        until = _next_begin(feeds, zone, at)
        found = (
            _observed(feeds, zone, at)
            or _last_known(feeds, zone, at)
            or _forecast(feeds, zone, at)
            or (annual_in_force(self._annual, zone, at), until)
        )
        return found[0], min(found[1], until)


def _sound(point: IntensityPoint) -> bool:
    """Whether it can be multiplied with: a total that once took in a NaN stays one."""
    return isfinite(point.gco2eq_per_kwh) and point.start < point.end


def _next_begin(feeds: list[_Feed], zone: str, at: int) -> int:
    """Time at which the next point of any source begins: no finding holds longer unasked."""
    begins = [
        series.starts[place]
        for feed in feeds
        for table in (feed.observed, feed.forecast)
        if (series := table.get(zone))
        and (place := bisect_right(series.starts, at)) < len(series.starts)
    ]
    return min(begins, default=at + KEEP_SECONDS)


_Found = tuple[IntensityInForce, int]


def _observed(feeds: list[_Feed], zone: str, at: int) -> _Found | None:
    for place, feed in enumerate(feeds):
        point = _covering(feed.observed.get(zone), at)
        if point is not None:
            level = LEVEL_LIVE if place == 0 else LEVEL_SECOND_SOURCE
            return _in_force(feed.source, point, level), point.end
    return None


def _last_known(feeds: list[_Feed], zone: str, at: int) -> _Found | None:
    known = [
        (feed.source, point)
        for feed in feeds
        if (series := feed.observed.get(zone)) and (point := series.last_before(at)) is not None
    ]
    fresh = [found for found in known if at - found[1].end < LAST_KNOWN_SECONDS]
    if not fresh:
        return None
    source, point = max(fresh, key=lambda found: found[1].end)
    return _in_force(source, point, LEVEL_LAST_KNOWN), point.end + LAST_KNOWN_SECONDS


def _forecast(feeds: list[_Feed], zone: str, at: int) -> _Found | None:
    for feed in feeds:
        point = _covering(feed.forecast.get(zone), at)
        if point is not None:
            return _in_force(feed.source, point, LEVEL_FORECAST), point.end
    return None


def _covering(series: _Series | None, at: int) -> IntensityPoint | None:
    point = series.last_before(at) if series else None
    return point if point is not None and at < point.end else None


def _in_force(source: GridSource, point: IntensityPoint, level: FallbackLevel) -> IntensityInForce:
    return IntensityInForce(
        zone=point.zone,
        gco2eq_per_kwh=point.gco2eq_per_kwh,
        source=source.name,
        method=source.method,
        basis=source.basis,
        level=level,
        valid_from=point.start,
        estimated=point.estimated,
    )


def annual_in_force(annual: AnnualIntensities, zone: str, at: float) -> IntensityInForce:
    """Return a zone's annual average as the value in force: level 4, never called live."""
    yearly = annual.annual(zone)
    return IntensityInForce(
        zone=zone,
        gco2eq_per_kwh=yearly.gco2eq_per_kwh,
        source="annual",
        method=Method.AVERAGE,
        basis=Basis.LIFECYCLE,
        level=LEVEL_ANNUAL,
        valid_from=int(at),
        estimated=True,
        detail=" ".join(filter(None, (yearly.year, yearly.source))),
    )
