"""The big numbers at the head of the dashboards: now, today, this month, how sure."""

from typing import Final

from grafana_foundation_sdk.builders import stat

from dashboards.build import panels, queries, sums, thresholds
from dashboards.build.panels import Frame, Place, now

CENTRAL: Final = "Now"
LOW: Final = "Low"
HIGH: Final = "High"
_SO_FAR: Final = "So far"
_PROJECTED: Final = "Projected"
_CHANGE: Final = "Change"
_BUDGET: Final = "Budget"
_BY_CAR: Final = "Drive by car"


def emissions_now(number: int, at: Place) -> stat.Panel:
    """Make the rate of emissions with its bounds."""
    frame = Frame(
        number=number,
        title="How much CO2eq do we emit now?",
        description=(
            "Grams of CO2 equivalent per hour of all picked machines: electricity (location-based, "
            "life-cycle) and the share of the hardware's manufacture. Low and high are the bounds "
            "of the power model, added up as if all machines erred the same way."
        ),
        unit=panels.GRAMS_PER_HOUR,
        at=at,
    )
    return _bounded(
        frame, "carbon_emissions_gco2eq_per_hour", "carbon_emissions_{}_gco2eq_per_hour"
    )


def power_now(number: int, at: Place) -> stat.Panel:
    """Make the power draw with its bounds."""
    frame = Frame(
        number=number,
        title="How much power now?",
        description=(
            "Watts of all picked machines at the grid's side: IT power times the data centre's "
            "PUE, with the power model's bounds."
        ),
        unit=panels.WATTS,
        at=at,
    )
    return _bounded(frame, "carbon_power_watts", "carbon_power_{}_watts")


def today(number: int, at: Place) -> stat.Panel:
    """Make today so far beside the same hours of yesterday."""
    frame = Frame(
        number=number,
        title="Is today more or less than yesterday?",
        description=(
            "Grams of CO2 equivalent since midnight (your time zone), the same hours of yesterday, "
            "and the change: red above a quarter more, green below. Counted by counters, so "
            "restarts of the exporter lose nothing. Yesterday is left out unless Prometheus has "
            "all of it; the first quarter of an hour of a day says nothing yet."
        ),
        unit=panels.GRAMS,
        at=at,
    )
    panel = panels.numbers(
        frame,
        now(sums.grams(), "Today", "A"),
        now(sums.grams_a_day_before(), "Yesterday by now", "B"),
        now(sums.change(), _CHANGE, "C"),
    )
    changed = (*panels.unit(panels.SHARE, 0), panels.limits(thresholds.change()))
    panel.override_by_name(_CHANGE, list(changed))
    panel.override_by_name("Yesterday by now", [panels.colour(thresholds.MUTED)])
    return _since(panel, "now/d")


def month(number: int, at: Place) -> stat.Panel:
    """Make this month so far and what it will come to."""
    frame = Frame(
        number=number,
        title="How will this month end?",
        description=(
            "Grams of CO2 equivalent of the picked estate since the month began (your time zone), "
            "and the projection: what was emitted, and the rest of the month at the mean rate of "
            "the last seven days."
        ),
        unit=panels.GRAMS,
        at=at,
    )
    panel = panels.numbers(
        frame,
        now(sums.grams(), _SO_FAR, "A"),
        now(sums.month_projection(), _PROJECTED, "B"),
    )
    return _since(panel, "now/M")


def budget(number: int, at: Place) -> stat.Panel:
    """Make the month's budget, the used and the projected share of it."""
    frame = Frame(
        number=number,
        title="Do we keep the month's budget?",
        description=(
            "Share of the budget used since the month began, and projected to its end: orange from "
            f"{thresholds.BUDGET_NEAR:.0%}, red from {thresholds.BUDGET_GONE:.0%}. The budget is "
            "the exporter's budget_kgco2eq_per_month and counts all machines: provider, account "
            "and region are not applied here."
        ),
        unit=panels.SHARE,
        at=at,
        empty="No budget set",
    )
    panel = panels.numbers(
        frame,
        now(sums.budget_used(), _SO_FAR, "A"),
        now(sums.budget_projected(), _PROJECTED, "B"),
        now(sums.budget(), _BUDGET, "C"),
    )
    for name in (_SO_FAR, _PROJECTED):
        panel.override_by_name(
            name, [panels.limits(thresholds.budget()), panels.option("decimals", 0)]
        )
    amount = (*panels.unit(panels.GRAMS), panels.colour(thresholds.MUTED))
    return _since(panel.override_by_name(_BUDGET, list(amount)), "now/M")


def equivalent(number: int, at: Place) -> stat.Panel:
    """Make this month's electricity, and its grams as a drive."""
    frame = Frame(
        number=number,
        title="What is this month like?",
        description=(
            "Electricity of the picked estate since the month began (your time zone), with the "
            "data centres' overhead (PUE), and its grams so far as kilometres of an average car "
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
    return _since(panel.override_by_name(_BY_CAR, list(panels.unit(panels.KILOMETRES, 0))), "now/M")


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


def _bounded(frame: Frame, central: str, bound: str) -> stat.Panel:
    panel = panels.numbers(
        frame,
        now(queries.total(bound.format("low")), LOW, "A"),
        now(queries.total(central), CENTRAL, "B"),
        now(queries.total(bound.format("high")), HIGH, "C"),
    )
    for name in (LOW, HIGH):
        panel.override_by_name(name, [panels.colour(thresholds.MUTED)])
    return panel


def _since(panel: stat.Panel, start: str) -> stat.Panel:
    return panel.time_from(start).hide_time_override(hide_time_override=True)
