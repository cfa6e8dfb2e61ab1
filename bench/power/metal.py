"""Bare EC2 machines: type and CPU utilisation in, watts out, as a user asks.

The package power of their CPUs was read from the hardware under a stress program at 0, 10, 50 and
100 % of utilisation (Teads Engineering, 2021). The file is not part of this project; its columns
are ``instance_type``, ``memory_gib``, ``cpu_utilisation`` (0..1) and ``package_watts``.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Final, NamedTuple

from bench.tables import table
from exporter.core.model import Bounds, Machine, ResourceKey, RunState
from exporter.core.ports import PowerModel
from exporter.core.units import Ratio
from exporter.power import measured
from exporter.power.catalogue import Types
from exporter.power.ccf import CcfModel
from exporter.power.measured import MeasuredModel, MeasuredProfile
from exporter.power.teads import TeadsModel

REST: Final = 1.2
"""Wall power over that of CPU and memory: fans, voltage converters, power supply. Assumed."""

RESTS: Final = (1.1, REST, 1.33)

DRAM_IDLE: Final = 0.04
DRAM_BUSY: Final = 0.10
"""W/GiB: RAPL on the same machines, idle and under load (kepler-model-db)."""

LEVELS: Final = (0.0, 0.1, 0.5, 1.0)

STRESS_SHARES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)

MEMORY: Final[Mapping[str, tuple[float, float] | None]] = {
    "0.20 W/GiB (what went before)": (0.20, 0.20),
    "0.15 W/GiB": (0.15, 0.15),
    "0.10 W/GiB": (0.10, 0.10),
    "0.05 idle to 0.12 busy": (0.05, 0.12),
    "by module, idle to busy": (1.1 * 0.037, 1.1 * 0.087),
    "by module, at work": None,
}
"""Memory as it was tried: W/GiB idle and busy; None is the shipped one."""


class Point(NamedTuple):
    """One reading."""

    name: str
    utilization: float
    package_watts: float
    memory_gib: float

    def reference(self, rest: float = REST) -> float:
        """Wall watts by the reading."""
        dram = DRAM_IDLE + (DRAM_BUSY - DRAM_IDLE) * self.utilization
        return rest * (self.package_watts + dram * self.memory_gib)


class Law(NamedTuple):
    """A way to combine memory and shape, by its names in ``MEMORY`` and ``STRESS_SHARES``."""

    memory: str
    stress: float


LAWS: Final = tuple(Law(*pair) for pair in product(MEMORY, STRESS_SHARES))
SHIPPED: Final = Law("by module, at work", measured.STRESS_SHARE)


def read(path: Path) -> tuple[Point, ...]:
    """Read the points.

    Raises:
        OSError, ValueError: the file is not there, or is no such table.
    """
    return tuple(
        table(
            path,
            ("instance_type", "cpu_utilisation", "package_watts", "memory_gib"),
            lambda line: Point(
                name=line["instance_type"],
                utilization=float(line["cpu_utilisation"]),
                package_watts=float(line["package_watts"]),
                memory_gib=float(line["memory_gib"]),
            ),
        )
    )


def machine(name: str, provider: str = "aws") -> Machine:
    """Return a machine of a type."""
    return Machine(
        key=ResourceKey(provider, "", "", "", ""),
        name=name,
        instance_type=name,
        state=RunState.RUNNING,
    )


_TYPES: Final = Types()
_OWN: Final = MeasuredModel(_TYPES)
_MODELS: Final[Mapping[str, PowerModel]] = {
    "**this model**": _OWN,
    "Cloud Carbon Footprint": CcfModel(_TYPES),
    "Teads' sheet (made from these readings, with its own memory and rest)": TeadsModel(_TYPES),
}


def profile(name: str) -> MeasuredProfile:
    """Return the shipped model's profile of a type of AWS."""
    return _OWN.profile(machine(name))


def bounds(point: Point) -> Bounds:
    """Return what the shipped model answers for a point."""
    return profile(point.name).bounds(Ratio(point.utilization))


def by_law(law: Law, point: Point) -> float:
    """Central watts of a point by a law that was tried."""
    (share,) = profile(point.name).shares
    load = profile(point.name).load(Ratio(point.utilization))
    usual = measured.value_at(share.curve, load)
    stress = measured.value_at(measured.stressed(share.curve), measured.LAST * point.utilization)
    told = MEMORY[law.memory]
    if told is None:
        memory = share.memory.central
    else:
        idle, busy = told
        memory = share.extra_gib * (idle + (busy - idle) * point.utilization)
    return usual + law.stress * (stress - usual) + memory


def law_error(law: Law, points: Sequence[Point], rest: float = REST) -> float:
    """Mean absolute relative error of a law."""
    return fmean(abs(by_law(law, p) / p.reference(rest) - 1.0) for p in points)


def chosen_without_each(points: Sequence[Point]) -> tuple[float, set[Law]]:
    """Leave each machine out, choose the law on the others; return its error and the choices."""
    errors: list[float] = []
    choices: set[Law] = set()
    for name in dict.fromkeys(point.name for point in points):
        rest = [point for point in points if point.name != name]
        best = min(LAWS, key=lambda law, rest=rest: law_error(law, rest))  # type: ignore[misc]
        choices.add(best)
        errors += [abs(by_law(best, p) / p.reference() - 1.0) for p in points if p.name == name]
    return fmean(errors), choices


def model_errors(points: Sequence[Point]) -> Mapping[str, tuple[float, ...]]:
    """Return by model: the mean error, then the bias at each of ``LEVELS``."""
    return {name: _errors(model, points) for name, model in _MODELS.items()}


def _errors(model: PowerModel, points: Sequence[Point]) -> tuple[float, ...]:
    signed = {
        p: model.profile(machine(p.name)).power(Ratio(p.utilization)).it / p.reference() - 1.0
        for p in points
    }
    levels = (fmean(e for p, e in signed.items() if p.utilization == at) for at in LEVELS)
    return (fmean(abs(e) for e in signed.values()), *levels)


def inside(points: Sequence[Point], rest: float = REST) -> float:
    """Share of the points that lie inside the bounds."""
    return fmean(bounds(p).low <= p.reference(rest) <= bounds(p).high for p in points)
