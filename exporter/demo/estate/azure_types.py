"""The Azure VM sizes of the demo estate, as Microsoft.Compute/skus tells them.

vCPU and memory are the published figures of Microsoft.
"""

from typing import Final

from exporter.demo.estate.machines import Architecture, MachineType


def _intel(name: str, vcpus: int, memory_gib: float, *, burstable: bool = False) -> MachineType:
    return MachineType(name=name, vcpus=vcpus, memory_gib=memory_gib, burstable=burstable)


def _amd(name: str, vcpus: int, memory_gib: float, *, threads_per_core: int = 2) -> MachineType:
    return MachineType(
        name=name,
        vcpus=vcpus,
        memory_gib=memory_gib,
        manufacturer="AMD",
        threads_per_core=threads_per_core,
    )


D2S_V5: Final = _intel("Standard_D2s_v5", 2, 8)
D4S_V5: Final = _intel("Standard_D4s_v5", 4, 16)
D4AS_V5: Final = _amd("Standard_D4as_v5", 4, 16)
E4S_V5: Final = _intel("Standard_E4s_v5", 4, 32)
E4AS_V5: Final = _amd("Standard_E4as_v5", 4, 32)
D4PS_V5: Final = MachineType(
    name="Standard_D4ps_v5",
    vcpus=4,
    memory_gib=16,
    architecture=Architecture.ARM,
    manufacturer="Ampere",
    threads_per_core=1,
)
B2S: Final = _intel("Standard_B2s", 2, 4, burstable=True)
F4S_V2: Final = _intel("Standard_F4s_v2", 4, 8)
NC4AS_T4_V3: Final = MachineType(
    name="Standard_NC4as_T4_v3",
    vcpus=4,
    memory_gib=28,
    manufacturer="AMD",
    gpu_model="T4",
    gpu_count=1,
    gpu_memory_mib=16_384,
)
HB120RS_V3: Final = _amd("Standard_HB120rs_v3", 120, 456, threads_per_core=1)
X8Z_V9: Final = _amd("Standard_X8z_v9", 8, 64)
"""Does not exist: no table has it, only the demo's list of sizes describes it."""
