"""Overview: the one-minute answer on one screen, and behind rows who, where, and how sure."""

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.build import (
    charts,
    figures,
    owners,
    panels,
    queries,
    shell,
    tables,
    variables,
    waste,
)
from dashboards.build.links import OVERVIEW
from dashboards.build.panels import Frame, Place


def build() -> Dashboard:
    """Assemble the dashboard."""
    picks = (*variables.estate(), variables.tag()[0])
    about = "What the cloud estate emits now: how much, who, where, and how sure we are."
    board = shell.board(OVERVIEW, about, picks)
    for panel in (
        figures.emissions_now(1, (0, 0, 8, 4)),
        figures.against_usual(19, (8, 0, 4, 4)),
        figures.month(5, (12, 0, 6, 4)),
        figures.budget(6, (18, 0, 6, 4)),
        charts.against_usual(9, (0, 4, 13, 9)),
        charts.movers(20, (13, 4, 11, 9)),
        waste.actions(21, (0, 13, 13, 6)),
        charts.firing(22, (13, 13, 11, 6)),
        figures.today(2, (0, 19, 8, 4)),
        figures.coverage(3, (8, 19, 4, 4)),
        figures.reality(4, (12, 19, 4, 4)),
        figures.power_now(8, (16, 19, 8, 4)),
    ):
        board.with_panel(panel)
    shell.section(
        board,
        "Who and where",
        (
            by_provider(11, (0, 1, 12, 8)),
            by_account(12, (12, 1, 12, 8)),
            by_region(13, (0, 9, 12, 8)),
            _by_tag(14, (12, 9, 12, 8)),
        ),
    )
    machines = (
        tables.top_machines(15, (0, 1, 24, 12)),
        tables.states(10, (0, 13, 12, 7)),
        figures.equivalent(7, (12, 13, 12, 7)),
    )
    shell.section(board, "Machines", machines)
    shell.section(
        board,
        "Grids, and how far to trust all this",
        (
            tables.grid_sources(17, (0, 1, 12, 11)),
            charts.our_grids(16, (12, 1, 12, 11)),
            tables.collectors(18, (0, 12, 24, 11)),
        ),
    )
    return board.build()


def _by_tag(number: int, at: Place) -> timeseries.Panel:
    frame = Frame(
        number=number,
        title="Which $tag emits how much CO2eq?",
        description=(
            "Grams of CO2 equivalent per hour by the tag that is picked above, all scopes, "
            "stacked. Machines without it are “untagged”. The exporter exports the tags that its "
            "configuration lists."
        ),
        unit=panels.GRAMS_PER_HOUR,
        at=at,
    )
    count = owners.LEADING
    chosen = owners.leaders(count)
    return panels.coarse(panels.top(frame, count, owners.OWNER, owners.rate_of_all(), chosen))


def by_provider(number: int, at: Place) -> timeseries.Panel:
    """Make the emissions of each cloud."""
    return _split(number, at, "provider", "Which provider emits how much CO2eq?", "cloud provider")


def by_account(number: int, at: Place) -> timeseries.Panel:
    """Make the emissions of the largest accounts."""
    about = "account, Google Cloud project or Azure subscription"
    return _split(number, at, "account", "Which account emits how much CO2eq?", about)


def by_region(number: int, at: Place) -> timeseries.Panel:
    """Make the emissions of the largest regions."""
    about = "cloud region; a region moves with its machines' load and with its grid"
    return _split(number, at, "cloud_region", "Which region emits how much CO2eq?", about)


def _split(number: int, at: Place, label: str, title: str, about: str) -> timeseries.Panel:
    frame = Frame(
        number=number,
        title=title,
        description=f"Grams of CO2 equivalent per hour, all scopes, stacked, by {about}.",
        unit=panels.GRAMS_PER_HOUR,
        at=at,
    )
    rate, count = figures.RATE, owners.LEADING
    chosen = queries.leaders(count, rate, label)
    return panels.top(frame, count, label, queries.total(rate, label), chosen)
