"""Samples come by time and are written by series: what lies between, in bounded memory.

OpenMetrics wants all samples of a series together, by rising time. So samples are gathered in
columns; when there are many, the columns go to a run on disk, in the order of the output; at the
end the runs are read side by side, each from its begin to its end.
"""

import struct
import tempfile
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

MOST_SAMPLES: Final = 4_000_000
"""Samples held in memory: 12 bytes each."""

_HEADER: Final = struct.Struct("<qq")
"""Number of a column, and how many samples of it follow."""
_NOBODY: Final = -1
_A_PAIR: Final = 2


class Column:
    """One series: its text up to the value, and its samples since the last flush."""

    __slots__ = ("number", "series", "stamps", "values")

    def __init__(self, number: int, series: str) -> None:
        self.number = number
        self.series = series
        self.stamps = array("I")
        self.values = array("d")

    def add(self, stamp: int, value: float) -> None:
        """Add a sample; a second one at the same time is left out."""
        if not self.stamps or self.stamps[-1] != stamp:
            self.stamps.append(stamp)
            self.values.append(value)

    def refine(self, before: int, now: int, between: Mapping[int, float], *, linear: bool) -> int:
        """Put samples at the times between in place of the one before; returns how many more.

        ``between`` holds the share of the time from before to now that had passed. A series that
        is not linear keeps its value from one sample to the next.
        """
        if len(self.stamps) < _A_PAIR or (self.stamps[-2], self.stamps[-1]) != (before, now):
            return 0
        last, first = self.values.pop(), self.values.pop()
        del self.stamps[-2:]
        rise = last - first if linear else 0.0
        self.stamps.extend(between)
        self.values.extend([first + rise * share for share in between.values()])
        self.stamps.append(now)
        self.values.append(last)
        return len(between) - 1


class Spool:
    """Columns in groups. A time is named by its place among the times of ``at``."""

    def __init__(self, groups: int, folder: Path, *, most_samples: int = MOST_SAMPLES) -> None:
        self._columns: list[list[Column]] = [[] for _ in range(groups)]
        self._folder = folder
        self._most = most_samples
        self._count = 0
        self._held = 0
        self._runs: list[IO[bytes]] = []
        self._readers: list[_Run] = []
        self._times: list[int] = []
        self.samples = 0

    @property
    def series(self) -> int:
        """How many columns there are."""
        return self._count

    def at(self, time: int) -> int:
        """Begin a time (epoch seconds, later than all before); returns its place.

        Raises:
            OSError: what is held could not be put on disk.
        """
        if self._held >= self._most:
            self._flush()
        self._times.append(time)
        return len(self._times) - 1

    def column(self, group: int, series: str) -> Column:
        """Make a new column at the end of a group."""
        column = Column(self._count, series)
        self._count += 1
        self._columns[group].append(column)
        return column

    def count(self, samples: int) -> None:
        """Take note of samples that were added to columns."""
        self._held += samples
        self.samples += samples

    def refine(self, before: int, between: Sequence[int], linear: Collection[int]) -> None:
        """Put samples at the places ``between`` in place of those at the place ``before``.

        All of them precede the newest. ``linear`` are the groups whose values rise evenly.
        """
        now = len(self._times) - 1
        begin, end = self._times[before], self._times[now]
        shares = {place: (self._times[place] - begin) / (end - begin) for place in between}
        more = sum(
            column.refine(before, now, shares, linear=group in linear)
            for group, columns in enumerate(self._columns)
            for column in columns
        )
        self.count(more)

    def lines(self, group: int) -> Iterator[str]:
        """Yield the sample lines of a group, series by series. Groups are read once, in order.

        Raises:
            OSError: a run could not be read.
        """
        if group == 0:
            self._readers = [_Run(file) for file in self._runs]
        stamps = [str(time) for time in self._times]
        for column in self._columns[group]:
            for run in self._readers:
                if run.number == column.number:
                    yield _lines(column.series, *run.take(), stamps)
            yield _lines(column.series, column.stamps, column.values, stamps)

    def close(self) -> None:
        """Remove what lies on disk."""
        for file in self._runs:
            file.close()
        self._runs.clear()

    def _flush(self) -> None:
        file: IO[bytes] = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 — closed by close
        self._runs.append(file)
        for column in (one for group in self._columns for one in group if len(one.stamps) > 1):
            file.write(_HEADER.pack(column.number, len(column.stamps) - 1))
            column.stamps[:-1].tofile(file)
            column.values[:-1].tofile(file)
            del column.stamps[:-1], column.values[:-1]  # the last sample may yet be refined
        file.flush()
        self._held = 0


class _Run:
    """One flush, read from begin to end."""

    def __init__(self, file: IO[bytes]) -> None:
        file.seek(0)
        self._file = file
        self.number = _NOBODY
        self._samples = 0
        self._next()

    def take(self) -> "tuple[array[int], array[float]]":
        """Return the samples of the present column, and go to the next."""
        stamps, values = array("I"), array("d")
        stamps.frombytes(self._file.read(self._samples * stamps.itemsize))
        values.frombytes(self._file.read(self._samples * values.itemsize))
        self._next()
        return stamps, values

    def _next(self) -> None:
        header = self._file.read(_HEADER.size)
        self.number, self._samples = _HEADER.unpack(header) if header else (_NOBODY, 0)


def _lines(
    series: str, stamps: Iterable[int], values: Iterable[float], times: Sequence[str]
) -> str:
    return "".join(
        [
            f"{series} {value!r} {times[stamp]}\n"
            for stamp, value in zip(stamps, values, strict=True)
        ]
    )
