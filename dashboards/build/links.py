"""The dashboards' stable uids, and the links from one to another."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models.dashboard import DashboardLinkType

OVERVIEW: Final = "carbon-overview"
MACHINES: Final = "carbon-machines"
TEAMS: Final = "carbon-teams"
GRID: Final = "carbon-grid"
HEALTH: Final = "carbon-health"

KIOSK: Final = "carbon-kiosk"

TAG: Final = "carbon-exporter"
"""What all dashboards of ours are tagged with."""

TITLES: Final = MappingProxyType(
    {
        OVERVIEW: "Overview",
        MACHINES: "Machines",
        TEAMS: "Teams",
        GRID: "Grid and regions",
        HEALTH: "Exporter health",
        KIOSK: "Kiosk",
    }
)
"""Uid to title, in the order in which a reader goes deeper. Uids are bookmarks: never renamed."""


def to_boards() -> build.DashboardLink:
    """Make the list of all dashboards of ours; time range and variables go along.

    Found by tag, so that a board that is added later, or by a reader, is in it.
    """
    return (
        build.DashboardLink("Carbon")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(as_dropdown=True)
        .icon("external link")
        .tooltip("The other carbon dashboards, with the same time range and choices")
        .keep_time(keep_time=True)
        .include_vars(include_vars=True)
    )


def cell(title: str, board: str, variables: Mapping[str, str]) -> dict[str, object]:
    """Make a link that opens a dashboard for a table's cell.

    ``variables`` maps a variable of that dashboard to what the cell's row says it should be, as
    one of Grafana's ``${__data.fields…}`` expressions. Time range and data source go along.
    """
    picked = "".join(f"&var-{name}={value}" for name, value in variables.items())
    return {"title": title, "url": f"/d/{board}?{_CARRIED}{picked}"}


def board_of_row(title: str, name: str) -> dict[str, object]:
    """Make a link to the dashboard whose uid a field of the clicked row tells."""
    return {"title": title, "url": f"/d/{field(name)}?{_CARRIED}"}


def field(name: str) -> str:
    """Name a field of the clicked row, encoded for a URL."""
    return f'${{__data.fields["{name}"]:percentencode}}'


_CARRIED: Final = "${__url_time_range}&${datasource:queryparam}&${job:queryparam}"
