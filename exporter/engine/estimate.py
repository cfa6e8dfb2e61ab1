"""All the physics on one screen: utilisation → watts → joules → grams. Pure.

IT power        = Σ component watts                       (power model, at the mean utilisation)
facility power  = IT power × PUE                          (power usage effectiveness of the region)
operational g   = facility kWh × gCO2eq/kWh               (average, location-based, of that time)
embodied g      = gCO2eq/h of the machine's share × hours (amortised over the stated lifetime)
"""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from exporter.core.clock import from_epoch
from exporter.core.model import Bounds, Factor, IntensityInForce, Power, Rate, Region
from exporter.core.ports import PowerProfile
from exporter.core.snapshot import ResourceNow
from exporter.core.units import (
    GCO2eqPerHour,
    GCO2eqPerKwh,
    GramsCO2eq,
    Joules,
    Ratio,
    Watts,
    accrued,
    emission_rate,
    energy,
    operational_emissions,
)

_YEAR: Final = re.compile(r"\b(?:19|20)\d\d\b")


class Accrual(NamedTuple):
    """What one machine added over a time span."""

    energy: Joules
    operational: GramsCO2eq
    embodied: GramsCO2eq


def plus(first: Accrual, second: Accrual) -> Accrual:
    """Add what two spans came to."""
    return Accrual(
        Joules(first.energy + second.energy),
        GramsCO2eq(first.operational + second.operational),
        GramsCO2eq(first.embodied + second.embodied),
    )


def minus(new: Accrual, old: Accrual) -> Accrual:
    """Difference that a correction makes; negative where the new value is smaller."""
    return Accrual(
        Joules(new.energy - old.energy),
        GramsCO2eq(new.operational - old.operational),
        GramsCO2eq(new.embodied - old.embodied),
    )


NOTHING = Accrual(Joules(0.0), GramsCO2eq(0.0), GramsCO2eq(0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineModel:
    """Everything about a machine that does not change during a run."""

    profile: PowerProfile
    pue: float
    grid_zone: str
    vcpus: float | None = None
    """None where the type is known to nobody."""


def accrue(
    model: MachineModel,
    utilization: Ratio,
    intensity: GCO2eqPerKwh,
    seconds: float,
    gpu: Ratio | None = None,
) -> Accrual:
    """Energy and emissions of a machine at a mean utilisation over running seconds.

    ``gpu`` is that of its accelerators, None where it was not measured.
    """
    facility = facility_power(model.profile.power(utilization, gpu), model.pue)
    joules = energy(facility, seconds)
    return Accrual(
        joules, operational_emissions(joules, intensity), accrue_embodied(model, seconds)
    )


def accrue_embodied(model: MachineModel, seconds: float) -> GramsCO2eq:
    """Embodied share of a machine over running seconds: does not depend on utilisation."""
    return accrued(GCO2eqPerHour(model.profile.embodied().central), seconds)


def facility_power(power: Power, pue: float) -> Watts:
    """IT power and the overhead of cooling and power distribution."""
    return Watts(power.it * pue)


def current(
    model: MachineModel,
    utilization: Ratio,
    intensity: IntensityInForce,
    span: tuple[int, int],
    gpu: Ratio | None = None,
) -> ResourceNow:
    """Describe one bucket ``span = (start, end)`` as rates, with bounds."""
    power = model.profile.power(utilization, gpu)
    watts = _times(model.profile.bounds(utilization, gpu), model.pue)
    embodied = model.profile.embodied()
    return ResourceNow(
        bucket_start=span[0],
        bucket_end=span[1],
        utilization=utilization,
        power=power,
        overhead=Watts(facility_power(power, model.pue) - power.it),
        power_bounds=watts,
        rate=Rate(
            operational=emission_rate(Watts(watts.central), intensity.gco2eq_per_kwh),
            embodied=GCO2eqPerHour(embodied.central),
        ),
        rate_bounds=add(_rates(watts, intensity.gco2eq_per_kwh), embodied),
        intensity=intensity,
        gpu_utilization=gpu,
    )


def add(first: Bounds, second: Bounds) -> Bounds:
    """Add two intervals end by end: errors are taken as fully correlated, the widest case."""
    return Bounds(first.low + second.low, first.central + second.central, first.high + second.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One estimate down to its factors, and what they come to."""

    factors: tuple[Factor, ...]
    it_watts: Bounds
    facility_watts: Bounds
    operational: Bounds
    """gCO2eq per hour."""
    embodied: Bounds
    """gCO2eq per hour."""


def explain(
    profile: PowerProfile,
    region: Region,
    intensity: IntensityInForce,
    utilization: Ratio,
    gpu: Ratio | None = None,
) -> Explanation:
    """Explain the emissions per hour of a machine at a utilisation, factor by factor."""
    it_watts = profile.bounds(utilization, gpu)
    facility = _times(it_watts, region.pue)
    return Explanation(
        factors=(*profile.explain(utilization, gpu), *_site_factors(region, intensity)),
        it_watts=it_watts,
        facility_watts=facility,
        operational=_rates(facility, intensity.gco2eq_per_kwh),
        embodied=profile.embodied(),
    )


def _site_factors(region: Region, intensity: IntensityInForce) -> tuple[Factor, ...]:
    return (
        Factor(
            name=f"PUE of {region.name}",
            value=region.pue,
            unit="facility W per IT W",
            source=region.pue_source,
            year=_year_in(region.pue_source),
        ),
        Factor(
            name=f"grid intensity of {intensity.zone}",
            value=intensity.gco2eq_per_kwh,
            unit=f"gCO2eq/kWh ({intensity.method}, {intensity.basis})",
            source=f"{intensity.source}{_detail(intensity)}, fallback level {int(intensity.level)}",
            year=_year_in(intensity.detail) or str(from_epoch(intensity.valid_from).year),
        ),
    )


def _year_in(text: str) -> str:
    """Take the last year that a source names; empty where it names none."""
    return next(reversed(_YEAR.findall(text)), "")


def _detail(intensity: IntensityInForce) -> str:
    return f" ({intensity.detail})" if intensity.detail else ""


def _times(bounds: Bounds, factor: float) -> Bounds:
    return Bounds(bounds.low * factor, bounds.central * factor, bounds.high * factor)


def _rates(watts: Bounds, intensity: GCO2eqPerKwh) -> Bounds:
    return Bounds(*(emission_rate(Watts(value), intensity) for value in watts))
