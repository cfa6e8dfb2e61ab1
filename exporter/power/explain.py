"""Lines of an explanation that several models share, each with its unit, year and source."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from exporter.core.model import Bounds, Factor
from exporter.power.hardware import Hardware, SizeSource

TABLES_YEAR: Final = "2026"
"""Year of the shipped tables."""

IT_POWER: Final = "IT power"
"""Name of the line in which every model adds up its components: there once, before PUE."""


def size_factors(machine: Hardware) -> Iterator[Factor]:
    """Yield what type the machine is, how that was found, and its size."""
    if machine.rule:
        name = machine.instance_type or machine.provider
        yield Factor(name="machine type", value=name, unit="type", source=machine.rule)
    year = TABLES_YEAR if machine.size_source is SizeSource.TABLE else ""
    for name, value, unit in (
        ("vCPUs", machine.vcpus, "vCPU"),
        ("memory", machine.memory_gib, "GiB"),
    ):
        yield Factor(name=name, value=value, unit=unit, source=machine.size_source, year=year)
    if machine.usable < 1.0:
        yield Factor(
            name="vCPUs that it may use",
            value=machine.vcpus * machine.usable,
            unit="vCPU",
            source="the others are held but switched off: nobody else has them",
            year=year,
        )


def sum_factor(bounds: Bounds) -> Factor:
    """What the components add up to, before PUE."""
    return Factor(
        name=IT_POWER,
        value=bounds.central,
        unit="W",
        source="sum of the components",
        low=bounds.low,
        high=bounds.high,
    )


def with_component(
    factors: Sequence[Factor], more: Iterable[Factor], total: Bounds
) -> tuple[Factor, ...]:
    """Put the lines of a further component before the sum, and a new sum in its place.

    Raises:
        ValueError: the factors have no sum.
    """
    at = [factor.name for factor in factors].index(IT_POWER)
    return (*factors[:at], *more, sum_factor(total), *factors[at + 1 :])


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


def between(name: str, bounds: Bounds, unit: str, source: str, year: str = "") -> Factor:
    """One factor with the interval that should hold it."""
    return Factor(
        name=name,
        value=bounds.central,
        unit=unit,
        source=source,
        year=year,
        low=bounds.low,
        high=bounds.high,
    )
