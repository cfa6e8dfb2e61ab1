"""Does a live value stand on the basis of the yearly one behind it? Zone by zone, and if not, why.

Far is a ratio outside of 0.8 and 1.25. The reason follows from the figures: where somebody else's
tracing of the same hours is near the live series, the year or the season of the recording differs
from the year of the table; else the mix lacks what is imported. Where the shipped bounds
(``zone_widening.csv``) reach to the ratio, their reason is told.
"""

from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean
from typing import Final

from bench.grids.price import Pairs, yearly
from bench.grids.read import PRODUCTION, Pair
from bench.grids.spread import LAST_GOOD_YEAR
from exporter.data.widening import USUAL, widening
from exporter.grids.eia import NAME, RESPONDENTS, UNPRICED

PRODUCED: Final = "own generation"
HOP: Final = "one hop"
NEAR: Final = (0.8, 1.25)
"""Ratios that ask for no explanation."""
_OWN_MIX: Final = "own mix x"
_NO_MIX: Final = "other"
"""Source in pairs of zones for which no source of ours computes a mix."""


def of_recording(zone: str, pairs: Pairs, what: str) -> str:
    """Return the line of a zone: yearly value, mean of the live series, ratio, bounds, reason."""
    mean, traced = (fmean(column) for column in zip(*pairs, strict=True))
    told = yearly().get(zone)
    if told is None:
        return f"{zone:<14}{'-':>6} /{mean:>7.1f}         no yearly value of this zone is shipped"
    wide = widening(zone, NAME)
    reason = "" if _near(told / mean) else _reason(mean, traced, told, what)
    bounds = f"bounds x{wide.low:g} to x{wide.high:g}"
    ratio = f"{told:>6.0f} /{mean:>7.1f} ={told / mean:>6.2f}"
    return f"{zone:<14}{ratio}  {bounds:<24}{reason}".rstrip()


def _reason(mean: float, traced: float, told: float, what: str) -> str:
    if not _near(traced / mean):
        missing = "imports are missing here" if what == PRODUCED else "one hop is not enough here"
        return f"{missing}: {traced:.0f} g traced"
    return f"the year or season of the recording: {traced:.0f} g traced, {told:.0f} g in the table"


def _near(ratio: float) -> bool:
    low, high = NEAR
    return low <= ratio <= high


def of_pairs(pairs: Iterable[Pair]) -> Iterator[str]:
    """Yield a line for each zone and source: mean, least and most of the years, and the reason."""
    zones: dict[tuple[str, str], list[Pair]] = {}
    for pair in pairs:
        own = pair.kind.startswith(_OWN_MIX)
        if own or (pair.kind == PRODUCTION and pair.year <= LAST_GOOD_YEAR):
            zones.setdefault((pair.zone, pair.source), []).append(pair)
    for (zone, source), several in sorted(zones.items()):
        # What the product's own factors gave tells more than another's production.
        ours = [pair.ratio for pair in several if pair.kind.startswith(_OWN_MIX)]
        yield _line(zone, source, ours or [pair.ratio for pair in several])


def _line(zone: str, source: str, ratios: Sequence[float]) -> str:
    ends = (fmean(ratios), min(ratios), max(ratios))
    told = "".join(f"{ratio:>6.2f}" for ratio in ends)
    return f"{zone:<14}{source:<8}{len(ratios):>2} {told}  {_why(zone, source, ratios)}".rstrip()


def _why(zone: str, source: str, ratios: Sequence[float]) -> str:
    # A country is as its bidding zones.
    zones = [zone, *(one for one in yearly() if one.startswith(f"{zone}-"))]
    wide = next((w for one in zones if (w := widening(one, source)) is not USUAL), USUAL)
    if all(map(_near, ratios)):
        return ""
    if source == _NO_MIX:
        return "no source of ours computes a mix here"
    if source == NAME and zone in UNPRICED.values():
        return "left to its yearly value"
    if source == NAME and zone in RESPONDENTS:
        return "of own generation; imports are traced by one hop, see the window"
    if wide is not USUAL and wide.low <= fmean(ratios) <= wide.high:
        return f"bounds x{wide.low:g} to x{wide.high:g}: {wide.reason}"
    return "NOT EXPLAINED"
