"""Teams: whose machines emit what, by any tag that the exporter exports."""

from typing import Final

from grafana_foundation_sdk.builders import bargauge, stat, table, timeseries
from grafana_foundation_sdk.builders.common import TableSortByFieldState
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.build import cells, links, owners, panels, shell, tables, thresholds, variables
from dashboards.build.panels import Frame, Place, column, now, over_time, rows

_SHARE: Final = "Share"
_BY_TAG: Final = (
    "Owners are the values of the tag that is picked above; machines without it are “untagged”."
)


def build() -> Dashboard:
    """Assemble the dashboard."""
    about = "Whose machines emit what, by any tag that the exporter exports."
    board = shell.board(links.TEAMS, about, (*variables.estate(), *variables.tag()))
    for panel in (
        _total(1, (0, 0, 6, 4)),
        _untagged(2, (6, 0, 6, 4)),
        _count(3, (0, 4, 12, 3)),
        _shares(4, (12, 0, 12, 7)),
        _owners(5, (0, 7, 24, 10)),
        _trend(6, (0, 17, 24, 9)),
    ):
        board.with_panel(panel)
    efficiency = (_per_vcpu_hour(7, (0, 1, 12, 9)), _per_kwh(8, (12, 1, 12, 9)))
    shell.section(board, "How well each uses its machines", efficiency)
    shell.section(board, "Nobody's machines", (tables.untagged_machines(9, (0, 1, 24, 10)),))
    return board.build()


def _total(number: int, at: Place) -> stat.Panel:
    frame = Frame(
        number=number,
        title="How much in this time range?",
        description=(
            "Grams of CO2 equivalent of the picked machines in the dashboard's time range, from "
            f"the machines' counters. {_BY_TAG}"
        ),
        unit=panels.KILOGRAMS,
        at=at,
    )
    return panels.amounts(frame, {"Emitted": f"sum ({owners.grams()})"})


def _untagged(number: int, at: Place) -> stat.Panel:
    frame = Frame(
        number=number,
        title="How much is nobody's?",
        description=(
            "Share of the grams in the time range from machines without the picked tag, whatever "
            f"value is picked: green below {thresholds.UNTAGGED_FAIR:.0%}, red from "
            f"{thresholds.UNTAGGED_POOR:.0%}, where the others' shares say little."
        ),
        unit=panels.SHARE,
        at=at,
    )
    panel = panels.numbers(frame, now(owners.untagged_share())).decimals(1)
    return panel.thresholds(thresholds.untagged())


def _count(number: int, at: Place) -> stat.Panel:
    frame = Frame(
        number=number,
        title="How many values has the tag $tag?",
        description=(
            "Values of the picked tag, and machines that have none. Two spellings of one team are "
            "two values: correct the tag in the cloud."
        ),
        unit=panels.COUNT,
        at=at,
        empty="No machine has this tag",
    )
    return panels.numbers(
        frame,
        now(owners.count(), "Values", "A"),
        now(owners.untagged_machines(), "Untagged machines", "B"),
    ).decimals(0)


def _shares(number: int, at: Place) -> bargauge.Panel:
    frame = Frame(
        number=number,
        title="Who has which share?",
        description=f"Share of the picked machines' grams in the time range. {_BY_TAG}",
        unit=panels.SHARE,
        at=at,
    )
    largest = f"sort_desc (topk ({_DRAWN}, {owners.share()}))"
    return panels.thin(panels.bars(frame, now(largest, owners.LEGEND))).decimals(1)


_DRAWN: Final = 5
"""Bars that fit; the table has them all."""


def _trend(number: int, at: Place) -> timeseries.Panel:
    frame = Frame(
        number=number,
        title="Who emits how much over time?",
        description=f"Grams of CO2 equivalent per hour, all scopes, stacked. {_BY_TAG}",
        unit=panels.GRAMS_PER_HOUR,
        at=at,
    )
    count = owners.LEADING
    chosen = owners.leaders(count, owners.PICKED)
    return panels.coarse(panels.top(frame, count, owners.OWNER, owners.rate(), chosen))


def _per_vcpu_hour(number: int, at: Place) -> timeseries.Panel:
    frame = Frame(
        number=number,
        title="How much CO2eq is in an hour of a vCPU?",
        description=(
            "Grams of CO2 equivalent per hour, all scopes, divided by the vCPUs that the owner's "
            "machines hold, used or not. Machines with a GPU stand out, and so do dirty grids. "
            "Machines whose vCPUs nobody knows are left out."
        ),
        unit=panels.GRAMS_PER_HOUR,
        at=at,
    )
    return panels.coarse(
        panels.lines(
            frame, over_time(owners.of_leaders(owners.grams_per_vcpu_hour()), owners.LEGEND)
        )
    )


def _per_kwh(number: int, at: Place) -> timeseries.Panel:
    frame = Frame(
        number=number,
        title="How clean is each one's electricity?",
        description=(
            "Operational grams in a kilowatt-hour that the owner's machines draw: it falls when "
            f"work moves to cleaner regions or hours. {_BY_TAG}"
        ),
        unit=panels.GRAMS_PER_KWH,
        at=at,
    )
    return panels.coarse(
        panels.lines(frame, over_time(owners.of_leaders(owners.grams_per_kwh()), owners.LEGEND))
    ).decimals(0)


def _owners(number: int, at: Place) -> table.Panel:
    frame = Frame(
        number=number,
        title="Who emits how much, and how well used is it?",
        description=(
            "One row for each value of the picked tag. Grams, energy, share, and change against "
            "the range before are of the dashboard's time range, by the tag that each machine "
            "had last. The rest is of now: machines, mean CPU of their vCPUs, operational "
            "grams in a kWh, and grams in an hour of a vCPU, held and used. A click on a name "
            "shows its machines; those without the tag are in the last table."
        ),
        unit=panels.TEXT,
        at=at,
    )
    panel = panels.grid(
        frame,
        _COLUMNS,
        rows(f"{owners.grams()} / 1000", "A"),
        rows(owners.share(), "B"),
        rows(owners.change(), "C"),
        rows(owners.rate(), "D"),
        rows(owners.machines(), "E"),
        rows(owners.cpu(), "F"),
        rows(owners.grams_per_kwh(), "G"),
        rows(owners.grams_per_vcpu_hour(), "H"),
        rows(owners.grams_per_used_vcpu_hour(), "I"),
        rows(owners.kilowatt_hours(), "J"),
    )
    return panel.sort_by([TableSortByFieldState().display_name(_SHARE).desc(desc=True)])


_COLUMNS: Final = (
    column(
        owners.OWNER,
        "Owner",
        cells.wrapped(),
        cells.linked(
            "Show these machines",
            links.MACHINES,
            {"tag": "${tag}", "value": links.field("Owner")},
        ),
    ),
    column("Value #E", "Machines", *panels.unit(panels.COUNT, 0), panels.width(90)),
    column("Value #A", "Emitted", *panels.unit(panels.KILOGRAMS, 1), panels.width(95)),
    column("Value #J", "Energy", *panels.unit(panels.KILOWATT_HOURS), panels.width(95)),
    column("Value #B", _SHARE, *panels.unit(panels.SHARE, 1), *panels.bar(), panels.width(190)),
    column(
        "Value #C",
        "Change",
        *panels.unit(panels.SHARE, 0),
        *panels.tinted(thresholds.change()),
        panels.width(80),
    ),
    column("Value #D", "Now", *panels.unit(panels.GRAMS_PER_HOUR), panels.width(95)),
    column("Value #F", "CPU", *panels.unit(panels.SHARE, 0), panels.width(60)),
    column(
        "Value #G",
        "g/kWh",
        *panels.unit(panels.COUNT, 0),
        *panels.tinted(thresholds.grid()),
        panels.width(70),
    ),
    column("Value #H", "g/vCPU-h", *panels.unit(panels.COUNT, 2), panels.width(95)),
    column("Value #I", "g/used vCPU-h", *panels.unit(panels.COUNT, 1), panels.width(130)),
)
