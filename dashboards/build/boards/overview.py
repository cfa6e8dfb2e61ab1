"""Overview: the one-minute answer. How much, more or less than usual, who, where, how sure."""

from typing import Final

from grafana_foundation_sdk.builders import bargauge, stat, table, timeseries
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.build import charts, figures, owners, shell, tables, variables
from dashboards.build.links import OVERVIEW
from dashboards.build.panels import (
    GRAMS_PER_HOUR,
    Frame,
    Place,
    coarse,
    legend_below,
    over_time,
    stacked,
)
from dashboards.build.queries import total

_RATE: Final = "carbon_emissions_gco2eq_per_hour"


def build() -> Dashboard:
    """Assemble the dashboard."""
    picks = (*variables.estate(), variables.tag()[0])
    about = "What the cloud estate emits now: how much, who, where, and how sure we are."
    board = shell.board(OVERVIEW, about, picks)
    for panel in (*_figures(), *_charts(), *_details()):
        board.with_panel(panel)
    return board.build()


def _figures() -> tuple[stat.Panel, ...]:
    return (
        figures.emissions_now(1, (0, 0, 8, 4)),
        figures.today(2, (8, 0, 8, 4)),
        figures.coverage(3, (16, 0, 4, 4)),
        figures.reality(4, (20, 0, 4, 4)),
        figures.month(5, (0, 4, 5, 4)),
        figures.budget(6, (5, 4, 7, 4)),
        figures.equivalent(7, (12, 4, 5, 4)),
        figures.power_now(8, (17, 4, 7, 4)),
    )


def _charts() -> tuple[timeseries.Panel, ...]:
    return (
        charts.against_former_days(9, (0, 8, 16, 9)),
        _by_provider(11, (0, 17, 12, 8)),
        _by_account(12, (12, 17, 12, 8)),
        _by_region(13, (0, 25, 12, 8)),
        _by_tag(14, (12, 25, 12, 8)),
        charts.our_grids(16, (12, 45, 12, 11)),
    )


def _details() -> tuple[table.Panel | bargauge.Panel, ...]:
    return (
        tables.states(10, (16, 8, 8, 9)),
        tables.top_machines(15, (0, 33, 24, 12)),
        tables.grid_sources(17, (0, 45, 12, 11)),
        tables.collectors(18, (0, 56, 24, 11)),
    )


def _by_tag(number: int, at: Place) -> timeseries.Panel:
    frame = Frame(
        number=number,
        title="Which $tag emits how much CO2eq?",
        description=(
            "Grams of CO2 equivalent per hour by the tag that is picked above, all scopes, "
            "stacked. Machines without it are “untagged”. The exporter exports the tags that its "
            "configuration lists."
        ),
        unit=GRAMS_PER_HOUR,
        at=at,
    )
    panel = stacked(frame, over_time(owners.rate_of_all(), owners.LEGEND))
    return legend_below(coarse(panel))


def _by_provider(number: int, at: Place) -> timeseries.Panel:
    return _split(number, at, "provider", "Which provider emits how much CO2eq?", "cloud provider")


def _by_account(number: int, at: Place) -> timeseries.Panel:
    about = "account, Google Cloud project or Azure subscription"
    return _split(number, at, "account", "Which account emits how much CO2eq?", about)


def _by_region(number: int, at: Place) -> timeseries.Panel:
    about = "cloud region; a region moves with its machines' load and with its grid"
    return _split(number, at, "cloud_region", "Which region emits how much CO2eq?", about)


def _split(number: int, at: Place, label: str, title: str, about: str) -> timeseries.Panel:
    frame = Frame(
        number=number,
        title=title,
        description=f"Grams of CO2 equivalent per hour, all scopes, stacked, by {about}.",
        unit=GRAMS_PER_HOUR,
        at=at,
    )
    return legend_below(stacked(frame, over_time(total(_RATE, label), f"{{{{{label}}}}}")))
