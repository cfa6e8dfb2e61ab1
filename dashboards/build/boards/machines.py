"""Machines: which ones emit, what their watts are made of, and which could go or shrink."""

from typing import Final

from grafana_foundation_sdk.builders import bargauge, stat, timeseries
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.build import panels, queries, shell, tables, thresholds, variables, waste
from dashboards.build.links import MACHINES
from dashboards.build.panels import Frame, Place, now, over_time

_DRAWN: Final = 10
_POINTS: Final = 200
"""Of a chart over all machines and their components: 10,000 machines of two exporters stay below
the 50 million samples that Prometheus lets a query hold."""
_POWER: Final = "carbon_resource_power_watts"
_RATE: Final = "carbon_resource_emissions_gco2eq_per_hour"
_CPU: Final = "carbon_resource_cpu_utilization_ratio"


def build() -> Dashboard:
    """Assemble the dashboard."""
    picks = (*variables.estate(), *variables.tag(), variables.machine())
    about = "Which machines emit, what makes their watts, and which could go or shrink."
    board = shell.board(MACHINES, about, picks)
    for panel in (
        _count(1, (0, 0, 6, 4)),
        _rate_now(2, (6, 0, 6, 4)),
        waste.saved_by_switching_off(3, (12, 0, 6, 4)),
        waste.saved_by_halving(4, (18, 0, 6, 4)),
        tables.all_machines(5, (0, 4, 24, 12)),
        waste.idle(10, (0, 16, 24, 7)),
    ):
        board.with_panel(panel)
    charts = (
        _cpu(6, (0, 1, 12, 10)),
        _power(7, (12, 1, 12, 10)),
        _components(8, (0, 11, 12, 8)),
        _scopes(9, (12, 11, 12, 8)),
    )
    shell.section(board, "What makes the power", charts)
    shell.section(board, "Too large", (waste.oversized(11, (0, 1, 24, 11)),))
    unread = (
        tables.unread_machines(12, (0, 1, 24, 11)),
        _data_age(13, (0, 12, 8, 10)),
        tables.unknown_types(14, (8, 12, 16, 10)),
    )
    shell.section(board, "Not read, not known", unread)
    return board.build()


def _count(number: int, at: Place) -> stat.Panel:
    frame = Frame(
        number=number,
        title="How many machines are picked?",
        description=(
            "Machines that are picked above, running, stopped, and those that vanished within the "
            "last hours, and how many of them have current readings."
        ),
        unit=panels.COUNT,
        at=at,
    )
    return panels.numbers(
        frame,
        now(f"count (group by ({queries.RESOURCE}) ({queries.picked_machines()}))", "All", "A"),
        now(f"count ({queries.among_picked(queries.of_machine(_CPU))})", "With readings", "B"),
    ).decimals(0)


def _rate_now(number: int, at: Place) -> stat.Panel:
    frame = Frame(
        number=number,
        title="How much do they emit now?",
        description=(
            "Grams of CO2 equivalent per hour of the picked machines, and the watts that they draw "
            "from the grid, the data centre's overhead included."
        ),
        unit=panels.GRAMS_PER_HOUR,
        at=at,
    )
    panel = panels.numbers(
        frame,
        now(f"sum ({queries.among_picked(queries.of_machine(_RATE))})", "Emissions", "A"),
        now(f"sum ({queries.among_picked(queries.of_machine(_POWER))})", "Power", "B"),
    )
    return panel.override_by_name("Power", list(panels.unit(panels.WATTS)))


def _cpu(number: int, at: Place) -> timeseries.Panel:
    frame = Frame(
        number=number,
        title="How busy are those that draw most?",
        description=(
            f"CPU utilisation of the {_DRAWN} picked machines with the highest power at the end of "
            "the time range, beside their power: watts follow the CPU from the floor that an idle "
            "machine draws. A gap is no data or a stopped machine."
        ),
        unit=panels.SHARE,
        at=at,
    )
    panel = panels.lines(frame, over_time(_of_largest(_CPU), "{{machine}}"))
    return panels.legend_below(panels.coarse(panel)).max(1)


def _power(number: int, at: Place) -> timeseries.Panel:
    frame = Frame(
        number=number,
        title="How much power do they draw for it?",
        description=(
            f"Watts of the same {_DRAWN} machines, overhead included. A line that stays flat while "
            "the CPU moves is a machine whose floor is most of its power."
        ),
        unit=panels.WATTS,
        at=at,
    )
    panel = panels.lines(frame, over_time(_of_largest(_POWER), "{{machine}}"))
    return panels.legend_below(panels.coarse(panel))


def _of_largest(metric: str) -> str:
    largest = queries.largest(_DRAWN, _POWER)
    return queries.named(queries.among(queries.of_machine(metric), largest))


def _components(number: int, at: Place) -> timeseries.Panel:
    frame = Frame(
        number=number,
        title="What makes the power?",
        description=(
            "Watts of the picked machines by component, stacked. Overhead is cooling and "
            "conversion in the data centre (PUE)."
        ),
        unit=panels.WATTS,
        at=at,
    )
    by = f"sum by (component) ({_single(_POWER)} and on ({queries.RESOURCE}) "
    return panels.coarse(
        panels.stacked(frame, over_time(f"{by}{queries.picked_machines()})", "{{component}}")),
        _POINTS,
    )


def _single(metric: str) -> str:
    return queries.single(metric, queries.picks("resource_id", "machine"))


def _scopes(number: int, at: Place) -> timeseries.Panel:
    frame = Frame(
        number=number,
        title="How much is power, how much is hardware?",
        description=(
            "Grams of CO2 equivalent per hour of the picked machines by scope, stacked. "
            "Operational is their electricity, embodied their share of making the hardware."
        ),
        unit=panels.GRAMS_PER_HOUR,
        at=at,
    )
    by = f"sum by (scope) ({_single(_RATE)} and on ({queries.RESOURCE}) "
    return panels.coarse(
        panels.stacked(frame, over_time(f"{by}{queries.picked_machines()})", "{{scope}}")),
        _POINTS,
    )


def _data_age(number: int, at: Place) -> bargauge.Panel:
    frame = Frame(
        number=number,
        title="How old are the newest data?",
        description=(
            "Time since the end of the newest data of each collector of the picked providers. "
            "Yellow from half an hour, red from two hours: readings are then withdrawn, not kept."
        ),
        unit=panels.SECONDS,
        at=at,
    )
    panel = panels.bars(frame, now(queries.data_age_of_providers(), "{{collector}}"))
    return panel.thresholds(thresholds.age()).decimals(0)
