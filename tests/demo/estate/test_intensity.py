import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
        ("US-CENT-SWPP", 477),
        ("IN-WE", 653),
    ],
)
def test_known_zones_are_near_their_published_yearly_mean(zone: str, yearly: float) -> None:
    assert mean(zone) == pytest.approx(yearly, rel=0.2)


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
