"""The default power model: measured curves of CPU families, scaled by TDP. Pure.

CPU watts    = vCPUs x TDP per vCPU x r(L(u)); r is the median wall power over TDP of the family's
               SPECpower results, brought to the TDP of the CPU; L turns utilisation into load
               where two vCPUs share a core
memory watts = 0.20 W/GiB beyond the memory that r already holds
GPU watts    = idle + utilisation x dynamic range; half of it where nothing measures utilisation
The derivation and its limits: docs/methodology.md; how far off it is: docs/accuracy.md.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from exporter.core.model import Bounds, Confidence, Factor, Machine, Power, Shape
from exporter.core.units import Ratio, Watts
from exporter.power import _curve, _embodied, _explain, _gpu
from exporter.power._machine import Hardware, SizeSource, hardware
from exporter.power._shares import CpuShare, shares
from exporter.power.catalogue import Types

MEMORY_WATTS_PER_GIB: Final = Bounds(0.05, 0.20, 0.392)
"""DRAM: readings on EC2 metal give 0.04 (idle) to 0.10 W/GiB, Boavizta 0.284, Cloud Carbon
Footprint 0.392 (mean of Crucial and Micron data sheets)."""

ASSUMED_SIZE_SPREAD: Final = 4.0
"""Where even the size is assumed, the machine may be four times smaller or larger."""

_NONE: Final = Watts(0.0)
_KNOWN: Final = "how the CPU is known; decides the width of the bounds"


class _Facts(NamedTuple):
    """What a machine's power depends on."""

    provider: str
    instance_type: str
    cpu_platform: str
    shape: Shape | None


class _Ends(NamedTuple):
    """Watts of CPU and memory over the load, at the ends of what they may be."""

    low: _curve.Segments
    low_span: float
    """Dynamic range of the lower end."""
    usual: _curve.Segments
    stress: _curve.Segments


class MeasuredModel:
    """Finds the profile of a machine; machines of equal facts share one."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._profiles: dict[_Facts, MeasuredProfile] = {}

    def profile(self, machine: Machine) -> "MeasuredProfile":
        """Return the profile; every machine has one, unknown types with wider bounds."""
        facts = _Facts(
            machine.key.provider, machine.instance_type, machine.cpu_platform, machine.shape
        )
        found = self._profiles.get(facts)
        if found is None:
            found = self._profiles[facts] = profile_of(hardware(self._types, machine))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredProfile:
    """The model resolved for one machine."""

    machine: Hardware
    shares: tuple[CpuShare, ...]
    loading: _curve.Loading
    curve: _curve.Segments
    """CPU watts over load: the mean of the CPUs that may serve the machine."""
    span: float
    """Dynamic range of ``curve``."""
    ends: _Ends
    full: float
    """vCPUs that the machine sees over those that it is guaranteed."""
    memory: Watts
    gpu: Bounds
    """Watts of the accelerators where nothing measures how busy they are."""
    embodied_share: _embodied.Share
    embodied_bounds: Bounds

    @property
    def confidence(self) -> Confidence:
        """How the CPU is known."""
        return self.machine.confidence

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
        fraction = _curve.clamped(utilization)
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
        fraction = seen = _curve.clamped(utilization)
        if self.full > 1.0:
            burst, seen = self._burst(utilization), _curve.clamped(Ratio(utilization / self.full))
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
        of_cpus = (factor for share in self.shares for factor in _explain.cpu_factors(share, load))
        rule = "mean of the CPUs" if len(self.shares) > 1 else "vCPUs x TDP per vCPU x ratio"
        return (
            *_explain.machine_factors(self.machine, utilization, load),
            Factor(name="confidence", value=self.confidence, unit="class", source=_KNOWN),
            *of_cpus,
            _explain.component("CPU", cpu.central, rule, cpu),
            *_explain.memory_factors(MEMORY_WATTS_PER_GIB, power.memory),
            _explain.component("memory", memory.central, "GiB x W/GiB", memory),
            *_explain.gpu_factors(self.machine, gpu),
            _explain.component("GPU", gpus.central, "number x power of one", gpus),
            _explain.sum_factor(self.bounds(utilization, gpu)),
            *_explain.embodied_factors(self.embodied_share),
        )

    def _components(self, utilization: Ratio, gpu: Ratio | None) -> tuple[Bounds, Bounds, Bounds]:
        """Split the interval of the sum: what memory and accelerators leave is the CPU's."""
        power, whole = self.power(utilization, gpu), self.bounds(utilization, gpu)
        gpus = self.gpu if gpu is None else self._gpus(gpu)
        spread = ASSUMED_SIZE_SPREAD if self.machine.size_source is SizeSource.ASSUMED else 1.0
        extra = [share.extra_gib for share in self.shares]
        memory = Bounds(
            MEMORY_WATTS_PER_GIB.low * min(extra) / spread,
            power.memory,
            MEMORY_WATTS_PER_GIB.high * max(extra) * spread,
        )
        cpu = Bounds(
            max(0.0, whole.low - gpus.low - memory.low),
            power.cpu,
            max(power.cpu, whole.high - gpus.high - memory.high),
        )
        return cpu, memory, gpus

    def load(self, utilization: Ratio) -> float:
        """Return the load, 0..10 tenths of capacity, that a utilisation stands for."""
        return self.loading.load(_curve.clamped(utilization))

    def _gpus(self, utilization: Ratio) -> Bounds:
        """Watts of the accelerators at a measured utilisation."""
        if not self.machine.gpu_count:
            return self.gpu
        return _gpu.watts(self.machine.gpu_model, self.machine.gpu_count, utilization)

    def _burst(self, utilization: Ratio) -> float:
        """Utilisation above 1 that the machine can really have."""
        return min(max(utilization, 1.0), self.full) - 1.0


def profile_of(machine: Hardware) -> MeasuredProfile:
    """Work out everything that does not depend on utilisation."""
    parts = shares(machine)
    extra_gib = sum(part.extra_gib for part in parts) / len(parts)
    embodied_share = _embodied.share(machine)
    curve = _curve.mean(part.curve for part in parts)
    return MeasuredProfile(
        machine=machine,
        shares=parts,
        loading=_curve.FULL_CORE if machine.threads_per_core == 1 else _curve.SHARED_CORE,
        curve=_curve.segments(curve),
        span=curve[_curve.LAST] - curve[0],
        ends=_ends(machine, parts),
        full=machine.full_vcpus / machine.vcpus,
        memory=Watts(MEMORY_WATTS_PER_GIB.central * extra_gib),
        gpu=_gpu.watts(machine.gpu_model, machine.gpu_count),
        embodied_share=embodied_share,
        embodied_bounds=embodied_share.bounds,
    )


def _ends(machine: Hardware, parts: tuple[CpuShare, ...]) -> _Ends:
    """Ends of the intervals of all CPUs together."""
    size = ASSUMED_SIZE_SPREAD if machine.size_source is SizeSource.ASSUMED else 1.0
    full = machine.full_vcpus / machine.vcpus
    low = [_low(part, machine.baseline) for part in parts]
    usual = [_high(part, part.curve, full) for part in parts]
    stress = [_high(part, _curve.stressed(part.curve), full) for part in parts]
    return _Ends(
        low=_curve.segments(_curve.scaled(_curve.lowest(low), 1.0 / size)),
        low_span=min(p.spread.low * (p.curve[_curve.LAST] - p.curve[0]) for p in parts) / size,
        usual=_curve.segments(_curve.scaled(_curve.highest(usual), size)),
        stress=_curve.segments(_curve.scaled(_curve.highest(stress), size)),
    )


def _low(part: CpuShare, baseline: float) -> _curve.Curve:
    """Only the baseline's part of the idle power, and little for memory."""
    unused = part.curve[0] * (1.0 - baseline)
    cpu = part.spread.lower(_curve.scaled(part.curve, 1.0, -unused))
    return _curve.scaled(cpu, 1.0, MEMORY_WATTS_PER_GIB.low * part.extra_gib)


def _high(part: CpuShare, curve: _curve.Curve, full: float) -> _curve.Curve:
    """All vCPUs that the machine sees, and much for memory."""
    cpu = part.spread.upper(curve)
    return _curve.scaled(cpu, full, MEMORY_WATTS_PER_GIB.high * part.extra_gib)
