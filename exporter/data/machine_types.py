"""The shipped table of machine types of the three clouds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exporter.data import rows


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineType:
    """One line of the table; 0 and empty mean that the sources did not tell.

    ``families`` lists the CPU families that may serve the type, ``cpu_models`` the CPU of each
    where known. ``baseline`` is the share of each vCPU that a burstable type may use for ever.
    ``full_vcpus`` is set where ``vcpus`` is only the guaranteed part of more vCPUs.
    ``server_kgco2eq`` is the embodied carbon of the whole server, ``server_published`` whether
    that was published or follows from the published rule.
    """

    provider: str
    name: str
    vcpus: float
    memory_gib: float
    families: tuple[str, ...]
    cpu_models: tuple[str, ...]
    threads_per_core: int
    gpu_model: str
    gpu_count: float
    host_vcpus: float
    host_memory_gib: float
    baseline: float
    full_vcpus: float
    shared_core: bool
    server_kgco2eq: float
    server_published: bool

    @property
    def complete(self) -> bool:
        """Whether size and CPU family are known, so that the type can be modelled."""
        return bool(self.vcpus and self.memory_gib and self.families)


def machine_types() -> Iterator[MachineType]:
    """Read the table."""
    return map(_type, rows("instances"))


def _type(line: Mapping[str, str]) -> MachineType:
    families = _parts(line["architectures"])
    return MachineType(
        provider=line["provider"],
        name=line["instance_type"],
        vcpus=_number(line["vcpus"]),
        memory_gib=_number(line["memory_gib"]),
        families=families,
        cpu_models=_parts(line["cpu_models"]) or ("",) * len(families),
        threads_per_core=int(_number(line["threads_per_core"])),
        gpu_model=line["gpu_model"],
        gpu_count=_number(line["gpu_count"]),
        host_vcpus=_number(line["host_vcpus"]),
        host_memory_gib=_number(line["host_memory_gib"]),
        baseline=_number(line["baseline"]),
        full_vcpus=_number(line["full_vcpus"]),
        shared_core=bool(line["shared_core"]),
        server_kgco2eq=_number(line["server_kgco2eq"]),
        server_published=line["server_basis"] == "P",
    )


def _parts(text: str) -> tuple[str, ...]:
    return tuple(text.split("|")) if text else ()


def _number(text: str) -> float:
    return float(text) if text else 0.0
