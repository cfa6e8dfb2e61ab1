"""What every dashboard is before it has panels: name, links, variables, time, annotations, rows."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    GridPos,
    RowPanel,
)

from dashboards.build import links, thresholds, variables
from dashboards.build.queries import exporter, picks

VERSION: Final = 2
"""Of what the dashboards show. Raise it when a panel is added, goes, or means something else."""
REFRESH: Final = "5m"
"""As often as the data change: a bucket is five minutes, and polls are no more frequent."""
_FIRST_ROW: Final = 100
"""Ids of rows begin here, out of the way of those of panels, which alerts link to."""


def board(
    uid: str,
    description: str,
    picks: Iterable[build.QueryVariable | build.TextBoxVariable | build.CustomVariable],
    since: str = "now-24h",
    refresh: str = REFRESH,
) -> build.Dashboard:
    """Start a dashboard of ``links.TITLES`` with its data source and the given variables."""
    started = (
        build.Dashboard(f"Carbon / {links.TITLES[uid]}")
        .uid(uid)
        .description(description)
        .version(VERSION)
        .tags(["carbon", links.TAG])
        .timezone("browser")
        .time(since, "now")
        .refresh(refresh)
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(variables.datasource())
        .link(links.to_boards())
    )
    for pick in picks:
        started.with_variable(pick)
    for note in _annotations():
        started.annotation(note)
    return started


def section(
    board: build.Dashboard, title: str, panels: Sequence[Any], *, opened: bool = False
) -> None:
    """Add a row of panels, closed unless told otherwise: what is closed asks nothing.

    The panels' places count from the row, whose line is 0; :func:`settled` puts the rows one below
    the other.
    """
    row = build.Row(title).collapsed(collapsed=not opened)
    if opened:
        board.with_row(row.grid_pos(_ROW))
        for panel in panels:
            board.with_panel(panel)
        return
    for panel in panels:
        row.with_panel(panel)
    board.with_row(row.grid_pos(_ROW))


_ROW: Final = GridPos(x=0, y=0, w=24, h=1)


def settled(board: Dashboard) -> Dashboard:
    """Give rows their ids and heights, and what follows a row its place below it."""
    bottom, base, number = 0, 0, _FIRST_ROW
    for panel in board.panels or ():
        if isinstance(panel, RowPanel):
            panel.id_val = number
            panel.grid_pos = GridPos(x=0, y=bottom, w=24, h=1)
            number += 1
            base = bottom
            bottom += 1
            for inside in panel.panels:
                _lower(inside.grid_pos, base)
            continue
        _lower(panel.grid_pos, base)
        if panel.grid_pos:
            bottom = max(bottom, panel.grid_pos.y + panel.grid_pos.h)
    return board


def _lower(place: GridPos | None, by: int) -> None:
    if place:
        place.y += by


def _annotations() -> tuple[build.AnnotationQuery, ...]:
    spikes = f'ALERTS{{alertname="CarbonEmissionSpike", alertstate="firing", {_ACCOUNTS}}}'
    intensity = exporter("carbon_grid_intensity_gco2eq_per_kwh", 'method="average"')
    source = "grid_zone, source"
    switched = (
        f"group by ({source}) ({intensity}) unless on ({source}) {intensity} offset 5m "
        f"and on (grid_zone) {intensity} offset 5m "
        f"and on (grid_zone) {exporter('carbon_resource_info')}"
    )
    started = exporter("process_start_time_seconds")
    restarted = f"changes({started}[5m]) > 0 and on (job, instance) {exporter('carbon_build_info')}"
    return (
        _note(
            "Emission spikes",
            spikes,
            thresholds.BAD,
            "Spike: {{provider}} {{account}}",
            "The alert CarbonEmissionSpike fired for this account.",
        ),
        _note(
            "Grid source switches",
            switched,
            thresholds.FAIR,
            "{{grid_zone}} is from {{source}}",
            "The intensity of this grid comes from another source since then.",
        ),
        _note(
            "Exporter restarts",
            restarted,
            thresholds.NEUTRAL,
            "Restart of {{instance}}",
            "The exporter was started anew; it catches up what it missed.",
        ),
    )


_ACCOUNTS: Final = ", ".join((picks("provider", "provider"), picks("account", "account")))


def _note(name: str, expression: str, colour: str, title: str, text: str) -> build.AnnotationQuery:
    return (
        build.AnnotationQuery()
        .name(name)
        .datasource(variables.DATASOURCE)
        .enable(enable=True)
        .hide(hide=False)
        .icon_color(colour)
        .expr(expression)
        .step("60s")
        .title_format(title)
        .text_format(text)
    )
