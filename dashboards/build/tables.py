"""Tables that several dashboards show: a number and a place make one a panel."""

from typing import Final

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.builders.common import TableSortByFieldState

from dashboards.build import panels, queries, thresholds
from dashboards.build.panels import Frame, Place, column, rows

TOP: Final = 10


def top_machines(number: int, at: Place) -> table.Panel:
    """Make the table of the machines that emit most now."""
    frame = Frame(
        number=number,
        title=f"Which {TOP} machines emit most CO2eq?",
        description=(
            "The picked machines with the highest emissions now, both scopes, with mean CPU and "
            "watts of the last finished bucket."
        ),
        unit=panels.TEXT,
        at=at,
    )
    top = queries.top_emitters(TOP)
    power = queries.of_machine("carbon_resource_power_watts")
    cpu = queries.of_machine("carbon_resource_cpu_utilization_ratio")
    panel = panels.grid(
        frame,
        _MACHINE_COLUMNS,
        rows(queries.named(top), "A"),
        rows(queries.named(queries.among(power, top)), "B"),
        rows(queries.named(queries.among(cpu, top)), "C"),
    )
    return panel.sort_by([TableSortByFieldState().display_name("Emissions").desc(desc=True)])


_MACHINE_COLUMNS: Final = (
    column("machine", "Machine"),
    column("instance_type", "Type", panels.width(150)),
    column("provider", "Provider", panels.width(80)),
    column("account", "Account", panels.width(180)),
    column("cloud_region", "Region", panels.width(130)),
    column("Value #C", "CPU", *panels.unit(panels.SHARE, 0), panels.width(60)),
    column("Value #B", "Power", *panels.unit(panels.WATTS), panels.width(80)),
    column(
        "Value #A",
        "Emissions",
        panels.width(220),
        *panels.unit(panels.GRAMS_PER_HOUR),
        *panels.bar(),
    ),
)


def grid_sources(number: int, at: Place) -> table.Panel:
    """Make the table of our grid zones: value in force, source, fallback level."""
    frame = Frame(
        number=number,
        title="Where do the grid numbers come from?",
        description=(
            "The intensity in force for each of our grid zones, who published it, how far down "
            "the fallback chain it was found, and how long ago its period began."
        ),
        unit=panels.TEXT,
        at=at,
    )
    age = f"time () - {queries.our_zones('carbon_grid_intensity_timestamp_seconds')}"
    return panels.grid(
        frame,
        _GRID_COLUMNS,
        rows(queries.our_zones("carbon_grid_intensity_gco2eq_per_kwh", "source"), "A"),
        rows(queries.our_zones("carbon_grid_intensity_fallback_level"), "B"),
        rows(age, "C"),
    )


_GRID_COLUMNS: Final = (
    column("grid_zone", "Zone"),
    column(
        "Value #A",
        "g/kWh",
        panels.width(60),
        *panels.unit(panels.COUNT, 0),
        *panels.tinted(thresholds.grid()),
    ),
    column("source", "Source", panels.width(105)),
    column("Value #B", "Level", panels.width(118), *panels.worded(thresholds.FALLBACK)),
    column("Value #C", "In force for", panels.width(88), *panels.unit(panels.SECONDS, 0)),
)


def collectors(number: int, at: Place) -> table.Panel:
    """Make the table of collectors: state, ages, failures."""
    frame = Frame(
        number=number,
        title="Does every collector work?",
        description=(
            "One row for each cloud account and grid source: whether its last run succeeded, how "
            "long ago one did, how old its newest data are, and failures in the last 24 hours. "
            "Not filtered by the variables above."
        ),
        unit=panels.TEXT,
        at=at,
    )
    return panels.grid(
        frame,
        _COLLECTOR_COLUMNS,
        rows(queries.of_collector("carbon_collector_success"), "A"),
        rows(queries.collector_age("carbon_collector_last_success_timestamp_seconds"), "B"),
        rows(queries.collector_age("carbon_collector_data_timestamp_seconds"), "C"),
        rows(queries.collector_failures(), "D"),
    )


_AGE: Final = (*panels.unit(panels.SECONDS, 0), *panels.tinted(thresholds.age()))

_COLLECTOR_COLUMNS: Final = (
    column("collector", "Collector"),
    column("Value #A", "State", panels.width(58), *panels.worded(thresholds.SUCCESS)),
    column("Value #B", "Last success", panels.width(95), *_AGE),
    column("Value #C", "Data age", panels.width(75), *_AGE),
    column(
        "Value #D",
        "Failed",
        panels.width(70),
        *panels.unit(panels.COUNT, 0),
        *panels.tinted(thresholds.any_is_bad()),
    ),
)
