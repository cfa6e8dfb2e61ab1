"""The grids asked once: what ``intensity`` and ``regions`` share."""

import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import Progress

from exporter import app, logs
from exporter.core.clock import epoch, from_epoch
from exporter.core.errors import CarbonExporterError, ConfigError
from exporter.core.model import Basis, FallbackLevel, IntensityInForce, Method
from exporter.core.ports import GridSource
from exporter.engine.intensity import IntensityBook
from exporter.settings import Settings, load
from exporter.settings.mistakes import MISSING
from exporter.verbs.errors import UsageError
from exporter.verbs.output import ABSENT

DAY: Final = 86400

BASES: Final[Mapping[Basis, str]] = {
    Basis.LIFECYCLE: "life cycle",
    Basis.DIRECT: "direct (combustion only)",
}

RANKED_BASIS: Final[Mapping[Method, Basis]] = {
    Method.AVERAGE: Basis.LIFECYCLE,
    Method.MARGINAL: Basis.DIRECT,
}
"""The only basis of a method that is shown and ranked: the one in which most grids are known."""

_MINUTE: Final = 60
_HOUR: Final = 3600
_PROVIDERLESS: Final = {"CARBON_PROVIDERS": "host"}
"""Makes a configuration complete that names no machines: grids need none."""


MARGINAL_SOURCE: Final = "watttime"
"""The adapter that tells marginal intensities."""


class NothingKnownError(CarbonExporterError):
    """No source tells what was asked for, and no table stands behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A source that was asked and failed, wholly or in part."""

    collector: str
    message: str

    def __str__(self) -> str:
        named = self.message.startswith(self.collector)
        return self.message if named else f"{self.collector}: {self.message}"


@contextmanager
def grid_app(config: Path | None) -> Iterator[app.App]:
    """Build the grid sources of the configuration, and release them at the end.

    Without a configuration these are the sources that are on by default. No cloud is asked.

    Raises:
        ConfigError: the configuration is wrong; carries every problem.
    """
    settings = _settings(config).model_copy(update={"providers": ()})
    logs.configure("error", settings.log_format)
    built = app.build(settings)
    try:
        yield built
    finally:
        built.close()


def ask(built: app.App, book: IntensityBook, zones: Collection[str], *methods: Method) -> None:
    """Ask each source of the methods for the last day of its zones; never raises.

    The sources are asked side by side; one that was just asked is left alone.
    """
    asked = [s for s in built.sources if s.method in methods and any(map(s.covers, zones))]
    end = int(epoch(built.clock.now())) + 1

    def one(source: GridSource) -> None:
        own = [zone for zone in zones if source.covers(zone)]
        book.refresh(source.name, own, end - DAY, end)

    if asked:
        with ThreadPoolExecutor(len(asked)) as pool:
            list(pool.map(one, asked))


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yield what takes how many are done: a bar on a terminal, a line per change elsewhere."""
    console = Console(stderr=True, highlight=False, emoji=False)
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


def troubles(book: IntensityBook) -> list[Trouble]:
    """Return the sources whose last answer was an error, or had one in it."""
    views = [status.view() for status in book.statuses]
    return [Trouble(collector=v.name, message=v.last_error) for v in views if v.success is False]


def in_force(
    book: IntensityBook, zone: str, moment: float, method: Method
) -> IntensityInForce | None:
    """Return the value of a method: the average is always known, the marginal one is not."""
    if method is Method.AVERAGE:
        return book.at(zone, moment)
    return book.signal(zone, moment, method, RANKED_BASIS[method])


def no_signal(sources: Collection[GridSource], zones: Collection[str], method: Method) -> str:
    """Say why nothing is known of a signal, and what would tell it."""
    where = next(iter(zones)) if len(zones) == 1 else "any region"
    asked = [s.name for s in sources if s.method is method and any(map(s.covers, zones))]
    if asked:
        return f"no {method} intensity of {where} is known: {', '.join(asked)} told none"
    fix = f"list `- kind: {MARGINAL_SOURCE}` under `grids:`; docs/configuration.md tells its keys"
    return f"no {method} intensity of {where} is known: no source in use tells it — {fix}"


def over(
    book: IntensityBook, zone: str, span: tuple[int, int], method: Method
) -> IntensityInForce | None:
    """Return the mean of a short span; of a signal, which is not averaged, that of its middle."""
    if method is Method.AVERAGE:
        return book.over(zone, *span)
    return book.signal(zone, sum(span) / 2, method, RANKED_BASIS[method])


def parse_method(text: str) -> Method:
    """Read ``average`` or ``marginal``.

    Raises:
        UsageError: it is neither.
    """
    return Method(one_of("--method", text, [method.value for method in Method]))


def one_of(option: str, text: str, allowed: Collection[str]) -> str:
    """Return an option's value as it is.

    Raises:
        UsageError: it is not one of those allowed.
    """
    if text not in allowed:
        message = f"{option} {text!r} — write one of {', '.join(allowed)}"
        raise UsageError(message)
    return text


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


def _settings(config: Path | None) -> Settings:
    try:
        return load(config, os.environ)
    except ConfigError as error:
        if [(problem.key, problem.value) for problem in error.problems] != [("providers", MISSING)]:
            raise
    return load(config, {**os.environ, **_PROVIDERLESS})
