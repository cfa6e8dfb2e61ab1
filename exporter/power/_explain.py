"""The factors behind a figure, each with its unit, year and source."""

from collections.abc import Iterator
from typing import Final

from exporter.core.model import Bounds, Factor
from exporter.core.units import Ratio
from exporter.power import _curve, _embodied, _gpu
from exporter.power._machine import Hardware, SizeSource
from exporter.power._shares import CpuShare

_TABLES_YEAR: Final = "2026"
_RULE_YEAR: Final = "2021"
_SMT: Final = "two vCPUs share a core: 100·f·(2 - 0.75·f)/1.25"
_FULL_CORE: Final = "a vCPU is a core: load is utilisation"


def machine_factors(machine: Hardware, utilization: Ratio, load: float) -> Iterator[Factor]:
    """What was measured, the size of the machine, and the load that comes of it."""
    measured = "mean over the bucket: measured by the provider, or what was asked"
    yield Factor(name="CPU utilisation", value=utilization, unit="ratio", source=measured)
    for name, value, unit in (
        ("vCPUs", machine.vcpus, "vCPU"),
        ("memory", machine.memory_gib, "GiB"),
    ):
        yield Factor(
            name=name, value=value, unit=unit, source=machine.size_source, year=_year(machine)
        )
    yield Factor(
        name="CPU load",
        value=10.0 * load,
        unit="% of capacity",
        source=_FULL_CORE if machine.threads_per_core == 1 else _SMT,
        low=10.0 * _curve.FULL_CORE.load(_curve.clamped(utilization)),
    )
    if machine.baseline < 1.0:
        yield Factor(
            name="baseline of a burstable vCPU",
            value=machine.baseline,
            unit="ratio",
            source="provider's documentation; scales idle power in the lower bound",
            year=_TABLES_YEAR,
        )


def cpu_factors(share: CpuShare, load: float) -> Iterator[Factor]:
    """One CPU that may serve the machine."""
    family, model = share.cpu.family, share.cpu.model
    name = model.name if model else f"{family.name}, model not known"
    ratio, spread = share.ratio, share.spread
    yield Factor(
        name=f"TDP per vCPU of {name}",
        value=share.tdp_per_vcpu,
        unit="W",
        source=model.source if model else f"median of the {family.name} results",
        year=_TABLES_YEAR,
    )
    yield Factor(
        name=f"wall power over TDP of {family.name}",
        value=_curve.at(ratio, load),
        unit="ratio",
        source=f"SPECpower_ssj2008: {family.method}{_rescaled(share)}",
        year=_TABLES_YEAR,
        low=_curve.at(spread.lower(ratio), load),
        high=_curve.at(spread.upper(ratio), load),
    )


def _rescaled(share: CpuShare) -> str:
    """Say that the curve is not that of the family's usual TDP."""
    family, model = share.cpu.family, share.cpu.model
    if share.ratio == family.curve or model is None:
        return ""
    return f"; from {family.tdp_per_socket:g} W of TDP to {model.tdp:g} W"


def memory_factors(coefficient: Bounds, watts: float) -> Iterator[Factor]:
    """Memory beyond what the CPU curve holds."""
    yield Factor(
        name="memory beyond the servers of the curve",
        value=watts / coefficient.central,
        unit="GiB",
        source="memory less vCPUs x GiB per thread of the SPECpower servers",
        year=_TABLES_YEAR,
    )
    yield Factor(
        name="power of memory",
        value=coefficient.central,
        unit="W/GiB",
        source="between RAPL readings on EC2 metal and Cloud Carbon Footprint",
        year=_TABLES_YEAR,
        low=coefficient.low,
        high=coefficient.high,
    )


def gpu_factors(machine: Hardware, utilization: Ratio | None) -> Iterator[Factor]:
    """Accelerators: how many, how much each draws, and how busy they are or are taken to be."""
    if not machine.gpu_count:
        return
    gpu, each = _gpu.gpu(machine.gpu_model), _gpu.watts(machine.gpu_model, 1.0, utilization)
    name = machine.gpu_model or "GPU"
    yield Factor(
        name=f"number of {name}",
        value=machine.gpu_count,
        unit="GPU",
        source=machine.size_source,
        year=_TABLES_YEAR,
    )
    yield Factor(
        name=f"power of {name}",
        value=each.central,
        unit="W",
        source=gpu.source,
        year=_TABLES_YEAR,
        low=each.low,
        high=each.high,
    )
    if utilization is not None:
        measured = "mean over the bucket, measured in the machine"
        yield Factor(name="GPU utilisation", value=utilization, unit="ratio", source=measured)
        return
    yield Factor(
        name="GPU utilisation",
        value=_gpu.ASSUMED_UTILIZATION,
        unit="ratio",
        source="assumed: no metric of the provider tells it",
        low=0.0,
        high=1.0,
    )


def embodied_factors(share: _embodied.Share) -> Iterator[Factor]:
    """The server's embodied carbon and the machine's share of it."""
    yield Factor(
        name="embodied carbon of the server",
        value=share.server_kg,
        unit="kgCO2eq",
        source=share.source,
        year=_RULE_YEAR,
        low=share.server_kg * (1.0 - _embodied.SPREAD),
        high=share.server_kg * (1.0 + _embodied.SPREAD),
    )
    yield Factor(
        name="share of the server's vCPUs", value=share.vcpu_share, unit="ratio", source=_HOST
    )
    if share.own_gpu_kg:
        yield Factor(
            name="embodied carbon of its GPUs",
            value=share.own_gpu_kg,
            unit="kgCO2eq",
            source=f"{share.source}; 150 kg for each, far below recent assessments",
            year=_RULE_YEAR,
        )
    yield Factor(
        name="lifetime",
        value=_embodied.LIFETIME_HOURS,
        unit="h",
        source="Cloud Carbon Footprint and Teads: four years",
        year=_RULE_YEAR,
    )
    grams = share.bounds
    yield Factor(
        name="embodied emissions",
        value=grams.central,
        unit="gCO2eq/h",
        source="server x share / lifetime",
        low=grams.low,
        high=grams.high,
    )


def sum_factor(bounds: Bounds) -> Factor:
    """What the components add up to, before PUE."""
    return Factor(
        name="IT power",
        value=bounds.central,
        unit="W",
        source="sum of the components",
        low=bounds.low,
        high=bounds.high,
    )


def component(name: str, watts: float, rule: str, bounds: Bounds | None = None) -> Factor:
    """One component of the IT power, with what it adds to the interval of the sum if known."""
    return Factor(
        name=f"{name} power",
        value=watts,
        unit="W",
        source=rule,
        low=bounds.low if bounds else None,
        high=bounds.high if bounds else None,
    )


def _year(machine: Hardware) -> str:
    return _TABLES_YEAR if machine.size_source is SizeSource.TABLE else ""


_HOST: Final = "vCPUs over those of the largest type of its family, 96 where not known"
