"""The shipped tables. ``SOURCES.md`` beside them gives each table's origin, date and licence."""

import csv
from collections.abc import Iterator
from importlib.resources import files


def rows(table: str) -> Iterator[dict[str, str]]:
    """Read a table, e.g. ``rows("regions")``, as one dict of strings for each line."""
    path = files(__name__) / f"{table}.csv"
    with path.open(encoding="utf-8") as lines:
        yield from csv.DictReader(lines)
