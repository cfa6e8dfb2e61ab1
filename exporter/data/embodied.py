"""The shipped tables of embodied carbon: kilograms of CO2eq for each part of a server."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from exporter.core.model import Bounds
from exporter.data import rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Kilograms of CO2eq for making one of something: a chassis, a GiB, a TB, a CPU, a GPU."""

    name: str
    kg: Bounds
    source: str
    year: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuPart:
    """The CPU of a family. ``cores`` of a socket, 0 where ``cpu_skus.csv`` tells them."""

    part: Part
    cores: float


@cache
def components() -> Mapping[str, Part]:
    """Return all parts but CPUs and accelerators by name."""
    return {
        line["component"]: _part(line, line["component"], ("low", "central", "high"))
        for line in rows("embodied_components")
    }


@cache
def cpus() -> Mapping[str, CpuPart]:
    """Return the CPU of each family."""
    return {
        line["family"]: CpuPart(
            part=_part(line, line["family"]), cores=float(line["cores_per_socket"] or 0.0)
        )
        for line in rows("embodied_cpu")
    }


@cache
def gpus() -> Mapping[str, Part]:
    """Return the accelerators that somebody assessed, or a rule covers."""
    return {line["gpu_model"]: _part(line, line["gpu_model"]) for line in rows("embodied_gpu")}


@cache
def lifetimes() -> Mapping[str, str]:
    """Return what each provider says of how long it uses its servers."""
    return {
        line["provider"]: f"{line['statement']}: {line['source']}" for line in rows("lifetimes")
    }


def _part(
    line: Mapping[str, str], name: str, ends: tuple[str, str, str] = ("kg_low", "kg", "kg_high")
) -> Part:
    low, central, high = (float(line[end]) for end in ends)
    return Part(name=name, kg=Bounds(low, central, high), source=line["source"], year=line["year"])
