"""The default power model: measured curves of CPU families, scaled by TDP. Pure.

CPU watts    = vCPUs x TDP per vCPU x (r(L(u)) + s(u)) / 2; r is the median wall power over TDP of
               the family's SPECpower results, brought to the TDP of the CPU; L turns utilisation
               into load where two vCPUs share a core; s has the idle and maximum of r, and between
               them the shape of full-throttle work on bare cloud machines
memory watts = W/GiB of the module's size, beyond the memory that r already holds
GPU and node = accelerators.py
The derivation and its limits: docs/methodology.md; how far off it is: docs/accuracy.md.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, NamedTuple

from exporter.core.model import Bounds, Confidence, Factor, Machine, Power
from exporter.core.units import Ratio, Watts
from exporter.data.cpus import CpuModel
from exporter.data.memory import module
from exporter.power import embodied, explain
from exporter.power.accelerators import Accelerators, accelerators
from exporter.power.catalogue import Types
from exporter.power.explain import TABLES_YEAR
from exporter.power.hardware import Cpu, Facts, Hardware, SizeSource, facts, hardware

MEMORY_AT_THE_WALL: Final = 1.1
"""Power of memory at the wall over that of its modules: voltage converters and power supply."""

MODULE_GIB: Final = {"DDR4": (32.0, 4.0), "DDR5": (64.0, 8.0)}
"""Size of a memory module by its generation: the usual one, and GiB for each GiB of a vCPU where
that is more. m5, c5 and r5 have 16 or 32 GB modules with 8 GiB a vCPU and less, x2iedn 128 GB with
32; general types of the DDR5 generation have 64 GB."""

LARGEST_MODULE_GIB: Final = 256.0

ASSUMED_SIZE_LESS: Final = 4.0
ASSUMED_SIZE_MORE: Final = 48.0
"""Where even the size is assumed, the machine may be a quarter of it, or a whole server of 96 vCPUs
instead of two."""

_NONE: Final = Watts(0.0)
_MEMORY: Final = (
    "modules of this size at work, and 10 % at the wall; idle, and modules of half the size"
)
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


STRESS_SHARE: Final = 0.5
"""How much of the central value follows the shape of full-throttle work, the rest that of
SPECpower's transactions. Of the two tests of docs/accuracy.md, bare cloud machines under a stress
program ask for 1 and SPECpower for 0; the mean error of both is the same within 0.2 points from 1/4
to 3/4, and this is the middle. That the two weigh alike is an assumption."""


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
        """Return the upper end of a curve: nowhere less than when idle."""
        idle = curve[0] * self.idle_high
        return (idle, *(max(idle, watts) for watts in scaled(curve[1:], self.high)))


MEASURED: Final = Spread(0.82, 1.34, 0.70, 1.68)
"""True watts over central ones: 5 and 95 % quantiles over unseen servers, no CPU of their model
being known (conformal; docs/accuracy.md has the bench). Idle power differs most."""

FAMILY_ONLY: Final = Spread(0.75, 1.49, 0.64, 1.75)
"""The same where the family of the CPU is known, but neither its TDP nor its number of threads."""

GUESSED: Final = Spread(0.51, 1.85, 0.35, 2.40)
"""Families without a measurement of their own, and types of which the CPU is guessed: the same
quantiles where each family's servers are predicted by the curve of every other family."""


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
    module_gib: float
    memory_per_gib: Bounds
    spread: Spread

    @property
    def memory(self) -> Bounds:
        """Watts of the memory beyond what the curve holds."""
        return self.memory_per_gib.times(self.extra_gib)


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
    module_gib = _module_gib(machine, cpu.memory_kind)
    return CpuShare(
        cpu=cpu,
        tdp_per_vcpu=tdp_per_vcpu,
        ratio=ratio,
        curve=scaled(ratio, machine.vcpus * tdp_per_vcpu),
        extra_gib=max(0.0, machine.memory_gib - held_gib),
        module_gib=module_gib,
        memory_per_gib=memory_per_gib(cpu.memory_kind, module_gib),
        spread=_spread(machine, cpu),
    )


def _module_gib(machine: Hardware, kind: str) -> float:
    """Size of the modules: memory is made dense by larger ones, as sockets have so many slots."""
    usual, per_gib = MODULE_GIB[kind]
    return min(LARGEST_MODULE_GIB, max(usual, per_gib * machine.memory_gib / machine.vcpus))


def memory_per_gib(kind: str, gib: float) -> Bounds:
    """Watts for each GiB of memory in modules of a size.

    Central: at work, as the CPU's utilisation does not tell how busy memory is. Low: idle. High: in
    modules of half the size.
    """
    own, smaller = module(kind, gib), module(kind, gib / 2.0)
    per_gib = Bounds(own.idle / own.gib, own.busy / own.gib, smaller.busy / smaller.gib)
    return per_gib.times(MEMORY_AT_THE_WALL)


def _spread(machine: Hardware, cpu: Cpu) -> Spread:
    if cpu.family.proxy or machine.confidence is Confidence.UNKNOWN_TYPE:
        found = GUESSED
    else:
        found = FAMILY_ONLY if cpu.model is None else MEASURED
    return found if cpu.model is None else found.of_tdp(cpu.model)


def size_spread(machine: Hardware) -> tuple[float, float]:
    """How many times smaller and larger the machine may be."""
    assumed = machine.size_source is SizeSource.ASSUMED
    return (ASSUMED_SIZE_LESS, ASSUMED_SIZE_MORE) if assumed else (1.0, 1.0)


# The profile of a machine: what its watts come to.


class _Ends(NamedTuple):
    """Watts of CPU and memory at the ends: by the load, and by the shape of full-throttle work."""

    low: Segments
    low_stress: Segments
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
    """CPU watts over load, its part of the central value: the mean of the possible CPUs."""
    stress: Segments
    """CPU watts over tenths of utilisation, its part of the central value."""
    span: float
    """Dynamic range of both together."""
    ends: _Ends
    full: float
    """vCPUs that the machine sees over those that it is guaranteed."""
    usable: float
    """vCPUs that the machine may use over those that it holds."""
    memory: Bounds
    gpus: Accelerators
    embodied_share: embodied.Share

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
        cpu, memory = Watts(self._cpu(utilization)), Watts(self.memory.central)
        if not self.gpus.count:  # nearly all
            return Power(cpu, memory, _NONE, _NONE, _NONE)
        gpus = self.gpus.watts(gpu)
        node = Watts(self.gpus.node(gpus).central)
        return Power(cpu, memory, Watts(gpus.central), _NONE, _NONE, node)

    def bounds(self, utilization: Ratio, gpu: Ratio | None = None) -> Bounds:
        """Return IT watts of all components: low, central, high.

        The interval holds those of all CPUs that may serve the machine, and both shapes between
        idle and full power. Low: only the baseline's part of the idle power. High: all vCPUs that
        the machine sees.
        """
        without = self._without_gpus(utilization)
        if not self.gpus.count:
            return without
        gpus = self.gpus.watts(gpu)
        return without.plus(gpus).plus(self.gpus.node(gpus))

    def with_gpu_watts(self, watts: Bounds) -> "MeasuredProfile":
        """Return the same machine with accelerators that draw what was read of them."""
        return replace(self, gpus=self.gpus.reading(watts))

    def embodied(self) -> Bounds:
        """Return grams of embodied CO2eq per hour of the machine's share: low, central, high."""
        return self.embodied_share.bounds

    def explain(self, utilization: Ratio, gpu: Ratio | None = None) -> tuple[Factor, ...]:
        """Return every factor from utilisation to IT watts and embodied grams."""
        load, cpu = self.load(utilization), self._cpu_bounds(utilization)
        rule = "mean of the CPUs" if len(self.shares) > 1 else "vCPUs x TDP per vCPU x ratio"
        tenths = LAST * clamped(utilization) * self.usable
        of_cpus = (factor for share in self.shares for factor in _cpu_factors(share, load, tenths))
        return (
            *_machine_factors(self.machine, utilization, load),
            Factor(name="confidence", value=self.confidence, unit="class", source=_KNOWN),
            *of_cpus,
            explain.component("CPU", cpu.central, rule, cpu),
            *_memory_factors(self.shares),
            explain.component("memory", self.memory.central, "GiB x W/GiB", self.memory),
            *self.gpus.factors(gpu),
            explain.sum_factor(self.bounds(utilization, gpu)),
            *embodied.factors(self.embodied_share),
        )

    def load(self, utilization: Ratio) -> float:
        """Return the load, 0..10 tenths of capacity, that a utilisation stands for."""
        return self.loading.load(clamped(utilization) * self.usable)

    def _cpu(self, utilization: Ratio) -> float:
        """Central watts of the CPU."""
        slope, bend = self.loading
        fraction = clamped(utilization) * self.usable
        load, tenths = fraction * (slope - bend * fraction), LAST * fraction
        base, rise = self.curve[int(load)]
        under, steep = self.stress[int(tenths)]
        cpu = base + rise * load + under + steep * tenths
        if utilization > 1.0:
            cpu += self._burst(utilization) * self.span
        return cpu

    def _without_gpus(self, utilization: Ratio) -> Bounds:
        """Watts of CPU and memory: low, central, high."""
        ends, (slope, bend), burst = self.ends, self.loading, 0.0
        fraction = seen = clamped(utilization) * self.usable
        if self.full > 1.0:
            burst, seen = self._burst(utilization), clamped(Ratio(utilization / self.full))
        load, of_seen = fraction * (slope - bend * fraction), seen * (slope - bend * seen)
        low = min(_at(ends.low, load), _at(ends.low_stress, LAST * fraction))
        high = max(_at(ends.usual, of_seen), _at(ends.stress, LAST * seen))
        central = self._cpu(utilization) + self.memory.central
        return Bounds(low + burst * ends.low_span, central, high)

    def _cpu_bounds(self, utilization: Ratio) -> Bounds:
        """Split the interval of both: what memory leaves is the CPU's."""
        both, central = self._without_gpus(utilization), self._cpu(utilization)
        return Bounds(
            max(0.0, both.low - self.memory.low),
            central,
            max(central, both.high - self.memory.high),
        )

    def _burst(self, utilization: Ratio) -> float:
        """Utilisation above 1 that the machine can really have."""
        return min(max(utilization, 1.0), self.full) - 1.0


def _at(lines: Segments, tenths: float) -> float:
    base, rise = lines[int(tenths)]
    return base + rise * tenths


def profile_of(machine: Hardware) -> MeasuredProfile:
    """Work out everything that does not depend on utilisation."""
    parts = shares(machine)
    full = machine.full_vcpus / machine.vcpus
    curve = mean_curve(part.curve for part in parts)
    counted = scaled(curve, 1.0, -curve[0] * (1.0 - idle_share(machine)))
    return MeasuredProfile(
        machine=machine,
        shares=parts,
        loading=FULL_CORE if machine.threads_per_core == 1 else SHARED_CORE,
        curve=segments(scaled(counted, 1.0 - STRESS_SHARE)),
        stress=segments(scaled(stressed(counted), STRESS_SHARE)),
        span=curve[LAST] - curve[0],
        ends=_ends(machine, parts),
        full=full,
        usable=machine.usable,
        memory=_memory(machine, parts),
        gpus=accelerators(machine.gpu_model, machine.gpu_count),
        embodied_share=embodied.share(machine),
    )


def idle_share(machine: Hardware) -> float:
    """Part of the idle power of its vCPUs that a machine is charged in the central value.

    Burstable and shared-core types are oversold: between the vCPUs that such a machine may use for
    ever and those that it sees, the geometric middle. All others hold what they are sold.
    """
    return math.sqrt(machine.baseline * machine.full_vcpus / machine.vcpus)


def _memory(machine: Hardware, parts: tuple[CpuShare, ...]) -> Bounds:
    """Watts of memory, whatever the CPU; the interval holds that beside each of them."""
    less, more = size_spread(machine)
    return Bounds(
        min(part.memory.low for part in parts) / less,
        sum(part.memory.central for part in parts) / len(parts),
        max(part.memory.high for part in parts) * more,
    )


def _ends(machine: Hardware, parts: tuple[CpuShare, ...]) -> _Ends:
    """Ends of the intervals of all CPUs together."""
    less, more = size_spread(machine)
    full = machine.full_vcpus / machine.vcpus
    low = [_low(part, part.curve, machine.baseline) for part in parts]
    low_stress = [_low(part, stressed(part.curve), machine.baseline) for part in parts]
    usual = [_high(part, part.curve, full) for part in parts]
    stress = [_high(part, stressed(part.curve), full) for part in parts]
    return _Ends(
        low=segments(scaled(lowest_curve(low), 1.0 / less)),
        low_stress=segments(scaled(lowest_curve(low_stress), 1.0 / less)),
        low_span=min(p.spread.low * (p.curve[LAST] - p.curve[0]) for p in parts) / less,
        usual=segments(scaled(highest_curve(usual), more)),
        stress=segments(scaled(highest_curve(stress), more)),
    )


def _low(part: CpuShare, curve: Curve, baseline: float) -> Curve:
    """Only the baseline's part of the idle power, and little for memory."""
    unused = part.curve[0] * (1.0 - baseline)
    return scaled(part.spread.lower(scaled(curve, 1.0, -unused)), 1.0, part.memory.low)


def _high(part: CpuShare, curve: Curve, full: float) -> Curve:
    """All vCPUs that the machine sees, and much for memory."""
    beside = part.memory.high + part.cpu.family.beside
    return scaled(part.spread.upper(curve), full, beside)


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
    if machine.baseline < 1.0 or machine.full_vcpus > machine.vcpus:
        share = idle_share(machine)
        yield explain.between(
            "idle power of a burstable vCPU",
            Bounds(machine.baseline, share, machine.full_vcpus / machine.vcpus),
            "ratio",
            "geometric middle of what it may use for ever (provider's documentation) and sees",
            TABLES_YEAR,
        )


def _cpu_factors(share: CpuShare, load: float, tenths: float) -> Iterator[Factor]:
    """One CPU that may serve the machine, at a load and at tenths of utilisation."""
    family, model = share.cpu.family, share.cpu.model
    name = model.name if model else f"{family.name}, model not known"
    ratio, spread = share.ratio, share.spread
    stress = stressed(ratio)
    yield Factor(
        name=f"TDP per vCPU of {name}",
        value=share.tdp_per_vcpu,
        unit="W",
        source=model.source if model else f"median of the {family.name} results",
        year=TABLES_YEAR,
    )
    usual, busy = value_at(ratio, load), value_at(stress, tenths)
    lower, upper = spread.lower, spread.upper
    yield Factor(
        name=f"wall power over TDP of {family.name}",
        value=(1.0 - STRESS_SHARE) * usual + STRESS_SHARE * busy,
        unit="ratio",
        source=f"{family.origin}: {family.method}{_rescaled(share)}; half by its load, half by "
        "the shape of full-throttle work",
        year=TABLES_YEAR,
        low=min(value_at(lower(ratio), load), value_at(lower(stress), tenths)),
        high=max(value_at(upper(ratio), load), value_at(upper(stress), tenths)),
    )


def _rescaled(share: CpuShare) -> str:
    """Say that the curve is not that of the family's usual TDP."""
    family, model = share.cpu.family, share.cpu.model
    if share.ratio == family.curve or model is None:
        return ""
    return f"; from {family.tdp_per_socket:g} W of TDP to {model.tdp:g} W"


def _memory_factors(parts: tuple[CpuShare, ...]) -> Iterator[Factor]:
    """Memory beyond what the CPU curve holds, beside each generation of CPUs that may serve it."""
    for kind in dict.fromkeys(part.cpu.memory_kind for part in parts):
        beside = [part for part in parts if part.cpu.memory_kind == kind]
        of_kind = f" of {kind}" if len(parts) > len(beside) else ""
        yield Factor(
            name=f"memory{of_kind} beyond the servers of the curve",
            value=sum(part.extra_gib for part in beside) / len(beside),
            unit="GiB",
            source="memory less vCPUs x GiB per thread of the SPECpower servers",
            year=TABLES_YEAR,
        )
        yield explain.between(
            f"power of {kind} in modules of {beside[0].module_gib:.0f} GB",
            beside[0].memory_per_gib,
            "W/GiB",
            _MEMORY,
            TABLES_YEAR,
        )
