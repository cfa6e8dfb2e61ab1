"""Cloud Carbon Footprint's watts of a vCPU for the CPUs that may serve a machine."""

from collections.abc import Iterable, Sequence
from statistics import fmean, median
from typing import Final

from exporter.core.units import Watts
from exporter.data.ccf import Coefficients, coefficients
from exporter.power._machine import Hardware

_BY_MEDIAN: Final = frozenset({"Sandy Bridge", "Ivy Bridge"})
"""With one of these among several CPUs the method takes the median, else the mean."""

UNKNOWN: Final = ""
"""Family whose coefficients stand for a CPU that the method does not know."""


def linear(idle: float, busy: float, utilization: float) -> float:
    """Watts at a utilisation 0..1, or above on shared cores: the method's formula."""
    return idle + utilization * (busy - idle)


def of_machine(machine: Hardware) -> Coefficients:
    """Return the coefficients of the CPUs that may serve the machine, as far as they are listed.

    Where none is, and where the CPU is only guessed, those of an unknown CPU.
    """
    table = coefficients(machine.provider)
    families = dict.fromkeys(cpu.family.name for cpu in machine.cpus) if machine.modelled else ()
    listed = [table[name] for name in families if name in table]
    if not listed:
        return table[UNKNOWN]
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
