"""Which intensity applies to a zone at a time: the fallback chain over all sources.

For each zone and time, by expected error: the preferred source's value (level 0), another source's
(1), a forecast (3) of a source or else our own, the last known value (2) where there is too little
history for a forecast of ours, the annual average (4). There is always a value, and it always says
how it was come by. History is kept, so that a late energy bucket finds the
intensity of its own time and not that of the poll.

There is one chain for each method and basis, and they never mix: average life-cycle values price
grams; marginal and direct ones are signals for decisions, and absent where nothing is known.
"""

import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from math import hypot
from typing import Final, NamedTuple

from exporter.core.clock import floor_to, from_epoch
from exporter.core.errors import StoreError
from exporter.core.model import (
    OWN_FORECAST,
    AnnualIntensity,
    Basis,
    FallbackLevel,
    ForecastHour,
    IntensityInForce,
    IntensityPoint,
    Method,
    Outlook,
    Standing,
)
from exporter.core.ports import AnnualIntensities, Clock, Forecaster, GridSource
from exporter.core.units import SECONDS_PER_HOUR, GCO2eqPerKwh
from exporter.engine.source_history import Series, SourceHistory, sound
from exporter.engine.status import CollectorStatus, Outcome, reasons
from exporter.engine.store import Store

LAST_KNOWN_SECONDS: Final = 6 * 3600
"""How long a value may be carried on where nothing forecasts: grids swing within a day, and after a
quarter of one the annual average is about as good a guess."""

SHAPE_SECONDS: Final = 86400
"""History from which on our own forecast is preferred to the last known value: with less than a day
it knows no daily shape."""

STANDING_SECONDS: Final = 3600
"""Age at which a standing is dropped: by then another part of the day is compared."""

KEEP_SECONDS: Final = 14 * 86400
"""How much history is kept: two weeks cover every catch-up and a weekly shape."""

OWN_HOURS: Final = 48
"""How far our own forecast is trusted after the last value; some sources are a day late."""

_HISTORY_SHARE: Final = 0.5
"""Share of a source's cheap history that must be there for the rest not to be asked for."""

_HOUR: Final = int(SECONDS_PER_HOUR)
_DAY_HOURS: Final = 24.0


LIVE_ERROR: Final = 0.05
"""Relative error, 90 %, of an observed value whose source tells none. Two vintages of the same
zone's year differ by 1.6 % in the median and stay within 5 % in most zones (Electricity Maps 2023
in CO2.js and in Real Time Cloud)."""
_REVISED: Final = frozenset({"HK", "BH", "CH", "GR", "IN"})
_REVISED_ERROR: Final = 0.15
"""The same for zones whose year was revised by 10 to 37 % between those vintages."""

_MEAN_ERROR: Final = (
    *((1, 0.33), (24, 0.27), (168, 0.24), (730, 0.22), (1460, 0.19), (2190, 0.16), (4380, 0.08)),
    (8760, 0.0),
)
"""Hours, and the 90 % relative error of a year's average as the mean of so many hours of that year:
mean over seven US zones of 2022 of the distance of the 5 and 95 % quantiles from the year (flow
traced, life cycle; ``python -m bench.grids``). Seasons last: a month is hardly nearer than a week.
Over two weeks of 45 zones one hour is 0.70 to 1.33 times their mean."""

YEARS_ERROR: Final = 0.22
"""Relative error, 90 %, of a year's average as that of the next one: 133 pairs of years of 38
zones, 2019 to 2023 (``bench.grids --pairs``); half of them differ by less than 5.4 %."""

_ELSEWHERE: Final = (0.08, 1.41)
"""Of a zone that no table knows: times the world's average, between which nine of ten shipped zones
lie (37 to 667 of 473 g)."""

_STALE_ERROR: Final = ((0, 0.0), (1, 0.109), (2, 0.198), (3, 0.263), (4, 0.300), (6, 0.383))
_AHEAD_ERROR: Final = (
    *((0, 0.0), (1, 0.082), (2, 0.142), (3, 0.176), (4, 0.198), (6, 0.247)),
    *((12, 0.306), (24, 0.360), (48, 0.444)),
)
"""Hours after the newest observed value, and the relative error that nine of ten hours stay below:
of that value carried on, and of a forecast (bench/forecast, ``--ages``). A source's forecast, which
tells no quantiles, is taken to be as good as ours."""

_TO_90: Final = 1.6449 / 1.2816
"""From the distance of the 10 and 90 % quantiles to that of the 5 and 95 %, of a normal error."""


class Chain(NamedTuple):
    """What a chain of sources is about: values of different chains are never compared."""

    method: Method
    basis: Basis


PRICING: Final = Chain(Method.AVERAGE, Basis.LIFECYCLE)
"""The only chain that is multiplied into grams."""


class _Found(NamedTuple):
    """A value, and until when nothing else is to be found."""

    value: IntensityInForce
    until: int


class IntensityBook:
    """All that is known of the grids. Thread-safe."""

    def __init__(
        self,
        sources: Sequence[GridSource],
        annual: AnnualIntensities,
        store: Store,
        clock: Clock,
        forecaster: Forecaster,
    ) -> None:
        self._annual = annual
        self._store = store
        self._clock = clock
        self._lock = threading.RLock()
        self._feeds = [SourceHistory(source, clock) for source in sources]
        self._own = _OwnForecasts(forecaster)
        self._news: set[str] = set()
        self._changes: defaultdict[str, int] = defaultdict(int)
        """How often anything new came of a zone: what was made of it before is out of date."""
        self._outlooks: dict[tuple[str, Method], tuple[tuple[int, int, int], Outlook | None]] = {}

    def restore(self, history: dict[str, list[IntensityPoint]]) -> None:
        """Take over what the state file held; what could not be saved before is newer."""
        for feed in self._feeds:
            self._put(feed, history.get(feed.source.name, ()))
            self._put(feed, list(feed.unsaved.values()))

    @property
    def statuses(self) -> tuple[CollectorStatus, ...]:
        """One for each source, in order of preference."""
        return tuple(feed.status for feed in self._feeds)

    @property
    def sources(self) -> tuple[GridSource, ...]:
        """The sources in order of preference."""
        return tuple(feed.source for feed in self._feeds)

    # --- asking -----------------------------------------------------------------------------------

    def cover(
        self,
        zones: Collection[str],
        start: int,
        end: int,
        *,
        only: str | None = None,
        pause: float = 0.0,
    ) -> None:
        """Ask the sources for what is missing of ``[start, end)``; never raises for a failure.

        A source is not asked again for the same gap sooner than it refreshes, nor before ``pause``
        seconds. ``only`` names one source where the others have their own turn.
        """
        for feed in self._feeds:
            if only is None or feed.source.name == only:
                self._cover(feed, zones, start, end, pause)

    def refresh(self, name: str, zones: Collection[str], start: int, end: int) -> None:
        """Cover ``[start, end)`` from one source; never raises for a failure.

        A zone whose history is short is asked for as much of it as comes cheap: forecasts need it.
        """
        for feed in self._feeds:
            if feed.source.name == name:
                span = feed.source.history_seconds
                young = [zone for zone in zones if span and self._young(feed, zone, end - span)]
                self._cover(feed, young, end - span, end)
                self._cover(feed, zones, start, end)

    def _young(self, feed: SourceHistory, zone: str, begin: int) -> bool:
        with self._lock:
            starts = feed.observed(zone).starts
        enough = begin + feed.source.history_seconds * _HISTORY_SHARE
        return not starts or starts[0] > enough

    def _cover(
        self,
        feed: SourceHistory,
        zones: Collection[str],
        start: int,
        end: int,
        pause: float = 0.0,
    ) -> None:
        with feed.asking:
            with self._lock:
                wanted = feed.wanted(zones, start, end, pause)
                if wanted:
                    feed.note(wanted, start, end)
            if wanted:
                feed.status.attempt(partial(self._ask, feed, wanted, start, end))

    def _ask(self, feed: SourceHistory, zones: list[str], start: int, end: int) -> Outcome:
        reading = feed.source.fetch(zones, start, end)
        points = [point for point in reading.points if sound(point)]
        self._put(feed, points, reading.standings)
        self._keep(feed, points)
        observed = [point.end for point in points if not point.forecast]
        told = [*observed, *(standing.moment for standing in reading.standings)]
        return reasons(reading.failures), max(told, default=None)

    def _put(
        self,
        feed: SourceHistory,
        points: Iterable[IntensityPoint],
        standings: Iterable[Standing] = (),
    ) -> None:
        with self._lock:
            told = feed.put(points, self._oldest())
            self._news |= told
            for zone in told:
                self._changes[zone] += 1
            feed.standings |= {standing.zone: standing for standing in standings}

    def news(self) -> frozenset[str]:
        """Return the zones of which anything new came since the last call."""
        with self._lock:
            news, self._news = frozenset(self._news), set()
        return news

    def _keep(self, feed: SourceHistory, points: Iterable[IntensityPoint]) -> None:
        """Write to the state file; what cannot be written now goes with the next points."""
        oldest = self._oldest()
        feed.unsaved.update(((p.zone, p.start, p.forecast), p) for p in points)
        try:
            self._store.save_intensity(
                feed.source.name, list(feed.unsaved.values()), forget_before=oldest
            )
            feed.unsaved.clear()
        except StoreError:  # the ledger's own commit fails as well, and tells
            feed.unsaved = {key: p for key, p in feed.unsaved.items() if p.end >= oldest}

    def _oldest(self) -> int:
        return int(self._clock.now().timestamp()) - KEEP_SECONDS

    # --- telling ----------------------------------------------------------------------------------

    def over(self, zone: str, start: int, end: int) -> IntensityInForce:
        """Return the time-weighted mean intensity of a bucket: average, life cycle.

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
        weakest = max((part for part, _ in parts), key=lambda part: part.weakness)
        return IntensityInForce(
            zone=zone,
            gco2eq_per_kwh=GCO2eqPerKwh(mean),
            source=weakest.source,
            method=weakest.method,
            basis=weakest.basis,
            level=weakest.level,
            valid_from=first.valid_from,
            estimated=any(part.estimated for part, _ in parts),
            low=GCO2eqPerKwh(sum(_low(part) * seconds for part, seconds in parts) / total),
            high=GCO2eqPerKwh(sum(_high(part) * seconds for part, seconds in parts) / total),
        )

    def _parts(self, zone: str, start: int, end: int) -> Iterator[tuple[IntensityInForce, float]]:
        at = start
        while at < end:
            found = self._priced(zone, at)
            stop = min(end, found.until)
            yield found.value, stop - at
            at = stop

    def at(self, zone: str, moment: float) -> IntensityInForce:
        """Return the value in force at a time: average, life cycle."""
        with self._lock:
            return self._priced(zone, int(moment)).value

    def signal(
        self, zone: str, moment: float, method: Method, basis: Basis
    ) -> IntensityInForce | None:
        """Return the value in force of any chain, None where its sources know nothing."""
        chain = Chain(method, basis)
        with self._lock:
            found = self._known(chain, self._of(chain, zone), zone, int(moment))
        return found.value if found else None

    def standing(self, zone: str, moment: float) -> Standing | None:
        """Return how the present compares with the next day, from the first source that knows."""
        with self._lock:
            told = [feed.standings[zone] for feed in self._feeds if zone in feed.standings]
        return next((one for one in told if moment - one.moment < STANDING_SECONDS), None)

    def _priced(self, zone: str, at: int) -> _Found:
        feeds = self._of(PRICING, zone)
        until = _next_begin(feeds, zone, at)
        found = self._known(PRICING, feeds, zone, at) or _Found(
            annual_in_force(self._annual, zone, at), until
        )
        return found._replace(until=min(found.until, until))

    def _known(self, chain: Chain, feeds: list[SourceHistory], zone: str, at: int) -> _Found | None:
        return (
            _observed(feeds, zone, at)
            or _forecast(feeds, zone, at)
            or self._own.find(chain, feeds, zone, at, least=SHAPE_SECONDS)
            or _last_known(feeds, zone, at)
            or self._own.find(chain, feeds, zone, at)
        )

    def _of(self, chain: Chain, zone: str) -> list[SourceHistory]:
        return [
            feed
            for feed in self._feeds
            if (feed.source.method, feed.source.basis) == chain and feed.source.covers(zone)
        ]

    def forecast(
        self, zone: str, moment: float, hours: int = OWN_HOURS, method: Method = Method.AVERAGE
    ) -> Outlook | None:
        """Return the clock hours after a moment: hour ``n`` holds the time ``n`` hours ahead.

        Each hour comes from the first source that tells it, else from our own model. None where
        neither has anything to say; hours at the end may be missing. Until anything new comes of
        the zone or an hour is over, all who ask for as many hours read the same answer.
        """
        first = floor_to(moment, _HOUR) + _HOUR
        with self._lock:
            state = (self._changes.get(zone, 0), first, hours)
            before = self._outlooks.get((zone, method))
            if before is None or before[0] != state:
                before = self._outlooks[zone, method] = (
                    state,
                    self._outlook(zone, method, first, hours),
                )
        return before[1]

    def _outlook(self, zone: str, method: Method, first: int, hours: int) -> Outlook | None:
        chain = PRICING if method is Method.AVERAGE else Chain(method, Basis.DIRECT)
        feeds = self._of(chain, zone)
        told = [self._hour(chain, feeds, zone, first + n * _HOUR) for n in range(hours)]
        known = [each for each in told if each is not None]
        if not known:
            return None
        sources = dict.fromkeys(source for source, _ in known)
        return Outlook(
            zone=zone,
            method=method,
            source=" + ".join(sources),
            hours=tuple(hour for _, hour in known),
        )

    def _hour(
        self, chain: Chain, feeds: list[SourceHistory], zone: str, start: int
    ) -> tuple[str, ForecastHour] | None:
        for feed in feeds:
            mean = _mean(feed.forecast(zone), start, start + _HOUR)
            if mean is not None:
                hour = ForecastHour(start=start, end=start + _HOUR, gco2eq_per_kwh=mean)
                return feed.source.name, hour
        own = self._own.hour(chain, feeds, zone, start)
        return (OWN_FORECAST, own) if own else None


class _OwnForecasts:
    """Our own forecast of each zone, made anew when its history has grown."""

    def __init__(self, forecaster: Forecaster) -> None:
        self._forecaster = forecaster
        self._made: dict[tuple[Chain, str], tuple[object, dict[int, ForecastHour]]] = {}

    def find(
        self, chain: Chain, feeds: list[SourceHistory], zone: str, at: int, least: int = 0
    ) -> _Found | None:
        """Return the value that applies at a time after a history of ``least`` seconds or more."""
        feed = _freshest(feeds, zone)
        hour = self.hour(chain, feeds, zone, at)
        if feed is None or hour is None or feed.observed(zone).span() < least:
            return None
        value = IntensityInForce(
            zone=zone,
            gco2eq_per_kwh=hour.gco2eq_per_kwh,
            source=OWN_FORECAST,
            method=chain.method,
            basis=chain.basis,
            level=FallbackLevel.FORECAST,
            valid_from=hour.start,
            estimated=True,
            low=None if hour.low is None else _scaled(hour.gco2eq_per_kwh, hour.low),
            high=None if hour.high is None else _scaled(hour.gco2eq_per_kwh, hour.high),
        )
        return _Found(value, hour.end)

    def hour(
        self, chain: Chain, feeds: list[SourceHistory], zone: str, at: int
    ) -> ForecastHour | None:
        """Return the hour that holds a time."""
        feed = _freshest(feeds, zone)
        newest = None if feed is None else feed.observed(zone).newest()
        if feed is None or newest is None:
            return None
        if not 0 <= at - floor_to(newest.end, _HOUR) < OWN_HOURS * _HOUR:
            return None
        return self._hours(chain, feed, zone).get(floor_to(at, _HOUR))

    def _hours(self, chain: Chain, feed: SourceHistory, zone: str) -> dict[int, ForecastHour]:
        series = feed.observed(zone)
        state = (feed.source.name, len(series.starts), series.newest())
        known = self._made.get((chain, zone))
        if known is None or known[0] != state:
            told = self._forecaster.forecast(series.in_order(), OWN_HOURS)
            known = self._made[chain, zone] = (state, {hour.start: hour for hour in told})
        return known[1]


def _freshest(feeds: list[SourceHistory], zone: str) -> SourceHistory | None:
    """Return the source that observed the zone last, the preferred one of two as late."""
    newest = [(point.end, feed) for feed in feeds if (point := feed.observed(zone).newest())]
    return max(newest, key=lambda pair: pair[0])[1] if newest else None


def _mean(series: Series, start: int, end: int) -> GCO2eqPerKwh | None:
    """Time-weighted mean of a span, None where a part of it is unknown."""
    total, at = 0.0, start
    while at < end:
        point = series.covering(at)
        if point is None:
            return None
        stop = min(end, point.end, series.next_start(at) or end)
        total += point.gco2eq_per_kwh * (stop - at)
        at = stop
    return GCO2eqPerKwh(total / (end - start))


def _next_begin(feeds: list[SourceHistory], zone: str, at: int) -> int:
    """Time at which the next point of any source begins: no finding holds longer unasked."""
    begins = [
        begin
        for feed in feeds
        for series in (feed.observed(zone), feed.forecast(zone))
        if (begin := series.next_start(at)) is not None
    ]
    return min(begins, default=at + KEEP_SECONDS)


def _observed(feeds: list[SourceHistory], zone: str, at: int) -> _Found | None:
    for place, feed in enumerate(feeds):
        point = feed.observed(zone).covering(at)
        if point is not None:
            level = FallbackLevel.LIVE if place == 0 else FallbackLevel.SECOND_SOURCE
            return _Found(_in_force(feed.source, point, level), point.end)
    return None


def _last_known(feeds: list[SourceHistory], zone: str, at: int) -> _Found | None:
    known = [
        (feed.source, point)
        for feed in feeds
        if (point := feed.observed(zone).last_before(at)) is not None
        and at - point.end < LAST_KNOWN_SECONDS
    ]
    if not known:
        return None
    source, point = max(known, key=lambda found: found[1].end)
    hours = int((at - point.end) // _HOUR)
    error = _at(_STALE_ERROR, hours + 1)
    value = _in_force(source, point, FallbackLevel.LAST_KNOWN, error)
    until = min(point.end + (hours + 1) * _HOUR, point.end + LAST_KNOWN_SECONDS)
    return _Found(value, until)


def _forecast(feeds: list[SourceHistory], zone: str, at: int) -> _Found | None:
    for feed in feeds:
        point = feed.forecast(zone).covering(at)
        if point is not None:
            newest = feed.observed(zone).newest()
            ahead = (point.end - newest.end) / _HOUR if newest else _AHEAD_ERROR[-1][0]
            error = _at(_AHEAD_ERROR, ahead)
            return _Found(_in_force(feed.source, point, FallbackLevel.FORECAST, error), point.end)
    return None


def _in_force(
    source: GridSource, point: IntensityPoint, level: FallbackLevel, error: float = 0.0
) -> IntensityInForce:
    """Put a point in force; ``error`` is what its own time leaves open, besides how it was told."""
    grams = point.gco2eq_per_kwh
    usual = _usual_error(point.zone)
    below = usual if point.low is None or not grams else 1.0 - point.low / grams
    above = usual if point.high is None or not grams else point.high / grams - 1.0
    return IntensityInForce(
        zone=point.zone,
        gco2eq_per_kwh=grams,
        source=source.name,
        method=source.method,
        basis=source.basis,
        level=level,
        valid_from=point.start,
        estimated=point.estimated or level is FallbackLevel.FORECAST,
        low=_off(grams, -hypot(below, error)),
        high=_off(grams, hypot(above, error)),
    )


def _usual_error(zone: str) -> float:
    return _REVISED_ERROR if zone.split("-", maxsplit=1)[0] in _REVISED else LIVE_ERROR


def _off(grams: GCO2eqPerKwh, share: float) -> GCO2eqPerKwh:
    return GCO2eqPerKwh(max(0.0, grams * (1.0 + share)))


def _scaled(central: GCO2eqPerKwh, quantile: GCO2eqPerKwh) -> GCO2eqPerKwh:
    return GCO2eqPerKwh(max(0.0, central + _TO_90 * (quantile - central)))


def _low(force: IntensityInForce) -> float:
    return force.gco2eq_per_kwh if force.low is None else force.low


def _high(force: IntensityInForce) -> float:
    return force.gco2eq_per_kwh if force.high is None else force.high


def _at(table: Sequence[tuple[int, float]], hours: float) -> float:
    """Read a table of errors by hours, straight between its lines; its last line from there on."""
    for (left, before), (right, after) in pairwise(table):
        if hours <= right:
            return before + (after - before) * (max(left, hours) - left) / (right - left)
    return table[-1][1]


def annual_error(yearly: AnnualIntensity, at: float, hours: float) -> float:
    """Relative error, 90 %, of a year's average as the mean of so many hours from a time on.

    Three that are independent of each other: what the hours differ from their year; what the
    year differs from that of the table, unless it is the same or the user's own figure; and what
    editions of one year differ.
    """
    another = yearly.year.isdecimal() and yearly.year != str(from_epoch(at).year)
    years = YEARS_ERROR if another else 0.0
    return hypot(_at(_MEAN_ERROR, hours), years, _usual_error(yearly.zone))


def annual_in_force(
    annual: AnnualIntensities, zone: str, at: float, hours: float = 1.0
) -> IntensityInForce:
    """Return a zone's annual average as the value in force: level 4, never called live.

    ``hours`` is how long it stands for: its bounds are those of the mean of so many hours.
    """
    yearly = annual.annual(zone)
    error = annual_error(yearly, at, hours)
    low, high = (-error, error) if yearly.known else (end - 1.0 for end in _ELSEWHERE)
    told = f"{low:+.0%} to {high:+.0%} as {_span(hours)}"
    return IntensityInForce(
        zone=zone,
        gco2eq_per_kwh=yearly.gco2eq_per_kwh,
        source="annual",
        method=Method.AVERAGE,
        basis=Basis.LIFECYCLE,
        level=FallbackLevel.ANNUAL,
        valid_from=int(at),
        estimated=True,
        detail="; ".join((" ".join(filter(None, (yearly.year, yearly.source))), told)),
        low=_off(yearly.gco2eq_per_kwh, low),
        high=_off(yearly.gco2eq_per_kwh, high),
    )


def _span(hours: float) -> str:
    if hours <= 1.0:
        return "the value of one hour"
    # Days, rounded: a number of hours could be taken for a year.
    days = hours / _DAY_HOURS
    return f"a mean of {days:.3g} days" if days > 1.0 else f"a mean of {hours:.3g} hours"
