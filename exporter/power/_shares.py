"""A machine's share of each server that it may run on."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from exporter.core.model import Confidence
from exporter.core.units import Watts
from exporter.power import _curve
from exporter.power._cpu import Cpu
from exporter.power._machine import Hardware


class Spread(NamedTuple):
    """Factors that turn a central value into an interval, at work and when idle."""

    low: float
    high: float
    idle_low: float
    idle_high: float

    def lower(self, curve: _curve.Curve) -> _curve.Curve:
        """Return the lower end of a curve."""
        return (curve[0] * self.idle_low, *_curve.scaled(curve[1:], self.low))

    def upper(self, curve: _curve.Curve) -> _curve.Curve:
        """Return the upper end of a curve."""
        return (curve[0] * self.idle_high, *_curve.scaled(curve[1:], self.high))


MEASURED: Final = Spread(0.75, 1.40, 0.60, 1.60)
"""Holds nine of ten servers left out of the median, at each load, also where all servers of their
CPU model are left out (docs/accuracy.md). Idle power differs most between servers."""

FAMILY_ONLY: Final = Spread(0.60, 1.50, 0.55, 1.70)
"""The same where the family of the CPU is known, but neither its TDP nor its number of threads."""

GUESSED: Final = Spread(0.50, 1.50, 0.50, 1.70)
"""Families without a measurement of their own, and types of which the CPU is guessed: assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuShare:
    """One CPU that may serve the machine. Curves are over the load."""

    cpu: Cpu
    tdp_per_vcpu: Watts
    ratio: _curve.Curve
    """Wall power over TDP."""
    curve: _curve.Curve
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
    ratio = cpu.curve
    held_gib = machine.vcpus * cpu.family.gib_per_thread * _threads(machine, cpu)
    return CpuShare(
        cpu=cpu,
        tdp_per_vcpu=tdp_per_vcpu,
        ratio=ratio,
        curve=_curve.scaled(ratio, machine.vcpus * tdp_per_vcpu),
        extra_gib=max(0.0, machine.memory_gib - held_gib),
        spread=_spread(machine, cpu),
    )


def _spread(machine: Hardware, cpu: Cpu) -> Spread:
    if cpu.family.proxy or machine.confidence is Confidence.UNKNOWN_TYPE:
        return GUESSED
    return FAMILY_ONLY if cpu.model is None else MEASURED
