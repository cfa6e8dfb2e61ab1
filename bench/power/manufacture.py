"""Kilograms of manufacturing beside those of another assessment, type by type.

The other assessment is not part of this project: a CSV file with ``provider``, ``instance_type``
and kilograms of CO2eq of the machine's share of its server in ``boavizta_2_5_kg`` (Boavizta's API,
asked by its users; its tables are under the AGPL and none of them is shipped). Lines without
kilograms are left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from bench.power.metal import machine
from bench.tables import table
from exporter.core.model import Bounds
from exporter.power.catalogue import Types
from exporter.power.measured import MeasuredModel

KILOGRAMS: Final = "boavizta_2_5_kg"
COLUMNS: Final = ("provider", "instance_type", KILOGRAMS)


class Compared(NamedTuple):
    """One type: what it is by our rule, and by the other assessment."""

    name: str
    own: Bounds
    other: float

    @property
    def inside(self) -> bool:
        """Whether the other figure lies inside our bounds."""
        return self.own.low <= self.other <= self.own.high


def read(path: Path) -> tuple[Compared, ...]:
    """Read the other assessment and put ours beside it.

    Raises:
        OSError, ValueError: the file is not there, or is no such table.
    """
    model = MeasuredModel(Types())

    def compared(line: Mapping[str, str]) -> Compared | None:
        name, told = line["instance_type"], line[KILOGRAMS]
        if not told:
            return None
        own = model.profile(machine(name, line["provider"])).embodied_share.kg
        return Compared(name, own, float(told))

    return tuple(one for one in table(path, COLUMNS, compared) if one is not None)


def lines(several: Sequence[Compared]) -> Iterator[str]:
    """Yield each type, then the sum."""
    yield f"{'kgCO2eq':30} {'low':>9} {'central':>9} {'high':>9} {'theirs':>9}"
    for one in several:
        kilograms = " ".join(f"{kg:9.1f}" for kg in (*one.own, one.other))
        yield f"{one.name:30} {kilograms}{'' if one.inside else '  outside'}"
    yield summary(several)


def summary(several: Sequence[Compared]) -> str:
    """Return how many lie inside, and how ours compare."""
    inside = sum(one.inside for one in several)
    ratios = sorted(one.own.central / one.other for one in several)
    return (
        f"{inside} of {len(several)} lie inside our bounds; ours are {median(ratios):.2f} times "
        f"theirs in the median, {ratios[0]:.2f} to {ratios[-1]:.2f}"
    )
