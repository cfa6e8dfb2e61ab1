"""Lines of an explanation that several models share, each with its unit, year and source."""

from collections.abc import Iterator
from typing import Final

from exporter.core.model import Bounds, Factor
from exporter.power.hardware import Hardware, SizeSource

TABLES_YEAR: Final = "2026"
"""Year of the shipped tables."""


def size_factors(machine: Hardware) -> Iterator[Factor]:
    """Yield the size of the machine."""
    year = TABLES_YEAR if machine.size_source is SizeSource.TABLE else ""
    for name, value, unit in (
        ("vCPUs", machine.vcpus, "vCPU"),
        ("memory", machine.memory_gib, "GiB"),
    ):
        yield Factor(name=name, value=value, unit=unit, source=machine.size_source, year=year)


def sum_factor(bounds: Bounds) -> Factor:
    """What the components add up to, before PUE."""
    return Factor(
        name="IT power",
        value=bounds.central,
        unit="W",
        source="sum of the components",
        low=bounds.low,
        high=bounds.high,
    )


def component(name: str, watts: float, rule: str, bounds: Bounds | None = None) -> Factor:
    """One component of the IT power, with what it adds to the interval of the sum if known."""
    return Factor(
        name=f"{name} power",
        value=watts,
        unit="W",
        source=rule,
        low=bounds.low if bounds else None,
        high=bounds.high if bounds else None,
    )
