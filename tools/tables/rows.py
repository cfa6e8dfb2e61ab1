"""Lines of a table, and the forms that their cells have."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

Row = dict[str, str]
"""One line, by column. An empty cell says that the sources do not tell."""

KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "annual": ("grid_zone",),
    "cpu_skus": ("cpu_model",),
    "embodied_components": ("component",),
    "embodied_cpu": ("family",),
    "embodied_gpu": ("gpu_model",),
    "gpu": ("gpu_model",),
    "instances": ("provider", "instance_type"),
    "lifetimes": ("provider",),
    "memory_watts": ("kind", "gib"),
    "node_overhead": ("node",),
    "fuel_factors": ("zone", "fuel"),
    "mac_hosts": ("instance_type",),
    "regions": ("provider", "region"),
    "zone_codes": ("grid_zone",),
}
"""Tables that can be rebuilt, each with the columns that name a line."""


def key_of(table: str, row: Row) -> str:
    """Return the name of a line, e.g. ``aws:m5.large``."""
    return ":".join(row[column] for column in KEYS[table])


def read(path: Path) -> list[Row]:
    """Read a CSV file with a head."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def text(columns: Sequence[str], lines: Iterable[Row]) -> str:
    """Return a table as it is shipped: columns in order, quoted where needed, Unix line ends."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def plain(number: float | str, digits: int = 6) -> str:
    """Write a number with so many significant digits; an unknown one (empty or 0) as empty."""
    value = float(number or 0)
    return f"{value:.{digits}g}" if value else ""


def ordered(table: str, lines: Iterable[Row], shipped: Sequence[Row]) -> list[Row]:
    """Order lines as shipped, new ones last; a table that is sorted by its key stays sorted."""
    places = {key_of(table, row): place for place, row in enumerate(shipped)}
    names = list(places)
    if names == sorted(names):
        return sorted(lines, key=lambda row: key_of(table, row))
    return sorted(lines, key=lambda row: places.get(key_of(table, row), len(places)))
