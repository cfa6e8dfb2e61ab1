"""The default power model: measured curves of CPU families, scaled by TDP. Pure.

CPU watts    = vCPUs x TDP per vCPU x r(L(u)); r is the median wall power over TDP of the family's
               SPECpower results, brought to the TDP of the CPU; L turns utilisation into load
               where two vCPUs share a core
memory watts = 0.20 W/GiB beyond the memory that r already holds
GPU watts    = idle + utilisation x dynamic range; half of it where nothing measures utilisation
The derivation and its limits: docs/methodology.md; how far off it is: docs/accuracy.md.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from exporter.core.model import Bounds, Confidence, Factor, Machine, Power
from exporter.core.units import Ratio, Watts
from exporter.data.cpus import CpuModel
from exporter.data.gpus import Gpu, named
from exporter.power import embodied, explain
from exporter.power.catalogue import Types
from exporter.power.explain import TABLES_YEAR
from exporter.power.hardware import Cpu, Facts, Hardware, SizeSource, facts, hardware

MEMORY_WATTS_PER_GIB: Final = Bounds(0.05, 0.20, 0.392)
"""DRAM: readings on EC2 metal give 0.04 (idle) to 0.10 W/GiB, Boavizta 0.284, Cloud Carbon
Footprint 0.392 (mean of Crucial and Micron data sheets)."""

ASSUMED_SIZE_LESS: Final = 4.0
ASSUMED_SIZE_MORE: Final = 48.0
"""Where even the size is assumed, the machine may be a quarter of it, or a whole server of 96 vCPUs
instead of two."""

_NONE: Final = Watts(0.0)
_KNOWN: Final = "how the CPU is known; decides the width of the bounds"
_SMT: Final = "two vCPUs share a core: 100·f·(2 - 0.75·f)/1.25"
_FULL_CORE: Final = "a vCPU is a core: load is utilisation"


# Curves: eleven points over the load, straight lines between them.

Curve = tuple[float, ...]
"""Values at 0, 10 … 100 % of load."""

LAST: Final = 10

STRESS: Final[Curve] = (0.0, 0.23, 0.351, 0.472, 0.593, 0.714, 0.7712, 0.8284, 0.8856, 0.9428, 1.0)
"""Share of the dynamic range under full-throttle work: 0.23 at 10 % and 0.714 at 50 % of
utilisation (Teads, EC2 bare metal under stress-ng, 2021), straight lines between."""


IDLE_TDP_EXPONENT: Final = 0.2
FULL_TDP_EXPONENT: Final = 0.7
"""Within a family, server power follows TDP to this power when idle and at full load, because fans,
memory and disks do not grow with the CPU (SPECpower results of 310 servers; docs/accuracy.md)."""


class Loading(NamedTuple):
    """Load in tenths of capacity at a utilisation f of 0..1: ``f * (slope - bend * f)``."""

    slope: float
    bend: float

    def load(self, fraction: float) -> float:
        """Load of 0..10 tenths; rises with the utilisation."""
        return fraction * (self.slope - self.bend * fraction)


SHARED_CORE: Final = Loading(16.0, 6.0)
"""Two vCPUs share a core: two busy siblings do 1.25 times the work of one, and threads are placed
independently, so the load is 10·f·(2 - 0.75·f)/1.25."""

FULL_CORE: Final = Loading(10.0, 0.0)
"""Every vCPU is a core: load is utilisation."""


def value_at(curve: Curve, load: float) -> float:
    """Value of a curve at a load of 0..10 tenths."""
    below = int(load)
    if below >= LAST:
        return curve[LAST]
    value = curve[below]
    return value + (curve[below + 1] - value) * (load - below)


Segments = tuple[tuple[float, float], ...]
"""A curve made ready for many look-ups: at a load of 0..10 tenths, the value is ``base + slope *
load``, both taken from ``segments[int(load)]``."""


def segments(curve: Curve) -> Segments:
    """Return the straight lines between the points of a curve."""
    slopes = (after - value for value, after in pairwise(curve))
    lines = (
        (value - slope * level, slope)
        for level, (value, slope) in enumerate(zip(curve, slopes, strict=False))
    )
    return (*lines, (curve[LAST], 0.0))


def scaled(curve: Curve, factor: float, plus: float = 0.0) -> Curve:
    """Multiply every value, then add a constant."""
    return tuple(value * factor + plus for value in curve)


def of_tdp(curve: Curve, times: float) -> Curve:
    """Turn power over TDP of a family into that of a CPU of so many times the family's TDP."""
    rise = (FULL_TDP_EXPONENT - IDLE_TDP_EXPONENT) / LAST
    exponents = (IDLE_TDP_EXPONENT + rise * level for level in range(LAST + 1))
    return tuple(r * times ** (e - 1.0) for r, e in zip(curve, exponents, strict=True))


def mean_curve(curves: Iterable[Curve]) -> Curve:
    """Average of several curves, point by point."""
    several = tuple(curves)
    return tuple(sum(points) / len(several) for points in zip(*several, strict=True))


def lowest_curve(curves: Iterable[Curve]) -> Curve:
    """Return the smallest of several curves at each point."""
    return tuple(min(points) for points in zip(*curves, strict=True))


def highest_curve(curves: Iterable[Curve]) -> Curve:
    """Return the largest of several curves at each point."""
    return tuple(max(points) for points in zip(*curves, strict=True))


def stressed(curve: Curve) -> Curve:
    """Return the curve of the same idle and maximum under full-throttle work."""
    idle, span = curve[0], curve[LAST] - curve[0]
    return tuple(idle + span * share for share in STRESS)


def clamped(utilization: Ratio) -> float:
    """Utilisation limited to 0..1."""
    return 0.0 if utilization < 0.0 else min(utilization, 1.0)


# CPUs: a machine's share of each server that it may run on.


def wall_over_tdp(cpu: Cpu) -> Curve:
    """Wall power of the server over the TDP of this CPU, over the load."""
    if cpu.model is None or not cpu.family.tdp_per_socket:
        return cpu.family.curve
    return of_tdp(cpu.family.curve, cpu.model.tdp / cpu.family.tdp_per_socket)


class Spread(NamedTuple):
    """Factors that turn a central value into an interval, at work and when idle."""

    low: float
    high: float
    idle_low: float
    idle_high: float

    def of_tdp(self, model: CpuModel) -> "Spread":
        """Widen the interval by what the TDP of a CPU may be."""
        less = (model.tdp_low / model.tdp) ** FULL_TDP_EXPONENT
        more = model.tdp_high / model.tdp
        return Spread(
            self.low * less,
            self.high * more**FULL_TDP_EXPONENT,
            self.idle_low * less,  # no less than at work, where the power still has to be higher
            self.idle_high * more**IDLE_TDP_EXPONENT,
        )

    def lower(self, curve: Curve) -> Curve:
        """Return the lower end of a curve."""
        return (curve[0] * self.idle_low, *scaled(curve[1:], self.low))

    def upper(self, curve: Curve) -> Curve:
        """Return the upper end of a curve."""
        return (curve[0] * self.idle_high, *scaled(curve[1:], self.high))


MEASURED: Final = Spread(0.75, 1.40, 0.60, 1.60)
"""Holds nine of ten servers left out of the median, at each load, also where all servers of their
CPU model are left out (docs/accuracy.md). Idle power differs most between servers."""

FAMILY_ONLY: Final = Spread(0.60, 1.50, 0.55, 1.70)
"""The same where the family of the CPU is known, but neither its TDP nor its number of threads."""

GUESSED: Final = Spread(0.50, 1.50, 0.50, 1.70)
"""Types of which the CPU is guessed: assumed."""

PROXY: Final = Spread(0.50, 1.80, 0.45, 2.00)
"""Families without a measurement of their own: assumed. The measured Grace has 1.5 to 2.2 times the
watts per core of a cloud's CPUs with cores of its kind, by their published facts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuShare:
    """One CPU that may serve the machine. Curves are over the load."""

    cpu: Cpu
    tdp_per_vcpu: Watts
    ratio: Curve
    """Wall power over TDP."""
    curve: Curve
    """Watts of all vCPUs."""
    extra_gib: float
    """Memory beyond what the curve holds."""
    spread: Spread


def shares(machine: Hardware) -> tuple[CpuShare, ...]:
    """Return the shares of all CPUs that may serve the machine."""
    return tuple(_share(machine, cpu) for cpu in machine.cpus)


def _threads(machine: Hardware, cpu: Cpu) -> float:
    """Threads of the measured servers that a vCPU stands for: two where it is a whole core of them.

    Its share of the TDP is that of both, so their memory is in the curve as well.
    """
    whole_core = machine.threads_per_core == 1 and cpu.family.threads_per_core > 1
    return float(cpu.family.threads_per_core) if whole_core else 1.0


def _share(machine: Hardware, cpu: Cpu) -> CpuShare:
    tdp_per_vcpu = cpu.tdp_per_vcpu(machine.threads_per_core)
    ratio = wall_over_tdp(cpu)
    held_gib = machine.vcpus * cpu.family.gib_per_thread * _threads(machine, cpu)
    return CpuShare(
        cpu=cpu,
        tdp_per_vcpu=tdp_per_vcpu,
        ratio=ratio,
        curve=scaled(ratio, machine.vcpus * tdp_per_vcpu),
        extra_gib=max(0.0, machine.memory_gib - held_gib),
        spread=_spread(machine, cpu),
    )


def _spread(machine: Hardware, cpu: Cpu) -> Spread:
    if cpu.family.proxy:
        found = PROXY
    elif machine.confidence is Confidence.UNKNOWN_TYPE:
        found = GUESSED
    else:
        found = FAMILY_ONLY if cpu.model is None else MEASURED
    return found if cpu.model is None else found.of_tdp(cpu.model)


# Accelerators, at a measured utilisation or at an assumed one.

ASSUMED_GPU_UTILIZATION: Final = Ratio(0.5)
"""Share of the dynamic range in the central value where nothing measures it."""

UNKNOWN_GPU: Final = Gpu(
    model="unknown",
    idle=Watts(35.0),
    maximum=Watts(300.0),
    idle_low=Watts(4.0),
    maximum_high=Watts(1000.0),
    source="assumed as a V100, the middle of the table; at most as the larger parts of 2025",
)
"""An accelerator that the table lacks."""


def gpu_part(model: str) -> Gpu:
    """Return the figures of an accelerator, or those of the unknown one."""
    return named(model) or UNKNOWN_GPU


def gpu_watts(model: str, count: float, utilization: Ratio | None = None) -> Bounds:
    """Power of all accelerators of a machine: low, central, high.

    Where nothing tells how busy they are, anything from idling to full power. Where it is known,
    the error of a model without measurements around the central value, within the same ends:
    utilisation is the share of time with some work on the chip, not how much of the chip works.
    """
    found = gpu_part(model)
    low, high = float(found.idle_low), float(found.maximum_high)
    busy = ASSUMED_GPU_UTILIZATION if utilization is None else min(max(utilization, 0.0), 1.0)
    central = found.idle + busy * (found.maximum - found.idle)
    if utilization is not None:
        low, high = max(low, GUESSED.low * central), min(high, GUESSED.high * central)
    return Bounds(low, central, high).times(count)


def size_spread(machine: Hardware) -> tuple[float, float]:
    """How many times smaller and larger the machine may be."""
    assumed = machine.size_source is SizeSource.ASSUMED
    return (ASSUMED_SIZE_LESS, ASSUMED_SIZE_MORE) if assumed else (1.0, 1.0)


# The profile of a machine: what its watts come to.


class _Ends(NamedTuple):
    """Watts of CPU and memory over the load, at the ends of what they may be."""

    low: Segments
    low_span: float
    """Dynamic range of the lower end."""
    usual: Segments
    stress: Segments


class MeasuredModel:
    """Finds the profile of a machine; machines of equal facts share one."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._profiles: dict[Facts, MeasuredProfile] = {}

    def profile(self, machine: Machine) -> "MeasuredProfile":
        """Return the profile; every machine has one, unknown types with wider bounds."""
        key = facts(machine)
        found = self._profiles.get(key)
        if found is None:
            found = self._profiles[key] = profile_of(hardware(self._types, machine))
        return found


def build(types: Types) -> MeasuredModel:
    """Return the default model over the shipped machine types."""
    return MeasuredModel(types)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredProfile:
    """The model resolved for one machine."""

    machine: Hardware
    shares: tuple[CpuShare, ...]
    loading: Loading
    curve: Segments
    """CPU watts over load: the mean of the CPUs that may serve the machine."""
    span: float
    """Dynamic range of ``curve``."""
    ends: _Ends
    full: float
    """vCPUs that the machine sees over those that it is guaranteed."""
    usable: float
    """vCPUs that the machine may use over those that it holds."""
    memory: Watts
    gpu: Bounds
    """Watts of the accelerators where nothing measures how busy they are."""
    embodied_share: embodied.Share
    embodied_bounds: Bounds

    @property
    def confidence(self) -> Confidence:
        """How the CPU is known."""
        return self.machine.confidence

    @property
    def group(self) -> str:
        """The CPU's family: what it does not know of it errs for all its machines alike."""
        return " or ".join(dict.fromkeys(share.cpu.family.name for share in self.shares))

    @property
    def modelled(self) -> bool:
        """Whether the type is known, or its CPU and size were told."""
        return self.machine.modelled

    def power(self, utilization: Ratio, gpu: Ratio | None = None) -> Power:
        """Return the central IT power by component at a mean utilisation 0..1.

        Below 0 counts as 0. Above 1 counts as 1, except on shared-core types of GCP, whose vCPU
        count is the guaranteed part only: their dynamic power goes on linearly until all the
        vCPUs that the machine sees are busy. ``gpu`` None: half busy.
        """
        (slope, bend), gpus = self.loading, self.gpu if gpu is None else self._gpus(gpu)
        fraction = clamped(utilization) * self.usable
        load = fraction * (slope - bend * fraction)
        base, rise = self.curve[int(load)]
        cpu = base + rise * load
        if utilization > 1.0:
            cpu += self._burst(utilization) * self.span
        return Power(Watts(cpu), self.memory, Watts(gpus.central), _NONE, _NONE)

    def bounds(self, utilization: Ratio, gpu: Ratio | None = None) -> Bounds:
        """Return IT watts of all components: low, central, high.

        The interval holds those of all CPUs that may serve the machine. Low: without the effect
        of shared cores, and only the baseline's part of the idle power. High: all vCPUs that the
        machine sees, and the higher of usual and full-throttle work.
        """
        gpus = self.gpu if gpu is None else self._gpus(gpu)
        ends, (slope, bend), burst = self.ends, self.loading, 0.0
        fraction = seen = clamped(utilization) * self.usable
        if self.full > 1.0:
            burst, seen = self._burst(utilization), clamped(Ratio(utilization / self.full))
        load, of_seen = fraction * (slope - bend * fraction), seen * (slope - bend * seen)
        base, rise = ends.low[int(10.0 * fraction)]
        low = base + rise * 10.0 * fraction + burst * ends.low_span
        base, rise = self.curve[int(load)]
        central = base + rise * load + burst * self.span + self.memory + gpus.central
        base, rise = ends.usual[int(of_seen)]
        usual = base + rise * of_seen
        base, rise = ends.stress[int(10.0 * seen)]
        stress = base + rise * 10.0 * seen
        return Bounds(low + gpus.low, central, max(usual, stress) + gpus.high)

    def embodied(self) -> Bounds:
        """Return grams of embodied CO2eq per hour of the machine's share: low, central, high."""
        return self.embodied_bounds

    def explain(self, utilization: Ratio, gpu: Ratio | None = None) -> tuple[Factor, ...]:
        """Return every factor from utilisation to IT watts and embodied grams."""
        load, power = self.load(utilization), self.power(utilization, gpu)
        cpu, memory, gpus = self._components(utilization, gpu)
        of_cpus = (factor for share in self.shares for factor in _cpu_factors(share, load))
        rule = "mean of the CPUs" if len(self.shares) > 1 else "vCPUs x TDP per vCPU x ratio"
        return (
            *_machine_factors(self.machine, utilization, load),
            Factor(name="confidence", value=self.confidence, unit="class", source=_KNOWN),
            *of_cpus,
            explain.component("CPU", cpu.central, rule, cpu),
            *_memory_factors(MEMORY_WATTS_PER_GIB, power.memory),
            explain.component("memory", memory.central, "GiB x W/GiB", memory),
            *gpu_factors(self.machine, gpu),
            explain.component("GPU", gpus.central, "number x power of one", gpus),
            explain.sum_factor(self.bounds(utilization, gpu)),
            *embodied.factors(self.embodied_share),
        )

    def _components(self, utilization: Ratio, gpu: Ratio | None) -> tuple[Bounds, Bounds, Bounds]:
        """Split the interval of the sum: what memory and accelerators leave is the CPU's."""
        power, whole = self.power(utilization, gpu), self.bounds(utilization, gpu)
        gpus = self.gpu if gpu is None else self._gpus(gpu)
        less, more = size_spread(self.machine)
        extra = [share.extra_gib for share in self.shares]
        memory = Bounds(
            MEMORY_WATTS_PER_GIB.low * min(extra) / less,
            power.memory,
            MEMORY_WATTS_PER_GIB.high * max(extra) * more,
        )
        cpu = Bounds(
            max(0.0, whole.low - gpus.low - memory.low),
            power.cpu,
            max(power.cpu, whole.high - gpus.high - memory.high),
        )
        return cpu, memory, gpus

    def load(self, utilization: Ratio) -> float:
        """Return the load, 0..10 tenths of capacity, that a utilisation stands for."""
        return self.loading.load(clamped(utilization) * self.usable)

    def _gpus(self, utilization: Ratio) -> Bounds:
        """Watts of the accelerators at a measured utilisation."""
        if not self.machine.gpu_count:
            return self.gpu
        return gpu_watts(self.machine.gpu_model, self.machine.gpu_count, utilization)

    def _burst(self, utilization: Ratio) -> float:
        """Utilisation above 1 that the machine can really have."""
        return min(max(utilization, 1.0), self.full) - 1.0


def profile_of(machine: Hardware) -> MeasuredProfile:
    """Work out everything that does not depend on utilisation."""
    parts = shares(machine)
    extra_gib = sum(part.extra_gib for part in parts) / len(parts)
    embodied_share = embodied.share(machine)
    curve = mean_curve(part.curve for part in parts)
    return MeasuredProfile(
        machine=machine,
        shares=parts,
        loading=FULL_CORE if machine.threads_per_core == 1 else SHARED_CORE,
        curve=segments(curve),
        span=curve[LAST] - curve[0],
        ends=_ends(machine, parts),
        full=machine.full_vcpus / machine.vcpus,
        usable=machine.usable,
        memory=Watts(MEMORY_WATTS_PER_GIB.central * extra_gib),
        gpu=gpu_watts(machine.gpu_model, machine.gpu_count),
        embodied_share=embodied_share,
        embodied_bounds=embodied_share.bounds,
    )


def _ends(machine: Hardware, parts: tuple[CpuShare, ...]) -> _Ends:
    """Ends of the intervals of all CPUs together."""
    less, more = size_spread(machine)
    full = machine.full_vcpus / machine.vcpus
    low = [_low(part, machine.baseline) for part in parts]
    usual = [_high(part, part.curve, full) for part in parts]
    stress = [_high(part, stressed(part.curve), full) for part in parts]
    return _Ends(
        low=segments(scaled(lowest_curve(low), 1.0 / less)),
        low_span=min(p.spread.low * (p.curve[LAST] - p.curve[0]) for p in parts) / less,
        usual=segments(scaled(highest_curve(usual), more)),
        stress=segments(scaled(highest_curve(stress), more)),
    )


def _low(part: CpuShare, baseline: float) -> Curve:
    """Only the baseline's part of the idle power, and little for memory."""
    unused = part.curve[0] * (1.0 - baseline)
    cpu = part.spread.lower(scaled(part.curve, 1.0, -unused))
    return scaled(cpu, 1.0, MEMORY_WATTS_PER_GIB.low * part.extra_gib)


def _high(part: CpuShare, curve: Curve, full: float) -> Curve:
    """All vCPUs that the machine sees, and much for memory."""
    cpu = part.spread.upper(curve)
    beside = MEMORY_WATTS_PER_GIB.high * part.extra_gib + part.cpu.family.beside
    return scaled(cpu, full, beside)


# The factors behind the watts.


def _machine_factors(machine: Hardware, utilization: Ratio, load: float) -> Iterator[Factor]:
    """What was measured, the size of the machine, and the load that comes of it."""
    measured = "mean over the bucket: measured by the provider, or what was asked"
    yield Factor(name="CPU utilisation", value=utilization, unit="ratio", source=measured)
    yield from explain.size_factors(machine)
    yield Factor(
        name="CPU load",
        value=10.0 * load,
        unit="% of capacity",
        source=_FULL_CORE if machine.threads_per_core == 1 else _SMT,
        low=10.0 * FULL_CORE.load(clamped(utilization) * machine.usable),
    )
    if machine.baseline < 1.0:
        yield Factor(
            name="baseline of a burstable vCPU",
            value=machine.baseline,
            unit="ratio",
            source="provider's documentation; scales idle power in the lower bound",
            year=TABLES_YEAR,
        )


def _cpu_factors(share: CpuShare, load: float) -> Iterator[Factor]:
    """One CPU that may serve the machine."""
    family, model = share.cpu.family, share.cpu.model
    name = model.name if model else f"{family.name}, model not known"
    ratio, spread = share.ratio, share.spread
    yield Factor(
        name=f"TDP per vCPU of {name}",
        value=share.tdp_per_vcpu,
        unit="W",
        source=model.source if model else f"median of the {family.name} results",
        year=TABLES_YEAR,
    )
    yield Factor(
        name=f"wall power over TDP of {family.name}",
        value=value_at(ratio, load),
        unit="ratio",
        source=f"{family.origin}: {family.method}{_rescaled(share)}",
        year=TABLES_YEAR,
        low=value_at(spread.lower(ratio), load),
        high=value_at(spread.upper(ratio), load),
    )


def _rescaled(share: CpuShare) -> str:
    """Say that the curve is not that of the family's usual TDP."""
    family, model = share.cpu.family, share.cpu.model
    if share.ratio == family.curve or model is None:
        return ""
    return f"; from {family.tdp_per_socket:g} W of TDP to {model.tdp:g} W"


def _memory_factors(coefficient: Bounds, watts: float) -> Iterator[Factor]:
    """Memory beyond what the CPU curve holds."""
    yield Factor(
        name="memory beyond the servers of the curve",
        value=watts / coefficient.central,
        unit="GiB",
        source="memory less vCPUs x GiB per thread of the SPECpower servers",
        year=TABLES_YEAR,
    )
    yield Factor(
        name="power of memory",
        value=coefficient.central,
        unit="W/GiB",
        source="between RAPL readings on EC2 metal and Cloud Carbon Footprint",
        year=TABLES_YEAR,
        low=coefficient.low,
        high=coefficient.high,
    )


def gpu_factors(machine: Hardware, utilization: Ratio | None) -> Iterator[Factor]:
    """Accelerators: how many, how much each draws, and how busy they are or are taken to be."""
    if not machine.gpu_count:
        return
    gpu, each = gpu_part(machine.gpu_model), gpu_watts(machine.gpu_model, 1.0, utilization)
    name = machine.gpu_model or "GPU"
    yield Factor(
        name=f"number of {name}",
        value=machine.gpu_count,
        unit="GPU",
        source=machine.size_source,
        year=TABLES_YEAR,
    )
    yield Factor(
        name=f"power of {name}",
        value=each.central,
        unit="W",
        source=gpu.source,
        year=TABLES_YEAR,
        low=each.low,
        high=each.high,
    )
    if utilization is not None:
        measured = "mean over the bucket, measured in the machine"
        yield Factor(name="GPU utilisation", value=utilization, unit="ratio", source=measured)
        return
    yield Factor(
        name="GPU utilisation",
        value=ASSUMED_GPU_UTILIZATION,
        unit="ratio",
        source="assumed: no metric of the provider tells it",
        low=0.0,
        high=1.0,
    )
