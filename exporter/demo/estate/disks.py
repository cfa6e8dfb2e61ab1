"""Volumes of the demo estate's machines, each cloud's in its own names.

``disk_types.csv`` has the media and the copies that the clouds document (EBS and managed disks keep
two and three, a regional persistent disk is twice); what they mean in watts is not said here.
"""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from exporter.core.model import Disk, DiskKind


def volume(provider: str, disk_type: str, gib: float, *, regional: bool = False) -> Disk:
    """Return a volume of a type.

    Raises:
        KeyError: the table does not have the type.
    """
    line = _types()[provider, disk_type]
    copies = number(line["copies"]) * (2 if regional else 1)
    return Disk(kind=DiskKind(line["media"]), type=disk_type, size_gib=gib, copies=copies)


def ebs(gib: float, volume_type: str = "gp3") -> Disk:
    """Return a volume of Amazon EBS."""
    return volume("aws", volume_type, gib)


def persistent(gib: float, disk_type: str = "pd-balanced", *, regional: bool = False) -> Disk:
    """Return a persistent disk of Google."""
    return volume("gcp", disk_type, gib, regional=regional)


def managed(gib: float, sku: str = "Premium_LRS") -> Disk:
    """Return a managed disk of Azure."""
    return volume("azure", sku, gib)


def number(text: str) -> float:
    """Read a number of a table; a whole one stays whole, so that answers say 8 and not 8.0."""
    return int(text) if text.isdecimal() else float(text)


@cache
def _types() -> Mapping[tuple[str, str], Mapping[str, str]]:
    with (files("exporter.demo") / "fleets" / "disk_types.csv").open(encoding="utf-8") as text:
        return {(line["provider"], line["type"]): line for line in csv.DictReader(text)}
