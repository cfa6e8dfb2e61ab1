"""The EC2 sheet of Teads Engineering (2021), to reconcile with its figures. Pure.

Watts of a type are read from the sheet at 0, 10, 50 and 100 % of CPU utilisation, with straight
lines between. A type that it lacks, and every other cloud, follows the rule of the sheet:

CPU watts    = vCPUs x TDP per vCPU x (0.12, 0.32, 0.75, 1.02 + 0.20 for the rest of the machine)
memory watts = GB x (0.20, 0.30, 0.40, 0.60)
GPU watts    = maximum x (0.114, 0.3125, 0.7386, 1.0), at the CPU's utilisation unless measured

Only the watts of the machine and, where the sheet has it, its embodied carbon follow the sheet:
data-centre overhead and grid stay the product's own. So do the bounds, which the sheet has none of.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Final

from exporter.core.model import Bounds, Confidence, Factor, Machine, Power
from exporter.core.units import Ratio, Watts
from exporter.data.teads import Points, TeadsType, sheet
from exporter.power import embodied, explain, published
from exporter.power.accelerators import Accelerators, accelerators, part
from exporter.power.catalogue import Types
from exporter.power.hardware import Facts, Hardware, facts, hardware
from exporter.power.published import Error

KNOWN_CPU: Final = Error(
    0.42,
    1.05,
    "not the sheet's: its rule against 310 servers of SPECpower, nine of ten within 0.42 "
    "and 0.95 times; bare EC2 machines lie within 0.45 and 0.83 times",
)
GUESSED_CPU: Final = Error(
    0.30, 1.50, "not the sheet's: assumed, as the CPU or its TDP is not measured or not known"
)
_NONE: Final = Watts(0.0)

LEVELS: Final[Points] = (0.0, 0.1, 0.5, 1.0)
"""CPU utilisation at the points."""

_, _TENTH, _HALF, _FULL = LEVELS

TDP_RATIO: Final[Points] = (0.12, 0.32, 0.75, 1.02)
"""CPU package power over TDP: means of the Intel machines that Teads measured (2021)."""

REST_RATIO: Final = 0.20
"""Power of the rest of the machine over the TDP of its CPUs, at any load: in every line of the
sheet, e.g. 96 W for two CPUs of 240 W."""

MEMORY_WATTS_PER_GB: Final[Points] = (0.20, 0.30, 0.40, 0.60)
"""The sheet's memory power where the machine was not measured."""

GPU_SHARE: Final[Points] = (0.114, 0.3125, 0.7386, 1.0)
"""Power of a GPU over its maximum: the sheet's 11.6, 31.8, 75.2 and 101.9 % of TDP."""

_YEAR: Final = "2021"
_SHEET: Final = "EC2 dataset of Teads Engineering (CC BY 4.0)"
_RULE: Final = "not in the Teads sheet: its rule for a CPU of known TDP"


class TeadsModel:
    """Finds the profile of a machine; machines of equal facts share one."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._profiles: dict[Facts, TeadsProfile] = {}

    def profile(self, machine: Machine) -> "TeadsProfile":
        """Return the profile; every machine has one, types beyond the sheet by its rule."""
        key = facts(machine)
        found = self._profiles.get(key)
        if found is None:
            found = self._profiles[key] = self._new(machine)
        return found

    def _new(self, machine: Machine) -> "TeadsProfile":
        resolved = hardware(self._types, machine)
        if machine.key.provider != "aws":
            return by_rule(resolved)
        line = sheet().get(machine.instance_type) or sheet().get(resolved.instance_type)
        return by_rule(resolved) if line is None else by_sheet(resolved, line)


def build(types: Types) -> TeadsModel:
    """Return the sheet of Teads over the shipped machine types."""
    return TeadsModel(types)


@dataclass(frozen=True, slots=True, kw_only=True)
class TeadsProfile:
    """The sheet, or its rule, resolved for one machine. Curves are over CPU utilisation."""

    machine: Hardware
    line: TeadsType | None
    """None where the sheet lacks the type and its rule stands in."""
    cpu: Points
    """CPU package and the rest of the machine."""
    memory: Points
    gpu: Points
    gpus: Accelerators
    error: Error
    embodied_share: embodied.Share

    @property
    def confidence(self) -> Confidence:
        """How the CPU is known; the sheet names the CPU of each line."""
        return self.machine.confidence if self.line is None else Confidence.SKU

    @property
    def group(self) -> str:
        """The CPU's family: what it does not know of it errs for all its machines alike."""
        return " or ".join(dict.fromkeys(cpu.family.name for cpu in self.machine.cpus))

    @property
    def modelled(self) -> bool:
        """Whether the sheet has the type, or it is known, or its CPU and size were told."""
        return self.line is not None or self.machine.modelled

    def power(self, utilization: Ratio, gpu: Ratio | None = None) -> Power:
        """Return the central IT power by component at a mean utilisation 0..1.

        ``gpu`` None: as busy as the CPU, as in the sheet. Utilisation is above 1 only on
        shared-core types of GCP, until all the vCPUs that they see are busy.
        """
        fraction = published.fraction(self.machine, utilization)
        cpu = value_at(self.cpu, fraction)
        memory = value_at(self.memory, fraction)
        return Power(Watts(cpu), Watts(memory), Watts(self._gpus(utilization, gpu)), _NONE, _NONE)

    def bounds(self, utilization: Ratio, gpu: Ratio | None = None) -> Bounds:
        """Return IT watts of all components: low, central, high."""
        power = self.power(utilization, gpu)
        without = power.it - power.gpu
        gpus = self._gpu_bounds(power.gpu, gpu)
        unused = (1.0 - self.machine.baseline) * self.cpu[0]
        unseen = (published.seen(self.machine) - 1.0) * self.cpu[0]
        low, high = published.widened(
            self.machine, self.error.low * (without - unused), self.error.high * (without + unseen)
        )
        return Bounds(low + gpus.low, power.it, high + gpus.high)

    def with_gpu_watts(self, watts: Bounds) -> "TeadsProfile":
        """Return the same machine with accelerators that draw what was read of them."""
        return replace(self, gpus=self.gpus.reading(watts))

    def embodied(self) -> Bounds:
        """Return grams of embodied CO2eq per hour of the machine's share: low, central, high."""
        if self.line is None:
            return self.embodied_share.bounds
        return embodied.interval(self.line.embodied)

    def explain(self, utilization: Ratio, gpu: Ratio | None = None) -> tuple[Factor, ...]:
        """Return every factor from utilisation to IT watts and embodied grams."""
        power = self.power(utilization, gpu)
        fraction = published.fraction(self.machine, utilization)
        return (
            *published.size_factors(self.machine, utilization),
            published.confidence_factor(self.confidence),
            *_watt_factors(self.machine, self.line, fraction),
            explain.component("CPU", power.cpu, "CPU package and rest of the machine"),
            explain.component("memory", power.memory, "at the CPU's utilisation"),
            *_gpu_factors(self.machine, gpu, self._gpu_bounds(power.gpu, gpu)),
            published.error_factor(self.error),
            explain.sum_factor(self.bounds(utilization, gpu)),
            *_embodied_factors(self.line, self.embodied_share),
        )

    def _gpus(self, utilization: Ratio, gpu: Ratio | None) -> float:
        """Watts of the GPUs that are counted, or what was read of all."""
        if self.gpus.read is not None:
            return self.gpus.read.central
        busy = utilization if gpu is None else gpu
        return value_at(self.gpu, min(max(busy, 0.0), 1.0))

    def _gpu_bounds(self, central: float, gpu: Ratio | None) -> Bounds:
        """Of all accelerators of the machine, those that the sheet does not count included."""
        return published.covering(self.gpus.watts(gpu), central)


def by_sheet(machine: Hardware, line: TeadsType) -> TeadsProfile:
    """Work out the profile of a type that the sheet lists."""
    gpus = gpu_points(line.gpus * published.gpu_watts(part(machine.gpu_model)).busy)
    return TeadsProfile(
        machine=machine,
        line=line,
        cpu=less(line.watts, line.memory, gpus),
        memory=line.memory,
        gpu=gpus,
        gpus=accelerators(machine.gpu_model, machine.gpu_count),
        error=_error(machine),
        embodied_share=embodied.share(machine),
    )


def by_rule(machine: Hardware) -> TeadsProfile:
    """Work out the profile of any other machine."""
    tdp = Watts(machine.vcpus * _tdp_per_vcpu(machine))
    return TeadsProfile(
        machine=machine,
        line=None,
        cpu=whole_machine(tdp),
        memory=memory_points(machine.memory_gib),
        gpu=gpu_points(machine.gpu_count * published.gpu_watts(part(machine.gpu_model)).busy),
        gpus=accelerators(machine.gpu_model, machine.gpu_count),
        error=_error(machine),
        embodied_share=embodied.share(machine),
    )


def _error(machine: Hardware) -> Error:
    known = machine.confidence in (Confidence.SKU, Confidence.FAMILY, Confidence.MULTI_FAMILY)
    return KNOWN_CPU if known else GUESSED_CPU


def value_at(points: Points, utilization: float) -> float:
    """Value at a utilisation of 0 or more, straight lines between the points.

    Above 1 the dynamic range goes on linearly: the vCPUs beyond a guaranteed part.
    """
    idle, tenth, half, full = points
    if utilization < _TENTH:
        return idle + (tenth - idle) * utilization / _TENTH
    if utilization < _HALF:
        return tenth + (half - tenth) * (utilization - _TENTH) / (_HALF - _TENTH)
    if utilization < _FULL:
        return half + (full - half) * (utilization - _HALF) / (_FULL - _HALF)
    return full + (full - idle) * (utilization - _FULL)


def package(tdp: Watts) -> Points:
    """CPU package power of a share of TDP, by the rule."""
    return _scaled(TDP_RATIO, tdp)


def whole_machine(tdp: Watts) -> Points:
    """CPU package power of a share of TDP and that of the rest of the machine, by the rule."""
    idle, tenth, half, full = package(tdp)
    rest = REST_RATIO * tdp
    return idle + rest, tenth + rest, half + rest, full + rest


def memory_points(gigabytes: float) -> Points:
    """Memory power by the rule."""
    return _scaled(MEMORY_WATTS_PER_GB, gigabytes)


def gpu_points(maximum: float) -> Points:
    """Power of GPUs whose maximum it is."""
    return _scaled(GPU_SHARE, maximum)


def less(points: Points, *others: Points) -> Points:
    """Subtract other curves from one; never below 0, the sheet being rounded to 0.1 W."""
    idle, tenth, half, full = (
        max(0.0, value - sum(parts)) for value, *parts in zip(points, *others, strict=True)
    )
    return idle, tenth, half, full


def _scaled(points: Points, factor: float) -> Points:
    idle, tenth, half, full = points
    return idle * factor, tenth * factor, half * factor, full * factor


def _tdp_per_vcpu(machine: Hardware) -> Watts:
    """TDP of a vCPU's share: the mean of the CPUs that may serve the machine."""
    return Watts(fmean(cpu.tdp_per_vcpu(machine.threads_per_core) for cpu in machine.cpus))


def _watt_factors(machine: Hardware, line: TeadsType | None, fraction: float) -> Iterator[Factor]:
    """The figures of the sheet, or the rule where it lacks the type."""
    return _rule_factors(machine, fraction) if line is None else _sheet_factors(line, fraction)


def _embodied_factors(line: TeadsType | None, share: embodied.Share) -> Iterator[Factor]:
    """What the sheet says of manufacture, or the product's own rule where it lacks the type."""
    return embodied.factors(share) if line is None else _sheet_embodied_factors(line)


def _sheet_factors(line: TeadsType, fraction: float) -> Iterator[Factor]:
    """What the sheet says of the type, and the point between its figures."""
    for level, watts in zip(LEVELS, line.watts, strict=True):
        yield Factor(
            name=f"{line.name} at {level:.0%}", value=watts, unit="W", source=_SHEET, year=_YEAR
        )
    yield Factor(
        name=f"{line.name} at this utilisation",
        value=value_at(line.watts, fraction),
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
        value=_tdp_per_vcpu(machine),
        unit="W",
        source=f"{'mean of ' if len(names) > 1 else ''}{'; '.join(names)}",
    )
    for name, value, unit in (
        ("CPU package power over TDP", value_at(TDP_RATIO, fraction), "ratio"),
        ("power of the rest of the machine over TDP", REST_RATIO, "ratio"),
        (
            "power of memory",
            value_at(MEMORY_WATTS_PER_GB, fraction),
            "W/GB",
        ),
    ):
        yield Factor(name=name, value=value, unit=unit, source=_RULE, year=_YEAR)


def _gpu_factors(machine: Hardware, gpu: Ratio | None, bounds: Bounds) -> Iterator[Factor]:
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
    bounds = embodied.interval(line.embodied)
    yield Factor(
        name="embodied emissions",
        value=bounds.central,
        unit="gCO2eq/h",
        source=f"{_SHEET}; four years of 360 days",
        year=_YEAR,
        low=bounds.low,
        high=bounds.high,
    )
