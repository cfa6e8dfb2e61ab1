"""The method of Cloud Carbon Footprint, to reconcile with its figures. Pure.

CPU watts    = vCPUs x (idle + utilisation x (busy - idle)), both of the CPU family
memory watts = 0.392 W/GB: of all memory on Google Cloud, elsewhere beyond that of the servers
               behind the CPU watts
GPU watts    = idle + utilisation x (busy - idle); half of it where nothing measures utilisation

Only the watts of the machine follow the method: data-centre overhead and grid stay the product's
own, and so do the bounds, which the method has none of. Its known faults are kept, and told.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from exporter.core.model import Bounds, Confidence, Factor, Machine, Power
from exporter.core.units import Ratio, Watts
from exporter.data.ccf import Coefficients
from exporter.power import _ccf_cpu, _ccf_memory, _embodied, _explain, _published
from exporter.power._ccf_memory import Counted, Server
from exporter.power._machine import Hardware, hardware
from exporter.power._published import Error, Facts
from exporter.power.catalogue import Types

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


class CcfModel:
    """Finds the profile of a machine; machines of equal facts share one."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._profiles: dict[Facts, CcfProfile] = {}

    def profile(self, machine: Machine) -> "CcfProfile":
        """Return the profile; every machine has one, unknown CPUs by the method's average."""
        facts = _published.facts(machine)
        found = self._profiles.get(facts)
        if found is None:
            found = self._profiles[facts] = self._new(machine)
        return found

    def _new(self, machine: Machine) -> "CcfProfile":
        known = self._types.lookup(machine.key.provider, machine.instance_type)
        line = known.type if known else None
        server = Server(line.host_vcpus, line.host_memory_gib) if line else Server(0.0, 0.0)
        return profile_of(hardware(self._types, machine), server)


@dataclass(frozen=True, slots=True, kw_only=True)
class CcfProfile:
    """The method resolved for one machine."""

    machine: Hardware
    cpu: Coefficients
    counted: Counted
    memory: Bounds
    error: Error
    embodied_share: _embodied.Share

    @property
    def confidence(self) -> Confidence:
        """How the CPU is known; unknown where the method has no coefficients for it."""
        unknown = self.cpu.family == _ccf_cpu.UNKNOWN
        return Confidence.UNKNOWN_TYPE if unknown else self.machine.confidence

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
        gpus = _published.accelerators(self.machine, gpu)
        return Power(Watts(cpu), memory, Watts(gpus.central), _NONE, _NONE)

    def bounds(self, utilization: Ratio, gpu: Ratio | None = None) -> Bounds:
        """Return IT watts of all components: low, central, high."""
        gpus = _published.accelerators(self.machine, gpu)
        low = self.error.low * self._least(utilization) + self.memory.low
        high = self.error.high * self._most(utilization) + self.memory.high
        low, high = _published.widened(self.machine, low, high)
        return Bounds(low + gpus.low, self.power(utilization, gpu).it, high + gpus.high)

    def embodied(self) -> Bounds:
        """Return grams of embodied CO2eq per hour of the machine's share: low, central, high."""
        return self.embodied_share.bounds

    def explain(self, utilization: Ratio, gpu: Ratio | None = None) -> tuple[Factor, ...]:
        """Return every factor from utilisation to IT watts and embodied grams."""
        power = self.power(utilization, gpu)
        return (
            *_published.size_factors(self.machine, utilization),
            _published.confidence_factor(self.confidence),
            *_cpu_factors(self.cpu),
            _explain.component("CPU", power.cpu, "vCPUs x (idle + utilisation x (busy - idle))"),
            *_memory_factors(self.counted),
            _explain.component("memory", power.memory, "GB counted x W/GB"),
            *_explain.gpu_factors(self.machine, gpu),
            _explain.component("GPU", power.gpu, "number x power of one"),
            _published.error_factor(self.error),
            _explain.sum_factor(self.bounds(utilization, gpu)),
            *_explain.embodied_factors(self.embodied_share),
        )

    def _cpu(self, idle: Watts, busy: Watts, utilization: Ratio) -> float:
        fraction = _published.fraction(self.machine, utilization)
        return self.machine.vcpus * _ccf_cpu.linear(idle, busy, fraction)

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


def profile_of(machine: Hardware, server: Server) -> CcfProfile:
    """Work out everything that does not depend on utilisation."""
    cpu = _ccf_cpu.of_machine(machine)
    gigabytes = _ccf_memory.counted(machine, server, cpu.gb_per_chip)
    proxy = machine.confidence is Confidence.PROXY
    return CcfProfile(
        machine=machine,
        cpu=cpu,
        counted=gigabytes,
        memory=_ccf_memory.watts(gigabytes),
        error=UNKNOWN_CPU if proxy or cpu.family == _ccf_cpu.UNKNOWN else KNOWN_CPU,
        embodied_share=_embodied.share(machine),
    )


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
    low, central, high = _ccf_memory.WATTS_PER_GB
    yield Factor(
        name="power of memory",
        value=central,
        unit="W/GB",
        source="Cloud Carbon Footprint: mean of the data sheets of Crucial and Micron",
        year="2021",
        low=low,
        high=high,
    )
