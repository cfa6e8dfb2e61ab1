"""Grid and regions: how dirty our power is, how sure that is, when and where it is cleaner."""

from typing import TypeAlias

from grafana_foundation_sdk.builders import (
    bargauge,
    geomap,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.build import charts, links, picks, regions, shell, variables, zones

_AnyPanel: TypeAlias = (
    bargauge.Panel
    | geomap.Panel
    | stat.Panel
    | statetimeline.Panel
    | table.Panel
    | timeseries.Panel
)


def build() -> Dashboard:
    """Assemble the dashboard."""
    about = "How dirty our grids are, how sure that is, and when and where a kWh is cleaner."
    chosen = (*variables.estate(), picks.zone(), picks.target())
    board = shell.board(links.GRID, about, chosen)
    for panel in _now():
        board.with_panel(panel)
    shell.section(board, "Hours: when is it clean?", _hours())
    shell.section(board, "Regions: where is it clean?", _regions())
    shell.section(board, "Marginal intensity (needs an account of WattTime)", _marginal())
    return board.build()


def _now() -> tuple[_AnyPanel, ...]:
    return (
        regions.ours_now(1, (0, 0, 6, 4)),
        regions.cleanest_now(2, (6, 0, 6, 4)),
        zones.dirtiest_now(3, (12, 0, 6, 4)),
        zones.not_live(4, (18, 0, 6, 4)),
        charts.our_grids(5, (0, 4, 12, 9)),
        regions.month_elsewhere(14, (12, 4, 12, 4)),
        regions.month_at_best(15, (12, 8, 12, 8)),
        zones.outlook(9, (0, 13, 12, 11)),
        zones.sources(8, (12, 16, 12, 8)),
    )


def _hours() -> tuple[_AnyPanel, ...]:
    return (
        zones.hours_of_the_week(12, (0, 1, 24, 9)),
        zones.forecast(10, (0, 10, 16, 9)),
        zones.errors(11, (16, 10, 8, 9)),
        zones.levels(7, (0, 19, 24, 11)),
    )


def _regions() -> tuple[_AnyPanel, ...]:
    return (
        regions.world(13, (0, 1, 24, 14)),
        regions.rate_elsewhere(16, (0, 15, 24, 8)),
        regions.ranking(17, (0, 23, 24, 16)),
    )


def _marginal() -> tuple[_AnyPanel, ...]:
    return (
        zones.marginal(6, (0, 1, 16, 9)),
        zones.percentiles(18, (16, 1, 8, 9)),
    )
