"""Exporter health: does it see everything, how late, at what price, and does it feel well."""

from typing import TypeAlias

from grafana_foundation_sdk.builders import stat, table, timeseries
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.build import collecting, figures, links, process, shell, tables, variables

_AnyPanel: TypeAlias = stat.Panel | table.Panel | timeseries.Panel


def build() -> Dashboard:
    """Assemble the dashboard; its metrics begin with the exporter, so it shows the last hours."""
    about = "Whether the exporter sees everything, how late, at what price, and how it feels."
    board = shell.board(links.HEALTH, about, variables.estate(), since="now-3h")
    for panel in _now():
        board.with_panel(panel)
    shell.section(board, "Collectors over time", _collectors())
    shell.section(board, "What is known, corrected and repriced", _quality())
    shell.section(board, "What watching costs", _bill())
    shell.section(board, "The exporter as a program", _process())
    return board.build()


def _now() -> tuple[_AnyPanel, ...]:
    return (
        collecting.failing(1, (0, 0, 5, 4)),
        collecting.latest(2, (5, 0, 5, 4)),
        figures.coverage(3, (10, 0, 4, 4)),
        process.bill(4, (14, 0, 5, 4)),
        process.dropped(5, (19, 0, 5, 4)),
        tables.collectors(6, (0, 4, 14, 12)),
        collecting.ages(8, (14, 4, 10, 12)),
        process.exporters(20, (0, 16, 24, 5)),
    )


def _collectors() -> tuple[_AnyPanel, ...]:
    return (
        collecting.failures(7, (0, 1, 12, 9)),
        collecting.successes(9, (12, 1, 12, 9)),
        collecting.durations(10, (0, 10, 12, 9)),
        collecting.catch_up(11, (12, 10, 12, 9)),
    )


def _quality() -> tuple[_AnyPanel, ...]:
    return (
        collecting.qualities(12, (0, 1, 12, 8)),
        collecting.fallbacks(13, (12, 1, 12, 8)),
        collecting.corrections(14, (0, 9, 5, 4)),
        collecting.repriced(27, (0, 13, 5, 4)),
        collecting.unknown(15, (5, 9, 6, 8)),
        tables.unknown_types(16, (11, 9, 13, 8)),
    )


def _bill() -> tuple[_AnyPanel, ...]:
    return (
        process.requests(17, (0, 1, 7, 10)),
        process.dollars(18, (7, 1, 7, 10)),
        process.apis(19, (14, 1, 10, 10)),
    )


def _process() -> tuple[_AnyPanel, ...]:
    return (
        process.scrapes(21, (0, 1, 8, 8)),
        process.series(22, (8, 1, 8, 8)),
        process.snapshots(23, (16, 1, 8, 8)),
        process.memory(24, (0, 9, 8, 8)),
        process.processor(25, (8, 9, 8, 8)),
        process.files(26, (16, 9, 8, 8)),
    )
