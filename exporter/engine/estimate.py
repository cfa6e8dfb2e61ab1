"""All the physics on one screen: usage → watts → joules → grams. Pure.

IT power        = Σ component watts × units               (measured, else the power model's)
facility power  = IT power × PUE                          (power usage effectiveness of the region)
operational g   = facility kWh × gCO2eq/kWh               (average, location-based, of that time)
embodied g      = gCO2eq/h of one unit × units × hours    (amortised over the stated lifetime)
"""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from exporter.core.clock import from_epoch
from exporter.core.model import (
    Bounds,
    Confidence,
    Factor,
    IntensityInForce,
    MeteredPower,
    Power,
    Rate,
    Region,
    Usage,
)
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


ASSUMED_CPU: Final = Ratio(0.5)
"""Utilisation at which the rest of a machine is modelled where its CPU's watts alone are known."""


def accrue(model: MachineModel, usage: Usage, intensity: GCO2eqPerKwh, seconds: float) -> Accrual:
    """Energy and emissions of a machine at a mean usage over running seconds."""
    facility = facility_power(it_power(model.profile, usage), model.pue)
    joules = energy(facility, seconds)
    return Accrual(
        joules,
        operational_emissions(joules, intensity),
        accrue_embodied(model, seconds, usage.units),
    )


def accrue_embodied(model: MachineModel, seconds: float, units: float) -> GramsCO2eq:
    """Embodied share of a machine over running seconds: does not depend on utilisation."""
    return accrued(GCO2eqPerHour(model.profile.embodied().central * units), seconds)


def it_power(profile: PowerProfile, usage: Usage) -> Power:
    """Central IT power of all units: each component as measured, else as modelled."""
    power = profile.power(_load(usage), usage.gpu)
    if usage.watts is not None:
        power = Power(*map(_measured_or, usage.watts.components, _modelled(power, usage.watts)))
    if usage.units == 1.0:  # nearly all
        return power
    return Power(*(Watts(watts * usage.units) for watts in power))


def it_bounds(profile: PowerProfile, usage: Usage) -> Bounds:
    """IT watts of all units: the meter's bounds for what it read, the model's for the rest.

    A model tells bounds of a machine as a whole; those of a part of it are taken to be as wide in
    proportion. Both errors are added, the widest case.
    """
    bounds = profile.bounds(_load(usage), usage.gpu)
    if usage.watts is not None:
        low, high = usage.watts.low, usage.watts.high
        measured = sum(watts for watts in usage.watts.components if watts is not None)
        modelled = sum(_modelled(profile.power(_load(usage), usage.gpu), usage.watts))
        share = modelled / bounds.central if bounds.central else 0.0
        rest = Bounds(share * bounds.low, modelled, share * bounds.high)
        bounds = add(Bounds(measured * low, measured, measured * high), rest)
    return _times(bounds, usage.units)


def _load(usage: Usage) -> Ratio:
    return ASSUMED_CPU if usage.cpu is None else usage.cpu


def _modelled(power: Power, metered: MeteredPower) -> tuple[Watts, ...]:
    """What is left to the model of each component."""
    return tuple(
        watts if read is None and not metered.whole else Watts(0.0)
        for watts, read in zip(power, metered.components, strict=True)
    )


def _measured_or(read: Watts | None, modelled: Watts) -> Watts:
    return modelled if read is None else read


def confidence(profile: PowerProfile, usage: Usage | None) -> Confidence:
    """How well the CPU's watts are known: best where they were measured."""
    return Confidence.METERED if usage is not None and usage.metered else profile.confidence


def facility_power(power: Power, pue: float) -> Watts:
    """IT power and the overhead of cooling and power distribution."""
    return Watts(power.it * pue)


def current(
    model: MachineModel, usage: Usage, intensity: IntensityInForce, span: tuple[int, int]
) -> ResourceNow:
    """Describe one bucket ``span = (start, end)`` as rates, with bounds."""
    power = it_power(model.profile, usage)
    watts = _times(it_bounds(model.profile, usage), model.pue)
    embodied = _times(model.profile.embodied(), usage.units)
    return ResourceNow(
        bucket_start=span[0],
        bucket_end=span[1],
        usage=usage,
        power=power,
        overhead=Watts(facility_power(power, model.pue) - power.it),
        power_bounds=watts,
        rate=Rate(
            operational=emission_rate(Watts(watts.central), intensity.gco2eq_per_kwh),
            embodied=GCO2eqPerHour(embodied.central),
        ),
        rate_bounds=add(_rates(watts, intensity.gco2eq_per_kwh), embodied),
        intensity=intensity,
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
    profile: PowerProfile, region: Region, intensity: IntensityInForce, usage: Usage
) -> Explanation:
    """Explain the emissions per hour of a machine at a usage, factor by factor."""
    it_watts = it_bounds(profile, usage)
    facility = _times(it_watts, region.pue)
    return Explanation(
        factors=(*_usage_factors(profile, usage), *_site_factors(region, intensity)),
        it_watts=it_watts,
        facility_watts=facility,
        operational=_rates(facility, intensity.gco2eq_per_kwh),
        embodied=_times(profile.embodied(), usage.units),
    )


def _usage_factors(profile: PowerProfile, usage: Usage) -> tuple[Factor, ...]:
    """What was measured first, then what is modelled beside it (embodied grams always are)."""
    told = []
    if usage.units != 1.0:
        told.append(Factor(name="units", value=usage.units, unit="", source="measured"))
    if usage.watts is not None:
        low, high = usage.watts.low, usage.watts.high
        told += [
            Factor(
                name=f"measured power: {component}",
                value=watts,
                unit="W",
                source="a meter; it replaces this component of the model",
                low=watts * low,
                high=watts * high,
            )
            for component, watts in zip(Power._fields, usage.watts.components, strict=True)
            if watts is not None
        ]
    return (*told, *profile.explain(_load(usage), usage.gpu))


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
