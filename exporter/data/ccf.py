"""The shipped coefficients of Cloud Carbon Footprint: watts of a vCPU by cloud and CPU family."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from exporter.core.units import Watts
from exporter.data import rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficients:
    """Watts of one vCPU when idle and when busy, and the memory of the servers behind them.

    ``gb_per_chip`` is the memory in GB that those servers had for each CPU, whose power the watts
    already hold. ``checked`` holds the watts, idle and busy, that the same results give where the
    published ones are known to be wrong; None elsewhere.
    """

    family: str
    idle: Watts
    busy: Watts
    gb_per_chip: float
    checked: tuple[Watts, Watts] | None
    source: str


@cache
def coefficients(provider: str) -> Mapping[str, Coefficients]:
    """Return a cloud's coefficients by CPU family; the empty name is that of an unknown CPU.

    A provider that the project does not know has those of AWS, which are the plain means.
    """
    lines = tuple(rows("ccf_coefficients"))
    listed = {line["provider"] for line in lines}
    of = provider if provider in listed else "aws"
    return {line["family"]: _coefficients(line) for line in lines if line["provider"] == of}


def _coefficients(line: Mapping[str, str]) -> Coefficients:
    checked = line["checked_min_watts"]
    return Coefficients(
        family=line["family"],
        idle=Watts(float(line["min_watts_per_vcpu"])),
        busy=Watts(float(line["max_watts_per_vcpu"])),
        gb_per_chip=float(line["gb_per_chip"]),
        checked=_pair(checked, line["checked_max_watts"]) if checked else None,
        source=line["source"],
    )


def _pair(idle: str, busy: str) -> tuple[Watts, Watts]:
    return Watts(float(idle)), Watts(float(busy))
