"""The EC2 sheet of Teads Engineering (2021), to reconcile with its figures. Pure.

Watts of a type are read from the sheet at 0, 10, 50 and 100 % of CPU utilisation, with straight
lines between. A type that it lacks, and every other cloud, follows the rule of the sheet:

CPU watts    = vCPUs x TDP per vCPU x (0.12, 0.32, 0.75, 1.02 + 0.20 for the rest of the machine)
memory watts = GB x (0.20, 0.30, 0.40, 0.60)
GPU watts    = maximum x (0.114, 0.3125, 0.7386, 1.0), at the CPU's utilisation unless measured

Only the watts of the machine and, where the sheet has it, its embodied carbon follow the sheet:
data-centre overhead and grid stay the product's own. So do the bounds, which the sheet has none of.
"""

from dataclasses import dataclass
from typing import Final

from exporter.core.model import Bounds, Confidence, Factor, Machine, Power
from exporter.core.units import Ratio, Watts
from exporter.data.teads import Points, TeadsType, sheet
from exporter.power import _embodied, _explain, _gpu, _published, _teads_curve, _teads_explain
from exporter.power._machine import Hardware, hardware
from exporter.power._published import Error, Facts
from exporter.power.catalogue import Types

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


class TeadsModel:
    """Finds the profile of a machine; machines of equal facts share one."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._profiles: dict[Facts, TeadsProfile] = {}

    def profile(self, machine: Machine) -> "TeadsProfile":
        """Return the profile; every machine has one, types beyond the sheet by its rule."""
        facts = _published.facts(machine)
        found = self._profiles.get(facts)
        if found is None:
            found = self._profiles[facts] = self._new(machine)
        return found

    def _new(self, machine: Machine) -> "TeadsProfile":
        resolved = hardware(self._types, machine)
        if machine.key.provider != "aws":
            return by_rule(resolved)
        line = sheet().get(machine.instance_type) or sheet().get(resolved.instance_type)
        return by_rule(resolved) if line is None else by_sheet(resolved, line)


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
    error: Error
    embodied_share: _embodied.Share

    @property
    def confidence(self) -> Confidence:
        """How the CPU is known; the sheet names the CPU of each line."""
        return self.machine.confidence if self.line is None else Confidence.SKU

    @property
    def modelled(self) -> bool:
        """Whether the sheet has the type, or it is known, or its CPU and size were told."""
        return self.line is not None or self.machine.modelled

    def power(self, utilization: Ratio, gpu: Ratio | None = None) -> Power:
        """Return the central IT power by component at a mean utilisation 0..1.

        ``gpu`` None: as busy as the CPU, as in the sheet. Utilisation is above 1 only on
        shared-core types of GCP, until all the vCPUs that they see are busy.
        """
        fraction = _published.fraction(self.machine, utilization)
        cpu = _teads_curve.at(self.cpu, fraction)
        memory = _teads_curve.at(self.memory, fraction)
        return Power(Watts(cpu), Watts(memory), Watts(self._gpus(utilization, gpu)), _NONE, _NONE)

    def bounds(self, utilization: Ratio, gpu: Ratio | None = None) -> Bounds:
        """Return IT watts of all components: low, central, high."""
        power = self.power(utilization, gpu)
        without = power.it - power.gpu
        gpus = self._gpu_bounds(power.gpu, gpu)
        unused = (1.0 - self.machine.baseline) * self.cpu[0]
        unseen = (_published.seen(self.machine) - 1.0) * self.cpu[0]
        low, high = _published.widened(
            self.machine, self.error.low * (without - unused), self.error.high * (without + unseen)
        )
        return Bounds(low + gpus.low, power.it, high + gpus.high)

    def embodied(self) -> Bounds:
        """Return grams of embodied CO2eq per hour of the machine's share: low, central, high."""
        if self.line is None:
            return self.embodied_share.bounds
        return _teads_explain.embodied_bounds(self.line)

    def explain(self, utilization: Ratio, gpu: Ratio | None = None) -> tuple[Factor, ...]:
        """Return every factor from utilisation to IT watts and embodied grams."""
        power = self.power(utilization, gpu)
        fraction = _published.fraction(self.machine, utilization)
        return (
            *_published.size_factors(self.machine, utilization),
            _published.confidence_factor(self.confidence),
            *_teads_explain.watt_factors(self.machine, self.line, fraction),
            _explain.component("CPU", power.cpu, "CPU package and rest of the machine"),
            _explain.component("memory", power.memory, "at the CPU's utilisation"),
            *_teads_explain.gpu_factors(self.machine, gpu, self._gpu_bounds(power.gpu, gpu)),
            _published.error_factor(self.error),
            _explain.sum_factor(self.bounds(utilization, gpu)),
            *_teads_explain.embodied_factors(self.line, self.embodied_share),
        )

    def _gpus(self, utilization: Ratio, gpu: Ratio | None) -> float:
        """Watts of the GPUs that are counted."""
        busy = utilization if gpu is None else gpu
        return _teads_curve.at(self.gpu, min(max(busy, 0.0), 1.0))

    def _gpu_bounds(self, central: float, gpu: Ratio | None) -> Bounds:
        """Of all accelerators of the machine, those that the sheet does not count included."""
        return _published.covering(_published.accelerators(self.machine, gpu), central)


def by_sheet(machine: Hardware, line: TeadsType) -> TeadsProfile:
    """Work out the profile of a type that the sheet lists."""
    gpus = _teads_curve.gpus(line.gpus * _gpu.gpu(machine.gpu_model).maximum)
    return TeadsProfile(
        machine=machine,
        line=line,
        cpu=_teads_curve.less(line.watts, line.memory, gpus),
        memory=line.memory,
        gpu=gpus,
        error=_error(machine),
        embodied_share=_embodied.share(machine),
    )


def by_rule(machine: Hardware) -> TeadsProfile:
    """Work out the profile of any other machine."""
    tdp = Watts(machine.vcpus * _teads_explain.tdp_per_vcpu(machine))
    return TeadsProfile(
        machine=machine,
        line=None,
        cpu=_teads_curve.machine(tdp),
        memory=_teads_curve.memory(machine.memory_gib),
        gpu=_teads_curve.gpus(machine.gpu_count * _gpu.gpu(machine.gpu_model).maximum),
        error=_error(machine),
        embodied_share=_embodied.share(machine),
    )


def _error(machine: Hardware) -> Error:
    known = machine.confidence in (Confidence.SKU, Confidence.FAMILY, Confidence.MULTI_FAMILY)
    return KNOWN_CPU if known else GUESSED_CPU
