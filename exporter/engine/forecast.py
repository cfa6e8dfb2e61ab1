"""What a zone's intensity will be, guessed from its own last days.

For zones whose source tells no forecast. The model has two parts: a daily shape (the mean of the
same hour of past days, the latest day the heaviest) and the present deviation from that shape,
which dies away with the distance. Its quantiles are its own past errors on the same history.
docs/methodology.md describes it; bench/ measures it against simpler guesses.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import sqrt
from typing import Final

from exporter.core.model import ForecastHour, IntensityPoint
from exporter.core.units import GCO2eqPerKwh

_HOUR: Final = 3600
_DAY: Final = 24
"""Hours in the season: the strongest cycle of demand and of the sun."""
_MEMORY: Final = 14 * _DAY * _HOUR
"""Older points are ignored: two weeks hold a weekly shape, and the season drifts."""

# The next four were chosen on half of the zones of bench/forecast; its README has the other half.
_DAY_DECAY: Final = 0.7
"""Weight of a day in the shape, relative to the day after it."""
_OTHER_TYPE: Final = 0.7
"""Weight of a weekend day for a weekday and the other way round. Days are those of UTC."""
_DAMPING: Final = 0.96
"""Share of the deviation that is left one hour further ahead."""
_TREND: Final = 0.3
"""Share of the deviation's last hourly change that is still to come."""

_BACKTEST_STRIDE: Final = 5
"""Hours between backtest origins: prime to 24, so that every hour of the day has its turn."""
_ENOUGH_ERRORS: Final = 20
"""Fewer past errors than this tell nothing about a 10 % tail."""
_LOW_QUANTILE: Final = 0.1
_HIGH_QUANTILE: Final = 0.9
_NARROWER: Final = 0.9
"""Share of the past errors' quantiles that is taken: they come from origins with less history than
the present one has. On the 45 zones of bench/forecast it brings the share of hours inside 10-90 %
from 86, 83 and 84 % (1, 6 and 24 hours ahead) to 83, 81 and 82 %; the pinball loss falls by 3 %.
"""
_FLOOR: Final = 0.01
"""Least half-width of the interval, relative to the value: meters and factors are no better."""
_UNKNOWN_ERROR: Final = 0.08
_UNKNOWN_ERROR_LIMIT: Final = 0.4
"""Half-width where the error is not known: first hour, and most; grows with the square root."""


@dataclass(frozen=True, slots=True)
class _Hourly:
    """A history as hourly means: ``means[i]`` is hour ``first + i``, counted from the epoch.

    An hour that was observed for less than half of its time is None; the first and the last one
    are not. ``end`` is the hour in which the history ends.
    """

    first: int
    means: list[float | None]
    end: int


@dataclass(frozen=True, slots=True)
class _Model:
    """What every hour of a history taught: entry ``i`` knows nothing that came after hour ``i``.

    ``shape`` reaches a day beyond the last mean; ``deviations`` are from it, 0 where the hour is
    not known; ``lowest`` and ``highest`` are the range seen so far.
    """

    means: list[float | None]
    shape: list[float]
    deviations: list[float]
    lowest: list[float]
    highest: list[float]

    @property
    def last(self) -> int:
        """The last known hour."""
        return len(self.means) - 1

    def expected(self, origin: int, ahead: int) -> float:
        """Guess hour ``origin + ahead`` from what was known at ``origin``, inside the range seen.

        The deviation dies away geometrically. Beyond a day the shape of the first day returns.
        """
        in_first_day = ahead - _DAY * max(0, (ahead - 1) // _DAY)
        value = self.shape[origin + in_first_day] + _DAMPING**ahead * self.deviations[origin]
        return min(self.highest[origin], max(self.lowest[origin], value))

    def past_errors(self, ahead: int) -> list[float]:
        """Truth minus guess at this distance, from origins inside the history; sorted."""
        errors = []
        for origin in range(self.last - ahead, _DAY, -_BACKTEST_STRIDE):
            truth = self.means[origin + ahead]
            if truth is not None and self.means[origin] is not None:
                errors.append(truth - self.expected(origin, ahead))
        errors.sort()
        return errors


class SeasonalForecaster:
    """Daily shape plus damped deviation: implements the ``Forecaster`` port. Pure, no state."""

    def forecast(self, history: Sequence[IntensityPoint], hours: int) -> tuple[ForecastHour, ...]:
        """Return ``hours`` whole clock hours, the first being that in which the history ends.

        ``history`` holds observed points of one zone, by start, possibly with gaps; what is older
        than 14 days is ignored. A history of less than a day has no shape: its latest level is
        damped towards its mean, between wide quantiles. The answer is empty where less than an
        hour was observed.
        """
        series = _hourly(history)
        if series is None:
            return ()
        model = _model(series)
        last = series.first + model.last
        return tuple(
            _hour(model, hour, hour - last) for hour in range(series.end, series.end + hours)
        )


def _hourly(history: Sequence[IntensityPoint]) -> _Hourly | None:
    """Time-weighted means by clock hour, or None where less than an hour was observed."""
    if not history:
        return None
    end = max(point.end for point in history)
    weighted, covered = _by_hour(history, end - _MEMORY)
    means = {h: weighted[h] / seconds for h, seconds in covered.items() if 2 * seconds >= _HOUR}
    if not means or sum(covered.values()) < _HOUR:
        return None
    first, last = min(means), max(means)
    return _Hourly(first, [means.get(hour) for hour in range(first, last + 1)], end // _HOUR)


def _by_hour(
    history: Sequence[IntensityPoint], oldest: int
) -> tuple[dict[int, float], dict[int, int]]:
    """Value times seconds, and seconds, of each clock hour."""
    weighted: defaultdict[int, float] = defaultdict(float)
    covered: defaultdict[int, int] = defaultdict(int)
    for point in history:
        start = max(point.start, oldest)
        while start < point.end:
            hour = start // _HOUR
            until = min(point.end, (hour + 1) * _HOUR)
            weighted[hour] += point.gco2eq_per_kwh * (until - start)
            covered[hour] += until - start
            start = until
    return weighted, covered


def _model(series: _Hourly) -> _Model:
    means = series.means
    known = _without_gaps(means, 0.0)
    shape = _shape(series, known)
    return _Model(
        means,
        shape,
        _deviations(means, shape),
        list(accumulate(known, min)),
        list(accumulate(known, max)),
    )


def _shape(series: _Hourly, known: list[float]) -> list[float]:
    """Return what each hour up to a day after the last should be, by the days before it.

    No entry knows anything newer than a day before it. An hour of the day that was never seen is
    taken to be like the one before it.
    """
    length = len(known) + _DAY
    if len(known) < _DAY:
        return [sum(known) / len(known)] * length
    shape: list[float | None] = [None] * length
    for slot in range(_DAY):
        _fill_slot(shape, series, slot)
    return _without_gaps(shape, known[0])


def _fill_slot(shape: list[float | None], series: _Hourly, slot: int) -> None:
    """Fill one hour of the day: a running mean over its days, by type of day."""
    sums, weights = [0.0, 0.0], [0.0, 0.0]
    for i in range(slot + _DAY, len(shape), _DAY):
        sums = [_DAY_DECAY * value for value in sums]
        weights = [_DAY_DECAY * value for value in weights]
        before = series.means[i - _DAY]
        if before is not None:
            kind = _is_weekend(series.first + i - _DAY)
            sums[kind] += before
            weights[kind] += 1.0
        same = _is_weekend(series.first + i)
        weight = weights[same] + _OTHER_TYPE * weights[not same]
        if weight:
            shape[i] = (sums[same] + _OTHER_TYPE * sums[not same]) / weight


def _is_weekend(hour: int) -> bool:
    """Whether an hour since the epoch, which began on a Thursday, lies on a UTC weekend."""
    return (hour // _DAY + 3) % 7 >= 5  # noqa: PLR2004 — Monday is 0, Saturday 5


def _without_gaps(values: Sequence[float | None], first: float) -> list[float]:
    """Carry the value before into gaps; before anything is known, ``first``."""
    filled = []
    value = first
    for candidate in values:
        value = value if candidate is None else candidate
        filled.append(value)
    return filled


def _deviations(means: list[float | None], shape: list[float]) -> list[float]:
    """How far each known hour is off the shape, with the last change carried on a little."""
    deviations = []
    before: float | None = None
    for i, mean in enumerate(means):
        now = None if mean is None else mean - shape[i]
        change = 0.0 if now is None or before is None else now - before
        deviations.append((now or 0.0) + _TREND * change)
        before = now
    return deviations


def _hour(model: _Model, hour: int, ahead: int) -> ForecastHour:
    central = model.expected(model.last, ahead)
    below, above = _tails(model.past_errors(max(1, ahead)), central, ahead)
    return ForecastHour(
        start=hour * _HOUR,
        end=(hour + 1) * _HOUR,
        gco2eq_per_kwh=GCO2eqPerKwh(central),
        low=GCO2eqPerKwh(max(0.0, central - below)),
        high=GCO2eqPerKwh(central + above),
    )


def _tails(errors: list[float], central: float, ahead: int) -> tuple[float, float]:
    """Distance of the 10 % quantile below and of the 90 % quantile above the central value."""
    if len(errors) < _ENOUGH_ERRORS:
        relative = min(_UNKNOWN_ERROR_LIMIT, _UNKNOWN_ERROR * sqrt(max(1, ahead)))
        widest = max([relative * central, *map(abs, errors)])
        return widest, widest
    least = _FLOOR * central
    below, above = -_quantile(errors, _LOW_QUANTILE), _quantile(errors, _HIGH_QUANTILE)
    return max(least, _NARROWER * below), max(least, _NARROWER * above)


def _quantile(ordered: list[float], share: float) -> float:
    """Linear between the two nearest of the sorted values."""
    position = share * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])
