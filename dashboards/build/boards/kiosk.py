"""Kiosk: one screen for a wall, in figures that are read from across the room."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.build import charts, figures, shell, variables, waste
from dashboards.build.boards import overview
from dashboards.build.links import KIOSK


def build() -> Dashboard:
    """Assemble the dashboard."""
    about = (
        "One screen for a wall: add ?kiosk to its address. What we emit now, this month, against "
        "the budget, and what fires."
    )
    board = shell.board(KIOSK, about, variables.estate())
    for panel in (
        figures.emissions_now(1, (0, 0, 12, 6)),
        figures.against_usual(2, (12, 0, 6, 6)),
        charts.count_firing(3, (18, 0, 6, 6)),
        figures.month(4, (0, 6, 12, 6)),
        figures.budget(5, (12, 6, 12, 6)),
        charts.against_usual(6, (0, 12, 12, 10)),
        overview.by_account(7, (12, 12, 12, 10)),
        waste.saved_by_all(8, (0, 22, 12, 5)),
        figures.reality(9, (12, 22, 6, 5)),
        figures.coverage(10, (18, 22, 6, 5)),
    ):
        board.with_panel(panel)
    return board.build()
