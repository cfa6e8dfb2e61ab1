"""Exporter health: does it see everything, how late, at what price, and does it feel well."""

from typing import TypeAlias

from grafana_foundation_sdk.builders import stat, table, timeseries
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.build import collecting, figures, links, process, shell, tables, variables

_AnyPanel: TypeAlias = stat.Panel | table.Panel | timeseries.Panel


def build() -> Dashboard:
    """Assemble the dashboard."""
    about = "Whether the exporter sees everything, how late, at what price, and how it feels."
    board = shell.board(links.HEALTH, about, variables.estate())
    for panel in (*_now(), *_collectors(), *_quality(), *_bill(), *_process()):
        board.with_panel(panel)
    return board.build()


def _now() -> tuple[_AnyPanel, ...]:
    return (
        collecting.failing(1, (0, 0, 5, 4)),
        collecting.latest(2, (5, 0, 5, 4)),
        figures.coverage(3, (10, 0, 4, 4)),
        process.bill(4, (14, 0, 5, 4)),
        process.dropped(5, (19, 0, 5, 4)),
    )


def _collectors() -> tuple[_AnyPanel, ...]:
    return (
        tables.collectors(6, (0, 4, 14, 11)),
        collecting.failures(7, (14, 4, 10, 11)),
        collecting.ages(8, (0, 15, 12, 9)),
        collecting.successes(9, (12, 15, 12, 9)),
        collecting.durations(10, (0, 24, 12, 9)),
        collecting.catch_up(11, (12, 24, 12, 9)),
    )


def _quality() -> tuple[_AnyPanel, ...]:
    return (
        collecting.qualities(12, (0, 33, 12, 8)),
        collecting.fallbacks(13, (12, 33, 12, 8)),
        collecting.corrections(14, (0, 41, 5, 4)),
        collecting.repriced(27, (0, 45, 5, 4)),
        collecting.unknown(15, (5, 41, 6, 8)),
        tables.unknown_types(16, (11, 41, 13, 8)),
    )


def _bill() -> tuple[_AnyPanel, ...]:
    return (
        process.requests(17, (0, 49, 7, 10)),
        process.dollars(18, (7, 49, 7, 10)),
        process.apis(19, (14, 49, 10, 10)),
    )


def _process() -> tuple[_AnyPanel, ...]:
    return (
        process.exporters(20, (0, 59, 24, 5)),
        process.scrapes(21, (0, 64, 8, 8)),
        process.series(22, (8, 64, 8, 8)),
        process.snapshots(23, (16, 64, 8, 8)),
        process.memory(24, (0, 72, 8, 8)),
        process.processor(25, (8, 72, 8, 8)),
        process.files(26, (16, 72, 8, 8)),
    )
