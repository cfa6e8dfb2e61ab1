"""Where a shipped table departs from its sources on purpose: ``decisions.csv``, with the reasons.

``key`` is the name of a line, or a pattern of several (``aws:f1.*``). ``column`` is the cell that
is set to ``value``; ``*`` says that the line is ours, as no source lists it; ``-`` that a line of
the sources is left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Final

from tools.tables import rows
from tools.tables.rows import Row, key_of

OURS: Final = "*"
LEFT_OUT: Final = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One departure."""

    table: str
    key: str
    column: str
    value: str
    reason: str


@cache
def decisions() -> tuple[Decision, ...]:
    """Read them all."""
    lines = rows.read(Path(__file__).with_name("decisions.csv"))
    return tuple(Decision(**line) for line in lines)


def decided(table: str, lines: Iterable[Row], shipped: Sequence[Row]) -> list[Row]:
    """Return the lines with the decisions applied, and with the shipped lines that are ours."""
    ours = _of(table, OURS)
    found = {key_of(table, row): row for row in shipped if _named(ours, key_of(table, row))}
    found |= {key_of(table, row): row for row in lines}
    left_out = _of(table, LEFT_OUT)
    return [_set(table, key, row) for key, row in found.items() if not _named(left_out, key)]


def _set(table: str, key: str, row: Row) -> Row:
    cells = {
        one.column: one.value
        for one in decisions()
        if one.table == table and one.column in row and fnmatchcase(key, one.key)
    }
    return row | cells


def _of(table: str, column: str) -> tuple[Decision, ...]:
    return tuple(one for one in decisions() if one.table == table and one.column == column)


def _named(of: Iterable[Decision], key: str) -> bool:
    return any(fnmatchcase(key, one.key) for one in of)
