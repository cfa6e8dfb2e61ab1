"""What a rebuild is made from: folders of compiled tables and the clouds' own type lists."""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.tables import rows
from tools.tables.clouds import ListedType, ListError, types_of
from tools.tables.rows import Row


class SourceError(Exception):
    """A source that cannot be used: names it, and says what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Compiled tables by file name without its end, and types by (provider, name)."""

    tables: Mapping[str, list[Row]] = field(default_factory=dict)
    types: Mapping[tuple[str, str], ListedType] = field(default_factory=dict)

    def table(self, name: str) -> list[Row]:
        """Return a compiled table; empty if no source has it."""
        return self.tables.get(name, [])


def gather(paths: Iterable[Path]) -> Sources:
    """Read folders and files; of two tables or types of one name the later is taken.

    Raises:
        SourceError: a path that is not there, or a file that is no such list.
    """
    tables: dict[str, list[Row]] = {}
    types: dict[tuple[str, str], ListedType] = {}
    for path in _files(paths):
        if path.suffix == ".csv":
            tables[_table(path)] = rows.read(path)
        else:
            types |= {(one.provider, one.name): one for one in _listed(path)}
    return Sources(tables=tables, types=types)


def _table(path: Path) -> str:
    """Name of a table; those of a folder ``hardware`` are apart from compiled ones of like name."""
    return f"hardware_{path.stem}" if path.parent.name == "hardware" else path.stem


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.exists():
            message = f"no source at {path} — name a folder of CSV files, or a cloud's list as JSON"
            raise SourceError(message)
        if path.is_dir():
            found = (*path.glob("*.csv"), *path.glob("*.json"), *path.glob("*.json.gz"))
            yield from sorted(found)
        else:
            yield path


def _listed(path: Path) -> tuple[ListedType, ...]:
    opened = gzip.open if path.suffix == ".gz" else Path.open
    try:
        with opened(path, "rb") as data:
            return types_of(json.load(data))
    except (ListError, ValueError, OSError) as error:
        message = (
            f"{path} is no list of machine types ({error}) — save one with `aws ec2 "
            "describe-instance-types`, `gcloud compute machine-types list --format json` or "
            "`az vm list-skus -o json`"
        )
        raise SourceError(message) from error
