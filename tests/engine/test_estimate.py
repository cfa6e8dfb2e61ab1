"""The physics by hand calculation, and its laws."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.model import Basis, Bounds, FallbackLevel, IntensityInForce, Method
from exporter.core.units import GCO2eqPerKwh, Ratio
from exporter.engine.estimate import (
    NOTHING,
    Accrual,
    MachineModel,
    accrue,
    add,
    current,
    explain,
    minus,
    plus,
)
from tests.support.sim import KINDS, SimProfile, region_of, watts_of

MODEL = MachineModel(profile=SimProfile("large"), pue=1.25, grid_zone="FR")
GRID = IntensityInForce(
    zone="FR",
    gco2eq_per_kwh=GCO2eqPerKwh(400.0),
    source="simgrid",
    method=Method.AVERAGE,
    basis=Basis.LIFECYCLE,
    level=FallbackLevel.ANNUAL,
    valid_from=0,
    detail="2024",
)
ratios = st.floats(0, 1).map(Ratio)
seconds = st.floats(0, 1e5)
prices = st.floats(0, 1500).map(GCO2eqPerKwh)


def close(accrual: Accrual) -> object:
    return pytest.approx(tuple(accrual), rel=1e-9, abs=1e-9)


def test_five_minutes_by_hand() -> None:
    # 40 W idle, 190 W busy: at full load 190 W × 1.25 = 237.5 W for 300 s = 71 250 J,
    # which is 0.01979… kWh, at 400 g/kWh 7.9166… g; 6.5 g/h embodied for a twelfth of an hour
    joules, operational, embodied = accrue(MODEL, Ratio(1.0), GCO2eqPerKwh(400.0), 300)
    assert joules == pytest.approx(71_250.0)
    assert operational == pytest.approx(71_250 / 3.6e6 * 400)
    assert embodied == pytest.approx(6.5 / 12)


@given(ratios, prices, seconds, seconds)
def test_two_spans_come_to_what_the_whole_comes_to(
    ratio: Ratio, price: GCO2eqPerKwh, first: float, second: float
) -> None:
    parts = plus(accrue(MODEL, ratio, price, first), accrue(MODEL, ratio, price, second))
    assert tuple(parts) == close(accrue(MODEL, ratio, price, first + second))


@given(ratios, ratios, prices)
def test_a_busier_machine_never_takes_less(one: Ratio, other: Ratio, price: GCO2eqPerKwh) -> None:
    low, high = sorted((one, other))
    less, more = accrue(MODEL, low, price, 300), accrue(MODEL, high, price, 300)
    assert less.energy <= more.energy
    assert less.operational <= more.operational
    assert less.embodied == more.embodied


@given(ratios, prices, seconds)
def test_what_a_correction_adds_is_the_difference(
    ratio: Ratio, price: GCO2eqPerKwh, span: float
) -> None:
    old, new = accrue(MODEL, Ratio(0.5), price, 300), accrue(MODEL, ratio, price, span)
    assert tuple(plus(old, minus(new, old))) == close(new)
    assert plus(NOTHING, old) == old


@given(ratios, prices)
def test_rates_are_what_an_hour_accrues(ratio: Ratio, price: GCO2eqPerKwh) -> None:
    hour = accrue(MODEL, ratio, price, 3600)
    now = current(MODEL, ratio, replace(GRID, gco2eq_per_kwh=price), (0, 300))
    assert now.rate.operational == pytest.approx(hour.operational)
    assert now.rate.embodied == pytest.approx(hour.embodied)
    assert now.power.it + now.overhead == pytest.approx(hour.energy / 3600)
    assert now.power_bounds.central == pytest.approx(hour.energy / 3600)
    assert now.rate_bounds.low <= now.rate_bounds.central <= now.rate_bounds.high
    assert now.rate_bounds.central == pytest.approx(hour.operational + hour.embodied)


def test_bounds_add_end_by_end() -> None:
    assert add(Bounds(1, 2, 3), Bounds(10, 20, 30)) == Bounds(11, 22, 33)


def test_an_explanation_multiplies_out_to_the_rate() -> None:
    region = region_of("sim", "fr-one")
    told = explain(SimProfile("large"), region, GRID, Ratio(0.5))
    watts = watts_of("large", 0.5)
    assert told.it_watts.central == pytest.approx(watts)
    assert told.facility_watts.central == pytest.approx(watts * region.pue)
    assert told.operational.central == pytest.approx(watts * region.pue / 1000 * 400)
    assert told.embodied.central == KINDS["large"].embodied
    names = [factor.name for factor in told.factors]
    assert names == ["CPU", "PUE of fr-one", "grid intensity of FR"]
    assert told.factors[-1].source == "simgrid (2024), fallback level 4"
