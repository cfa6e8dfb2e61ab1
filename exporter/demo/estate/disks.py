"""Volumes of the demo estate's machines, each cloud's in its own names.

Media and copies are those that the clouds document; what they mean in watts is not said here.
"""

from exporter.core.model import Disk, DiskKind


def ebs(gib: float, volume_type: str = "gp3") -> Disk:
    """Return a volume of Amazon EBS: st1, sc1 and standard are on hard disks."""
    hard = volume_type in ("st1", "sc1", "standard")
    return _disk(volume_type, gib, copies=2, hard=hard)


def persistent(gib: float, disk_type: str = "pd-balanced", *, regional: bool = False) -> Disk:
    """Return a persistent disk of Google: pd-standard is on hard disks, a regional one is twice."""
    return _disk(disk_type, gib, copies=2 if regional else 1, hard=disk_type == "pd-standard")


def managed(gib: float, sku: str = "Premium_LRS") -> Disk:
    """Return a managed disk of Azure, which keeps three copies: Standard_LRS is on hard disks."""
    return _disk(sku, gib, copies=3, hard=sku == "Standard_LRS")


def _disk(disk_type: str, gib: float, *, copies: float, hard: bool) -> Disk:
    kind = DiskKind.HDD if hard else DiskKind.SSD
    return Disk(kind=kind, type=disk_type, size_gib=gib, copies=copies)
