"""Managed disks of machines, as their own record in Resource Graph shows them: no further call.

A deallocated machine's record keeps its disks but not what they are: it has none until it runs
again, and nothing is counted of it meanwhile. The temporary disk of a size and ephemeral OS disks
are on the machine's own server, whose power holds theirs: they are left out. So are unmanaged
disks, which Azure has retired.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from exporter.core.model import Disk, DiskKind
from exporter.providers._shared.calls import MISREAD

COLUMNS: Final = (
    "osDisk=properties.storageProfile.osDisk, dataDisks=properties.storageProfile.dataDisks"
)
"""What a query for machines has to project."""

COPIES: Final = 3.0
"""LRS and ZRS both keep three (Azure documentation, "Redundancy options for managed disks")."""

_HARD_DISKS: Final = "standard_"
"""Standard HDD is Standard_LRS; StandardSSD_LRS and all others are SSDs."""

Users = Mapping[str, int]
"""Id of a disk, in lower case, to the number of machines that have it attached."""

UNSHARED: Final[Users] = {}


def users(rows: Iterable[Mapping[str, Any]]) -> Users:
    """Count who has each disk; a machine that is listed twice counts once."""
    pairs = {
        (name, str(row.get("id") or "").lower()) for row in rows for name, _, _ in _attached(row)
    }
    return Counter(name for name, _ in pairs)


def of(row: Mapping[str, Any], shared: Users) -> tuple[Disk, ...]:
    """Read the disks of one machine; one that several have is shared out evenly among them."""
    return tuple(
        Disk(
            kind=DiskKind.HDD if sku.lower().startswith(_HARD_DISKS) else DiskKind.SSD,
            type=sku,
            size_gib=gib / shared.get(name, 1),
            copies=COPIES,
        )
        for name, sku, gib in _attached(row)
    )


def _attached(row: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """Yield id, SKU and GiB of the disks of which all are told."""
    data = row.get("dataDisks")
    for one in (row.get("osDisk"), *(data if isinstance(data, list) else ())):
        with suppress(*MISREAD):  # an odd one is left out, the machine and its others count
            told = one or {}
            store, gib = told.get("managedDisk") or {}, float(told.get("diskSizeGB") or 0.0)
            local = (told.get("diffDiskSettings") or {}).get("option")
            sku = str(store.get("storageAccountType") or "")
            if sku and gib and not local:
                yield str(store.get("id") or "").lower(), sku, gib
