"""What counts as good, doubtful and bad, in one place, with the reason for each limit."""

from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models.dashboard import (
    DashboardRangeMapOptions,
    RangeMap,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

from dashboards.build import alert_limits
from exporter.core.model import OBSERVED as OBSERVED_LEVELS
from exporter.core.model import FallbackLevel, weakness

COVERAGE_POOR: Final = alert_limits.number("coverage")
"""Below this the total says more about what we cannot see than about the estate."""
COVERAGE_FAIR: Final = 0.95
"""One machine in twenty unmeasured: within the bounds of the power model."""

GRID_CLEAN: Final = alert_limits.number("grid_clean")
"""gCO2eq/kWh, life cycle: grids that run on hydro, nuclear and wind stay below."""
GRID_MIXED: Final = 300
"""gCO2eq/kWh, life cycle: above it, fossil plants make more than about half of the power."""
GRID_DIRTY: Final = 500
"""gCO2eq/kWh, life cycle: above the world's average; coal is the main fuel."""

MORE_THAN_USUAL: Final = 0.25
"""A quarter more than yesterday: above what weekdays and weather do on most days."""

BUDGET_NEAR: Final = 0.9
"""A tenth is left: the projection errs by about as much."""
BUDGET_GONE: Final = 1.0
"""All that the month should emit."""

UNTAGGED_FAIR: Final = 0.05
"""Up to a twentieth nobody's: about what shared services leave."""
UNTAGGED_POOR: Final = 0.20
"""A fifth nobody's: the shares of the others say little."""

DATA_LATE_SECONDS: Final = 1800
"""Half an hour: clouds publish within minutes, and a poll every 15 minutes is usual."""
DATA_LOST_SECONDS: Final = 7200
"""Two hours: beyond the look-back that repairs itself unnoticed."""

GOOD: Final = "green"
FAIR: Final = "dark-yellow"
"""A name, not a number: Grafana darkens it on a light page, where plain yellow is unreadable."""
POOR: Final = "orange"
BAD: Final = "red"
NEUTRAL: Final = "blue"
MUTED: Final = "text"
FORMER: Final = "purple"

FALLBACK: Final = {
    0: ("live", GOOD),
    1: ("second source", GOOD),
    2: ("last known", FAIR),
    3: ("forecast", FAIR),
    4: ("annual average", POOR),
}
"""Text and colour of each ``carbon_grid_intensity_fallback_level``.

The numbers are names and no order: a forecast is nearer the truth than the last known value. Rules
and queries compare for equality, never for more or less; see ``weakness_of``.
"""

OBSERVED: Final = tuple(sorted(int(level) for level in OBSERVED_LEVELS))
"""Fallback levels of values that a source measured for their own hour."""

_FROM_STRONG_TO_WEAK: Final = tuple(
    int(level) for level in sorted(FallbackLevel, key=lambda level: weakness(level, ""))
)
"""The exporter's own order, by expected error."""


def unobserved(level: str) -> str:
    """Keep of a vector of fallback levels what is of no source's own measuring."""
    return " ".join([level, *(f"!= {observed}" for observed in OBSERVED)])


def observed(level: str) -> str:
    """Keep of a vector of fallback levels what a source measured."""
    return " or ".join(f"{level} == {one}" for one in OBSERVED)


def weakness_of(level: str) -> str:
    """Turn a vector of fallback levels into their places by expected error, for max and min."""
    return _mapped(level, {one: place for place, one in enumerate(_FROM_STRONG_TO_WEAK)})


def level_of(weak: str) -> str:
    """Turn places by expected error back into fallback levels."""
    return _mapped(weak, dict(enumerate(_FROM_STRONG_TO_WEAK)))


def _mapped(vector: str, numbers: Mapping[int, int]) -> str:
    moved = (
        f"({vector} == bool {old}) * {new - old}" for old, new in numbers.items() if old != new
    )
    return " + ".join((vector, *moved))


SUCCESS: Final = {1: ("OK", GOOD), 0: ("failing", BAD)}
"""Text and colour of ``carbon_collector_success``."""

STATES: Final = {"measured": GOOD, "stopped": NEUTRAL, "unmodelled": FAIR, "silent": BAD}
"""Colour of each ``state`` of ``carbon_resources``."""


def none() -> build.ThresholdsConfig:
    """One neutral colour: for quantities that have no good or bad of their own."""
    return steps((None, NEUTRAL))


def coverage() -> build.ThresholdsConfig:
    """Colours of a measured share."""
    return steps((None, BAD), (COVERAGE_POOR, FAIR), (COVERAGE_FAIR, GOOD))


def change() -> build.ThresholdsConfig:
    """Colours of a share more or less than before."""
    return steps((None, GOOD), (0, NEUTRAL), (MORE_THAN_USUAL, BAD))


def budget() -> build.ThresholdsConfig:
    """Colours of a share of the budget."""
    return steps((None, GOOD), (BUDGET_NEAR, POOR), (BUDGET_GONE, BAD))


def untagged() -> build.ThresholdsConfig:
    """Colours of the share that no tag claims."""
    return steps((None, GOOD), (UNTAGGED_FAIR, FAIR), (UNTAGGED_POOR, BAD))


def grid() -> build.ThresholdsConfig:
    """Colours of a grid intensity in gCO2eq/kWh."""
    return steps((None, GOOD), (GRID_CLEAN, FAIR), (GRID_MIXED, POOR), (GRID_DIRTY, BAD))


def age() -> build.ThresholdsConfig:
    """Colours of the age of data in seconds."""
    return steps((None, GOOD), (DATA_LATE_SECONDS, FAIR), (DATA_LOST_SECONDS, BAD))


def any_is_bad() -> build.ThresholdsConfig:
    """Colours of a count that should be zero."""
    return steps((None, GOOD), (1, FAIR))


def mapping(texts: Mapping[int, tuple[str, str]]) -> list[ValueMapping]:
    """Turn numbers into words with a colour."""
    options = {
        str(value): ValueMappingResult(text=text, color=colour, index=index)
        for index, (value, (text, colour)) in enumerate(texts.items())
    }
    return [ValueMap(options=options)]


def reality() -> list[ValueMapping]:
    """Turn the number of simulated grid zones into a word."""
    invented = ValueMappingResult(text="SIMULATED", color=POOR, index=1)
    some = RangeMap(options=DashboardRangeMapOptions(from_val=1, result=invented))
    return [*mapping({0: ("real", GOOD)}), some]


def steps(*colours: tuple[float | None, str]) -> build.ThresholdsConfig:
    """Colour values from each limit on; the first limit is None, below all."""
    limits = [Threshold(value=value, color=colour) for value, colour in colours]
    return build.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(limits)
