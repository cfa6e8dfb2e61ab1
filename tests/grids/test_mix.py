"""What a mix costs in grams, what was generated, and which hours are reported completely."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.data.fuels import fuel_factors
from exporter.grids._shared.mix import (
    GONE_SECONDS,
    NEGATIVE_LIMIT,
    SIGNIFICANT,
    UNKNOWN,
    by_fuel,
    complete,
    generated,
    priced,
)
from exporter.grids._shared.payload import ShapeError

PJM = fuel_factors("US-MIDA-PJM")
HOUR = 3600
amounts = st.dictionaries(st.sampled_from(sorted(PJM)), st.floats(0.001, 1e6), min_size=1)


@given(mix=amounts)
def test_a_mix_is_the_sum_of_its_grams_over_the_sum_of_its_energy(mix: dict[str, float]) -> None:
    grams = sum(PJM[fuel].gco2eq_per_kwh * amount for fuel, amount in mix.items())
    low, central, high = priced(mix, PJM)
    assert central * sum(mix.values()) == pytest.approx(grams, rel=1e-12)
    used = [PJM[fuel] for fuel in mix]
    assert min(f.low for f in used) * (1 - 1e-12) <= low <= central * (1 + 1e-12)
    assert central * (1 - 1e-12) <= high <= max(f.high for f in used) * (1 + 1e-12)


@given(mix=amounts, scale=st.floats(1e-3, 1e3))
def test_the_unit_of_the_amounts_does_not_matter(mix: dict[str, float], scale: float) -> None:
    scaled = {fuel: amount * scale for fuel, amount in mix.items()}
    assert priced(scaled, PJM) == pytest.approx(priced(mix, PJM), rel=1e-12)


def test_a_zone_is_priced_by_its_own_plants_then_its_continents_then_the_worlds() -> None:
    poland, czechia = fuel_factors("PL"), fuel_factors("CZ")
    assert poland["lignite"].gco2eq_per_kwh != poland["hard coal"].gco2eq_per_kwh
    assert poland["lignite"].zone == "PL"
    assert poland["hydro"].zone == "EU"
    assert poland["oil-shale"].zone == "WORLD"
    assert czechia["lignite"] != poland["lignite"]
    assert fuel_factors("US-XX-NONE")["coal"].zone == "US"
    assert fuel_factors("ZA")["coal"].zone == "WORLD"


def test_only_what_matters_of_an_unknown_fuel_counts_and_it_has_wide_bounds() -> None:
    fuels = {"NG": "gas"}
    assert by_fuel({"NG": 995.0, "ZZZ": 5.0}, fuels) == {"gas": 995.0}
    mix = by_fuel({"NG": 900.0, "ZZZ": 60.0, "YYY": 40.0}, fuels)
    assert mix == {"gas": 900.0, UNKNOWN: 100.0}
    low, central, high = priced(mix, PJM)
    plain = priced({"gas": 1.0}, PJM)
    assert high - low > plain.high - plain.low
    assert abs(central - plain.central) < 0.05 * plain.central


def test_a_little_below_zero_is_nothing_and_much_is_not_known() -> None:
    little = {"NG": 100.0, "SUN": -100 * NEGATIVE_LIMIT}
    assert generated(little) == {"NG": 100.0, "SUN": 0.0}
    much = {"NG": 100.0, "COL": -60.0}
    assert generated(much) == {"NG": 100.0}
    assert generated(much, may_store={"COL"}) == {"NG": 100.0, "COL": 0.0}
    assert generated(much | {"PS": 50.0}, storage={"PS"}) == {"NG": 100.0}


@given(amount=st.dictionaries(st.text(max_size=3), st.floats(-1e5, 1e5), max_size=8))
def test_what_was_generated_is_never_negative(amount: dict[str, float]) -> None:
    assert all(value >= 0 for value in generated(amount).values())


@pytest.mark.parametrize("mix", [{}, {"coal": 0.0}, {"fusion": 1.0}])
def test_no_generation_and_an_unknown_fuel_have_no_intensity(mix: dict[str, float]) -> None:
    with pytest.raises(ShapeError):
        priced(mix, PJM)


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
