"""Facts about instance types that the shipped table lacks, from DescribeInstanceTypes."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import structlog

from exporter.core.errors import CollectorError
from exporter.core.model import Shape
from exporter.core.ports import TypeCatalogue
from exporter.core.units import MIB_PER_GIB
from exporter.providers.aws.errors import Call, paged, translated

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

PERMISSION: Final = "ec2:DescribeInstanceTypes"

BATCH: Final = 100
"""Types asked for at once: DescribeInstanceTypes returns at most 100 a page (EC2 API reference)."""

_log = structlog.get_logger(__name__)


class TypeFacts:
    """Remembers what the cloud told about types. Shared by the worker threads of one account."""

    def __init__(self, table: TypeCatalogue) -> None:
        self._table = table
        self._shapes: dict[str, Shape | None] = {}

    def find(self, instance_type: str) -> Shape | None:
        """Return what the cloud told; None where the table knows the type, or nobody does."""
        return self._shapes.get(instance_type)

    def learn(
        self, types: Collection[str], client: "EC2Client", call: Call
    ) -> CollectorError | None:
        """Ask the cloud about types that neither the table nor an earlier answer holds.

        Returns the error of a failed request: the types are then asked for again next time.
        """
        wanted = sorted(t for t in types if t not in self._shapes and self._missing(t))
        try:
            for start in range(0, len(wanted), BATCH):
                self._ask(wanted[start : start + BATCH], client, call)
        except CollectorError as error:
            return error
        return None

    def _missing(self, instance_type: str) -> bool:
        return bool(instance_type) and self._table.find("aws", instance_type) is None

    def _ask(self, types: list[str], client: "EC2Client", call: Call) -> None:
        # A filter, not InstanceTypes: one type that the region does not know would fail them all.
        wanted = [{"Name": "instance-type", "Values": types}]
        pages = paged(client, "describe_instance_types", call, "InstanceTypes", Filters=wanted)
        found: dict[str, Mapping[str, Any]] = {}
        for item in pages:
            found[str(item.get("InstanceType"))] = item
        for name in types:
            with translated(call):
                self._shapes[name] = shape(found[name], call) if name in found else None
            if name not in found:
                _log.warning("instance type unknown to table and cloud", instance_type=name)


_ACCELERATORS: Final = (
    ("GpuInfo", "Gpus"),
    ("NeuronInfo", "NeuronDevices"),
    ("InferenceAcceleratorInfo", "Accelerators"),
    ("MediaAcceleratorInfo", "Accelerators"),
    ("FpgaInfo", "Fpgas"),
)
"""Where DescribeInstanceTypes tells of accelerators; a type has one kind at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeSource:
    """Where one region learns about types."""

    PERMISSION: ClassVar[str] = PERMISSION

    client: "EC2Client"
    call: Call
    facts: TypeFacts

    def learn(self, types: Collection[str]) -> CollectorError | None:
        """Ask the cloud about types that are not known; return the error of a failed request."""
        return self.facts.learn(types, self.client, self.call)


def shape(item: Mapping[str, Any], call: Call) -> Shape:
    """Read one type of DescribeInstanceTypes.

    Raises:
        BadPayloadError: vCPUs or memory are absent.
    """
    cpus = item.get("VCpuInfo", {})
    vcpus, memory = cpus.get("DefaultVCpus"), item.get("MemoryInfo", {}).get("SizeInMiB")
    if not vcpus or not memory:
        name = item.get("InstanceType")
        call.reject(f"{name} without vCPUs or memory")
    gpu_model, gpu_count = _accelerators(item)
    return Shape(
        vcpus=float(vcpus),
        memory_gib=memory / MIB_PER_GIB,
        architectures=_architectures(item),
        threads_per_core=int(cpus.get("DefaultThreadsPerCore") or 0),
        gpu_model=gpu_model,
        gpu_count=gpu_count,
        host_vcpus=float(vcpus) if item.get("BareMetal") else 0.0,
        shared_core=bool(item.get("BurstablePerformanceSupported")),
    )


def _architectures(item: Mapping[str, Any]) -> tuple[str, ...]:
    """``x86_64`` or ``arm64``; older types also list ``i386``, which says nothing of the CPU."""
    listed = item.get("ProcessorInfo", {}).get("SupportedArchitectures", ())
    return tuple(name for name in listed if name in {"x86_64", "arm64"})


def _accelerators(item: Mapping[str, Any]) -> tuple[str, float]:
    """Model of the first accelerator as our table names it, and the count of all.

    A part of a GPU has a count of 0, a number of logical GPUs, and its share of a whole one.
    """
    for section, listed in _ACCELERATORS:
        devices = item.get(section, {}).get(listed) or ()
        if devices:
            first = devices[0]
            model = f"{first.get('Manufacturer') or 'AWS'} {first.get('Name', '')}".strip()
            return model, float(sum(_count(device) for device in devices))
    return "", 0.0


def _count(device: Mapping[str, Any]) -> float:
    whole = device.get("LogicalGpuCount") or device.get("Count", 1)
    return float(whole) * float(device.get("GpuPartitionSize", 1.0))
