"""Bare EC2 machines of which the CPU package power at full load was read from the hardware."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from exporter.core.model import Bounds, Machine, ResourceKey, RunState, Shape
from exporter.core.units import Ratio
from exporter.data.cpus import families, models
from exporter.power.catalogue import Types
from exporter.power.measured import MEMORY_WATTS_PER_GIB, MeasuredModel


class Metal(NamedTuple):
    """Package watts per CPU at full load (RAPL): kepler-model-db, ec2-0.7.11 (Apache-2.0)."""

    name: str
    cpu: str
    sockets: int
    vcpus: float
    memory_gib: float
    package_watts: float


METALS: Final = (
    Metal("m5.metal", "Intel Xeon Platinum 8259CL", 2, 96, 384, 205),
    Metal("c5.metal", "Intel Xeon Platinum 8275CL", 2, 96, 192, 240),
    Metal("m5zn.metal", "Intel Xeon Platinum 8252C", 2, 48, 192, 240),
    Metal("i3.metal", "Intel Xeon E5-2686 v4", 2, 72, 512, 113),
    Metal("m7i.metal-24xl", "Intel Xeon Platinum 8488C", 1, 96, 384, 384),
)

DRAM_WATTS_PER_GIB: Final = 0.1
"""RAPL on the same machines under load."""

REST: Final = 1.2
"""Wall power over that of CPU and memory: fans, voltage converters, power supply. Assumed."""


class Comparison(NamedTuple):
    """Watts at full load: from the readings, by the model, and by plain scaling with TDP."""

    name: str
    reference: float
    own: Bounds
    plain: float


def comparisons() -> Iterator[Comparison]:
    """Compare the shipped model with every machine."""
    model = MeasuredModel(Types())
    for metal in METALS:
        cpus = metal.package_watts * metal.sockets
        reference = REST * (cpus + DRAM_WATTS_PER_GIB * metal.memory_gib)
        own = model.profile(_machine(metal)).bounds(Ratio(1.0))
        yield Comparison(metal.name, reference, own, _plain(metal))


def _machine(metal: Metal) -> Machine:
    shape = Shape(
        vcpus=metal.vcpus, memory_gib=metal.memory_gib, cpu_model=metal.cpu, threads_per_core=2
    )
    return Machine(
        key=ResourceKey("host", "", "", "", ""),
        name=metal.name,
        instance_type="",
        state=RunState.RUNNING,
        shape=shape,
    )


def _plain(metal: Metal) -> float:
    cpu = models()[metal.cpu]
    family = families()[cpu.family]
    extra = max(0.0, metal.memory_gib - metal.vcpus * family.gib_per_thread)
    ratio = family.curve[-1]
    return metal.sockets * cpu.tdp * ratio + MEMORY_WATTS_PER_GIB.central * extra
