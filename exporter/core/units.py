"""Physical units as types, and every conversion between them.

A unit is a ``NewType`` over ``float``: free at run time, told apart by mypy, and always named in
the variable too. Conversion factors live here and nowhere else.
"""

from typing import Final, NewType

Watts = NewType("Watts", float)
Joules = NewType("Joules", float)
GramsCO2eq = NewType("GramsCO2eq", float)
GCO2eqPerKwh = NewType("GCO2eqPerKwh", float)
GCO2eqPerHour = NewType("GCO2eqPerHour", float)
Ratio = NewType("Ratio", float)
"""A dimensionless share; CPU utilisation runs from 0 (idle) to 1 (all vCPUs busy)."""

JOULES_PER_KWH: Final = 3_600_000.0
SECONDS_PER_HOUR: Final = 3600.0
WATTS_PER_KILOWATT: Final = 1000.0
GRAMS_PER_KILOGRAM: Final = 1000.0
PERCENT: Final = 100.0
BYTES_PER_GIB: Final = 1024.0**3
BYTES_PER_TB: Final = 1e12
MIB_PER_GIB: Final = 1024.0
GRAMS_PER_POUND: Final = 453.59237
"""International avoirdupois pound, exact by definition."""


def energy(power: Watts, seconds: float) -> Joules:
    """Energy of a constant power over a time span."""
    return Joules(power * seconds)


def operational_emissions(facility_energy: Joules, intensity: GCO2eqPerKwh) -> GramsCO2eq:
    """Emissions of electricity drawn from a grid of the given intensity."""
    return GramsCO2eq(facility_energy / JOULES_PER_KWH * intensity)


def emission_rate(facility_power: Watts, intensity: GCO2eqPerKwh) -> GCO2eqPerHour:
    """Emissions per hour of a constant power on a grid of the given intensity."""
    return GCO2eqPerHour(facility_power / WATTS_PER_KILOWATT * intensity)


def accrued(rate: GCO2eqPerHour, seconds: float) -> GramsCO2eq:
    """Grams that a constant rate adds up to over a time span."""
    return GramsCO2eq(rate * seconds / SECONDS_PER_HOUR)


def ratio_from_percent(percent: float) -> Ratio:
    """Turn 0..100 into 0..1."""
    return Ratio(percent / PERCENT)


def kwh(joules: Joules) -> float:
    """Kilowatt-hours, for people; inside the product energy is always joules."""
    return joules / JOULES_PER_KWH
