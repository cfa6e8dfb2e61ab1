"""Facts about machine types that the shipped table lacks, and about attached accelerators."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

import structlog

from exporter.core.errors import CollectorError
from exporter.core.model import Shape
from exporter.core.ports import TypeCatalogue
from exporter.core.units import MIB_PER_GIB
from exporter.providers.gcp.errors import Call, translated
from exporter.providers.gcp.session import Connection

PERMISSION: Final = "compute.machineTypes.get"
API: Final = "machineTypes.get"

_FIELDS: Final = (
    "name,guestCpus,memoryMb,isSharedCpu,architecture,"
    "accelerators(guestAcceleratorType,guestAcceleratorCount)"
)

_ACCELERATORS: Final = {
    "nvidia-a100-80gb": "NVIDIA A100 80GB",
    "nvidia-b200": "NVIDIA B200",
    "nvidia-b300": "NVIDIA B300",
    "nvidia-gb200": "NVIDIA GB200",
    "nvidia-gb300": "NVIDIA GB300",
    "nvidia-h100-80gb": "NVIDIA H100",
    "nvidia-h100-mega-80gb": "NVIDIA H100",
    "nvidia-h200-141gb": "NVIDIA H200",
    "nvidia-l4": "NVIDIA L4",
    "nvidia-rtx-pro-6000": "NVIDIA RTX PRO 6000 Blackwell SE",
    "nvidia-tesla-a100": "NVIDIA A100 40GB",
    "nvidia-tesla-k80": "NVIDIA K80",
    "nvidia-tesla-p100": "NVIDIA P100",
    "nvidia-tesla-p4": "NVIDIA P4",
    "nvidia-tesla-t4": "NVIDIA T4",
    "nvidia-tesla-v100": "NVIDIA V100",
}
"""Accelerator types of Compute Engine (its GPU documentation) as the shipped table names them."""

_log = structlog.get_logger(__name__)


class TypeFacts:
    """Remembers what the cloud told about types. Shared by the worker threads of one collector."""

    def __init__(self, table: TypeCatalogue) -> None:
        self._table = table
        self._shapes: dict[str, Shape | None] = {}

    def find(self, machine_type: str, accelerators: Sequence[Mapping[str, Any]]) -> Shape | None:
        """Return what the table does not tell of a machine; None where it tells all.

        Accelerators can be attached to machines of a type that has none.
        """
        listed = self._table.find("gcp", machine_type)
        shape = listed or self._shapes.get(machine_type)
        if shape is None or shape.gpu_count or not accelerators:
            return None if listed else shape
        model, count = _accelerators(accelerators, "acceleratorType", "acceleratorCount")
        return replace(shape, gpu_model=model, gpu_count=count)

    def may_burst(self, machine_type: str, shape: Shape | None) -> bool:
        """Whether machines of a type may use more CPU than they are guaranteed, or nobody knows."""
        known = shape or self._table.find("gcp", machine_type)
        return known is None or known.shared_core

    def learn(
        self, zones: Mapping[str, str], connection: Connection, project: str
    ) -> CollectorError | None:
        """Ask about types, each in a zone, that neither table nor an earlier answer holds.

        Returns the error of a failed request: the types are then asked for again next time.
        """
        call = connection.call(PERMISSION, project)
        try:
            for name, zone in sorted(zones.items()):
                if name and name not in self._shapes and self._table.find("gcp", name) is None:
                    self._shapes[name] = _asked(name, zone, connection, call)
        except CollectorError as error:
            return error
        return None


def _asked(name: str, zone: str, connection: Connection, call: Call) -> Shape | None:
    path = (
        f"projects/{call.project}/zones/{quote(zone, safe='')}/machineTypes/{quote(name, safe='')}"
    )
    document = connection.get(API, path, {"fields": _FIELDS}, call)
    if document is None:
        _log.warning("machine type unknown to table and cloud", machine_type=name)
        return None
    with translated(call):
        return shape(document, call)


def shape(document: Mapping[str, Any], call: Call) -> Shape:
    """Read one machine type.

    Raises:
        BadPayloadError: vCPUs or memory are absent.
    """
    vcpus, memory = document.get("guestCpus"), document.get("memoryMb")
    if not vcpus or not memory:
        call.reject("a machine type without vCPUs or memory")
    told = str(document.get("architecture", "")).lower()
    model, count = _accelerators(
        document.get("accelerators", ()), "guestAcceleratorType", "guestAcceleratorCount"
    )
    return Shape(
        vcpus=float(vcpus),
        memory_gib=memory / MIB_PER_GIB,
        architectures=(told,) if told in {"x86_64", "arm64"} else (),
        gpu_model=model,
        gpu_count=count,
        shared_core=bool(document.get("isSharedCpu")),
    )


def _accelerators(
    items: Sequence[Mapping[str, Any]], type_key: str, count_key: str
) -> tuple[str, float]:
    """Model of the first accelerator as our table names it, or as told, and the count of all."""
    if not items:
        return "", 0.0
    told = str(items[0].get(type_key, "")).rpartition("/")[2]
    model = _ACCELERATORS.get(told.removesuffix("-vws"), told)
    return model, float(sum(int(item.get(count_key, 1)) for item in items))
