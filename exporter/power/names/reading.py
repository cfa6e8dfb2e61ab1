"""What a name can tell, whichever cloud gave it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Size(NamedTuple):
    """vCPUs and memory of a machine."""

    vcpus: float
    memory_gib: float


class Maker(StrEnum):
    """Whose CPUs a series has."""

    INTEL = "Intel"
    AMD = "AMD"
    ARM = "ARM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Size and accelerators of a type by the naming rule of its cloud.

    ``vcpus`` may be used, ``reserved_vcpus`` are held where these are more, ``full_vcpus`` are seen
    where ``vcpus`` are only the guaranteed part. ``exact`` says that the name states the memory, or
    that the rule knows it for this very size; else it follows a ratio of the family, and that of a
    sibling is better. ``gpu_model`` is empty where the name tells that there are accelerators, but
    not which.
    """

    vcpus: float
    memory_gib: float
    rule: str
    exact: bool = False
    reserved_vcpus: float = 0.0
    full_vcpus: float = 0.0
    gpu_model: str = ""
    gpu_count: float = 0.0

    @property
    def held_vcpus(self) -> float:
        """VCPUs of the hardware that the machine holds."""
        return self.reserved_vcpus or self.vcpus


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where a series stands: its purpose (letters of the family), maker of the CPU, generation."""

    letters: str
    maker: Maker
    generation: int
