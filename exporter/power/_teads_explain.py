"""The factors behind the figures of the Teads sheet and of its rule."""

from collections.abc import Iterator
from statistics import fmean
from typing import Final

from exporter.core.model import Bounds, Factor
from exporter.core.units import Ratio, Watts
from exporter.data.teads import TeadsType
from exporter.power import _embodied, _explain, _teads_curve
from exporter.power._machine import Hardware

_YEAR: Final = "2021"
_SHEET: Final = "EC2 dataset of Teads Engineering (CC BY 4.0)"
_RULE: Final = "not in the Teads sheet: its rule for a CPU of known TDP"


def tdp_per_vcpu(machine: Hardware) -> Watts:
    """TDP of a vCPU's share: the mean of the CPUs that may serve the machine."""
    return Watts(fmean(cpu.tdp_per_vcpu(machine.threads_per_core) for cpu in machine.cpus))


def embodied_bounds(line: TeadsType) -> Bounds:
    """Return the sheet's embodied grams per hour, with the interval of the product's own rule."""
    low, high = 1.0 - _embodied.SPREAD, 1.0 + _embodied.SPREAD
    return Bounds(low * line.embodied, line.embodied, high * line.embodied)


def watt_factors(machine: Hardware, line: TeadsType | None, fraction: float) -> Iterator[Factor]:
    """The figures of the sheet, or the rule where it lacks the type."""
    return _rule_factors(machine, fraction) if line is None else _sheet_factors(line, fraction)


def embodied_factors(line: TeadsType | None, share: _embodied.Share) -> Iterator[Factor]:
    """What the sheet says of manufacture, or the product's own rule where it lacks the type."""
    return _explain.embodied_factors(share) if line is None else _sheet_embodied_factors(line)


def _sheet_factors(line: TeadsType, fraction: float) -> Iterator[Factor]:
    """What the sheet says of the type, and the point between its figures."""
    for level, watts in zip(_teads_curve.LEVELS, line.watts, strict=True):
        yield Factor(
            name=f"{line.name} at {level:.0%}", value=watts, unit="W", source=_SHEET, year=_YEAR
        )
    yield Factor(
        name=f"{line.name} at this utilisation",
        value=_teads_curve.at(line.watts, fraction),
        unit="W",
        source="straight lines between the figures of the sheet",
    )


def _rule_factors(machine: Hardware, fraction: float) -> Iterator[Factor]:
    """Thermal design power and what the rule makes of it."""
    names = dict.fromkeys(
        cpu.model.name if cpu.model else f"{cpu.family.name}, model not known"
        for cpu in machine.cpus
    )
    yield Factor(
        name="TDP per vCPU",
        value=tdp_per_vcpu(machine),
        unit="W",
        source=f"{'mean of ' if len(names) > 1 else ''}{'; '.join(names)}",
    )
    for name, value, unit in (
        ("CPU package power over TDP", _teads_curve.at(_teads_curve.TDP_RATIO, fraction), "ratio"),
        ("power of the rest of the machine over TDP", _teads_curve.REST_RATIO, "ratio"),
        (
            "power of memory",
            _teads_curve.at(_teads_curve.MEMORY_WATTS_PER_GB, fraction),
            "W/GB",
        ),
    ):
        yield Factor(name=name, value=value, unit=unit, source=_RULE, year=_YEAR)


def gpu_factors(machine: Hardware, gpu: Ratio | None, bounds: Bounds) -> Iterator[Factor]:
    """Accelerators, and how busy they are taken to be."""
    if not machine.gpu_count:
        return
    assumed = "as busy as the CPU, as in the sheet: nothing measures it"
    measured = "mean over the bucket, measured in the machine"
    yield Factor(
        name="GPU utilisation",
        value="that of the CPU" if gpu is None else gpu,
        unit="ratio",
        source=assumed if gpu is None else measured,
    )
    yield Factor(
        name="GPU power",
        value=bounds.central,
        unit="W",
        source="maximum x (0.114, 0.3125, 0.7386, 1.0) at 0, 10, 50 and 100 %; the sheet counts "
        "GPUs only",
        year=_YEAR,
        low=bounds.low,
        high=bounds.high,
    )


def _sheet_embodied_factors(line: TeadsType) -> Iterator[Factor]:
    """What the sheet says of manufacture."""
    bounds = embodied_bounds(line)
    yield Factor(
        name="embodied emissions",
        value=bounds.central,
        unit="gCO2eq/h",
        source=f"{_SHEET}; four years of 360 days",
        year=_YEAR,
        low=bounds.low,
        high=bounds.high,
    )
