import itertools
from statistics import fmean, pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.data import rows
from exporter.demo.estate import GRID_STEP, ZONES, demo_estate, intensity
from exporter.demo.estate.schedules import DAY, MONDAY

MONTH = range(MONDAY, MONDAY + 28 * DAY, GRID_STEP)


def mean(zone: str) -> float:
    return sum(intensity(zone, moment) for moment in MONTH) / len(MONTH)


@settings(deadline=None)
@given(zone=st.sampled_from([*ZONES, "XX-DEMO"]), moment=st.integers(0, 2 * 10**9))
def test_an_intensity_holds_for_a_whole_step(zone: str, moment: int) -> None:
    start = moment // GRID_STEP * GRID_STEP
    assert intensity(zone, moment) == intensity(zone, start)
    assert intensity(zone, moment) == intensity(zone, start + GRID_STEP - 0.5)


@settings(deadline=None)
@given(zone=st.text(max_size=12), moment=st.integers(0, 2 * 10**9))
def test_any_zone_has_a_plausible_intensity(zone: str, moment: int) -> None:
    assert 5 < intensity(zone, moment) < 1000


@pytest.mark.parametrize(
    ("zone", "yearly"),
    [
        ("IE", 301),
        ("FR", 31),
        ("GB", 176),
        ("DE", 342),
        ("BE", 180),
        ("NL", 253),
        ("SE-SE3", 20),
        ("US-MIDA-PJM", 418),
        ("US-MIDW-MISO", 501),
        ("IN-WE", 653),
    ],
)
def test_known_zones_are_near_their_published_yearly_mean(zone: str, yearly: float) -> None:
    assert mean(zone) == pytest.approx(yearly, rel=0.2)


def test_every_zone_of_a_cloud_region_is_near_its_yearly_mean() -> None:
    yearly = {line["grid_zone"]: float(line["gco2eq_per_kwh"]) for line in rows("annual")}
    zones = {line["grid_zone"] for line in rows("regions")}
    assert len(zones) > 50
    for zone in zones - set(ZONES):
        assert mean(zone) == pytest.approx(yearly[zone], rel=0.08), zone


def test_a_zone_that_no_table_knows_is_near_the_mean_of_the_world() -> None:
    world = next(float(r["gco2eq_per_kwh"]) for r in rows("annual") if r["grid_zone"] == "WORLD")
    assert mean("XX-DEMO") == pytest.approx(world, rel=0.05)


def spread(zone: str) -> float:
    """Standard deviation as a share of the mean."""
    values = [intensity(zone, moment) for moment in MONTH]
    return pstdev(values) / fmean(values)


@pytest.mark.parametrize("zone", ["CA-QC", "CH", "NO-NO1", "SE-SE3", "SE-SE4", "US-SE-SOCO", "ID"])
def test_hydro_nuclear_and_old_coal_are_nearly_flat(zone: str) -> None:
    assert spread(zone) < 0.12


@pytest.mark.parametrize("zone", ["IE", "GB", "DE", "DK-DK2", "US-MIDW-MISO", "US-TEX-ERCO"])
def test_wind_makes_a_zone_restless(zone: str) -> None:
    assert spread(zone) > 0.16


@pytest.mark.parametrize("zone", ["PL", "IN-WE", "ZA", "MY-WM"])
def test_coal_is_dirty_at_every_hour(zone: str) -> None:
    assert min(intensity(zone, moment) for moment in MONTH) > 400


@pytest.mark.parametrize(
    ("zone", "noon_utc"), [("US-CAL-CISO", 21), ("ES", 13), ("AU-NSW", 3), ("CL-SEN", 18)]
)
def test_the_sun_makes_the_local_noon_cleaner_than_the_evening(zone: str, noon_utc: int) -> None:
    days = range(MONDAY, MONDAY + 28 * DAY, DAY)
    noon = [intensity(zone, day + noon_utc * 3600) for day in days]
    evening = [intensity(zone, day + (noon_utc + 7) * 3600) for day in days]
    assert sum(noon) < 0.7 * sum(evening)


def test_every_zone_of_the_estate_has_a_character_of_its_own() -> None:
    assert set(demo_estate().zones) <= set(ZONES)


def test_grids_of_the_estate_differ_more_than_tenfold() -> None:
    means = [mean(zone) for zone in demo_estate().zones]
    assert 10 < max(means) / min(means) < 40


def test_the_numbers_move_from_step_to_step() -> None:
    steps = [intensity("IE", moment) for moment in MONTH]
    moved = sum(a != b for a, b in itertools.pairwise(steps))
    assert moved > 0.95 * len(steps)


def test_german_sun_makes_noon_cleaner_than_evening() -> None:
    noon = [intensity("DE", day + 12 * 3600) for day in range(MONDAY, MONDAY + 28 * DAY, DAY)]
    evening = [intensity("DE", day + 18 * 3600) for day in range(MONDAY, MONDAY + 28 * DAY, DAY)]
    assert sum(noon) < 0.8 * sum(evening)
