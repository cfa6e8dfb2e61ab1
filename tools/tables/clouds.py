"""The clouds' own lists of machine types, as their command lines save them.

AWS ``aws ec2 describe-instance-types --output json``; Google ``gcloud compute machine-types list
--format json``, or an answer of ``machineTypes.aggregatedList``; Azure ``az vm list-skus -o json``,
or an answer of ``Microsoft.Compute/skus``. An AWS list may also be an object of types by name.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from exporter.core.units import MIB_PER_GIB
from exporter.data.gpus import named

_AWS_ACCELERATORS: Final = (
    ("GpuInfo", "Gpus"),
    ("NeuronInfo", "NeuronDevices"),
    ("InferenceAcceleratorInfo", "Accelerators"),
    ("FpgaInfo", "Fpgas"),
    ("MediaAcceleratorInfo", "Accelerators"),
)
_AZURE_ARM: Final = "arm64"


class ListError(Exception):
    """A document that is none of the known lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedType:
    """A type as its cloud describes it; 0 and empty where it does not tell.

    ``gpu_model`` is the name in our table, or the cloud's own where the table lacks the part.
    """

    provider: str
    name: str
    vcpus: float
    memory_gib: float
    threads_per_core: int
    gpu_model: str
    gpu_count: float
    burstable: bool


def types_of(document: object) -> tuple[ListedType, ...]:
    """Read a list of one of the three clouds.

    Raises:
        ListError: it is none.
    """
    items = tuple(_items(document))
    found = tuple(one for item in items if (one := _type(item)) is not None)
    if not found:
        message = "no machine type in it"
        raise ListError(message)
    return found


def _items(document: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(document, list):
        yield from (item for item in document if isinstance(item, Mapping))
    elif isinstance(document, Mapping):
        for key in ("InstanceTypes", "value"):
            yield from _items(document.get(key))
        yield from _gcp_items(document.get("items"))
        yield from (v for v in document.values() if isinstance(v, Mapping) and "VCpuInfo" in v)


def _gcp_items(zones: object) -> Iterator[Mapping[str, Any]]:
    """Types of one zone, or of an aggregated list of zones."""
    if isinstance(zones, Mapping):
        lists = (zone.get("machineTypes") for zone in zones.values())
        yield from chain.from_iterable(_items(one) for one in lists)
    else:
        yield from _items(zones)


def _type(item: Mapping[str, Any]) -> ListedType | None:
    if "VCpuInfo" in item:
        return _aws(item)
    if "guestCpus" in item:
        return _gcp(item)
    return _azure(item) if item.get("resourceType") == "virtualMachines" else None


def _aws(item: Mapping[str, Any]) -> ListedType:
    model, count = _aws_accelerator(item)
    return ListedType(
        provider="aws",
        name=item["InstanceType"],
        vcpus=float(item["VCpuInfo"]["DefaultVCpus"]),
        memory_gib=item["MemoryInfo"]["SizeInMiB"] / MIB_PER_GIB,
        threads_per_core=int(item["VCpuInfo"].get("DefaultThreadsPerCore") or 0),
        gpu_model=model,
        gpu_count=count,
        burstable=bool(item.get("BurstablePerformanceSupported")),
    )


def _aws_accelerator(item: Mapping[str, Any]) -> tuple[str, float]:
    """Model and number. A part of a GPU has ``Count`` 0 and its share as ``GpuPartitionSize``."""
    for section, devices in _AWS_ACCELERATORS:
        listed = item.get(section, {}).get(devices) or ()
        if listed:
            count = sum(
                float(d.get("LogicalGpuCount") or d["Count"]) * d.get("GpuPartitionSize", 1.0)
                for d in listed
            )
            maker = listed[0].get("Manufacturer") or "AWS"
            return _model(f"{maker} {listed[0].get('Name', '')}"), count
    return "", 0.0


def _gcp(item: Mapping[str, Any]) -> ListedType:
    accelerators = item.get("accelerators") or ()
    told = str(accelerators[0].get("guestAcceleratorType", "")) if accelerators else ""
    return ListedType(
        provider="gcp",
        name=item["name"],
        vcpus=float(item["guestCpus"]),
        memory_gib=item["memoryMb"] / MIB_PER_GIB,
        threads_per_core=0,
        gpu_model=_model(told),
        gpu_count=float(sum(int(a.get("guestAcceleratorCount", 0)) for a in accelerators)),
        burstable=bool(item.get("isSharedCpu")),
    )


def _azure(item: Mapping[str, Any]) -> ListedType | None:
    told = _capabilities(item.get("capabilities") or ())
    if not told.get("vCPUs") or not told.get("MemoryGB"):
        return None
    arm = told.get("CpuArchitectureType", "").lower() == _AZURE_ARM
    return ListedType(
        provider="azure",
        name=item["name"],
        vcpus=float(told["vCPUs"]),
        memory_gib=float(told["MemoryGB"]),
        threads_per_core=1 if arm else int(told.get("vCPUsPerCore") or 0),
        gpu_model="",
        gpu_count=float(told.get("GPUs") or 0.0),
        burstable=item["name"].startswith("Standard_B"),
    )


def _capabilities(listed: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {str(one.get("name")): str(one.get("value", "")) for one in listed}


def _model(told: str) -> str:
    """Our table's name of a part, or the cloud's own."""
    found = named(told)
    return found.model if found else told.strip()
