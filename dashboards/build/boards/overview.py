"""Overview: the one-minute answer. How much, who, where, how sure."""

from typing import Final

from grafana_foundation_sdk.builders import bargauge, dashboard, stat, table, timeseries
from grafana_foundation_sdk.models.dashboard import Dashboard, DashboardCursorSync

from dashboards.build import panels, queries, tables, thresholds, variables
from dashboards.build.panels import Frame, now, over_time

_RATE: Final = "carbon_emissions_gco2eq_per_hour"
_POWER: Final = "carbon_power_watts"
_INTENSITY: Final = "carbon_grid_intensity_gco2eq_per_kwh"
_CENTRAL: Final = "Now"
_LOW: Final = "Low"
_HIGH: Final = "High"


def build() -> Dashboard:
    """Assemble the dashboard."""
    board = (
        dashboard.Dashboard("Carbon / Overview")
        .uid("carbon-overview")
        .description("What the cloud estate emits now: how much, who, where, and how sure we are.")
        .tags(["carbon", "carbon-exporter"])
        .timezone("browser")
        .time("now-3h", "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(variables.datasource())
    )
    for variable in variables.estate():
        board.with_variable(variable)
    for panel in (*_totals(), *_charts(), *_details()):
        board.with_panel(panel)
    return board.build()


def _totals() -> tuple[stat.Panel, ...]:
    return _emissions_now(), _power_now(), _today(), _coverage(), _reality()


def _charts() -> tuple[timeseries.Panel, ...]:
    return _by_provider(), _by_region(), _power(), _grids()


def _details() -> tuple[table.Panel | bargauge.Panel, ...]:
    return (
        tables.top_machines(10, (0, 20, 24, 12)),
        _states(),
        tables.grid_sources(12, (5, 32, 10, 10)),
        tables.collectors(13, (15, 32, 9, 10)),
    )


def _emissions_now() -> stat.Panel:
    frame = Frame(
        number=1,
        title="How much CO2eq do we emit now?",
        description=(
            "Grams of CO2 equivalent per hour of all picked machines: electricity (location-based, "
            "life-cycle) and the share of the hardware's manufacture. Low and high are the bounds "
            "of the power model, added up as if all machines erred the same way."
        ),
        unit=panels.GRAMS_PER_HOUR,
        at=(0, 0, 7, 4),
    )
    return _bounded(frame, _RATE, "carbon_emissions_{}_gco2eq_per_hour")


def _power_now() -> stat.Panel:
    frame = Frame(
        number=2,
        title="How much power do we draw?",
        description=(
            "Watts of all picked machines at the grid's side: IT power times the data centre's "
            "PUE, with the power model's bounds."
        ),
        unit=panels.WATTS,
        at=(7, 0, 6, 4),
    )
    return _bounded(frame, _POWER, "carbon_power_{}_watts")


def _bounded(frame: Frame, central: str, bound: str) -> stat.Panel:
    panel = panels.numbers(
        frame,
        now(queries.total(bound.format("low")), _LOW, "A"),
        now(queries.total(central), _CENTRAL, "B"),
        now(queries.total(bound.format("high")), _HIGH, "C"),
    )
    for name in (_LOW, _HIGH):
        panel.override_by_name(name, [panels.colour(thresholds.MUTED)])
    return panel


def _today() -> stat.Panel:
    frame = Frame(
        number=3,
        title="How much today?",
        description=(
            "Grams of CO2 equivalent since midnight (your time zone), from the counters: restarts "
            "of the exporter lose nothing. Only what Prometheus has scraped today is counted."
        ),
        unit=panels.GRAMS,
        at=(13, 0, 4, 4),
    )
    return (
        panels.numbers(frame, now(queries.grams_in_range()))
        .time_from("now/d")
        .hide_time_override(hide_time_override=True)
    )


def _coverage() -> stat.Panel:
    frame = Frame(
        number=4,
        title="All measured?",
        description=(
            f"Share of the machines' running time in the last {queries.RECENT} whose CPU was "
            "measured. The rest was estimated or is missing: a low share means that the totals "
            "are too small or less certain."
        ),
        unit=panels.SHARE,
        at=(17, 0, 4, 4),
    )
    panel = panels.numbers(frame, now(queries.coverage())).decimals(1)
    return panel.thresholds(thresholds.coverage())


def _reality() -> stat.Panel:
    frame = Frame(
        number=5,
        title="Real data?",
        description=(
            "SIMULATED when the demo's grid (source=demo) is behind the numbers: estate and "
            "intensities are then invented."
        ),
        unit=panels.COUNT,
        at=(21, 0, 3, 4),
    )
    panel = panels.numbers(frame, now(queries.simulated_zones()))
    return panel.mappings(thresholds.reality())


def _by_provider() -> timeseries.Panel:
    frame = Frame(
        number=6,
        title="Which provider emits how much CO2eq?",
        description="Grams of CO2 equivalent per hour by cloud provider, all scopes, stacked.",
        unit=panels.GRAMS_PER_HOUR,
        at=(0, 4, 12, 8),
    )
    return panels.stacked(frame, over_time(queries.total(_RATE, "provider"), "{{provider}}"))


def _by_region() -> timeseries.Panel:
    frame = Frame(
        number=7,
        title="Which region emits how much CO2eq?",
        description=(
            "Grams of CO2 equivalent per hour by cloud region, all scopes, stacked. A region moves "
            "with its machines' load and with its grid."
        ),
        unit=panels.GRAMS_PER_HOUR,
        at=(12, 4, 12, 8),
    )
    by = ("provider", "cloud_region")
    return panels.stacked(
        frame, over_time(queries.total(_RATE, *by), "{{provider}} {{cloud_region}}")
    )


def _power() -> timeseries.Panel:
    frame = Frame(
        number=8,
        title="How does our power draw move?",
        description="Watts at the grid's side (IT power times PUE); the band is low to high.",
        unit=panels.WATTS,
        at=(0, 12, 12, 8),
    )
    panel = panels.lines(
        frame,
        over_time(queries.total("carbon_power_high_watts"), _HIGH, "A"),
        over_time(queries.total(_POWER), _CENTRAL, "B"),
        over_time(queries.total("carbon_power_low_watts"), _LOW, "C"),
    )
    edge = panels.colour(thresholds.NEUTRAL)
    panel.override_by_name(_HIGH, [edge, *panels.band(_LOW)])
    panel.override_by_name(_LOW, [edge, panels.option("custom.lineWidth", 0)])
    return panel.override_by_name(_CENTRAL, [edge, panels.option("custom.lineWidth", 2)])


def _grids() -> timeseries.Panel:
    frame = Frame(
        number=9,
        title="How much CO2eq is in a kWh of our grids?",
        description=(
            "Carbon intensity in force for each grid zone that our machines draw from, and its "
            "source: average of all generation, life cycle. A change of source is a new line."
        ),
        unit=panels.GRAMS_PER_KWH,
        at=(12, 12, 12, 8),
    )
    query = queries.our_zones(_INTENSITY, "source")
    return panels.lines(frame, over_time(query, "{{grid_zone}} ({{source}})")).decimals(0)


def _states() -> bargauge.Panel:
    frame = Frame(
        number=11,
        title="How many machines?",
        description=(
            "Machines by state. Unmodelled: of an unknown type, taken by vCPU and memory with "
            "wider bounds. Silent: running, but their CPU was never delivered."
        ),
        unit=panels.COUNT,
        at=(0, 32, 5, 10),
    )
    panel = panels.bars(
        frame, now(queries.total("carbon_resources", "state"), "{{state}}")
    ).decimals(0)
    for state, colour in thresholds.STATES.items():
        panel.override_by_name(state, [panels.colour(colour)])
    return panel
