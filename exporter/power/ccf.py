"""The method of Cloud Carbon Footprint, to reconcile with its figures. Pure.

CPU watts    = vCPUs x (idle + utilisation x (busy - idle)), both of the CPU family
memory watts = 0.392 W/GB: of all memory on Google Cloud, elsewhere beyond that of the servers
               behind the CPU watts
GPU watts    = idle + utilisation x (busy - idle); half of it where nothing measures utilisation

Only the watts of the machine follow the method: data-centre overhead and grid stay the product's
own, and so do the bounds, which the method has none of. Its known faults are kept, and told.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median
from typing import Final, NamedTuple

from exporter.core.model import HOST, Bounds, Confidence, Factor, Machine, Power
from exporter.core.units import Ratio, Watts
from exporter.data.ccf import Coefficients, coefficients
from exporter.power import embodied, explain, names, published
from exporter.power.accelerators import ASSUMED_UTILIZATION, Accelerators, accelerators
from exporter.power.catalogue import Types
from exporter.power.hardware import Facts, Hardware, facts, hardware
from exporter.power.names import Size
from exporter.power.published import Error

KNOWN_CPU: Final = Error(
    0.55,
    2.2,
    "not the method's: its watts against 310 servers of SPECpower, nine of ten within 0.55 "
    "and 1.46 times, and bare EC2 machines of the m5 and c5 kind, up to 2.1 times",
)
UNKNOWN_CPU: Final = Error(
    0.43,
    2.5,
    "not the method's: the watts of its unknown CPU against 310 servers of SPECpower, nine of "
    "ten within 0.43 and 2.5 times",
)
_THREADS: Final = 2.0
"""The method's watts are those of a hyperthread: a vCPU that is a core may draw twice as much."""

_NONE: Final = Watts(0.0)
_YEAR: Final = "2026"

_BY_MEDIAN: Final = frozenset({"Sandy Bridge", "Ivy Bridge"})
"""With one of these among several CPUs the method takes the median, else the mean."""

UNKNOWN_FAMILY: Final = ""
"""Family whose coefficients stand for a CPU that the method does not know."""

WATTS_PER_GB: Final = Bounds(0.05, 0.392, 0.408)
"""Central: the method's, the mean of the data sheets of Crucial (0.375) and Micron (0.408), which
is the high end. Low: readings on EC2 metal when idle."""

_VCPUS_PER_CHIP: Final = 96.0
_TWO_CHIPS: Final = frozenset({"m5zn", "z1d"})
"""Series of which the method knows that 48 vCPUs are two CPUs."""
_ALL: Final = "all memory, as on Google's bills; a part is inside the CPU watts already"
_BEYOND: Final = "the server's memory beyond that of the SPECpower servers, shared by memory"
_NOT_COUNTED: Final = "none: burstable, or a server that the method does not know"


_GPU: Final = "Cloud Carbon Footprint, appendix III: 11.5 % and 102 % of TDP"
_OF_TYPE: Final = "size of the type"


class Counted(NamedTuple):
    """Memory that is counted in GB: at least, by the method, and at most; and by which rule."""

    low: float
    central: float
    high: float
    rule: str


class CcfModel:
    """Finds the profile of a machine; machines of equal facts share one."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._profiles: dict[Facts, CcfProfile] = {}

    def profile(self, machine: Machine) -> "CcfProfile":
        """Return the profile; every machine has one, unknown CPUs by the method's average."""
        key = facts(machine)
        found = self._profiles.get(key)
        if found is None:
            found = self._profiles[key] = self._new(machine)
        return found

    def _new(self, machine: Machine) -> "CcfProfile":
        known = self._types.lookup(machine.key.provider, machine.instance_type)
        line = known.type if known else None
        server = Size(line.host_vcpus, line.host_memory_gib) if line else Size(0.0, 0.0)
        return profile_of(hardware(self._types, machine), server)


def build(types: Types) -> CcfModel:
    """Return the method of Cloud Carbon Footprint over the shipped machine types."""
    return CcfModel(types)


@dataclass(frozen=True, slots=True, kw_only=True)
class CcfProfile:
    """The method resolved for one machine."""

    machine: Hardware
    cpu: Coefficients
    counted: Counted
    memory: Bounds
    error: Error
    gpus: Accelerators
    embodied_share: embodied.Share

    @property
    def confidence(self) -> Confidence:
        """How the CPU is known; unknown where the method has no coefficients for it."""
        unknown = self.cpu.family == UNKNOWN_FAMILY
        return Confidence.UNKNOWN_TYPE if unknown else self.machine.confidence

    @property
    def group(self) -> str:
        """The CPU's family: what it does not know of it errs for all its machines alike."""
        return self.cpu.family

    @property
    def modelled(self) -> bool:
        """Whether the type is known, or its CPU and size were told."""
        return self.machine.modelled

    def power(self, utilization: Ratio, gpu: Ratio | None = None) -> Power:
        """Return the central IT power by component at a mean utilisation 0..1.

        Above 1 only on shared-core types of GCP, until all the vCPUs that they see are busy.
        """
        cpu = self._cpu(self.cpu.idle, self.cpu.busy, utilization)
        memory = Watts(self.memory.central)
        return Power(Watts(cpu), memory, Watts(self._gpus(gpu).central), _NONE, _NONE)

    def bounds(self, utilization: Ratio, gpu: Ratio | None = None) -> Bounds:
        """Return IT watts of all components: low, central, high."""
        gpus = self._gpus(gpu)
        low = self.error.low * self._least(utilization) + self.memory.low
        high = self.error.high * self._most(utilization) + self.memory.high
        low, high = published.widened(self.machine, low, high)
        return Bounds(low + gpus.low, self.power(utilization, gpu).it, high + gpus.high)

    def with_gpu_watts(self, watts: Bounds) -> "CcfProfile":
        """Return the same machine with accelerators that draw what was read of them."""
        return replace(self, gpus=self.gpus.reading(watts))

    def embodied(self) -> Bounds:
        """Return grams of embodied CO2eq per hour of the machine's share: low, central, high."""
        return self.embodied_share.bounds

    def explain(self, utilization: Ratio, gpu: Ratio | None = None) -> tuple[Factor, ...]:
        """Return every factor from utilisation to IT watts and embodied grams."""
        power = self.power(utilization, gpu)
        return (
            *published.size_factors(self.machine, utilization),
            published.confidence_factor(self.confidence),
            *_cpu_factors(self.cpu),
            explain.component("CPU", power.cpu, "vCPUs x (idle + utilisation x (busy - idle))"),
            *_memory_factors(self.counted),
            explain.component("memory", power.memory, "GB counted x W/GB"),
            *_gpu_factors(self.gpus, gpu, self._gpus(gpu)),
            published.error_factor(self.error),
            explain.sum_factor(self.bounds(utilization, gpu)),
            *embodied.factors(self.embodied_share),
        )

    def _gpus(self, utilization: Ratio | None) -> Bounds:
        """Watts of the GPUs as read, or by the method, between bounds that are not its own."""
        if self.gpus.read is not None or not self.gpus.count:
            return self.gpus.watts()
        own = self.gpus.count * gpu_at(self.gpus, utilization)
        return published.covering(self.gpus.watts(utilization), own)

    def _cpu(self, idle: Watts, busy: Watts, utilization: Ratio) -> float:
        fraction = published.fraction(self.machine, utilization)
        return self.machine.vcpus * linear(idle, busy, fraction)

    def _least(self, utilization: Ratio) -> float:
        """With coefficients put right, and only the baseline's part of the idle power."""
        idle, busy = self.cpu.checked or (self.cpu.idle, self.cpu.busy)
        unused = (1.0 - self.machine.baseline) * self.machine.vcpus * idle
        return self._cpu(idle, busy, utilization) - unused

    def _most(self, utilization: Ratio) -> float:
        """All vCPUs that the machine sees, each a core where it is one."""
        sibling = any(cpu.family.threads_per_core > 1 for cpu in self.machine.cpus)
        whole_core = self.machine.threads_per_core == 1 and sibling
        unseen = (self.machine.full_vcpus - self.machine.vcpus) * self.cpu.idle
        watts = self._cpu(self.cpu.idle, self.cpu.busy, utilization) + unseen
        return watts * (_THREADS if whole_core else 1.0)


def profile_of(machine: Hardware, server: Size) -> CcfProfile:
    """Work out everything that does not depend on utilisation."""
    cpu = _coefficients(machine)
    gigabytes = counted_memory(machine, server, cpu.gb_per_chip)
    proxy = machine.confidence is Confidence.PROXY
    return CcfProfile(
        machine=machine,
        cpu=cpu,
        counted=gigabytes,
        memory=memory_watts(gigabytes),
        error=UNKNOWN_CPU if proxy or cpu.family == UNKNOWN_FAMILY else KNOWN_CPU,
        gpus=accelerators(machine.gpu_model, machine.gpu_count),
        embodied_share=embodied.share(machine),
    )


def gpu_at(gpus: Accelerators, utilization: Ratio | None) -> float:
    """Watts of one GPU by the method: a straight line, half busy where nothing measures it."""
    busy = ASSUMED_UTILIZATION if utilization is None else utilization
    return linear(*published.gpu_watts(gpus.gpu), min(max(busy, 0.0), 1.0))


def _gpu_factors(gpus: Accelerators, utilization: Ratio | None, watts: Bounds) -> Iterator[Factor]:
    if not gpus.count:
        return
    if gpus.read is not None:
        yield explain.component("GPU", watts.central, "read by an agent in the machine", watts)
        return
    yield Factor(name=f"number of {gpus.name}", value=gpus.count, unit="GPU", source=_OF_TYPE)
    for state, value in zip(("idle", "busy"), published.gpu_watts(gpus.gpu), strict=True):
        yield Factor(
            name=f"{state} watts of {gpus.name}", value=value, unit="W", source=_GPU, year="2021"
        )
    measured = "mean over the bucket, measured in the machine"
    yield Factor(
        name="GPU utilisation",
        value=ASSUMED_UTILIZATION if utilization is None else utilization,
        unit="ratio",
        source="assumed: no metric of the provider tells it" if utilization is None else measured,
    )
    yield explain.component("GPU", watts.central, "number x watts of one, GPUs only", watts)


def _cpu_factors(cpu: Coefficients) -> Iterator[Factor]:
    name = cpu.family or "a CPU unknown to the method"
    right = cpu.checked or (None, None)
    for state, watts, checked in (("idle", cpu.idle, right[0]), ("busy", cpu.busy, right[1])):
        yield Factor(
            name=f"{state} watts per vCPU of {name}",
            value=watts,
            unit="W",
            source=cpu.source,
            year=_YEAR,
            low=checked,
        )


def _memory_factors(counted: Counted) -> Iterator[Factor]:
    yield Factor(
        name="memory counted",
        value=counted.central,
        unit="GB",
        source=counted.rule,
        low=counted.low,
        high=counted.high,
    )
    low, central, high = WATTS_PER_GB
    yield Factor(
        name="power of memory",
        value=central,
        unit="W/GB",
        source="Cloud Carbon Footprint: mean of the data sheets of Crucial and Micron",
        year="2021",
        low=low,
        high=high,
    )


def linear(idle: float, busy: float, utilization: float) -> float:
    """Watts at a utilisation 0..1, or above on shared cores: the method's formula."""
    return idle + utilization * (busy - idle)


def _coefficients(machine: Hardware) -> Coefficients:
    """Return the coefficients of the CPUs that may serve the machine, as far as they are listed.

    Where none is, and where the CPU is only guessed, those of an unknown CPU.
    """
    table = coefficients(machine.provider)
    families = dict.fromkeys(cpu.family.name for cpu in machine.cpus) if machine.modelled else ()
    listed = [table[name] for name in families if name in table]
    if not listed:
        return table[UNKNOWN_FAMILY]
    return listed[0] if len(listed) == 1 else _together(listed)


def _together(several: Sequence[Coefficients]) -> Coefficients:
    by_median = any(one.family in _BY_MEDIAN for one in several)
    right = [one.checked or (one.idle, one.busy) for one in several]
    wrong = any(one.checked for one in several)
    rule = "median" if by_median else "mean"
    return Coefficients(
        family=" or ".join(one.family for one in several),
        idle=_middle((one.idle for one in several), by_median=by_median),
        busy=_middle((one.busy for one in several), by_median=by_median),
        gb_per_chip=fmean(one.gb_per_chip for one in several),
        checked=(
            _middle((idle for idle, _ in right), by_median=by_median),
            _middle((busy for _, busy in right), by_median=by_median),
        )
        if wrong
        else None,
        source=f"{rule} of: {'; '.join(dict.fromkeys(one.source for one in several))}",
    )


def _middle(watts: Iterable[Watts], *, by_median: bool) -> Watts:
    return Watts(median(watts) if by_median else fmean(watts))


def counted_memory(machine: Hardware, server: Size, gb_per_chip: float) -> Counted:
    """Return the memory in GB that the method counts; what it calls GB are the clouds' GiB.

    ``server`` is the largest type of the machine's series, which stands for the server; 0 unknown.
    On Google Cloud it is all of it, as bills list memory; elsewhere what the server has beyond the
    memory of the SPECpower servers behind the CPU watts, shared out by memory.
    """
    if machine.provider == "gcp":
        return Counted(0.0, machine.memory_gib, machine.memory_gib, _ALL)
    if machine.provider == "aws" and machine.baseline < 1.0:
        return Counted(0.0, 0.0, machine.memory_gib, _NOT_COUNTED)
    if machine.provider == HOST:
        server = Size(machine.vcpus, machine.memory_gib)
    if not (server.vcpus and server.memory_gib):
        return Counted(0.0, 0.0, machine.memory_gib, _NOT_COUNTED)
    beyond = max(0.0, server.memory_gib / _chips(machine, server) - gb_per_chip)
    gigabytes = beyond * machine.memory_gib / server.memory_gib
    return Counted(gigabytes, gigabytes, gigabytes, _BEYOND)


def memory_watts(counted: Counted) -> Bounds:
    """Power of the memory that is counted."""
    low, central, high = WATTS_PER_GB
    return Bounds(low * counted.low, central * counted.central, high * counted.high)


def _chips(machine: Hardware, server: Size) -> int:
    if names.series(machine.provider, machine.instance_type) in _TWO_CHIPS:
        return 2
    return math.ceil(server.vcpus / _VCPUS_PER_CHIP)
