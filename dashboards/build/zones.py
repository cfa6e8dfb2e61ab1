"""Panels about grid zones: value, source, forecast, the hours of the week."""

from typing import Final

from grafana_foundation_sdk.builders import bargauge, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.common import TableSortByFieldState

from dashboards.build import intensities, limits, panels, queries, shapes, thresholds
from dashboards.build.panels import Frame, Place, column, now, over_time, rows

_ACTUAL: Final = "In force"


def dirtiest_now(number: int, at: Place) -> stat.Panel:
    """Make the dirtiest of our zones."""
    frame = Frame(
        number=number,
        title="Which of our grids is dirtiest?",
        description=(
            "The zone with the highest average intensity, life cycle, of those that the picked "
            "machines draw from."
        ),
        unit=panels.GRAMS_PER_KWH,
        at=at,
    )
    panel = panels.numbers(frame, now(intensities.dirtiest_zone(), "{{grid_zone}}"))
    return shapes.named(panel).thresholds(thresholds.grid()).decimals(0)


def not_live(number: int, at: Place) -> stat.Panel:
    """Make the number of our zones that live on a fallback."""
    frame = Frame(
        number=number,
        title="How many grids are not live?",
        description=(
            "Zones of the picked machines whose intensity is a last known value, a forecast or an "
            "annual average. Totals stay complete, but do not follow the hours."
        ),
        unit=panels.COUNT,
        at=at,
    )
    panel = panels.numbers(frame, now(intensities.not_live()))
    return panel.thresholds(thresholds.any_is_bad())


def marginal(number: int, at: Place) -> timeseries.Panel:
    """Make the marginal intensity of our zones, to stand beside the average."""
    frame = Frame(
        number=number,
        title="How dirty is one kWh more?",
        description=(
            "Marginal intensity: of the plants that answer more or less demand. A signal for when "
            "to run, never part of totals. Combustion only, so its height cannot be compared with "
            "the average at the left, which is life cycle; compare when each is low."
        ),
        unit=panels.GRAMS_PER_KWH,
        at=at,
        empty=(
            "No source of marginal intensity. It needs WattTime: add “kind: watttime” with an "
            "account to “grids” in the exporter's configuration."
        ),
    )
    query = over_time(intensities.marginal(), "{{grid_zone}} ({{source}})")
    return panels.legend_below(panels.lines(frame, query)).decimals(0)


def percentiles(number: int, at: Place) -> bargauge.Panel:
    """Make where the present stands among the hours to come."""
    frame = Frame(
        number=number,
        title="Is now a good hour?",
        description=(
            "Where now stands among the next 24 hours of each of our zones by marginal intensity: "
            f"0 is the cleanest hour, 100 the dirtiest. Up to {limits.CLEAN_HOUR} run what can "
            f"wait; above {limits.DIRTY_HOUR} let it wait. WattTime tells it, also on its free "
            "plan: add `kind: watttime` to `grids` in the exporter's configuration."
        ),
        unit=panels.COUNT,
        at=at,
        empty="Needs WattTime",
    )
    panel = panels.bars(frame, now(intensities.percentile(), "{{grid_zone}}"))
    return panels.thin(panel).max(100).decimals(0).thresholds(limits.hour())


def levels(number: int, at: Place) -> statetimeline.Panel:
    """Make the fallback level of our zones over time."""
    frame = Frame(
        number=number,
        title="How was the intensity of our grids known?",
        description=(
            "Fallback level of each zone of the picked machines. Live or from the second source "
            "is of the present hour; last known is at most some hours old; a forecast or an annual "
            "average stands in when no source answers."
        ),
        unit=panels.COUNT,
        at=at,
    )
    query = over_time(queries.our_zones(intensities.LEVEL), "{{grid_zone}}")
    return shapes.states(frame, thresholds.FALLBACK, query)


def sources(number: int, at: Place) -> table.Panel:
    """Make the table of our zones: value, source, whether it is an estimate."""
    frame = Frame(
        number=number,
        title="Where do the numbers of our grids come from?",
        description=(
            "The intensity in force in g/kWh, who published it, whether the source itself calls "
            "it an estimate, how far down the fallback chain it was found, and how long ago its "
            "period began (an annual average has none)."
        ),
        unit=panels.TEXT,
        at=at,
    )
    age = queries.age_in_force()
    panel = panels.grid(
        frame,
        _SOURCE_COLUMNS,
        rows(queries.our_zones(intensities.INTENSITY, "source"), "A"),
        rows(queries.our_zones("carbon_grid_intensity_estimated"), "B"),
        rows(queries.our_zones(intensities.LEVEL), "C"),
        rows(age, "D"),
    )
    return panel.sort_by([TableSortByFieldState().display_name("g/kWh").desc(desc=True)])


_ESTIMATED: Final = {0: ("no", thresholds.MUTED), 1: ("yes", thresholds.FAIR)}

_SOURCE_COLUMNS: Final = (
    column("grid_zone", "Zone"),
    column(
        "Value #A",
        "g/kWh",
        panels.width(82),
        *panels.unit(panels.COUNT, 0),
        *panels.tinted(thresholds.grid()),
    ),
    column("source", "Source", panels.width(115)),
    column("Value #B", "Estimate", panels.width(80), *panels.worded(_ESTIMATED)),
    column("Value #C", "Level", panels.width(118), *panels.worded(thresholds.FALLBACK)),
    column("Value #D", "In force for", panels.width(95), *panels.unit(panels.SECONDS, 0)),
)


def outlook(number: int, at: Place) -> table.Panel:
    """Make the table of what our zones will be in the next hours."""
    frame = Frame(
        number=number,
        title="How dirty will our grids be?",
        description=(
            "Average intensity in g/kWh now and as expected so many hours ahead: the source's own "
            "forecast where it has one, else the seasonal model of the exporter."
        ),
        unit=panels.TEXT,
        at=at,
    )
    ahead = [
        rows(intensities.outlook(horizon), ref)
        for horizon, ref in zip(intensities.HORIZONS, "BCDEF", strict=True)
    ]
    present = rows(queries.our_zones(intensities.INTENSITY), "A")
    return panels.grid(frame, _OUTLOOK_COLUMNS, present, *ahead)


_TINTED: Final = (*panels.unit(panels.COUNT, 0), *panels.tinted(thresholds.grid()))

_OUTLOOK_COLUMNS: Final = (
    column("grid_zone", "Zone"),
    column("Value #A", "Now", panels.width(58), *_TINTED),
    *(
        column(f"Value #{ref}", f"+{horizon}", panels.width(58), *_TINTED)
        for horizon, ref in zip(intensities.HORIZONS, "BCDEF", strict=True)
    ),
)


def forecast(number: int, at: Place) -> timeseries.Panel:
    """Make what was forecast against what came."""
    frame = Frame(
        number=number,
        title="Did it come as forecast in $zone?",
        description=(
            "Average intensity in force in the picked zone, and what forecasts so long before "
            "expected for the same moment. A line begins once the exporter has run for so long."
        ),
        unit=panels.GRAMS_PER_KWH,
        at=at,
    )
    made = [
        over_time(intensities.forecast_made(ahead), f"{ahead} before", ref)
        for ref, ahead in zip("BCD", _COMPARED, strict=True)
    ]
    panel = panels.lines(frame, over_time(intensities.zone_now(), _ACTUAL, "A"), *made)
    bold = [panels.colour(thresholds.NEUTRAL), panels.option("custom.lineWidth", 2)]
    panel.override_by_name(_ACTUAL, bold)
    for ahead, colour in _COMPARED.items():
        panel.override_by_name(f"{ahead} before", [panels.colour(colour), panels.dashed()])
    return panels.legend_below(panel).decimals(0)


_COMPARED: Final = {"1h": thresholds.GOOD, "6h": thresholds.POOR, "24h": thresholds.FORMER}
"""Forecasts that are drawn, with their colours: for the next job, for the day, for tomorrow."""


def errors(number: int, at: Place) -> bargauge.Panel:
    """Make the mean error of the forecasts by how far they look ahead."""
    frame = Frame(
        number=number,
        title="How far off are forecasts?",
        description=(
            "Mean distance between forecast and intensity in force in $zone over the time range, "
            "as a share of the mean intensity, by how far the forecast looks ahead. Above "
            f"{limits.MISS_POOR:.0%}, clean and dirty hours are hardly told apart."
        ),
        unit=panels.SHARE,
        at=at,
        empty="None old enough yet",
    )
    asked = [
        now(intensities.forecast_error(horizon), horizon, ref)
        for horizon, ref in zip(intensities.HORIZONS, "ABCDE", strict=True)
    ]
    return panels.thin(panels.bars(frame, *asked)).decimals(0).thresholds(limits.miss())


def hours_of_the_week(number: int, at: Place) -> table.Panel:
    """Make the heat map of weekdays and hours."""
    frame = Frame(
        number=number,
        title="At which hours of the week is $zone clean?",
        description=(
            "Mean average intensity of the picked zone in g/kWh by weekday and hour, in your time "
            "zone, over the last four weeks or as far back as Prometheus has data. Green is the "
            "cleanest hour of this zone, red its dirtiest: compare hours, not zones."
        ),
        unit=panels.COUNT,
        at=at,
    )
    return shapes.week(frame, intensities.hourly(), intensities.hour_begins()).time_from("28d")
