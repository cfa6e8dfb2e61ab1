"""What the name of a machine type tells: its series, and roughly its size."""

import re
from typing import Final, NamedTuple

from exporter.core.units import MIB_PER_GIB

GIB_PER_VCPU: Final = 4.0
"""Memory of a vCPU where nothing tells it: that of every cloud's general-purpose types."""

METAL_VCPUS: Final = 96.0
"""vCPUs of a whole AWS server where its name does not tell: two 24-core CPUs, as m5.metal."""

_AWS_VCPUS: Final = {"nano": 1, "micro": 1, "small": 1, "medium": 1, "large": 2, "xlarge": 4}
_AWS_SIZE: Final = re.compile(r"\.(?:metal-)?(\d+)xl(?:arge)?$")
_AZURE: Final = re.compile(r"^(?:Standard|Basic)_([A-Z]+)(\d+)(?:-(\d+))?")
_GCP_CUSTOM: Final = re.compile(r"(?:^|-)custom-(\d+)-(\d+)(?:-ext)?$")
_GCP_VCPUS: Final = re.compile(r"-(\d+)(?:-[a-z]+)?$")


class Size(NamedTuple):
    """vCPUs and memory of a machine."""

    vcpus: float
    memory_gib: float


def series(provider: str, name: str) -> str:
    """Return the part of a type's name that its sizes share, e.g. ``m5`` of ``m5.large``."""
    if provider == "azure":
        return _AZURE.sub(r"\1", name)
    if provider == "gcp":
        head = name.partition("-")[0]
        return "n1" if head == "custom" else head
    return name.partition(".")[0]


def related_series(provider: str, name: str) -> tuple[str, ...]:
    """Return the type's series, then those of which it is a variant, e.g. ``c8ib`` then ``c8i``."""
    own = series(provider, name)
    variant = re.match(r"([a-z]+\d+[a-z])([a-z]*)", own) if provider == "aws" else None
    if variant is None:
        return (own,)
    processor, extras = variant.groups()
    return tuple(processor + extras[:length] for length in range(len(extras), -1, -1))


def custom_size(name: str) -> Size | None:
    """Return the size that a GCP custom type carries in its name: vCPUs and MiB."""
    found = _GCP_CUSTOM.search(name)
    if found is None or not int(found[1]) or not int(found[2]):
        return None
    return Size(float(found[1]), float(found[2]) / MIB_PER_GIB)


def guess_size(provider: str, name: str, gib_per_vcpu: float = GIB_PER_VCPU) -> Size | None:
    """Return the size that a type's name suggests, or None where it says nothing.

    Memory follows the vCPUs, as in all types of a series.
    """
    guess = {"aws": _aws_vcpus, "azure": _azure_vcpus, "gcp": _gcp_vcpus}.get(provider)
    vcpus = guess(name) if guess else 0.0
    return Size(vcpus, vcpus * gib_per_vcpu) if vcpus else None


def whole_server(provider: str, name: str) -> bool:
    """Whether a type is a whole server of its series without telling how large that is."""
    return provider == "aws" and name.rpartition(".")[2] == "metal"


def _aws_vcpus(name: str) -> float:
    multiple = _AWS_SIZE.search(name)
    if multiple:
        return 4.0 * int(multiple[1])
    size = name.rpartition(".")[2]
    return METAL_VCPUS if whole_server("aws", name) else float(_AWS_VCPUS.get(size, 0))


def _azure_vcpus(name: str) -> float:
    found = _AZURE.match(name)
    return float(found[3] or found[2]) if found else 0.0


def _gcp_vcpus(name: str) -> float:
    found = _GCP_VCPUS.search(name)
    return float(found[1]) if found else 0.0
