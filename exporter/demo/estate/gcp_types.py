"""The Compute Engine machine types of the demo estate, as machineTypes.get tells them.

vCPU and memory are the published figures of Google; shared cores count what a guest sees.
"""

from typing import Final

from exporter.demo.estate.machines import Architecture, MachineType


def _intel(name: str, vcpus: int, memory_gib: float, *, most: float = 1.0) -> MachineType:
    shared = most > 1
    return MachineType(name=name, vcpus=vcpus, memory_gib=memory_gib, burstable=shared, most=most)


def _amd(name: str, vcpus: int, memory_gib: float, *, threads_per_core: int = 2) -> MachineType:
    return MachineType(
        name=name,
        vcpus=vcpus,
        memory_gib=memory_gib,
        manufacturer="AMD",
        threads_per_core=threads_per_core,
    )


def _arm(name: str, vcpus: int, memory_gib: float) -> MachineType:
    return MachineType(
        name=name,
        vcpus=vcpus,
        memory_gib=memory_gib,
        architecture=Architecture.ARM,
        manufacturer="Arm",
        threads_per_core=1,
    )


E2_MICRO: Final = _intel("e2-micro", 2, 1, most=8.0)
E2_SMALL: Final = _intel("e2-small", 2, 2, most=4.0)
E2_STANDARD_2: Final = _intel("e2-standard-2", 2, 8)
N2_STANDARD_4: Final = _intel("n2-standard-4", 4, 16)
N2_HIGHMEM_4: Final = _intel("n2-highmem-4", 4, 32)
N2_CUSTOM: Final = _intel("n2-custom-8-16384", 8, 16)
N2D_STANDARD_4: Final = _amd("n2d-standard-4", 4, 16)
C3_STANDARD_4: Final = _intel("c3-standard-4", 4, 16)
T2D_STANDARD_2: Final = _amd("t2d-standard-2", 2, 8, threads_per_core=1)
T2A_STANDARD_2: Final = _arm("t2a-standard-2", 2, 8)
C4A_STANDARD_4: Final = _arm("c4a-standard-4", 4, 16)
A2_HIGHGPU_1G: Final = MachineType(
    name="a2-highgpu-1g",
    vcpus=12,
    memory_gib=85,
    gpu_model="nvidia-tesla-a100",
    gpu_count=1,
    gpu_memory_mib=40_960,
)
G2_STANDARD_4: Final = MachineType(
    name="g2-standard-4",
    vcpus=4,
    memory_gib=16,
    gpu_model="nvidia-l4",
    gpu_count=1,
    gpu_memory_mib=24_576,
)
X9_STANDARD_8: Final = _amd("x9-standard-8", 8, 32)
"""Does not exist: no table has it, only the demo's type catalogue describes it."""
