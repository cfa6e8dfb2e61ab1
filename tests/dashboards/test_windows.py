"""Today, this month and the budget: what they come to, and that a time range changes nothing."""

import re
from pathlib import Path

import pytest

from dashboards.build import sums
from tests.support.boards import BOARDS, with_data
from tests.support.promql_values import NEEDS_PROMTOOL, History

PLACE = 'provider="aws", account="1", cloud_region="south"'
GRAMS = f'carbon_emissions_gco2eq_total{{{PLACE}, scope="operational"}}'
STEADY = History(
    interval="5m",
    choices={},
    series={
        # 12 g an hour from 2 January, 00:00 on, in a Prometheus without the recording rules.
        GRAMS: "_x288 0+1x2500",
        f"carbon_energy_joules_total{{{PLACE}}}": "_x288 0+300000x2500",
        "carbon_budget_month_gco2eq": "8928x2800",
        f'carbon_resources{{{PLACE}, state="measured"}}': "1x2800",
    },
)
MONTH_HOURS = 31 * 24


@NEEDS_PROMTOOL
@pytest.mark.parametrize(
    ("expression", "at", "expected"),
    [
        pytest.param(sums.today(), "4d6h", {"{}": 72}, id="since midnight"),
        pytest.param(sums.today(), "4d6h30m", {"{}": 78}, id="the hour that is not over counts"),
        pytest.param(sums.month(), "4d6h", {"{}": 936}, id="since it is watched"),
        pytest.param(sums.watched_since(), "4d6h", {"{}": 86_400_000}, id="from the second on"),
        pytest.param(sums.yesterday_by_now(), "4d6h", {"{}": 72}, id="the same hours"),
        pytest.param(sums.change(), "4d6h", {"{}": 0}, id="as much as yesterday"),
        pytest.param(
            sums.yesterday_by_now(), "1d20h", {}, id="a day that was not watched is no yesterday"
        ),
        pytest.param(sums.month_projection(), "1d20h", {}, id="too early for a projection"),
        pytest.param(
            sums.month_projection(),
            "4d6h",
            {"{}": 12 * MONTH_HOURS},
            id="the day before counts at the mean",
        ),
        pytest.param(sums.budget_used(), "4d6h", {"{}": 0.105}, id="used"),
        pytest.param(sums.budget_projected(), "4d6h", {"{}": 1}, id="projected"),
        pytest.param(sums.kilowatt_hours(), "4d6h", {"{}": 78}, id="electricity"),
        pytest.param(sums.kilometres_by_car(), "4d6h", {"{}": round(936 / 250, 3)}, id="by car"),
    ],
)
def test_sums_come_to(expression: str, at: str, expected: dict[str, float], tmp_path: Path) -> None:
    STEADY.check(tmp_path, expression, at, expected)


@NEEDS_PROMTOOL
def test_a_counter_that_is_reset_loses_nothing_until_the_hour_is_over(tmp_path: Path) -> None:
    """As where a backfilled counter ends and the live one begins: 124 g, and 6 g since."""
    history = History(interval="5m", choices={}, series={GRAMS: "0+1x124 0+1x300"})
    history.check(tmp_path, sums.today(), "10h55m", {"{}": 124 + 6})


@NEEDS_PROMTOOL
def test_recorded_sums_are_taken_where_the_rules_are_loaded(tmp_path: Path) -> None:
    recorded = (
        f'region_scope:carbon_emissions_gco2eq:increase_month{{{PLACE}, scope="operational"}}'
    )
    history = History(interval="5m", choices={}, series={**STEADY.series, recorded: "5x2800"})
    history.check(tmp_path, sums.month(), "4d6h", {"{}": 5})


@pytest.mark.parametrize("name", ["overview.json", "kiosk.json"])
def test_nothing_in_a_figure_of_a_day_or_a_month_knows_the_time_range(name: str) -> None:
    """An absolute range, as after a zoom, sends the very same queries, at the range's end."""
    figures = [p for p in with_data(BOARDS[name]) if re.search("today|month|budget", p["title"])]
    assert len(figures) >= 3
    for panel in figures:
        assert panel.get("timeFrom") is None
        for target in panel["targets"]:
            assert target["instant"]
            assert re.findall(r"\$_\w+", target["expr"]) == []
