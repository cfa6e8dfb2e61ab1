"""All the physics on one screen: usage → watts → joules → grams. Pure.

IT power        = Σ component watts × units               (measured, else the power model's)
facility power  = IT power × PUE                          (power usage effectiveness of the region)
operational g   = facility kWh × gCO2eq/kWh               (average, location-based, of that time)
embodied g      = gCO2eq/h of one unit × units × hours    (amortised over the stated lifetime)
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import hypot, sqrt
from typing import Final, NamedTuple

from exporter.core.clock import from_epoch
from exporter.core.model import (
    Bounds,
    Confidence,
    Error,
    Factor,
    IntensityInForce,
    MeteredPower,
    Power,
    Rate,
    Region,
    Uncertain,
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
    grid_low: float = 1.0
    grid_high: float = 1.0
    """Between which multiples of its zone's intensity the true grid's lies, where it is contested.
    """


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
    power = _told(profile, usage).power(_load(usage), usage.gpu)
    if usage.watts is not None:
        power = Power(*map(_measured_or, usage.watts.components, _modelled(power, usage.watts)))
    if usage.units == 1.0:  # nearly all
        return power
    return Power(*(Watts(watts * usage.units) for watts in power))


def it_bounds(profile: PowerProfile, usage: Usage) -> Bounds:
    """IT watts of all units: the meter's bounds for what it read, the model's for the rest.

    A model tells bounds of a machine as a whole; those of a part of it are taken to be as wide in
    proportion. What was read of accelerators it takes in itself. Both errors are added, the widest
    case.
    """
    profile = _told(profile, usage)
    bounds = profile.bounds(_load(usage), usage.gpu)
    if usage.watts is not None:
        metered = usage.watts if usage.watts.whole else usage.watts._replace(gpu=None)
        measured = sum(watts for watts in metered.components if watts is not None)
        modelled = sum(_modelled(profile.power(_load(usage), usage.gpu), metered))
        share = modelled / bounds.central if bounds.central else 0.0
        rest = Bounds(share * bounds.low, modelled, share * bounds.high)
        bounds = add(Bounds(measured * metered.low, measured, measured * metered.high), rest)
    return _times(bounds, usage.units)


def _told(profile: PowerProfile, usage: Usage) -> PowerProfile:
    """Tell the model what was read of the accelerators: what is around them follows their watts."""
    metered = usage.watts
    if metered is None or metered.gpu is None or metered.whole:
        return profile
    gpu = metered.gpu
    return profile.with_gpu_watts(Bounds(gpu * metered.low, gpu, gpu * metered.high))


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
    rate = plus_embodied(_known_rate(model, watts, intensity), embodied)
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
        rate_bounds=bounds_of(rate),
        intensity=intensity,
        power_known=_known_power(model.profile.group, watts),
        rate_known=rate,
    )


# --- errors ---------------------------------------------------------------------------------------

COMMON_ERROR: Final = 0.24
"""Relative part of a machine's power error that all modelled machines share: the load curve, the
watts of memory and the PUE err the same way everywhere. It is what the sum of seven bare machines
is off by over four loads: 23 %, 15 to 34 if other machines of the kind are drawn, with an assumed
factor of 1.2 to the wall (``python -m bench.power --common``; docs/accuracy.md). With the bounds of
a machine of 0.46 to 1.78 times its central value, 13 CPU families come to 0.95 to 1.16 when each
errs for itself (drawn at random) and to about 0.75 to 1.3 with this part."""


def total(parts: Iterable[Uncertain]) -> Uncertain | None:
    """Add values: errors of the same cause linearly. None for none: no data is not zero."""
    central, below, above = 0.0, dict[tuple[str, str], float](), dict[tuple[str, str], float]()
    some = False
    for part in parts:
        some = True
        central += part.central
        for cause, low, high in part.errors:
            below[cause] = below.get(cause, 0.0) + low
            above[cause] = above.get(cause, 0.0) + high
    errors = tuple(Error(cause, below[cause], above[cause]) for cause in below)
    return Uncertain(central, errors) if some else None


def bounds_of(value: Uncertain) -> Bounds:
    """Return the interval of a value or a sum: independent causes in quadrature."""
    below = hypot(*(error.below for error in value.errors))
    above = hypot(*(error.above for error in value.errors))
    return Bounds(max(0.0, value.central - below), value.central, value.central + above)


def scaled(value: Uncertain, factor: float) -> Uncertain:
    """Multiply by an exact factor of 0 or more: so many machines alike, or hours."""
    errors = (Error(e.cause, e.below * factor, e.above * factor) for e in value.errors)
    return Uncertain(value.central * factor, tuple(errors))


def _known_power(group: str, watts: Bounds) -> Uncertain:
    """Split a machine's power error into what all share and what its CPU family has for itself.

    The two in quadrature are the machine's own bounds again. Machines of one family err together.
    """
    low, high = watts.central - watts.low, watts.high - watts.central
    common = COMMON_ERROR * watts.central
    return Uncertain(
        watts.central,
        (
            Error(("power", ""), min(low, common), min(high, common)),
            Error(("cpu", group), _rest(low, common), _rest(high, common)),
        ),
    )


def _rest(error: float, common: float) -> float:
    return sqrt(max(0.0, error * error - common * common))


def _known_rate(model: MachineModel, watts: Bounds, intensity: IntensityInForce) -> Uncertain:
    """Operational grams per hour: the errors of the power, and that of the grid, shared by a zone.

    Each error is taken alone, at the central value of the other factor: relative errors that are
    independent add in quadrature.
    """
    grams = intensity.gco2eq_per_kwh
    power = _known_power(model.profile.group, watts)
    low = grams if intensity.low is None else intensity.low
    high = grams if intensity.high is None else intensity.high
    below = hypot(grams - low, grams * (1.0 - model.grid_low))
    above = hypot(high - grams, grams * (model.grid_high - 1.0))

    def rate(watts: float, grams: float) -> float:
        return emission_rate(Watts(watts), GCO2eqPerKwh(grams))

    return Uncertain(
        rate(watts.central, grams),
        (
            *(Error(e.cause, rate(e.below, grams), rate(e.above, grams)) for e in power.errors),
            Error(("grid", intensity.zone), rate(watts.central, below), rate(watts.central, above)),
        ),
    )


def plus_embodied(operational: Uncertain, embodied: Bounds) -> Uncertain:
    """Add embodied grams, whose error is the method's and shared by all machines."""
    low, central, high = embodied
    error = Error(("embodied", ""), central - low, high - central)
    return Uncertain(operational.central + central, (*operational.errors, error))


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
    power_known: Uncertain
    """Facility watts with their errors by cause, to be summed up, as is ``operational_known``."""
    operational_known: Uncertain


def explain(
    profile: PowerProfile, region: Region, intensity: IntensityInForce, usage: Usage
) -> Explanation:
    """Explain the emissions per hour of a machine at a usage, factor by factor."""
    it_watts = it_bounds(profile, usage)
    facility = _times(it_watts, region.pue)
    model = MachineModel(
        profile=profile,
        pue=region.pue,
        grid_zone=region.grid_zone,
        grid_low=region.grid_low,
        grid_high=region.grid_high,
    )
    operational = _known_rate(model, facility, intensity)
    return Explanation(
        factors=(*_usage_factors(profile, usage), *_site_factors(region, intensity)),
        it_watts=it_watts,
        facility_watts=facility,
        operational=bounds_of(operational),
        power_known=_known_power(profile.group, facility),
        operational_known=operational,
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
    return (*told, *_told(profile, usage).explain(_load(usage), usage.gpu))


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
            low=intensity.low,
            high=intensity.high,
        ),
    )


def _year_in(text: str) -> str:
    """Take the last year that a source names; empty where it names none."""
    return next(reversed(_YEAR.findall(text)), "")


def _detail(intensity: IntensityInForce) -> str:
    return f" ({intensity.detail})" if intensity.detail else ""


def _times(bounds: Bounds, factor: float) -> Bounds:
    return Bounds(bounds.low * factor, bounds.central * factor, bounds.high * factor)
