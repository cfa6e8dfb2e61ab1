"""All tables that the sources at hand can make."""

from collections.abc import Mapping, Sequence
from typing import Final

from exporter.data.cpus import model_of
from tools.tables import hardware, rows
from tools.tables.additions import macs
from tools.tables.decisions import decided
from tools.tables.families import Cpus
from tools.tables.fuels import rebuild_fuels
from tools.tables.instances import rebuild
from tools.tables.places import rebuild_annual, rebuild_regions, rebuild_zone_codes
from tools.tables.rows import Row
from tools.tables.sources import Sources

_TYPES: Final = ("instances", "hardware_instances_additions", "hardware_azure_constrained")


def rebuilt(sources: Sources, shipped: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """Return the tables by name, ordered as shipped; a table of which no source tells is absent."""
    raw = {
        "annual": rebuild_annual(sources),
        "cpu_skus": hardware.rebuild_cpus(sources, shipped["cpu_skus"]),
        "embodied_components": hardware.rebuild_components(sources),
        "embodied_cpu": hardware.rebuild_embodied_cpus(sources),
        "embodied_gpu": hardware.rebuild_embodied_gpus(sources),
        "gpu": hardware.rebuild_gpus(sources),
        "lifetimes": hardware.rebuild_lifetimes(sources),
        "memory_watts": hardware.rebuild_memory(sources),
        "node_overhead": hardware.rebuild_nodes(sources),
        "fuel_factors": rebuild_fuels(sources),
        "mac_hosts": macs(sources),
        "regions": rebuild_regions(sources),
        "zone_codes": rebuild_zone_codes(sources),
    }
    found = {table: _finished(table, lines, shipped) for table, lines in raw.items() if lines}
    if any(map(sources.table, _TYPES)) or sources.types:
        cpus = Cpus(model_of(row) for row in found.get("cpu_skus", shipped["cpu_skus"]))
        lines = rebuild(sources, shipped["instances"], cpus)
        found["instances"] = _finished("instances", lines, shipped)
    return found


def _finished(table: str, lines: Sequence[Row], shipped: Mapping[str, Sequence[Row]]) -> list[Row]:
    known = shipped[table]
    return rows.ordered(table, decided(table, lines, known), known)
