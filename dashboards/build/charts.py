"""Charts over time that several dashboards show."""

from typing import Final

from grafana_foundation_sdk.builders import timeseries

from dashboards.build import panels, queries, thresholds
from dashboards.build.figures import CENTRAL, HIGH, LOW
from dashboards.build.panels import Frame, Place, over_time

_DAY_BEFORE: Final = "A day before"
_WEEK_BEFORE: Final = "A week before"


def against_former_days(number: int, at: Place) -> timeseries.Panel:
    """Make the emission rate with its bounds, beside the same hours of former days."""
    frame = Frame(
        number=number,
        title="Is that more or less than usual?",
        description=(
            "Grams of CO2 equivalent per hour, with the band from low to high, and the same hours "
            "of the day and of the week before (dashed), as far back as Prometheus has data."
        ),
        unit=panels.GRAMS_PER_HOUR,
        at=at,
    )
    rate = queries.total("carbon_emissions_gco2eq_per_hour")
    panel = panels.lines(
        frame,
        over_time(queries.total("carbon_emissions_high_gco2eq_per_hour"), HIGH, "A"),
        over_time(rate, CENTRAL, "B"),
        over_time(queries.total("carbon_emissions_low_gco2eq_per_hour"), LOW, "C"),
        over_time(queries.total("carbon_emissions_gco2eq_per_hour", offset="1d"), _DAY_BEFORE, "D"),
        over_time(
            queries.total("carbon_emissions_gco2eq_per_hour", offset="7d"), _WEEK_BEFORE, "E"
        ),
    )
    edge = panels.colour(thresholds.NEUTRAL)
    panel.override_by_name(HIGH, [edge, *panels.band(LOW)])
    panel.override_by_name(LOW, [edge, panels.option("custom.lineWidth", 0)])
    panel.override_by_name(CENTRAL, [edge, panels.option("custom.lineWidth", 2)])
    for name, colour in ((_DAY_BEFORE, thresholds.POOR), (_WEEK_BEFORE, thresholds.FORMER)):
        panel.override_by_name(name, [panels.colour(colour), panels.dashed()])
    return panels.legend_below(panel)


def our_grids(number: int, at: Place) -> timeseries.Panel:
    """Make the intensity of the zones that the picked machines draw from."""
    frame = Frame(
        number=number,
        title="How much CO2eq is in a kWh of our grids?",
        description=(
            "Carbon intensity in force for each grid zone that our machines draw from, and its "
            "source: average of all generation, life cycle. A change of source is a new line."
        ),
        unit=panels.GRAMS_PER_KWH,
        at=at,
    )
    query = queries.our_zones("carbon_grid_intensity_gco2eq_per_kwh", "source")
    return panels.lines(frame, over_time(query, "{{grid_zone}} ({{source}})")).decimals(0)
