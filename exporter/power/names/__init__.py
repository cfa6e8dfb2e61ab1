"""What the name of a machine type tells: its series, its size, its relatives. Pure.

The naming rules of the clouds, one module each; ``docs/methodology.md`` says how an unknown name is
read, and ``python -m bench.power --names`` how often that is right.
"""

from collections.abc import Iterator
from typing import Final

from exporter.power.names import aws, azure, gcp
from exporter.power.names.reading import Lineage, Maker, Reading, Size

__all__ = [
    "METAL_VCPUS",
    "Lineage",
    "Maker",
    "Reading",
    "Size",
    "group",
    "is_custom",
    "lineage",
    "read",
    "related",
    "related_series",
    "same_as",
    "series",
    "whole",
    "whole_server",
]

METAL_VCPUS: Final = aws.METAL_VCPUS

_READ: Final = {"aws": aws.read, "azure": azure.read, "gcp": gcp.read}
_LINEAGE: Final = {"aws": aws.lineage, "azure": azure.lineage, "gcp": gcp.lineage}


def read(provider: str, name: str) -> Reading | None:
    """Return the size and the accelerators that a name tells; None where that is nothing."""
    rule = _READ.get(provider)
    return rule(name) if rule else None


def lineage(provider: str, name: str) -> Lineage | None:
    """Return family, maker and generation; None where the name does not tell them."""
    rule = _LINEAGE.get(provider)
    return rule(name) if rule else None


def series(provider: str, name: str) -> str:
    """Return the part of a type's name that its sizes share, e.g. ``m5`` of ``m5.large``."""
    if provider == "azure":
        return azure.series(name)
    return gcp.series(name) if provider == "gcp" else name.partition(".")[0]


def group(provider: str, name: str) -> str:
    """Return the part of a name that sizes with the same memory for each vCPU share."""
    return gcp.group(name) if provider == "gcp" else series(provider, name)


def related(provider: str, name: str) -> Iterator[tuple[str, bool]]:
    """Yield the type's series, then those of which it is a variant; whether memory is the same."""
    if provider == "azure":
        yield from azure.related(name)
    elif provider == "aws":
        yield from aws.related(series(provider, name))
    else:
        yield series(provider, name), True


def related_series(provider: str, name: str) -> tuple[str, ...]:
    """Return the type's series, then those of which it is a variant, e.g. ``c8ib`` then ``c8i``."""
    return tuple(one for one, _ in related(provider, name))


def same_as(provider: str, name: str) -> Iterator[str]:
    """Yield names of the very same hardware, in lower case."""
    if provider == "azure":
        yield from azure.same_as(name)
    elif provider == "gcp":
        yield from gcp.same_as(name)


def whole(provider: str, name: str) -> tuple[str, float] | None:
    """Return the whole type of which a constrained one may use so many vCPUs."""
    return azure.whole(name) if provider == "azure" else None


def is_custom(provider: str, name: str) -> bool:
    """Whether a type's size is the customer's own."""
    return provider == "gcp" and gcp.is_custom(name)


def whole_server(provider: str, name: str) -> bool:
    """Whether a type is a whole server of its series without telling how large that is."""
    return provider == "aws" and name.rpartition(".")[2] == "metal"
