"""Results for people and for programs: tables and JSON on stdout."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exporter.core.model import Bounds

ABSENT = "–"
"""What a table shows where there is no value: never 0."""

_PIPE_WIDTH = 1000
"""Columns where no terminal limits them: rows of a pipe are not folded."""


def print_json(document: object) -> None:
    """Write a document as indented JSON."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write rows under a head; columns of numbers are aligned by their ends."""
    lines = [tuple(row) for row in rows]
    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD)
    for i, name in enumerate(head):
        numeric = bool(lines) and all(_is_number(row[i]) for row in lines)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in lines:
        table.add_row(*(Text(cell) for cell in row))
    _console().print(table)


def print_line(text: str, style: str = "") -> None:
    """Write one line; markup in it is not read."""
    _console().print(Text(text, style=style), soft_wrap=True)


def print_check(subject: str, message: str, *, ok: bool) -> None:
    """Write one line of a list of checks."""
    verdict = Text("ok    ", style="green") if ok else Text("FAILED", style="red")
    line = Text.assemble(verdict, "  ", Text(subject, style="bold"), f": {message}")
    _console().print(line, soft_wrap=True)


def print_failure(text: str) -> None:
    """Write one line in red on stderr."""
    _errors().print(Text(text, style="red"), soft_wrap=True)


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Show on a terminal that something takes its time."""
    with _errors().status(f"{what} …"):
        yield


def number(value: float | None, digits: int = 3) -> str:
    """Write a number with a few significant digits, and thousands as people group them."""
    if value is None:
        return ABSENT
    if value == 0 or abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def bounds_document(bounds: Bounds) -> Mapping[str, float]:
    """Return bounds as an object with low, central and high."""
    return {"low": bounds.low, "central": bounds.central, "high": bounds.high}


def _errors() -> Console:
    return Console(stderr=True, highlight=False, emoji=False)


def _console() -> Console:
    console = Console(highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


def _is_number(cell: str) -> bool:
    return cell == ABSENT or (bool(cell) and (cell[0].isdigit() or cell[0] == "-"))
