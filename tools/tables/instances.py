"""Rebuilds ``instances.csv``: the machine types of the three clouds.

Compiled lists come first, then the clouds' own: a cloud's word on vCPUs, memory and accelerators
wins, for CPU threads it only fills gaps (Xen hides them, so that the API says 1 for t2). What no
source given today tells, but a cloud's list told once, stays.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from exporter.power.names import related_series, series
from tools.tables.additions import ADDED, added, constrain
from tools.tables.bursts import burst
from tools.tables.clouds import ListedType
from tools.tables.families import Cpus, by_series, families_of
from tools.tables.rows import Row, plain
from tools.tables.sources import Sources

CLOUD: Final = "E"
"""Letter of a line whose size a cloud's own list told, once or now."""

_BY_NAME: Final = "N"
_BY_LARGEST: Final = "L"
_UNKNOWN: Final = "U"

_LETTERS: Final = (
    ("k8s-autoscaler", "K"),
    ("ccf-coefficients", "C"),
    ("teads", "T"),
    ("cyclenerd", "Y"),
    ("azure-compute-benchmarks", "B"),
    ("arch-assumed", "A"),
    ("largest-in", _BY_LARGEST),
    ("family/naming-rule", _BY_NAME),
)
_DOCUMENTATION: Final = re.compile(r"-docs-.*map$")
_PUBLISHED: Final = ("teads/ccf", "ccf")
_METAL: Final = re.compile(r"^(.+\.)metal-(\d+)xl$")
_SAME: Final = 0.01
"""GiB by which two lists may differ through rounding alone."""


def rebuild(sources: Sources, shipped: Sequence[Row], cpus: Cpus) -> list[Row]:
    """Return the lines that the sources make, in no order."""
    compiled = sources.table("instances")
    told = {_name(row): row.get("cpu_model", "") for row in compiled}
    embodied = {_name(row): row for row in sources.table("embodied")}
    known = {_name(row): row for row in shipped}
    lines = {_name(row): _compiled(row) for row in compiled} or {_name(r): r for r in shipped}
    for row in shipped:
        told_once = {CLOUD, ADDED} & set(row["source"])
        if told_once and not lines.get(_name(row), {}).get("vcpus"):
            lines[_name(row)] = dict(row)
    for row in added(sources, shipped[0], cpus.families):
        lines[_name(row)] = row | _kept(known.get(_name(row)))
    for name, listed in sources.types.items():
        lines[name] = _listed(lines.get(name) or _empty(listed, shipped), listed)
    _fill(lines)
    for name, row in lines.items() if compiled else ():
        if ADDED not in row["source"]:
            row["cpu_models"] = cpus.cells(*name, row["architectures"], told.get(name, ""))
        row.update(_server(row, embodied.get(name)) if embodied else _kept(known.get(name)))
    constrain(lines, sources, known)
    return [row | _burst(*name, row) for name, row in lines.items()]


def _name(row: Row) -> tuple[str, str]:
    return row["provider"], row["instance_type"]


def _compiled(row: Row) -> Row:
    shared = row["burstable_or_shared_core"] == "1"
    return {
        "provider": row["provider"],
        "instance_type": row["instance_type"],
        "vcpus": row["vcpus"],
        "memory_gib": row["memory_gib"],
        "architectures": row["cpu_architecture"],
        "cpu_models": "",
        "threads_per_core": row["threads_per_core"],
        "gpu_model": row["gpu_model"],
        "gpu_count": row["gpu_count"],
        "host_vcpus": row["host_vcpus"],
        "host_memory_gib": row["host_memory_gib"],
        "baseline": "",
        "full_vcpus": "",
        "reserved_vcpus": "",
        "shared_core": "1" if shared else "",
        "server_kgco2eq": "",
        "server_basis": "",
        "source": "".join(_letter(part) for part in row["source"].split("+")) or _UNKNOWN,
    }


def _letter(part: str) -> str:
    if _DOCUMENTATION.search(part):
        return "D"
    return next((letter for text, letter in _LETTERS if part.startswith(text)), _UNKNOWN)


def _empty(listed: ListedType, shipped: Sequence[Row]) -> Row:
    """A type that only the cloud lists."""
    names = {"provider": listed.provider, "instance_type": listed.name, "source": _UNKNOWN}
    return dict.fromkeys(shipped[0], "") | names


def _listed(row: Row, listed: ListedType) -> Row:
    cells = dict(row)
    known = bool(row["vcpus"])
    if not _same(row["memory_gib"], listed.memory_gib):
        cells["memory_gib"] = plain(listed.memory_gib)
    if not burst(listed.provider, listed.name) or not known:
        cells["vcpus"] = plain(listed.vcpus)  # of shared-core types the table has the sold part
    cells["threads_per_core"] = row["threads_per_core"] or plain(listed.threads_per_core)
    cells["gpu_model"] = row["gpu_model"] or listed.gpu_model
    if listed.gpu_count and not _same(row["gpu_count"], listed.gpu_count):
        cells["gpu_count"] = plain(listed.gpu_count)
    cells["shared_core"] = row["shared_core"] or ("1" if listed.burstable else "")
    if not known:
        cells["source"] = CLOUD + row["source"].replace(_UNKNOWN, "")
    return cells


def _same(cell: str, number: float) -> bool:
    return math.isclose(float(cell or 0), number, abs_tol=_SAME)


def _fill(lines: dict[tuple[str, str], Row]) -> None:
    """Fill what the names tell: CPU families, sizes of ``metal-24xl``, hosts."""
    known = by_series(lines.values())
    for name, row in lines.items():
        families = families_of(*name, known) if row["vcpus"] else ""
        if families and not row["architectures"]:
            row |= {"architectures": families, "source": row["source"] + _BY_NAME}
        _fill_metal(row, lines)
    largest = _largest(lines.values())
    for name, row in lines.items():
        told = {CLOUD, ADDED} & set(row["source"])
        if told and row["architectures"] and not row["host_vcpus"]:
            host = _host(*name, largest)
            row |= {"host_vcpus": host["vcpus"], "host_memory_gib": host["memory_gib"]}
            row["source"] += _BY_LARGEST


def _fill_metal(row: Row, lines: Mapping[tuple[str, str], Row]) -> None:
    """A ``metal-24xl`` is the hardware of the ``24xlarge``; all that lists tell agree on it."""
    metal = _METAL.match(row["instance_type"]) if row["provider"] == "aws" else None
    if metal is None or row["vcpus"]:
        return
    virtual = lines.get(("aws", f"{metal[1]}{metal[2]}xlarge"))
    if virtual is not None and virtual["vcpus"]:
        same = ("vcpus", "memory_gib", "threads_per_core", "architectures")
        row |= {column: virtual[column] for column in same}
        row["source"] = CLOUD + _BY_NAME


def _host(provider: str, name: str, largest: Mapping[tuple[str, str], Row]) -> Row:
    """The largest type of the series and of those that it varies: ``c8ine`` shares ``c8i``'s."""
    found = (largest.get((provider, one)) for one in related_series(provider, name))
    return max(filter(None, found), key=_vcpus)


def _vcpus(row: Row) -> float:
    return float(row["vcpus"] or 0)


def _largest(lines: Iterable[Row]) -> dict[tuple[str, str], Row]:
    found: dict[tuple[str, str], Row] = {}
    for row in lines:
        group = (row["provider"], series(*_name(row)))
        best = found.get(group)
        if best is None or _vcpus(row) > _vcpus(best):
            found[group] = row
    return found


def _kept(row: Row | None) -> Row:
    """Embodied carbon of the server as shipped."""
    return {column: row[column] if row else "" for column in ("server_kgco2eq", "server_basis")}


def _server(row: Row, line: Row | None) -> Row:
    """Embodied carbon of the server; none where a source knows another server than our line's."""
    other = line is not None and plain(line["host_vcpus"]) != row["host_vcpus"]
    if line is None or (other and CLOUD in row["source"]):
        return {"server_kgco2eq": "", "server_basis": ""}
    basis = "P" if line["method"] in _PUBLISHED else "R"
    return {"server_kgco2eq": plain(line["server_total_kgco2eq"]), "server_basis": basis}


def _burst(provider: str, name: str, row: Row) -> Row:
    found = burst(provider, name)
    if found is None:
        return {"baseline": row["baseline"], "full_vcpus": row["full_vcpus"]}
    return {"baseline": found.baseline, "full_vcpus": found.full_vcpus, "shared_core": "1"}
