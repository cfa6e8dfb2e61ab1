"""What the queries of Grid and regions come to, and that the heat map asks for whole hours."""

from pathlib import Path

import pytest

from dashboards.build import intensities, picks, sums
from tests.support.boards import BOARDS, with_data
from tests.support.promql_values import NEEDS_PROMTOOL, History

OURS = 'provider="aws", account="1", cloud_region="south"'
DAY = History(
    interval="15m",
    choices={"zone": "S", "target": "north"},
    series={
        # 1.2 kWh an hour at the grid's side: with a PUE of 1.2, 1 kWh of IT energy.
        f"carbon_energy_joules_total{{{OURS}}}": "0+1080000x40",
        f'carbon_emissions_gco2eq_total{{{OURS}, scope="operational"}}': "0+120x40",
        f'carbon_emissions_gco2eq_total{{{OURS}, scope="embodied"}}': "0+7x40",
        f"carbon_power_watts{{{OURS}}}": "1200x40",
        'carbon_power_watts{provider="aws", account="1", cloud_region="west"}': "3000x40",
        f'carbon_resources{{{OURS}, state="measured"}}': "5x40",
        'carbon_region_pue_ratio{provider="aws", cloud_region="south"}': "1.2x40",
        'carbon_region_pue_ratio{provider="aws", cloud_region="west"}': "1x40",
        'carbon_region_pue_ratio{provider="aws", cloud_region="north"}': "1.1x40",
        'carbon_region_intensity_gco2eq_per_kwh{provider="aws", cloud_region="south", '
        'method="average"}': "480x40",
        'carbon_region_intensity_gco2eq_per_kwh{provider="aws", cloud_region="west", '
        'method="average"}': "80x40",
        'carbon_region_intensity_gco2eq_per_kwh{provider="aws", cloud_region="north", '
        'method="average"}': "18x40",
        'carbon_grid_intensity_gco2eq_per_kwh{grid_zone="S", source="a", method="average"}': (
            "400x40"
        ),
        'carbon_grid_intensity_gco2eq_per_kwh{grid_zone="S", source="w", method="marginal"}': (
            "700x40"
        ),
        'carbon_grid_forecast_gco2eq_per_kwh{grid_zone="S", method="average", horizon="1h"}': (
            "440x40"
        ),
        f'carbon_resource_info{{{OURS}, grid_zone="S"}}': "1x40",
        'carbon_grid_intensity_fallback_level{grid_zone="S", method="average"}': "4x40",
        'carbon_grid_intensity_fallback_level{grid_zone="T", method="average"}': "4x40",
        'carbon_region_info{provider="aws", cloud_region="south", grid_zone="S", location="Here", '
        'latitude="1", longitude="2"}': "1x40",
        'carbon_region_info{provider="host", cloud_region="local", grid_zone="S", location="", '
        'latitude="", longitude=""}': "1x40",
    },
)


@NEEDS_PROMTOOL
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param(intensities.emitted_hourly(), {"{}": 480}, id="manufacture is left out"),
        pytest.param(
            intensities.emitted_in_target(), {"{}": 18}, id="the own PUE is taken out of the energy"
        ),
        pytest.param(
            sums.in_month(intensities.emitted_in_target()), {"{}": 9 * 18}, id="nine hours"
        ),
        pytest.param(
            intensities.cleaner_regions(1),
            {'{provider="aws", cloud_region="north"}': 9 * 18},
            id="the best region for the same work",
        ),
        pytest.param(
            intensities.ours(), {"{}": (1000 * 480 + 3000 * 80) / 4000}, id="weighted by IT power"
        ),
        pytest.param(
            intensities.saving(),
            {
                '{provider="aws", cloud_region="south"}': -1.667,
                '{provider="aws", cloud_region="west"}': 0.556,
                '{provider="aws", cloud_region="north"}': 0.9,
            },
            id="saving against ours",
        ),
        pytest.param(
            intensities.forecast_error("1h"), {'{grid_zone="S"}': 0.1}, id="a tenth too high"
        ),
        pytest.param(intensities.not_live(), {"{}": 1}, id="only zones that we draw from"),
        pytest.param(
            intensities.marginal(), {'{grid_zone="S", source="w"}': 700}, id="marginal of our zones"
        ),
        pytest.param(
            intensities.grid_of_regions(),
            {
                '{provider="aws", cloud_region="south", source="a"}': 400,
            },
            id="a machine of one's own is no region",
        ),
        pytest.param(
            intensities.at_their_places(intensities.where_we_are(intensities.of_regions())),
            {
                '{provider="aws", cloud_region="south", grid_zone="S", location="Here", '
                'latitude="1", longitude="2"}': 480
            },
            id="the map holds our regions",
        ),
        pytest.param(
            intensities.hour_begins(), {"{}": 484 * 60_000}, id="an hour counts from its begin"
        ),
    ],
)
def test_queries_come_to(expression: str, expected: dict[str, float], tmp_path: Path) -> None:
    DAY.check(tmp_path, expression, "544m", expected)


@NEEDS_PROMTOOL
def test_hours_that_the_target_is_unknown_for_are_compared_with_nothing(tmp_path: Path) -> None:
    name = 'carbon_region_intensity_gco2eq_per_kwh{provider="aws", cloud_region="north", '
    late = {**DAY.series, f'{name}method="average"}}': "_x33 18x7"}
    history = History(interval=DAY.interval, choices=DAY.choices, series=late)
    here = sums.in_month(intensities.emitted_comparably())
    history.check(tmp_path, here, "544m", {"{}": 480})


@NEEDS_PROMTOOL
def test_a_region_that_is_known_for_half_the_time_does_not_win_by_it(tmp_path: Path) -> None:
    name = 'carbon_region_intensity_gco2eq_per_kwh{provider="gcp", cloud_region="new", '
    late = {**DAY.series, f'{name}method="average"}}': "_x33 20x7"}
    history = History(interval=DAY.interval, choices=DAY.choices, series=late)
    best = {
        '{provider="aws", cloud_region="north"}': 9 * 18,
        '{provider="gcp", cloud_region="new"}': 9 * 20,
    }
    history.check(tmp_path, intensities.cleaner_regions(2), "544m", best)


def test_the_heat_map_asks_for_each_hour_of_its_four_weeks() -> None:
    found = [p for p in with_data(BOARDS["grid.json"]) if p.get("timeFrom") == "28d"]
    assert [panel["interval"] for panel in found] == ["1h"]
    assert all(panel["maxDataPoints"] >= 28 * 24 for panel in found)


def test_the_region_to_compare_with_at_first_is_one_of_the_table() -> None:
    board = BOARDS["grid.json"]["templating"]["list"]
    target = next(variable for variable in board if variable["name"] == "target")
    assert target["current"]["value"] == picks.TARGET
    regions = (Path(__file__).parents[2] / "exporter/data/regions.csv").read_text()
    assert f"aws,{picks.TARGET}," in regions
