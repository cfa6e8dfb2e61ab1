"""The EC2 instance types of the demo estate, as DescribeInstanceTypes tells them.

vCPU, memory and threads per core are the published figures of AWS; clock rates are rounded.
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


def _graviton(name: str, vcpus: int, memory_gib: float, *, burstable: bool = False) -> MachineType:
    return MachineType(
        name=name,
        vcpus=vcpus,
        memory_gib=memory_gib,
        architecture=Architecture.ARM,
        manufacturer="AWS",
        threads_per_core=1,
        clock_ghz=2.5,
        burstable=burstable,
    )


M5_LARGE: Final = _intel("m5.large", 2, 8)
M5_XLARGE: Final = _intel("m5.xlarge", 4, 16)
M5_2XLARGE: Final = _intel("m5.2xlarge", 8, 32)
C5_XLARGE: Final = _intel("c5.xlarge", 4, 8)
C5_4XLARGE: Final = _intel("c5.4xlarge", 16, 32)
C7I_XLARGE: Final = _intel("c7i.xlarge", 4, 8)
C7I_16XLARGE: Final = _intel("c7i.16xlarge", 64, 128)
M7I_LARGE: Final = _intel("m7i.large", 2, 8)
T3_MICRO: Final = _intel("t3.micro", 2, 1, burstable=True)
T3_LARGE: Final = _intel("t3.large", 2, 8, burstable=True)
M6A_XLARGE: Final = _amd("m6a.xlarge", 4, 16)
M6A_2XLARGE: Final = _amd("m6a.2xlarge", 8, 32)
C6A_XLARGE: Final = _amd("c6a.xlarge", 4, 8)
C7A_XLARGE: Final = _amd("c7a.xlarge", 4, 8, threads_per_core=1)
M6G_LARGE: Final = _graviton("m6g.large", 2, 8)
R6G_LARGE: Final = _graviton("r6g.large", 2, 16)
R6G_XLARGE: Final = _graviton("r6g.xlarge", 4, 32)
C7G_LARGE: Final = _graviton("c7g.large", 2, 4)
C7G_XLARGE: Final = _graviton("c7g.xlarge", 4, 8)
T4G_MEDIUM: Final = _graviton("t4g.medium", 2, 4, burstable=True)
T4G_SMALL: Final = _graviton("t4g.small", 2, 2, burstable=True)
G4DN_XLARGE: Final = MachineType(
    name="g4dn.xlarge", vcpus=4, memory_gib=16, gpu_model="T4", gpu_count=1, gpu_memory_mib=16_384
)
G5_XLARGE: Final = MachineType(
    name="g5.xlarge",
    vcpus=4,
    memory_gib=16,
    manufacturer="AMD",
    gpu_model="A10G",
    gpu_count=1,
    gpu_memory_mib=24_576,
)
P3_2XLARGE: Final = MachineType(
    name="p3.2xlarge", vcpus=8, memory_gib=61, gpu_model="V100", gpu_count=1, gpu_memory_mib=16_384
)
X99Z_4XLARGE: Final = _intel("x99z.4xlarge", 16, 64)
"""Does not exist: no table has it, only the demo's type catalogue describes it."""
