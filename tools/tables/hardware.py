"""Rebuilds ``cpu_skus.csv`` and ``gpu.csv``: what CPUs and accelerators draw."""

from collections.abc import Mapping, Sequence
from typing import Final

from tools.tables.rows import Row, plain
from tools.tables.sources import Sources

_CODECARBON: Final = "CodeCarbon 3.3.2 cpu_power.csv (MIT)"
_GPU_SOURCES: Final = {
    "CCF Methodology App. III / AwsFootprintEstimationConstants (Teads ratio 11.5 %/102 % of TDP), "
    "Apache-2.0": "CCF methodology appendix III (Teads ratio 11.5 % / 102 % of TDP), Apache-2.0",
    "spruce accelerators.json (vendor TDP; idle = estimate), Apache-2.0": (
        "SPRUCE accelerators.json (vendor TDP, idle estimated), Apache-2.0"
    ),
    "vendor TDP x 0.115 / x 1.00 (rule, no measurement)": (
        "vendor TDP x 0.115 / x 1.00; rule, no measurement"
    ),
}
"""How a source calls its origin, and how we do."""


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
    """Return the accelerators that the sources list; their maximum is the upper end of itself."""
    return [_gpu(row) for row in sources.table("gpu")]


def _gpu(row: Row) -> Row:
    return {
        "gpu_model": row["gpu_model"],
        "tdp_watts": row["tdp_w"],
        "idle_watts": row["idle_w_default"],
        "max_watts": row["max_w_default"],
        "idle_watts_low": row["idle_w_low"],
        "idle_watts_high": row["idle_w_high"],
        "max_watts_high": row["max_w_default"],
        "source": _GPU_SOURCES.get(row["default_source"], row["default_source"]),
    }
