"""Published examples of other projects, with what each expects of a machine.

``tests/power/vectors.csv`` holds them as their own tests and pages state them; ``where_found``
names project, commit and file. ``profile`` is the model that reproduces the example; where none
does, ``why_not`` says the reason.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).parents[1] / "power" / "vectors.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """One example; None where it does not state a figure."""

    id: str
    profile: str
    why_not: str
    instance_type: str
    utilization: float
    hours: float
    watts: float | None
    kwh: float | None
    grams: float | None

    def check(self, *, watts: float, pue: float = 1.0, gco2eq_per_kwh: float = 0.0) -> None:
        """Compare watts, and the energy and grams that follow, with what the example states."""
        kwh = watts * self.hours * pue / 1000
        for got, expected in (
            (watts, self.watts),
            (kwh, self.kwh),
            (kwh * gco2eq_per_kwh, self.grams),
        ):
            assert expected is None or abs(got - expected) <= 1e-9 * expected, self


def vectors() -> Mapping[str, Vector]:
    """Return all examples by id."""
    with TABLE.open(encoding="utf-8") as lines:
        return {line["id"]: _vector(line) for line in csv.DictReader(lines)}


def _vector(line: Mapping[str, str]) -> Vector:
    return Vector(
        id=line["id"],
        profile=line["profile"],
        why_not=line["why_not"],
        instance_type=line["instance_type"],
        utilization=float(line["cpu_util_percent"] or 0) / 100,
        hours=float(line["hours"] or 1),
        watts=_figure(line["expected_watts"]),
        kwh=_figure(line["expected_kwh"]),
        grams=_figure(line["expected_gco2"]),
    )


def _figure(text: str) -> float | None:
    return float(text) if text else None
