"""A machine's share of each server that it may run on."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from exporter.core.model import Confidence
from exporter.core.units import Watts
from exporter.power import _curve
from exporter.power._cpu import Cpu
from exporter.power._machine import Hardware


class Spread(NamedTuple):
    """Factors that turn a central value into an interval."""

    low: float
    high: float


MEASURED: Final = Spread(0.75, 1.40)
"""Holds 95 % of the points of servers left out of the median, 89 % where their CPU is left out."""

GUESSED: Final = Spread(0.50, 1.50)
"""Families without a measurement of their own, and types of which the CPU is guessed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuShare:
    """One CPU that may serve the machine. Curves are in watts, over the load."""

    cpu: Cpu
    tdp_per_vcpu: Watts
    curve: _curve.Curve
    stress: _curve.Curve
    extra_gib: float
    """Memory beyond what the curve holds."""
    spread: Spread


def shares(machine: Hardware) -> tuple[CpuShare, ...]:
    """Return the shares of all CPUs that may serve the machine."""
    return tuple(_share(machine, cpu) for cpu in machine.cpus)


def _share(machine: Hardware, cpu: Cpu) -> CpuShare:
    tdp_per_vcpu = cpu.tdp_per_vcpu(machine.threads_per_core)
    curve = _curve.scaled(cpu.family.curve, machine.vcpus * tdp_per_vcpu)
    guessed = cpu.family.proxy or machine.confidence is Confidence.UNKNOWN_TYPE
    held_gib = machine.vcpus * cpu.family.gib_per_thread
    return CpuShare(
        cpu=cpu,
        tdp_per_vcpu=tdp_per_vcpu,
        curve=curve,
        stress=_curve.stressed(curve),
        extra_gib=max(0.0, machine.memory_gib - held_gib),
        spread=GUESSED if guessed else MEASURED,
    )
