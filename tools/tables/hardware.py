"""Rebuilds the tables of hardware: what its parts draw, and what making them emitted."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from tools.tables.rows import Row, plain
from tools.tables.sources import Sources

_CODECARBON: Final = "CodeCarbon 3.3.2 cpu_power.csv (MIT)"
_NODE_OF: Final = {
    "A100": ("hgx-a100", 8),
    "Hopper": ("hgx-hopper", 8),
    "Blackwell": ("hgx-blackwell", 8),
    "NVL72": ("nvl72", 4),
    "TPU": ("tpu", 8),
    "Trainium": ("trainium", 16),
    "small card": ("small-card", 1),
    "card": ("card", 1),
}
"""Kinds of servers around accelerators: their line in ``node_overhead.csv``, and how many
accelerators share the fixed part of it."""

_NODES: Final = {
    "HGX 8-GPU air (A100)": "hgx-a100",
    "HGX 8-GPU air (H100/H200/MI300X)": "hgx-hopper",
    "HGX 8-GPU air (B200/B300)": "hgx-blackwell",
    "GB200 / GB300 NVL72 tray (4 GPUs)": "nvl72",
    "PCIe GPU server (L40S, A10G, RTX PRO, H100 NVL, A100 PCIe)": "card",
    "PCIe low-profile server (T4, L4, Inferentia)": "small-card",
    "TPU machine": "tpu",
    "Trn1/Trn2 server (16 chips)": "trainium",
}
"""How the compiled list calls a kind of server, and how we do."""

_FOUR_TO_A_NODE: Final = ("TPU v2", "TPU v3", "TPU v4", "TPU v5p", "TPU v7 (Ironwood)")

_READINGS: Final = "readings in public dumps"
_FILES: Final = re.compile(
    r"\s*\((?:files? )?[\d, ]{11,}\)|\s*\(read via[^()]*\)|,? file \d+|, read through public notes"
)
_DOUBT: Final = (
    ("(from memory, VERIFY)", "(not read again)"),
    (", from memory: VERIFY", ", not read again"),
    (", from memory", ", not read again"),
    ("(from memory)", "(not read again)"),
    ("; VERIFY", "; not read again"),
    ("die sizes from press reports, memory of the author", "die sizes from press reports"),
)


def rebuild_cpus(sources: Sources, shipped: Sequence[Row]) -> list[Row]:
    """Return the CPUs that the sources list; TDP only where CodeCarbon's list has the part.

    The compiled list quotes databases under the AGPL for some TDPs: its TDPs are never taken. Which
    provider uses a part, and the basis of its TDP, are kept by hand in the shipped table. A part
    without a TDP that may be taken is left out.
    """
    tdp = {row["Name"]: row["TDP"] for row in sources.table("cpu_power")}
    ours = {row["cpu_model"]: row for row in shipped}
    found = (_cpu(row, ours.get(row["cpu_model"]), tdp) for row in sources.table("cpu_skus"))
    return [row for row in found if row["tdp_watts"]]


def _cpu(row: Row, ours: Row | None, tdp: Mapping[str, str]) -> Row:
    listed = tdp.get(row["cpu_model"], "")
    kept = ours or {"tdp_watts": listed, "tdp_basis": "published", "tdp_source": _CODECARBON}
    taken = kept["tdp_basis"] == "published" and kept["tdp_source"].startswith(_CODECARBON)
    return {
        "cpu_model": row["cpu_model"],
        "architecture": row["cpu_architecture"],
        "cores_per_socket": row["cores_per_socket"],
        "threads_per_socket": row["vcpus_per_socket"],
        "tdp_watts": plain(listed) if taken and listed else kept["tdp_watts"],
        "tdp_low": kept.get("tdp_low", ""),
        "tdp_high": kept.get("tdp_high", ""),
        "default_of": kept.get("default_of", ""),
        "tdp_basis": kept["tdp_basis"],
        "tdp_source": kept["tdp_source"],
    }


def rebuild_gpus(sources: Sources) -> list[Row]:
    """Return the accelerators that the compiled list has, in the form that is shipped."""
    return [_gpu(row) for row in sources.table("hardware_gpu")]


def _gpu(row: Row) -> Row:
    node, share = _NODE_OF[_kind(row)]
    if row["gpu_model"] in _FOUR_TO_A_NODE:
        share = 4
    if "2 GPUs a board" in row["form"]:
        share = 2
    return {
        "gpu_model": row["gpu_model"],
        "cap_watts": row["cap_watts"],
        **{name: row[name] for name in ("idle_deep_low", "idle_context_low", "idle_context")},
        **{name: row[name] for name in ("idle_context_high", "max_high")},
        "node": node,
        "node_gpus": str(share),
        "readings": str(sum(int(row[name]) for name in ("n_idle", "n_context", "n_busy"))),
        "source": _origin(row),
        "year": row["year"],
        "confidence": row["confidence"],
    }


def _kind(row: Row) -> str:
    """Which kind of server an accelerator stands in: by its form and its generation."""
    model, form = row["gpu_model"], row["form"]
    if model.startswith("TPU"):
        return "TPU"
    if "Trainium" in model:
        return "Trainium"
    if "superchip" in form:
        return "NVL72"
    if form.startswith(("SXM", "OAM")):
        later = {"A100": "A100", "V100": "A100", "Gaudi": "A100", "B200": "Blackwell"}
        later["B300"] = "Blackwell"
        return next((kind for part, kind in later.items() if part in model), "Hopper")
    small = "low profile" in form or float(row["cap_watts"]) <= _SMALL_CARD_WATTS
    return "small card" if small else "card"


_SMALL_CARD_WATTS: Final = 90.0
"""Cards without a power connector of their own."""


def _origin(row: Row) -> str:
    """Where the watts come from, without the compiler's notes to himself."""
    if _READINGS in row["source"]:
        counts = ", ".join(
            f"{row[name]} {what}"
            for name, what in (("n_idle", "idle"), ("n_context", "loaded"), ("n_busy", "busy"))
            if row[name] != "0"
        )
        return f"power cap of the maker; public nvidia-smi and rocm-smi readings: {counts}"
    return told(row["source"])


def told(source: str) -> str:
    """Return a source as it is shipped: what cannot be looked up under its number is left out."""
    for words, ours in _DOUBT:
        source = source.replace(words, ours)
    return _FILES.sub("", source)


def rebuild_nodes(sources: Sources) -> list[Row]:
    """Return what servers draw around their accelerators."""
    return [_node(row) for row in sources.table("hardware_node_overhead")]


def _node(row: Row) -> Row:
    ends = [f"{name}{end}" for name in ("fixed_watts", "factor_on_gpu_watts") for end in _ENDS]
    return {
        "node": _NODES[row["class"]],
        **{name: row[name].removesuffix(" per GPU") for name in ends},
        "source": told(row["source_and_check"]),
        "year": row["year"],
        "confidence": row["confidence"],
    }


_ENDS: Final = ("_low", "", "_high")


def rebuild_memory(sources: Sources) -> list[Row]:
    """Return the watts of memory modules: the compiled list's own model, by kind and size."""
    modules = (
        row for row in sources.table("hardware_memory_watts") if row["kind"] == "recommended"
    )
    found = ((row, _MODULE.fullmatch(row["what"])) for row in modules)
    return [
        {
            "kind": name[1],
            "gib": name[2],
            "idle_watts_per_gib": row["idle_w_per_gib"],
            "busy_watts_per_gib": row["busy_w_per_gib"],
            "source": row["method"].replace("model of ours: ", ""),
            "year": row["year"],
            "confidence": row["confidence"],
        }
        for row, name in found
        if name
    ]


_MODULE: Final = re.compile(r"(DDR\d) RDIMM (\d+) GB")


_COMPONENTS: Final = {
    "server chassis + mainboard": "chassis, two sockets",
    "same, single-socket node": "chassis, one socket",
    "same, 8-GPU chassis": "chassis, eight GPUs",
    "same, 4 sockets": "chassis, four sockets",
    "DRAM DDR4": "DDR4",
    "DRAM DDR5": "DDR5",
    "NAND SSD": "SSD",
    "HDD": "HDD",
}
"""How the compiled list's names begin, and ours."""


def rebuild_components(sources: Sources) -> list[Row]:
    """Return the embodied carbon of the parts of a server that are not a CPU or an accelerator."""
    found = (
        (
            row,
            next((n for start, n in _COMPONENTS.items() if row["component"].startswith(start)), ""),
        )
        for row in sources.table("hardware_embodied_components")
    )
    return [
        {
            "component": name,
            "unit": f"kgCO2eq/{row['unit'].removeprefix('kg/')}",
            **{end: row[end] for end in ("low", "central", "high")},
            "source": _without_others(told(row["source"])),
            "year": row["year"],
            "confidence": row["confidence"],
        }
        for row, name in found
        if name
    ]


def _without_others(source: str) -> str:
    """Leave out figures of software under the AGPL, which the compiler compared with."""
    source = re.sub(r";? ?Boavizta bottom-up[^;]*|; Boavizta 31", "", source)
    return source.replace("Boavizta/environmental-footprint-data, manufacturers' PCFs", "makers'")


_FAMILIES: Final = {
    "Skylake / Cascade Lake XCC": ("Sandy Bridge", "Ivy Bridge", "Haswell", "Broadwell",
                                   "Skylake", "Cascade Lake", "Coffee Lake"),
    "Ice Lake XCC (40c)": ("Ice Lake",),
    "Sapphire Rapids XCC": ("Sapphire Rapids",),
    "Emerald Rapids XCC": ("Emerald Rapids",),
    "Granite Rapids UCC": ("Granite Rapids",),
    "EPYC Naples": ("EPYC 1st Gen",),
    "EPYC Rome (8 CCD)": ("EPYC 2nd Gen",),
    "EPYC Milan (8 CCD)": ("EPYC 3rd Gen",),
    "EPYC Genoa (12 CCD)": ("EPYC 4th Gen",),
    "EPYC Turin (16 CCD)": ("EPYC 5th Gen",),
    "Ampere Altra": ("Neoverse N1",),
    "Graviton2": ("Graviton", "Graviton2"),
    "Graviton3": ("Graviton3", "Graviton3E"),
    "Graviton4": ("Graviton4",),
    "Graviton5": ("Graviton5",),
    "Axion / Cobalt 100": ("Google Axion", "Google Axion N", "Cobalt 100"),
    "NVIDIA Grace": ("Neoverse V2 (Grace)", "Apple silicon"),
}  # fmt: skip
"""CPUs of the compiled list, and the families of ours that take their silicon."""

_SOCKET: Final = {
    "Graviton": "16", "Graviton2": "64", "Graviton3": "64", "Graviton3E": "64",
    "Graviton4": "96", "Graviton5": "192", "Google Axion": "96", "Google Axion N": "64",
    "Cobalt 100": "128",
    "Neoverse N1": "80", "Neoverse V2 (Grace)": "72",
}  # fmt: skip
"""Cores of a socket of families without a CPU model in ``cpu_skus.csv`` (makers' and clouds'
announcements)."""


def rebuild_embodied_cpus(sources: Sources) -> list[Row]:
    """Return the embodied carbon of one CPU of each family."""
    return [
        {
            "family": family,
            "cores_per_socket": _SOCKET.get(family, ""),
            "silicon_mm2": row["silicon_mm2"],
            **{end: row[end] for end in ("kg_low", "kg", "kg_high")},
            "source": f"{row['cpu']}: {_rule(row)}",
            "year": row["year"],
            "confidence": row["confidence"],
        }
        for row in sources.table("hardware_embodied_cpu")
        for family in _FAMILIES.get(row["cpu"], ())
    ]


def _rule(row: Row) -> str:
    return told(row["source"]).replace(" (embodied_components.csv)", "")


def rebuild_embodied_gpus(sources: Sources) -> list[Row]:
    """Return the embodied carbon of accelerators, without the server around them."""
    return [
        {
            "gpu_model": row["gpu_model"].removesuffix(" (GPU)"),
            **{end: row[end] for end in ("kg_low", "kg", "kg_high")},
            "source": _rule(row),
            "year": row["year"],
            "confidence": row["confidence"],
        }
        for row in sources.table("hardware_embodied_gpu")
    ]


def rebuild_lifetimes(sources: Sources) -> list[Row]:
    """Return for how many years providers use their servers, by their own accounts."""
    return [
        {
            "provider": _PROVIDERS[row["who"]],
            **{name: row[name] for name in ("years_low", "years", "statement", "source")},
            "year": row["year"],
            "confidence": row["confidence"],
        }
        for row in sources.table("hardware_lifetimes")
        if row["who"] in _PROVIDERS
    ]


_PROVIDERS: Final = {"AWS": "aws", "Google": "gcp", "Microsoft": "azure"}
