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

TITLES: Final = MappingProxyType(
    {
        OVERVIEW: "Overview",
        MACHINES: "Machines",
        TEAMS: "Teams",
        GRID: "Grid and regions",
        HEALTH: "Exporter health",
    }
)
"""Uid to title, in the order in which a reader goes deeper. Uids are bookmarks: never renamed."""


def between_boards(own: str) -> tuple[build.DashboardLink, ...]:
    """Make links to all dashboards but one's own; time range and variables go along."""
    return tuple(_link(uid, title) for uid, title in TITLES.items() if uid != own)


def cell(title: str, board: str, variables: Mapping[str, str]) -> dict[str, object]:
    """Make a link that opens a dashboard for a table's cell.

    ``variables`` maps a variable of that dashboard to what the cell's row says it should be, as
    one of Grafana's ``${__data.fields…}`` expressions. Time range and data source go along.
    """
    picked = "".join(f"&var-{name}={value}" for name, value in variables.items())
    carried = "${__url_time_range}&${datasource:queryparam}&${job:queryparam}"
    return {"title": title, "url": f"/d/{board}?{carried}{picked}"}


def field(name: str) -> str:
    """Name a field of the clicked row, encoded for a URL."""
    return f'${{__data.fields["{name}"]:percentencode}}'


def _link(uid: str, title: str) -> build.DashboardLink:
    return (
        build.DashboardLink(title)
        .type(DashboardLinkType.LINK)
        .url(f"/d/{uid}")
        .icon("dashboard")
        .tooltip(f"Carbon / {title}, with the same time range and choices")
        .keep_time(keep_time=True)
        .include_vars(include_vars=True)
    )
