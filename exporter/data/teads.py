"""The shipped sheet of Teads Engineering: watts of EC2 and RDS machine types at four loads."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from exporter.data import rows

Points = tuple[float, float, float, float]
"""Values at 0, 10, 50 and 100 % of CPU utilisation."""

_LEVELS: Final = (0, 10, 50, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class TeadsType:
    """One line of the sheet: watts of the whole machine type, of which ``memory`` is a part.

    ``gpus`` is how many GPUs the watts hold; the sheet counts no other accelerators. ``embodied``
    is grams of CO2eq per hour, spread over four years of 360 days.
    """

    name: str
    watts: Points
    memory: Points
    gpus: float
    embodied: float


@cache
def sheet() -> Mapping[str, TeadsType]:
    """Return the lines of the sheet by AWS type name, ``db.`` classes included."""
    return {line["instance_type"]: _type(line) for line in rows("teads_ec2")}


def _type(line: Mapping[str, str]) -> TeadsType:
    return TeadsType(
        name=line["instance_type"],
        watts=_points(line, "watts"),
        memory=_points(line, "memory_watts"),
        gpus=float(line["gpus"]),
        embodied=float(line["embodied_gco2eq_per_hour"]),
    )


def _points(line: Mapping[str, str], of: str) -> Points:
    idle, tenth, half, full = (float(line[f"{of}_{level}"]) for level in _LEVELS)
    return idle, tenth, half, full
