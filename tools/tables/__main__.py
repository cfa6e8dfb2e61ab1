"""``python -m tools.tables --check|--diff|--write [SOURCE …]``: keeps ``exporter/data`` up to date.

A SOURCE is a folder of compiled tables (CSV) or a cloud's own list of types (JSON, may be gzipped);
see README.md beside this file. Without any, ``CARBON_TABLE_SOURCES`` names them. Exit code 1: with
``--check``, something differs; 2: a source cannot be used.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from tools.tables import rows
from tools.tables.difference import difference
from tools.tables.rebuild import rebuilt
from tools.tables.sources import SourceError, gather

FOLDER: Final = Path(__file__).parents[2] / "exporter" / "data"
VARIABLE: Final = "CARBON_TABLE_SOURCES"


def main(arguments: Sequence[str] | None = None, folder: Path = FOLDER) -> int:
    """Compare the tables in ``folder`` with what the sources make of them; return the exit code."""
    options = _parser().parse_args(arguments)
    paths = options.sources or [
        Path(p) for p in os.environ.get(VARIABLE, "").split(os.pathsep) if p
    ]
    try:
        sources = gather(paths)
    except SourceError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    shipped = {table: rows.read(folder / f"{table}.csv") for table in rows.KEYS}
    new = rebuilt(sources, shipped)
    if not new:
        sys.stderr.write("no source of any table — name folders or files, see tools/tables\n")
        return 2
    differs = [_told(table, shipped[table], lines) for table, lines in new.items()]
    if options.write:
        for table, lines in new.items():
            path = folder / f"{table}.csv"
            path.write_text(rows.text(tuple((shipped[table] or lines)[0]), lines), encoding="utf-8")
    return 1 if options.check and any(differs) else 0


def _told(table: str, old: Sequence[rows.Row], new: Sequence[rows.Row]) -> bool:
    """Print what differs in a table; return whether anything does."""
    found = difference(table, old, new)
    counts = f"{len(found.added)} added, {len(found.removed)} removed, {len(found.changed)} changed"
    _print((f"{table}.csv: {counts if found else 'as shipped'}",))
    _print(f"  {line}" for line in found.lines())
    return bool(found)


def _print(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.tables", description=__doc__)
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--check", action="store_true", help="exit with 1 if anything differs")
    task.add_argument("--diff", action="store_true", help="print what differs")
    task.add_argument("--write", action="store_true", help="print it and write the tables")
    parser.add_argument("sources", nargs="*", type=Path, metavar="SOURCE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
