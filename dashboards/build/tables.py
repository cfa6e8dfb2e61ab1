"""Tables that several dashboards show: a number and a place make one a panel."""

from typing import Final

from grafana_foundation_sdk.builders import bargauge, table
from grafana_foundation_sdk.builders.common import TableFooterOptions, TableSortByFieldState

from dashboards.build import cells, owners, panels, queries, thresholds
from dashboards.build.panels import Frame, Place, column, now, rows

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


def all_machines(number: int, at: Place) -> table.Panel:
    """Make the table of the picked machines, those that emit most first."""
    frame = Frame(
        number=number,
        title="Which machines emit how much?",
        description=(
            f"The {MANY} picked machines with the highest emissions now, both scopes: mean CPU and "
            "GPU and watts of the last finished bucket, and the vCPUs. A click on a name shows "
            "that machine alone; one on a region opens the regions' dashboard."
        ),
        unit=panels.TEXT,
        at=at,
    )
    top = f"topk ({MANY}, {queries.among_picked(queries.of_machine(_RATE))})"
    panel = panels.grid(
        frame,
        _ALL_COLUMNS,
        rows(queries.named(top), "A"),
        *(
            rows(queries.named(queries.among(queries.of_machine(metric), top)), ref)
            for ref, metric in _READINGS.items()
        ),
    )
    return _paged(panel).sort_by([_MOST_FIRST])


def unread_machines(number: int, at: Place) -> table.Panel:
    """Make the table of machines without a current reading."""
    frame = Frame(
        number=number,
        title="Which machines have no current reading?",
        description=(
            "Picked machines that exist and have no CPU now: stopped, or silent because the cloud "
            "delivers nothing. The age of the last reading is known to 15 minutes, and for a day; "
            "machines without one have been so for longer."
        ),
        unit=panels.TEXT,
        at=at,
        empty="All machines have readings",
    )
    cpu = "carbon_resource_cpu_utilization_ratio"
    unread = f"{queries.picked_machines()} unless on ({queries.RESOURCE}) {queries.estate(cpu)}"
    unread = f"group by ({queries.RESOURCE}) ({unread})"
    last = f"max by ({queries.RESOURCE}) (max_over_time(timestamp({queries.estate(cpu)})[1d:15m]))"
    panel = panels.grid(
        frame,
        _UNREAD_COLUMNS,
        rows(queries.named(unread), "A"),
        rows(queries.named(queries.among(f"time () - {last}", unread)), "B"),
    )
    return _paged(panel)


def untagged_machines(number: int, at: Place) -> table.Panel:
    """Make the table of the machines that no value of the picked tag claims."""
    frame = Frame(
        number=number,
        title="Which machines lack the tag $tag?",
        description=(
            f"The {MANY} machines without the picked tag that emit most now, whatever value is "
            "picked. A click on a name shows the machine."
        ),
        unit=panels.TEXT,
        at=at,
        empty="Every running machine has this tag",
    )
    emitting = queries.among(queries.of_machine(_RATE), owners.untagged())
    top = f"topk ({MANY}, {emitting})"
    panel = panels.grid(
        frame,
        (*_MACHINE_COLUMNS[:-3], _MACHINE_COLUMNS[-2], _MACHINE_COLUMNS[-1]),
        rows(queries.named(top), "A"),
        rows(queries.named(queries.among(queries.of_machine(_READINGS["B"]), top)), "B"),
    )
    return panel.sort_by([_MOST_FIRST])


def unknown_types(number: int, at: Place) -> table.Panel:
    """Make the table of machines whose type is in no table, by account and type."""
    frame = Frame(
        number=number,
        title="Which machine types are unknown?",
        description=(
            "Machines whose type is in no table, by account and type: modelled from vCPU and "
            "memory, or as a typical machine, with wider bounds. `carbon-exporter explain` with a "
            "machine's id shows how."
        ),
        unit=panels.TEXT,
        at=at,
        empty="All types are known",
    )
    unknown = queries.estate("carbon_resource_info", 'confidence="unknown-type"')
    by = "provider, account, instance_type"
    return panels.grid(frame, _UNKNOWN_COLUMNS, rows(f"count by ({by}) ({unknown})", "A"))


def _paged(panel: table.Panel) -> table.Panel:
    footer = TableFooterOptions().enable_pagination(enable_pagination=True).show(show=False)
    return panel.footer(footer)


MANY: Final = 100
"""Rows that a reader may page through; more would be a query for thousands."""

_RATE: Final = "carbon_resource_emissions_gco2eq_per_hour"

_READINGS: Final = {
    "B": "carbon_resource_power_watts",
    "C": "carbon_resource_cpu_utilization_ratio",
    "D": "carbon_resource_gpu_utilization_ratio",
    "E": "carbon_resource_vcpus",
}

_MOST_FIRST: Final = TableSortByFieldState().display_name("Emissions").desc(desc=True)

_UNREAD_COLUMNS: Final = (
    *cells.machine(),
    *cells.place(),
    column("Value #B", "Last reading", *panels.unit(panels.SECONDS, 0), panels.width(130)),
)

_UNKNOWN_COLUMNS: Final = (
    column("provider", "Provider", panels.width(90)),
    column("account", "Account", cells.wrapped()),
    column("instance_type", "Type", panels.width(180)),
    column("Value", "Machines", *panels.unit(panels.COUNT, 0), panels.width(90)),
)

_MACHINE_COLUMNS: Final = (
    *cells.machine(),
    *cells.place(),
    column("Value #C", "CPU", *panels.unit(panels.SHARE, 0), panels.width(60)),
    column("Value #B", "Power", *panels.unit(panels.WATTS), panels.width(85)),
    column(
        "Value #A",
        "Emissions",
        panels.width(180),
        *panels.unit(panels.GRAMS_PER_HOUR),
        *panels.bar(),
    ),
)


_ALL_COLUMNS: Final = (
    *_MACHINE_COLUMNS[:-3],
    column("Value #E", "vCPU", *panels.unit(panels.COUNT, 0), panels.width(60)),
    column("Value #C", "CPU", *panels.unit(panels.SHARE, 0), panels.width(60)),
    column("Value #D", "GPU", *panels.unit(panels.SHARE, 0), panels.width(60)),
    column("Value #B", "Power", *panels.unit(panels.WATTS), panels.width(85)),
    column("Value #A", "Emissions", *panels.unit(panels.GRAMS_PER_HOUR), panels.width(95)),
)


def states(number: int, at: Place) -> bargauge.Panel:
    """Make the bars of machines by state."""
    frame = Frame(
        number=number,
        title="How many machines?",
        description=(
            "Machines by state. Unmodelled: of an unknown type, taken by vCPU and memory with "
            "wider bounds. Silent: running, but their CPU was never delivered."
        ),
        unit=panels.COUNT,
        at=at,
    )
    panel = panels.bars(
        frame, now(queries.total("carbon_resources", "state"), "{{state}}")
    ).decimals(0)
    for state, colour in thresholds.STATES.items():
        panel.override_by_name(state, [panels.colour(colour)])
    return panel


def grid_sources(number: int, at: Place) -> table.Panel:
    """Make the table of our grid zones: value in force, source, fallback level."""
    frame = Frame(
        number=number,
        title="Where do the grid numbers come from?",
        description=(
            "The intensity in force for each of our grid zones, who published it, how far down "
            "the fallback chain it was found, and how long ago its period began (an annual average "
            "has none)."
        ),
        unit=panels.TEXT,
        at=at,
    )
    age = queries.age_in_force()
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
    column("source", "Source", panels.width(130)),
    column("Value #B", "Level", panels.width(125), *panels.worded(thresholds.FALLBACK)),
    column("Value #C", "In force for", panels.width(105), *panels.unit(panels.SECONDS, 0)),
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
    column("collector", "Collector", cells.wrapped()),
    column("Value #A", "State", panels.width(58), *panels.worded(thresholds.SUCCESS)),
    column("Value #B", "Last success", panels.width(108), *_AGE),
    column("Value #C", "Data age", panels.width(75), *_AGE),
    column(
        "Value #D",
        "Failed",
        panels.width(70),
        *panels.unit(panels.COUNT, 0),
        *panels.tinted(thresholds.any_is_bad()),
    ),
)
