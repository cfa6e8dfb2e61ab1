"""Machine types that compiled lists lack, constrained sizes, and Macs as their maker measures them.

The tables that tell of these stand in a folder ``hardware``, whose names carry that folder's.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Final

from tools.tables.rows import Row, plain
from tools.tables.sources import Sources

ADDED: Final = "H"
"""Letter of a line that the list of additions told, once or now."""

_FAMILIES: Final = {"Grace": "Neoverse V2 (Grace)"}
_PARTS: Final = {"Intel Xeon 6 (Granite Rapids)": "Intel Xeon 6973P-C"}
"""Families and CPUs as the list spells them. Azure's Xeon 6 is the 6973P-C."""

_UNUSED: Final = frozenset(
    {
        "Nehalem",  # no curve of it: cc1, cg1 and hi1, which AWS withdrew years ago
        "Westmere",
    }
)
_UNCONFIRMED: Final = re.compile(r",? \(?from memory(?:[, (]+VERIFY)?\)?")
_UNKNOWN_PARTS: Final = ("FPGA (Arria", "TPU v4i")
"""Accelerators without any figure of power: retired PB sizes, and ct4l, which was never sold."""

_EITHER: Final = "EPYC 3rd Gen|Sapphire Rapids"
"""CPUs of TPU v5e hosts: 224 vCPUs are two sockets of either; Google does not name them."""


def added(sources: Sources, columns: Iterable[str], cpu_families: Mapping[str, str]) -> list[Row]:
    """Return the lines of the list of additions that can be modelled.

    ``cpu_families`` holds the family of each CPU of our table: a CPU that it lacks is left out.
    """
    empty = dict.fromkeys(columns, "")
    lines = (_line(empty, row, cpu_families) for row in _rows(sources, "instances_additions"))
    return [row for row in lines if row["vcpus"] and row["memory_gib"] and row["architectures"]]


def _rows(sources: Sources, name: str) -> list[Row]:
    return sources.table(f"hardware_{name}")


def _line(empty: Row, row: Row, cpu_families: Mapping[str, str]) -> Row:
    told = row["cpu_architecture"].replace(";", "|")
    if row["gpu_model"] == "TPU v5e" and not told:
        told = _EITHER
    names = [_FAMILIES.get(name, name) for name in told.split("|")]
    usable = not _UNUSED & set(names) and not told.startswith("as ")
    known = usable and not any(part in row["gpu_model"] for part in _UNKNOWN_PARTS)
    parts = [_PARTS.get(name, name) for name in row["cpu_models"].split("|")]
    of_family = {cpu_families[part]: part for part in parts if part in cpu_families}
    return empty | {
        "provider": row["provider"],
        "instance_type": row["instance_type"],
        "vcpus": plain(row["vcpus"]),
        "memory_gib": plain(row["memory_gib"]),
        "architectures": "|".join(names) if known and told else "",
        "cpu_models": "|".join(of_family.get(name, "") for name in names),
        "threads_per_core": row["threads_per_core"],
        "gpu_model": row["gpu_model"],
        "gpu_count": plain(row["gpu_count"], 6) if row["gpu_count"] else "",
        "host_vcpus": plain(row["host_vcpus"]),
        "host_memory_gib": _host_memory(row),
        "reserved_vcpus": plain(row["parent_vcpus"]),
        "source": ADDED,
    }


def _host_memory(row: Row) -> str:
    """Memory of the host: as much for each vCPU as the type has."""
    vcpus = float(row["parent_vcpus"] or row["vcpus"] or 0)
    if not (vcpus and row["host_vcpus"] and row["memory_gib"]):
        return ""
    return plain(math.ceil(float(row["memory_gib"]) * float(row["host_vcpus"]) / vcpus))


def constrain(
    lines: dict[tuple[str, str], Row], sources: Sources, shipped: Mapping[tuple[str, str], Row]
) -> None:
    """Make each constrained size a part of its whole one: all of it, but fewer vCPUs to use."""
    told = _rows(sources, "azure_constrained")
    for name, row in lines.items() if not told else ():
        kept = shipped.get(name, {})
        if kept.get("reserved_vcpus"):
            row |= {column: kept[column] for column in ("vcpus", "reserved_vcpus")}
    for one in told:
        whole = lines.get(("azure", one["parent"]))
        if whole is not None:
            own = lines.get(("azure", one["instance_type"]))
            lines["azure", one["instance_type"]] = whole | {
                "instance_type": one["instance_type"],
                "vcpus": plain(one["guest_vcpus"]),
                "reserved_vcpus": whole["vcpus"],
                "source": own["source"] if own else ADDED,
            }


def macs(sources: Sources) -> list[Row]:
    """Return the Macs: what their maker measures of the computer that a type is."""
    columns = ("instance_type", "host", "idle_watts", "max_watts", "confidence")
    return [
        {column: row[column] for column in columns}
        | {"source": _UNCONFIRMED.sub(" (not confirmed)", row["source"])}
        for row in _rows(sources, "mac_hosts")
    ]
