"""What the queries of Exporter health come to."""

from pathlib import Path

import pytest

from dashboards.build import observations
from tests.support.promql_values import NEEDS_PROMTOOL, History

JANUARY_DAYS = 31
"""promtool's time begins in January 1970."""
SCRAPE = 'job="c", instance="i"'
FIRST_DAY = History(
    interval="5m",
    choices={},
    series={
        # Starts at 05:00 and pays a dollar an hour.
        f'carbon_build_info{{{SCRAPE}, version="1"}}': "_x60 1x71",
        f'carbon_api_cost_dollars_total{{{SCRAPE}, provider="aws", api="Get"}}': (
            "_x60 0+0.0833333333x71"
        ),
        f'carbon_api_cost_dollars_total{{{SCRAPE}, provider="aws", api="List"}}': "_x60 0x71",
        f'carbon_api_requests_total{{{SCRAPE}, provider="aws", api="Get"}}': "_x60 0+5x71",
        f'carbon_api_requests_total{{{SCRAPE}, provider="aws", api="List"}}': "_x60 0x71",
        f'carbon_collector_success{{{SCRAPE}, collector="aws:1"}}': "_x60 0x71",
        f'carbon_collector_success{{{SCRAPE}, collector="gcp:1"}}': "_x60 1x71",
        f'carbon_collector_data_timestamp_seconds{{{SCRAPE}, collector="aws:1"}}': "_x60 36000x71",
        f'carbon_collector_data_timestamp_seconds{{{SCRAPE}, collector="n"}}': "_x60 90000x71",
        f'carbon_grid_intensity_fallback_level{{{SCRAPE}, grid_zone="A", method="average"}}': (
            "_x60 0x71"
        ),
        f'carbon_grid_intensity_fallback_level{{{SCRAPE}, grid_zone="B", method="average"}}': (
            "_x60 4x71"
        ),
        f'carbon_regions_unknown{{{SCRAPE}, provider="host"}}': "_x60 1x71",
        f'carbon_regions_unknown{{{SCRAPE}, provider="aws"}}': "_x60 0x71",
        f"scrape_duration_seconds{{{SCRAPE}}}": "_x60 0.25x71",
        'scrape_duration_seconds{job="c", instance="another program"}': "_x60 9x71",
    },
)


@NEEDS_PROMTOOL
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param(observations.failing(), {"{}": 1}, id="one collector of two fails"),
        pytest.param(
            observations.data_age(),
            {'{collector="aws:1"}': 3300, '{collector="n"}': 0},
            id="a forecast's data are not older than now",
        ),
        pytest.param(observations.zones_on(4), {"{}": 1}, id="zones on the annual average"),
        pytest.param(
            observations.unknown_regions(), {"{}": 0}, id="one's own machine is no region"
        ),
        pytest.param(
            observations.of_process("scrape_duration_seconds"),
            {f"{{{SCRAPE}}}": 0.25},
            id="only exporters of a job that has other targets",
        ),
    ],
)
def test_queries_come_to(expression: str, expected: dict[str, float], tmp_path: Path) -> None:
    FIRST_DAY.check(tmp_path, expression, "655m", expected)


@NEEDS_PROMTOOL
def test_the_month_is_projected_from_the_time_that_there_was_an_exporter(tmp_path: Path) -> None:
    """On the first day, a mean over 24 hours would tell a new user a fraction of the price."""
    month = 24 * JANUARY_DAYS
    rounded = f"round({observations.dollars_per_month()}, {month} / 20)"
    FIRST_DAY.check(tmp_path, rounded, "655m", {"{}": month})


@NEEDS_PROMTOOL
def test_calls_that_were_not_made_are_not_listed(tmp_path: Path) -> None:
    listed = f"count ({observations.dollars_of_the_day()})"
    FIRST_DAY.check(tmp_path, listed, "655m", {"{}": 1})
