"""How far the mean of some hours is off its year, and a year off the one before.

Both are errors of a yearly value that stands for something else; ``engine/intensity.py`` has them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from statistics import fmean, median
from typing import Final, NamedTuple

from bench.grids.read import PRODUCTION, Hour, Pair

WINDOWS: Final = (1, 24, 168, 730, 1460, 2190, 4380, 8760)
"""Hours."""
LAST_GOOD_YEAR: Final = 2023
"""The public table copies other years into its later ones."""
_TAIL: Final = 0.05


class Quantiles(NamedTuple):
    """5 and 95 % of the windows over the mean of all, as means over the zones."""

    low: float
    high: float


def windows(hours: Iterable[Hour]) -> Mapping[int, Quantiles]:
    """Return the spread of the means of windows over that of the recording, by their length.

    A recording of every third hour is as good as one of every hour. Windows as long as it have no
    spread, and longer ones are left out.
    """
    zones: dict[str, list[tuple[datetime, float]]] = {}
    for hour in hours:
        zones.setdefault(hour.zone, []).append((hour.start, hour.reference))
    starts = sorted({start for several in zones.values() for start, _ in several})
    step = median((b - a).total_seconds() / 3600 for a, b in pairwise(starts))
    series = [[value for _, value in sorted(several)] for several in zones.values()]
    longest = min(map(len, series)) * step
    return {
        length: _spread(series, max(1, round(length / step)))
        for length in WINDOWS
        if length <= longest * 1.01
    }


def _spread(series: Sequence[Sequence[float]], number: int) -> Quantiles:
    ends = [_ends(values, min(number, len(values))) for values in series]
    return Quantiles(fmean(low for low, _ in ends), fmean(high for _, high in ends))


def _ends(values: Sequence[float], number: int) -> tuple[float, float]:
    mean, total, sums = fmean(values), 0.0, [0.0]
    for value in values:
        total += value
        sums.append(total)
    starts = range(len(values) - number + 1)
    means = sorted((sums[at + number] - sums[at]) / number / mean for at in starts)
    return quantile(means, _TAIL), quantile(means, 1.0 - _TAIL)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Quantile of sorted values, straight between them."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def changes(pairs: Iterable[Pair]) -> list[float]:
    """Return how far each zone's year is off the year before it, sorted, without sign."""
    years: dict[str, dict[int, float]] = {}
    for pair in pairs:
        if pair.kind == PRODUCTION and pair.consumed and pair.year <= LAST_GOOD_YEAR:
            years.setdefault(pair.zone, {})[pair.year] = pair.consumed
    return sorted(
        abs(of[later] / of[year] - 1.0)
        for of in years.values()
        for year, later in pairwise(sorted(of))
        if later == year + 1
    )
