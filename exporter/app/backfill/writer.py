"""Where history goes: one file, or a folder with a file for each day."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporter.app.backfill.records import Lack
from exporter.core.clock import floor_to, from_epoch
from exporter.core.snapshot import Snapshot
from exporter.exposition.history import History

_DAY: Final = 86_400


Tell = Callable[[str, int, int], None]
"""Hears of progress: what is being done, how much of it, and of how much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of a backfill."""

    files: tuple[Path, ...]
    series: int
    """The most in one file."""
    samples: int
    lacks: tuple[Lack, ...]


class Writer:
    """Takes snapshots in order. ``output`` is a folder if it exists as one."""

    def __init__(self, output: Path, tags: Sequence[str], labels: Mapping[str, str]) -> None:
        self._output = output
        self._daily = output.is_dir()
        self._folder = output if self._daily else output.parent
        self._tags = tags
        self._labels = labels
        self._day: int | None = None
        self._history: History | None = None
        self._files: list[Path] = []
        self._series = 0
        self._samples = 0

    def record(self, snapshot: Snapshot, *, grids: bool, instead: Sequence[int] = ()) -> None:
        """Add a snapshot, as ``History.record`` does; a day that is over is written.

        Raises:
            OSError: it cannot be written.
        """
        day = floor_to(snapshot.time, _DAY)
        if self._daily and self._day != day:
            self.finish()
        self._day = day
        if self._history is None:
            self._history = History(self._folder, tags=self._tags, labels=self._labels)
        self._history.record(snapshot, grids=grids, instead=instead)

    def finish(self, tell: Tell = lambda *_: None) -> None:
        """Write what was taken in since the last file.

        Raises:
            OSError: it cannot be written.
        """
        history = self._history
        if history is None or self._day is None:
            return
        path = self._output
        if self._daily:
            path = self._folder / f"{from_epoch(self._day):%Y-%m-%d}.om"
        history.write(path, lambda done: tell("writing", done, history.samples))
        self._files.append(path)
        self._series = max(self._series, history.series)
        self._samples += history.samples
        self.close()

    def close(self) -> None:
        """Remove what lies on disk besides finished files."""
        if self._history is not None:
            self._history.close()
            self._history = None

    def report(self, lacks: Iterable[Lack]) -> Report:
        """Say what was written."""
        return Report(
            files=tuple(self._files),
            series=self._series,
            samples=self._samples,
            lacks=tuple(lacks),
        )
