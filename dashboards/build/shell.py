"""What every dashboard is before it has panels: name, links, variables, time."""

from collections.abc import Iterable

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync

from dashboards.build import links, variables


def board(
    uid: str,
    description: str,
    picks: Iterable[build.QueryVariable | build.TextBoxVariable | build.CustomVariable],
    since: str = "now-24h",
    refresh: str = "1m",
) -> build.Dashboard:
    """Start a dashboard of ``links.TITLES`` with its data source and the given variables."""
    started = (
        build.Dashboard(f"Carbon / {links.TITLES[uid]}")
        .uid(uid)
        .description(description)
        .tags(["carbon", "carbon-exporter"])
        .timezone("browser")
        .time(since, "now")
        .refresh(refresh)
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(variables.datasource())
    )
    for pick in picks:
        started.with_variable(pick)
    for link in links.between_boards(uid):
        started.link(link)
    return started
