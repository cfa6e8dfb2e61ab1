"""Snapshots of the past as OpenMetrics with timestamps, for Prometheus to import.

The series are those that a live exporter would have shown, label by label, so that history and
present join; what is told is the estate and its grids, not the exporter itself. Format:
OpenMetrics 1.0.0, timestamps in seconds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from exporter.core.model import ResourceKey
from exporter.core.snapshot import ResourceView, Snapshot
from exporter.exposition import catalogue
from exporter.exposition.catalogue import HISTORIC, Family, Kind, Past, Series
from exporter.exposition.render import MachineLabels
from exporter.exposition.spool import MOST_SAMPLES, Column, Spool
from exporter.exposition.text import identity_labels, openmetrics_head, series_labels

_PLACES: Final[Mapping[str, int]] = {family.name: at for at, family in enumerate(HISTORIC)}
_COUNTERS: Final = frozenset(
    place for place, family in enumerate(HISTORIC) if family.kind is Kind.COUNTER
)
_OTHERS: Final = tuple(one for one in HISTORIC if one.samples and one.past is not Past.GRIDS)
_GRIDS: Final = tuple(one for one in HISTORIC if one.samples and one.past is Past.GRIDS)

_Of = TypeVar("_Of")


def _values(
    series: Callable[[Family], Sequence[Series[_Of]]],
) -> tuple[tuple[Family, str, Callable[[_Of], float | None]], ...]:
    """Return family, label pairs and value of each series that may be of a machine.

    Those that come and go stand behind the others of their family.
    """
    return tuple(
        (family, series_labels(family, one), one.value)
        for family in HISTORIC
        for one in sorted(series(family), key=lambda one: one.optional)
    )


_ALWAYS: Final = _values(lambda family: family.series)
_CURRENT: Final = _values(lambda family: family.current)


class _Machine(NamedTuple):
    """Columns of one machine, in the order of ``_ALWAYS`` and ``_CURRENT``; None: no sample yet."""

    always: list[Column | None]
    current: list[Column | None]


class History:
    """Takes snapshots in the order of their times, and writes them to one file."""

    def __init__(
        self,
        folder: Path,
        *,
        tags: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        most_samples: int = MOST_SAMPLES,
    ) -> None:
        """``labels`` are those that a scrape adds: ``job`` and ``instance``."""
        self._spool = Spool(len(HISTORIC), folder, most_samples=most_samples)
        added = labels or {}
        self._added = identity_labels(tuple(added), tuple(added.values()))
        self._labels = MachineLabels(tags)
        self._newest: int | None = None
        self._machines: dict[ResourceKey, _Machine] = {}
        self._others: dict[str, dict[tuple[str, ...], Column]] = {}

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return self._spool.samples

    @property
    def series(self) -> int:
        """How many series there are."""
        return self._spool.series

    def record(
        self, snapshot: Snapshot, *, grids: bool = True, instead: Sequence[int] = ()
    ) -> None:
        """Add a snapshot; without ``grids`` only what is of machines and accounts.

        ``instead`` are times since the snapshot before, the first perhaps its own, at which is told
        what lies between the two, in place of the one before. Counters rise evenly from one to the
        other, gauges stay.

        Raises:
            OSError: no room on disk.
        """
        before, between = self._newest, [self._spool.at(time) for time in instead]
        self._newest = at = self._spool.at(int(snapshot.time))
        told = (*_OTHERS, *_GRIDS) if grids else _OTHERS
        count = sum(self._family(family, snapshot, at) for family in told)
        count += sum(self._machine(view, at) for view in snapshot.resources)
        self._spool.count(count)
        if instead and before is not None:
            self._spool.refine(before, between, _COUNTERS)

    def write(self, path: Path, tell: Callable[[int], None] = lambda _: None) -> None:
        """Write everything; the file is there when it is whole. ``tell`` hears of lines.

        Raises:
            OSError: it cannot be written.
        """
        part = path.with_name(f"{path.name}.part")
        try:
            with part.open("w", encoding="utf-8", newline="\n") as file:
                done = 0
                for lines in self._text():
                    file.write(lines)
                    done += lines.count("\n")
                    tell(done)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def _text(self) -> Iterator[str]:
        for place, family in enumerate(HISTORIC):
            head = openmetrics_head(family)
            for lines in self._spool.lines(place):
                if lines:
                    yield head + lines
                    head = ""
        yield "# EOF\n"

    def close(self) -> None:
        """Remove what lies on disk besides the file."""
        self._spool.close()

    def _column(self, family: Family, labels: str) -> Column:
        pairs = ",".join(filter(None, (labels, self._added)))
        return self._spool.column(
            _PLACES[family.name], f"{family.name}{{{pairs}}}" if pairs else family.name
        )

    def _family(self, family: Family, snapshot: Snapshot, at: int) -> int:
        known = self._others.setdefault(family.name, {})
        count = 0
        for values, value in family.samples(snapshot) if family.samples else ():
            if value is None or not isfinite(value):
                continue
            column = known.get(values)
            if column is None:
                labels = identity_labels(family.labels, values)
                column = known[values] = self._column(family, labels)
            column.add(at, value)
            count += 1
        return count

    def _machine(self, view: ResourceView, at: int) -> int:
        machine = self._machines.get(view.machine.key)
        if machine is None:
            machine = _Machine([None] * len(_ALWAYS), [None] * len(_CURRENT))
            self._machines[view.machine.key] = machine
        count = self._add(machine.always, _ALWAYS, view, (view, at))
        if view.now is not None:
            count += self._add(machine.current, _CURRENT, view.now, (view, at))
        return count

    def _add(
        self,
        columns: list[Column | None],
        values: Sequence[tuple[Family, str, Callable[[_Of], float | None]]],
        of: _Of,
        found: tuple[ResourceView, int],
    ) -> int:
        # The most of all samples pass here, so it is written for speed.
        view, at = found
        count = 0
        for place, (family, own, value_of) in enumerate(values):
            value = value_of(of)
            if value is None or not isfinite(value):
                continue
            column = columns[place]
            if column is None:
                column = columns[place] = self._new(view, family, own)
            column.stamps.append(at)
            column.values.append(value)
            count += 1
        return count

    def _new(self, view: ResourceView, family: Family, own: str) -> Column:
        labels = self._labels.of([view])[view.machine.key]
        info = family is catalogue.RESOURCE_INFO
        return self._column(family, labels.info if info else labels.identity + own)
