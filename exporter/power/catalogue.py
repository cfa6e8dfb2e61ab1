"""What machine types are made of: the shipped table, GCP's custom types and families by name."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from exporter.core.model import Shape
from exporter.data.machine_types import MachineType, hardware_type, machine_types
from exporter.power import names


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownType:
    """A type as far as the table knows it; ``exact`` is False for a sibling of the same series."""

    type: MachineType
    exact: bool


class Types:
    """The shipped machine types by provider and name."""

    def __init__(self) -> None:
        self._types: dict[tuple[str, str], MachineType] = {}
        self._series: dict[tuple[str, str], MachineType] = {}
        for line in machine_types():
            self._types[line.provider, line.name] = line
            if line.families:
                series = names.series(line.provider, line.name)
                self._series.setdefault((line.provider, series), line)

    def find(self, provider: str, instance_type: str) -> Shape | None:
        """Return the type's shape, or None where the table lacks it or its vCPU count."""
        known = self.lookup(provider, instance_type)
        if known is None or not known.exact or not known.type.complete:
            return None
        return _shape(known.type)

    def lookup(self, provider: str, instance_type: str) -> KnownType | None:
        """Return the table's line, a GCP custom type, or a sibling whose CPU family is the same.

        A line may lack its size, or even its CPU family; a sibling tells the CPU family only.
        A managed type is known as the type that it runs on.
        """
        instance_type = hardware_type(provider, instance_type)
        line = self._types.get((provider, instance_type))
        if line is not None and line.families:
            return KnownType(type=line, exact=True)
        sibling = next(self._siblings(provider, instance_type), None)
        if sibling is None:
            return None
        return _custom(sibling, instance_type) or KnownType(type=sibling, exact=False)

    def names(self, provider: str) -> tuple[str, ...]:
        """Return every type name of a provider, sorted."""
        return tuple(sorted(name for owner, name in self._types if owner == provider))

    def _siblings(self, provider: str, instance_type: str) -> Iterator[MachineType]:
        for series in names.related_series(provider, instance_type):
            line = self._series.get((provider, series))
            if line is not None:
                yield line


def _custom(sibling: MachineType, instance_type: str) -> KnownType | None:
    """A GCP custom type: the series' CPUs, the size that its name tells."""
    size = names.custom_size(instance_type) if sibling.provider == "gcp" else None
    if size is None:
        return None
    line = replace(
        sibling,
        name=instance_type,
        vcpus=size.vcpus,
        memory_gib=size.memory_gib,
        gpu_model="",
        gpu_count=0.0,
        baseline=0.0,
        full_vcpus=0.0,
        shared_core=False,
        server_kgco2eq=0.0,
    )
    return KnownType(type=line, exact=True)


def _shape(line: MachineType) -> Shape:
    return Shape(
        vcpus=line.vcpus,
        memory_gib=line.memory_gib,
        architectures=line.families,
        cpu_model=line.cpu_models[0] if len(line.families) == 1 else "",
        threads_per_core=line.threads_per_core,
        gpu_model=line.gpu_model,
        gpu_count=line.gpu_count,
        host_vcpus=line.host_vcpus,
        shared_core=line.shared_core,
        reserved_vcpus=line.reserved_vcpus,
    )
