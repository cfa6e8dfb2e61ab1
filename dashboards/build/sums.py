"""PromQL of sums over time: what was counted in a window, and what a month will come to.

They read the counters of regions, which keep what vanished machines emitted, and need no recording
rule: there are few of these series.
"""

from typing import Final

from dashboards.build.queries import JOULES_PER_KWH, covered, estate, exporter, total

CAR_GRAMS_PER_KM: Final = 250
"""gCO2 from the tailpipe of an average car: 400 g a mile (8,887 g a gallon, 22.2 miles a gallon).

US EPA, Tailpipe Greenhouse Gas Emissions from a Typical Passenger Vehicle, EPA-420-F-23-014, 2023.
"""

_GRAMS: Final = "carbon_emissions_gco2eq_total"
_JOULES: Final = "carbon_energy_joules_total"
_RATE: Final = "carbon_emissions_gco2eq_per_hour"
_USUAL: Final = "7d:15m"
"""A week holds each hour of each weekday once; every third bucket is enough for a mean."""


def grams(offset: str = "") -> str:
    """Grams of the picked estate in the panel's time range, or in that range so long before."""
    return f"sum ({_increase(estate(_GRAMS), offset)})"


def kilowatt_hours() -> str:
    """Kilowatt-hours of the picked estate in the panel's time range."""
    return f"sum ({_increase(estate(_JOULES))}) / {JOULES_PER_KWH}"


def grams_a_day_before() -> str:
    """Grams of the same hours a day earlier; nothing if they were not wholly watched."""
    return covered(grams("1d"), "1d")


def change() -> str:
    """Grams of the range against those of the same hours a day earlier, as a share more or less."""
    return f"{grams()} / ({grams_a_day_before()} > 0) - 1"


def kilometres_by_car() -> str:
    """Kilometres that an average car drives on the grams of the panel's time range."""
    return f"{grams()} / {CAR_GRAMS_PER_KM}"


def month_projection() -> str:
    """Grams of the month so far, and the rest of it at the mean rate of the last seven days.

    The panel's time range must begin with the month. A mean of what was seen is no less right on
    the first day, when seven days are not there yet.
    """
    return _projected(grams(), total(_RATE))


def budget() -> str:
    """Grams that the month shall stay below; nothing without a budget."""
    return f"max ({exporter('carbon_budget_month_gco2eq')})"


def budget_used() -> str:
    """Share of the budget that all machines have used since the month began."""
    return f"{_all_grams()} / {budget()}"


def budget_projected() -> str:
    """Share of the budget that all machines will have used at the end of the month."""
    return f"({_projected(_all_grams(), f'sum ({exporter(_RATE)})')}) / {budget()}"


def _all_grams() -> str:
    return f"sum ({_increase(exporter(_GRAMS))})"


def _projected(so_far: str, rate: str) -> str:
    usual = f"(avg_over_time(({rate})[{_USUAL}]) or {rate})"
    hours_left = "clamp_min (days_in_month () * 24 - $__range_s / 3600, 0)"
    return f"{so_far} + {usual} * {hours_left}"


def _increase(selector: str, offset: str = "") -> str:
    shifted = f" offset {offset}" if offset else ""
    return f"increase({selector}[$__range]{shifted})"
