"""How results are shown: tables, lines and JSON on stdout, progress on stderr, and a bar chart."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from math import floor, log10
from typing import Final

from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from exporter.core.clock import from_epoch
from exporter.core.model import Bounds, FallbackLevel, IntensityInForce
from exporter.core.units import SECONDS_PER_HOUR

ABSENT: Final = "–"
"""What a table shows where there is no value: never 0."""

DAY: Final = 86_400
_HOUR: Final = int(SECONDS_PER_HOUR)
_MINUTE: Final = 60

_PIPE_WIDTH: Final = 1000
"""Columns where no terminal limits them: rows of a pipe are not folded."""

ROWS: Final = 8
_STEPS: Final = (900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""Seconds that a column may stand for."""
_LABEL_SECONDS: Final = 6 * _HOUR
_TOPS: Final = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
"""Round ends of an axis, times a power of ten: their halves are readable as well."""
_EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
_MARGIN: Final = 8
"""Columns of the axis with its numbers."""
_LEAST_COLUMNS: Final = 24


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


def age(value: IntensityInForce, now: float) -> str:
    """Write how long ago a value began to hold; a yearly average has no such age."""
    if value.level == FallbackLevel.ANNUAL:
        return ABSENT
    seconds = max(int(now - value.valid_from), 0)
    if seconds < _HOUR:
        return f"{seconds // _MINUTE}m"
    if seconds < 2 * DAY:
        return f"{seconds // _HOUR}h{seconds % _HOUR // _MINUTE:02}m"
    return f"{seconds // DAY}d"


def clock_time(seconds: float) -> str:
    """Write a time for people, in UTC."""
    return from_epoch(seconds).strftime("%Y-%m-%d %H:%M UTC")


def lenient_output() -> None:
    """Let standard output replace what its encoding lacks, rather than fail in the middle."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yield what takes how many are done: a bar on a terminal, a line per change elsewhere."""
    console = _errors()
    if not console.is_terminal:
        yield _Lines(console, what, total)
        return
    with Progress(*Progress.get_default_columns(), console=console, transient=True) as shown:
        task = shown.add_task(what, total=total)
        yield lambda done: shown.update(task, completed=done)


class _Lines:
    """Writes a line whenever a count has changed."""

    def __init__(self, console: Console, what: str, total: int) -> None:
        self._console = console
        self._what = what
        self._total = total
        self._done: int | None = None

    def __call__(self, done: int) -> None:
        if done != self._done:
            self._done = done
            self._console.print(f"{self._what}: {done} of {self._total}", soft_wrap=True)


def _errors() -> Console:
    return Console(stderr=True, highlight=False, emoji=False)


def _console() -> Console:
    console = Console(highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


def _is_number(cell: str) -> bool:
    return cell == ABSENT or (bool(cell) and (cell[0].isdigit() or cell[0] == "-"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """The value of one column that starts at ``start`` (epoch seconds), None where unknown.

    ``certain`` is False for what was not observed: expected, or carried on.
    """

    start: int
    value: float | None
    certain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Style:
    eighths: str
    expected: str
    now: str
    axis: str
    corner: str
    wall: str
    tick: str

    def cell(self, eighths: int, *, certain: bool) -> str:
        """Return the glyph of one cell that is filled by a number of eighths."""
        filled = min(max(eighths, 0), len(_EIGHTHS) - 1)
        full = filled == len(_EIGHTHS) - 1
        return self.expected if full and not certain else self.eighths[filled]


_BLOCKS: Final = _Style(
    eighths=_EIGHTHS, expected="░", now="┊", axis="─", corner="┼", wall="│", tick="┤"
)
_ASCII: Final = _Style(
    eighths=" ...::###", expected="%", now="|", axis="-", corner="+", wall="|", tick="+"
)


def speaks_unicode() -> bool:
    """Whether standard output takes block characters."""
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


def step_for(seconds: int, width: int) -> int:
    """Return the seconds of a column so that a span fits into a terminal's width."""
    columns = max(width - _MARGIN - 1, _LEAST_COLUMNS)
    return next((step for step in _STEPS if seconds / step <= columns), _STEPS[-1])


def draw(bars: Sequence[Bar], now: float, *, unicode: bool = True) -> list[str]:
    """Return the lines of a chart from 0 up, with its axes; times are UTC.

    The mark between two columns is the present. A value is never drawn as nothing, an unknown one
    always is. Without any value there is no chart.
    """
    top = _round_up(max((bar.value for bar in bars if bar.value is not None), default=0.0))
    if not top:
        return []
    style = _BLOCKS if unicode else _ASCII
    split = sum(bar.start <= now for bar in bars)
    lines = [_row(bars, level, top, split, style) for level in range(ROWS - 1, -1, -1)]
    return [*lines, _axis(bars, split, style), _times(bars, split), _legend(style)]


def _row(bars: Sequence[Bar], level: int, top: float, split: int, style: _Style) -> str:
    cells = [_cell(bar, level, top, style) for bar in bars]
    label = ""
    if level in (ROWS - 1, ROWS // 2 - 1):
        label = f"{top * (level + 1) / ROWS:g}"
    wall = style.tick if label else style.wall
    return f"{label:>{_MARGIN - 2}} {wall}{_marked(cells, split, style.now)}".rstrip()


def _cell(bar: Bar, level: int, top: float, style: _Style) -> str:
    if bar.value is None:
        return " "
    most = len(_EIGHTHS) - 1
    height = max(round(bar.value / top * ROWS * most), 1)
    return style.cell(height - level * most, certain=bar.certain)


def _marked(cells: Sequence[str], split: int, mark: str) -> str:
    return "".join((*cells[:split], mark, *cells[split:]))


def _axis(bars: Sequence[Bar], split: int, style: _Style) -> str:
    cells = [style.corner if _labelled(bar) else style.axis for bar in bars]
    return f"{'0':>{_MARGIN - 2}} {style.corner}{_marked(cells, split, style.corner)}"


def _times(bars: Sequence[Bar], split: int) -> str:
    """Write the hours below their columns; the present has precedence, none overlaps another."""
    line = [" "] * (_MARGIN + len(bars) + len("00:00"))
    for place, text in (("now", split), *_hours(bars, split)):
        _put(line, text + _MARGIN, place)
    return "".join(line).rstrip()


def _hours(bars: Sequence[Bar], split: int) -> Iterator[tuple[str, int]]:
    for place, bar in enumerate(bars):
        if _labelled(bar):
            yield from_epoch(bar.start).strftime("%H:%M"), place + (place >= split)


def _put(line: list[str], place: int, text: str) -> None:
    start = place - len(text) // 2
    around = line[max(start - 1, 0) : start + len(text) + 1]
    if start >= 0 and start + len(text) <= len(line) and not "".join(around).strip():
        line[start : start + len(text)] = text


def _labelled(bar: Bar) -> bool:
    return bar.start % _LABEL_SECONDS == 0


def _legend(style: _Style) -> str:
    indent = " " * _MARGIN
    return f"{indent}{style.eighths[-1]} observed   {style.expected} expected or carried on   UTC"


def _round_up(value: float) -> float:
    if value <= 0:
        return 0.0
    power = 10.0 ** floor(log10(value))
    return next((top * power for top in _TOPS if value <= top * power), value)
