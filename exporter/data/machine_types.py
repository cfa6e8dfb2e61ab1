"""The shipped table of machine types of the three clouds."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from exporter.data import rows

_DB_CLASS: Final = re.compile(r"db\.(\w+)\.(\w+)(?:\.tpc\d\.mem(\d+)x)?")
_XLARGES: Final = re.compile(r"(\d*)xlarge")


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineType:
    """One line of the table; 0 and empty mean that the sources did not tell.

    ``families`` lists the CPU families that may serve the type, ``cpu_models`` the CPU of each
    where known. ``baseline`` is the share of each vCPU that a burstable type may use for ever.
    ``full_vcpus`` is set where ``vcpus`` is only the guaranteed part of more vCPUs,
    ``reserved_vcpus`` where they are the usable part of the hardware that the type holds.
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
    reserved_vcpus: float
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


def hardware_type(provider: str, name: str) -> str:
    """Return the type of machine that a managed type stands for: m5.large for db.m5.large.

    RDS classes for Oracle with more memory are larger machines of which some cores are off:
    db.r5.6xlarge.tpc2.mem4x has the 768 GiB of an r5.24xlarge (RDS User Guide, "Hardware
    specifications for DB instance classes"). All other names stand for themselves.
    """
    found = _DB_CLASS.fullmatch(name) if provider == "aws" else None
    if found is None:
        return name
    family, size, memory = found.groups()
    return f"{family}.{_multiple(size, int(memory or 1))}"


def _multiple(size: str, factor: int) -> str:
    """Return the size so many times as large: ``2xlarge`` times 4 is ``8xlarge``."""
    xlarges = _XLARGES.fullmatch(size)
    if factor == 1 or (xlarges is None and size != "large"):
        return size
    count = factor * int(xlarges[1] or 1) if xlarges else factor // 2
    return "xlarge" if count == 1 else f"{count}xlarge"


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
        reserved_vcpus=_number(line["reserved_vcpus"]),
        shared_core=bool(line["shared_core"]),
        server_kgco2eq=_number(line["server_kgco2eq"]),
        server_published=line["server_basis"] == "P",
    )


def _parts(text: str) -> tuple[str, ...]:
    return tuple(text.split("|")) if text else ()


def _number(text: str) -> float:
    return float(text) if text else 0.0
