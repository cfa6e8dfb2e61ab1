"""The big numbers at the head of the dashboards: now, today, this month, how sure."""

from typing import Final

from grafana_foundation_sdk.builders import stat

from dashboards.build import panels, queries, sums, thresholds, usual
from dashboards.build.panels import Frame, Place, now

CENTRAL: Final = "Now"
LOW: Final = "Low"
HIGH: Final = "High"
_SO_FAR: Final = "So far"
_PROJECTED: Final = "Whole month"
_USED: Final = "Used"
_AT_END: Final = "At its end"
_SINCE: Final = "Since"
_CHANGE: Final = "Change"
_BUDGET: Final = "Budget"
_BY_CAR: Final = "Drive by car"
_UTC: Final = "midnight UTC, up to the end of the time range"

RATE: Final = "carbon_emissions_gco2eq_per_hour"
RATE_LOW: Final = "carbon_emissions_low_gco2eq_per_hour"
RATE_HIGH: Final = "carbon_emissions_high_gco2eq_per_hour"
BOUNDS: Final = (
    "Low and high are a 90 % interval: what all machines have in common of the error adds up, the "
    "rest evens out, as on the exporter's own page."
)


def emissions_now(number: int, at: Place) -> stat.Panel:
    """Make the rate of emissions with its bounds."""
    frame = Frame(
        number=number,
        title="How much CO2eq do we emit now?",
        description=(
            "Grams of CO2 equivalent per hour of all picked machines: electricity (location-based, "
            f"life-cycle) and the share of the hardware's manufacture. {BOUNDS}"
        ),
        unit=panels.GRAMS_PER_HOUR,
        at=at,
    )
    return _bounded(frame, RATE, RATE_LOW, RATE_HIGH)


def against_usual(number: int, at: Place) -> stat.Panel:
    """Make the share by which the estate emits more than is usual at this hour."""
    frame = Frame(
        number=number,
        title="More than usual?",
        description=(
            "What the picked accounts emit against what is usual at this hour of the day, as a "
            "share more or less: the baseline of the alert CarbonEmissionSpike, recorded for each "
            "account. Regions cannot be picked here."
        ),
        unit=panels.SHARE,
        at=at,
        empty="After half an hour",
    )
    panel = panels.numbers(frame, now(usual.change())).decimals(0)
    return panel.thresholds(thresholds.change())


def power_now(number: int, at: Place) -> stat.Panel:
    """Make the power draw with its bounds."""
    frame = Frame(
        number=number,
        title="How much power now?",
        description=(
            "Watts of all picked machines at the grid's side: IT power times the data centre's "
            f"PUE. {BOUNDS}"
        ),
        unit=panels.WATTS,
        at=at,
    )
    return _bounded(
        frame, "carbon_power_watts", "carbon_power_low_watts", "carbon_power_high_watts"
    )


def today(number: int, at: Place) -> stat.Panel:
    """Make today so far beside the same hours of yesterday."""
    frame = Frame(
        number=number,
        title="Is today more or less than yesterday?",
        description=(
            f"Kilograms of CO2 equivalent since {_UTC}, the same hours of yesterday, and the "
            "change: red above a quarter more, green below. It does not depend on how long the "
            "time range is. Yesterday is left out where Prometheus lacks hours of it, and before "
            "one o'clock."
        ),
        unit=panels.KILOGRAMS,
        at=at,
    )
    panel = panels.amounts(
        frame,
        {"Today": sums.today(), _YESTERDAY: sums.yesterday_by_now()},
        now(sums.change(), _CHANGE, "C"),
    )
    changed = (*panels.unit(panels.SHARE, 0), panels.limits(thresholds.change()))
    panel.override_by_name(_CHANGE, list(changed))
    return panel.override_by_name(_YESTERDAY, [panels.colour(thresholds.MUTED)])


_YESTERDAY: Final = "Yesterday by now"


def month(number: int, at: Place) -> stat.Panel:
    """Make this month so far, since when it is watched, and what it will come to."""
    frame = Frame(
        number=number,
        title="How will this month end?",
        description=(
            f"CO2 equivalent of the picked estate since the month began ({_UTC}), or since it is "
            "watched, as the date says; and what the whole month comes to: hours that were not "
            "watched, and those to come, count at the mean rate of the last seven days. It is "
            "shown from a day of history on, and does not depend on how long the time range is."
        ),
        unit=panels.KILOGRAMS,
        at=at,
    )
    panel = panels.amounts(
        frame,
        {_SO_FAR: sums.month(), _PROJECTED: sums.month_projection()},
        now(sums.watched_since(), _SINCE, "C"),
    )
    since = (*panels.unit(panels.SINCE), panels.colour(thresholds.MUTED))
    return panel.override_by_name(_SINCE, list(since))


def budget(number: int, at: Place) -> stat.Panel:
    """Make the month's budget, the used and the projected share of it."""
    frame = Frame(
        number=number,
        title="Do we keep the budget?",
        description=(
            f"Share of the budget used since the month began ({_UTC}), and of what the whole month "
            f"will come to: orange from {thresholds.BUDGET_NEAR:.0%}, red from "
            f"{thresholds.BUDGET_GONE:.0%}. The budget is the exporter's budget_kgco2eq_per_month "
            "and counts all machines: provider, account and region are not applied here."
        ),
        unit=panels.SHARE,
        at=at,
        empty="No budget set",
    )
    panel = panels.amounts(
        frame,
        {_BUDGET: sums.budget()},
        now(sums.budget_used(), _USED, "U"),
        now(sums.budget_projected(), _AT_END, "P"),
    )
    for name in (_USED, _AT_END):
        share = [*panels.unit(panels.SHARE, 0), panels.limits(thresholds.budget())]
        panel.override_by_name(name, share)
    return panel.override_by_name(_BUDGET, [panels.colour(thresholds.MUTED)])


def equivalent(number: int, at: Place) -> stat.Panel:
    """Make this month's electricity, and its grams as a drive."""
    frame = Frame(
        number=number,
        title="What is this month like?",
        description=(
            f"Electricity of the picked estate since the month began ({_UTC}), with the data "
            "centres' overhead (PUE), and its grams so far as kilometres of an average car "
            f"at {sums.CAR_GRAMS_PER_KM} g of CO2 per km, what comes out of its tailpipe: 400 g a "
            "mile of the United States' fleet (EPA-420-F-23-014, 2023). Making the car and its "
            "fuel is not in it; a small car of Europe goes about twice as far."
        ),
        unit=panels.KILOWATT_HOURS,
        at=at,
    )
    panel = panels.numbers(
        frame,
        now(sums.kilowatt_hours(), "Electricity", "A"),
        now(sums.kilometres_by_car(), _BY_CAR, "B"),
    )
    return panel.override_by_name(_BY_CAR, list(panels.unit(panels.KILOMETRES, 0)))


def coverage(number: int, at: Place) -> stat.Panel:
    """Make the share of running time that was measured."""
    frame = Frame(
        number=number,
        title="Is all measured?",
        description=(
            f"Share of the machines' running time in the last {queries.RECENT} whose CPU was "
            "measured. The rest was estimated or is missing: a low share means that the totals "
            f"are too small or less certain. Green from {thresholds.COVERAGE_FAIR:.0%}, red below "
            f"{thresholds.COVERAGE_POOR:.0%}."
        ),
        unit=panels.SHARE,
        at=at,
    )
    panel = panels.numbers(frame, now(queries.coverage())).decimals(1)
    return panel.thresholds(thresholds.coverage())


def reality(number: int, at: Place) -> stat.Panel:
    """Make the word that tells a demo from the real thing."""
    frame = Frame(
        number=number,
        title="Real data?",
        description=(
            "SIMULATED when the demo's grid (source=demo) is behind the numbers: estate and "
            "intensities are then invented."
        ),
        unit=panels.COUNT,
        at=at,
    )
    panel = panels.numbers(frame, now(queries.simulated_zones()))
    return panel.mappings(thresholds.reality())


def _bounded(frame: Frame, central: str, low: str, high: str) -> stat.Panel:
    panel = panels.numbers(
        frame,
        now(queries.bound(central, low), LOW, "A"),
        now(queries.total(central), CENTRAL, "B"),
        now(queries.bound(central, high), HIGH, "C"),
    )
    for name in (LOW, HIGH):
        panel.override_by_name(name, [panels.colour(thresholds.MUTED)])
    return panel
