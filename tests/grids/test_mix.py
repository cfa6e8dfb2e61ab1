"""The shared factors, their weighted mean, and which hours are reported completely."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.units import GCO2eqPerKwh
from exporter.grids._shared.mix import (
    FACTORS,
    GONE_SECONDS,
    SIGNIFICANT,
    by_fuel,
    complete,
    weighted_mean,
)
from exporter.grids._shared.payload import ShapeError

HOUR = 3600
amounts = st.dictionaries(st.sampled_from(sorted(FACTORS)), st.floats(0.001, 1e6), min_size=1)


def test_the_factors_are_those_of_the_ipcc_and_say_so() -> None:
    expected = {
        "coal": 820.0,
        "gas": 490.0,
        "biomass": 230.0,
        "solar": 45.0,
        "geothermal": 38.0,
        "hydro": 24.0,
        "marine": 17.0,
        "nuclear": 12.0,
        "wind offshore": 12.0,
        "wind": 11.0,
    }
    assert {f: FACTORS[f].gco2eq_per_kwh for f in expected} == expected
    assert all("IPCC AR5" in FACTORS[fuel].source for fuel in expected)
    assert set(FACTORS) - set(expected) == {"oil", "other"}
    assert all(FACTORS[fuel].source for fuel in FACTORS)


@given(mix=amounts)
def test_a_mix_is_the_sum_of_its_grams_over_the_sum_of_its_energy(mix: dict[str, float]) -> None:
    grams = sum(FACTORS[fuel].gco2eq_per_kwh * amount for fuel, amount in mix.items())
    assert weighted_mean(mix) * sum(mix.values()) == pytest.approx(grams, rel=1e-12)
    used = [FACTORS[fuel].gco2eq_per_kwh for fuel in mix]
    assert min(used) * (1 - 1e-12) <= weighted_mean(mix) <= max(used) * (1 + 1e-12)


@given(mix=amounts, scale=st.floats(1e-3, 1e3))
def test_the_unit_of_the_amounts_does_not_matter(mix: dict[str, float], scale: float) -> None:
    scaled = {fuel: amount * scale for fuel, amount in mix.items()}
    assert weighted_mean(scaled) == pytest.approx(weighted_mean(mix), rel=1e-12)


@pytest.mark.parametrize("mix", [{}, {"coal": 0.0}, {"fusion": 1.0}])
def test_no_generation_and_an_unknown_fuel_have_no_intensity(mix: dict[str, float]) -> None:
    with pytest.raises(ShapeError):
        weighted_mean(mix)


def test_codes_of_one_fuel_add_up() -> None:
    mix = by_fuel({"B02": 1.0, "B05": 2.0, "B14": 5.0}, {"B02": "coal", "B05": "coal", "B14": "n"})
    assert mix == {"coal": 3.0, "n": 5.0}
    assert weighted_mean({"coal": 1.0, "wind": 1.0}) == GCO2eqPerKwh((820 + 11) / 2)


FULL = {"coal": 40.0, "gas": 40.0, "wind": 19.5, "oil": 0.5}


def test_an_hour_that_lacks_what_mattered_is_left_out_wherever_it_stands() -> None:
    partial = {"gas": 40.0, "wind": 19.5}
    hours = {0: FULL, HOUR: partial, 2 * HOUR: FULL, 3 * HOUR: partial, 4 * HOUR: partial}
    assert list(complete(hours)) == [0, 2 * HOUR]


def test_a_trifle_may_be_missing() -> None:
    without_oil = {code: amount for code, amount in FULL.items() if code != "oil"}
    assert FULL["oil"] < SIGNIFICANT * sum(FULL.values())
    assert list(complete({0: FULL, HOUR: without_oil})) == [0, HOUR]


def test_a_plant_that_appears_is_welcome() -> None:
    assert list(complete({0: {"gas": 1.0}, HOUR: FULL})) == [0, HOUR]


def test_what_has_been_absent_for_long_is_gone_and_not_late() -> None:
    gone = {code: amount for code, amount in FULL.items() if code != "coal"}
    late = {0: FULL, HOUR: gone, GONE_SECONDS: gone}
    assert list(complete(late)) == [0]
    assert list(complete({**late, GONE_SECONDS + HOUR: gone})) == [
        0,
        HOUR,
        GONE_SECONDS,
        GONE_SECONDS + HOUR,
    ]


def test_storage_may_come_and_go() -> None:
    assert list(complete({0: {"PS": 50.0, "NG": 50.0}, HOUR: {"NG": 50.0}}, ignore={"PS"})) == [
        0,
        HOUR,
    ]


@given(
    hours=st.dictionaries(
        st.integers(0, 50).map(lambda hour: hour * HOUR),
        st.dictionaries(st.sampled_from("abcd"), st.floats(0, 100), max_size=4),
    )
)
def test_complete_hours_are_some_of_the_given_ones_unchanged_and_in_order(
    hours: dict[int, dict[str, float]],
) -> None:
    kept = complete(hours)
    assert list(kept) == sorted(kept)
    assert all(hours[start] == kept[start] for start in kept)
    assert (min(hours) in kept) if hours else not kept
