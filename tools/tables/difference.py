"""What differs between a shipped table and its rebuild."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tools.tables.rows import Row, key_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One cell of a line that both have."""

    key: str
    column: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.key}: {self.column} {self.old or '(empty)'} -> {self.new or '(empty)'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Lines that only one of both has, and cells that differ."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[Change, ...]
    moved: bool
    """Whether the same lines come in another order."""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.moved)

    def lines(self) -> Iterator[str]:
        """Yield one line for each difference, as a person reads it."""
        yield from (f"+ {key}" for key in self.added)
        yield from (f"- {key}" for key in self.removed)
        yield from (f"~ {change}" for change in self.changed)
        if self.moved:
            yield "~ order of the lines"


def difference(table: str, shipped: Sequence[Row], rebuilt: Sequence[Row]) -> Difference:
    """Compare two versions of a table, line by line."""
    old = {key_of(table, row): row for row in shipped}
    new = {key_of(table, row): row for row in rebuilt}
    return Difference(
        added=tuple(key for key in new if key not in old),
        removed=tuple(key for key in old if key not in new),
        changed=tuple(_changes(old, new)),
        moved=_common(old, new) != _common(new, old),
    )


def _changes(old: Mapping[str, Row], new: Mapping[str, Row]) -> Iterator[Change]:
    for key, row in new.items():
        before = old.get(key, row)
        for column, value in row.items():
            if value != before[column]:
                yield Change(key=key, column=column, old=before[column], new=value)


def _common(names: Iterable[str], others: Mapping[str, Row]) -> list[str]:
    return [name for name in names if name in others]
