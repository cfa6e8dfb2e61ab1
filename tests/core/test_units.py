import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.units import (
    GCO2eqPerHour,
    GCO2eqPerKwh,
    Joules,
    Watts,
    accrued,
    emission_rate,
    energy,
    kwh,
    operational_emissions,
    ratio_from_percent,
)

amounts = st.floats(min_value=0, max_value=1e9)


def test_a_kilowatt_for_an_hour_is_a_kilowatt_hour() -> None:
    assert kwh(energy(Watts(1000.0), 3600.0)) == 1.0


def test_a_kilowatt_hour_emits_the_intensity() -> None:
    assert operational_emissions(Joules(3_600_000.0), GCO2eqPerKwh(473.0)) == 473.0


def test_percent_is_a_hundredth() -> None:
    assert ratio_from_percent(42.0) == 0.42


@given(amounts, amounts, st.floats(min_value=0, max_value=1e6))
def test_a_rate_over_time_equals_the_emissions_of_its_energy(
    watts: float, grams: float, seconds: float
) -> None:
    power, intensity = Watts(watts), GCO2eqPerKwh(grams)
    by_rate = accrued(GCO2eqPerHour(emission_rate(power, intensity)), seconds)
    by_energy = operational_emissions(energy(power, seconds), intensity)
    assert by_rate == pytest.approx(by_energy, rel=1e-12)
