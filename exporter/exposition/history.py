"""Snapshots of the past as OpenMetrics with timestamps, for Prometheus to import.

The series are those that a live exporter would have shown, label by label, so that history and
present join; what is told is the estate and its grids, not the exporter itself. Format:
OpenMetrics 1.0.0, timestamps in seconds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Final

from exporter.core.model import ResourceKey
from exporter.core.snapshot import ResourceNow, ResourceView, Snapshot
from exporter.exposition import catalogue
from exporter.exposition.aggregates import SAMPLES
from exporter.exposition.catalogue import RESOURCE, Family, Kind
from exporter.exposition.machines import MachineSeries, identity_labels
from exporter.exposition.spool import MOST_SAMPLES, Column, Spool

MACHINES: Final = (
    catalogue.RESOURCE_INFO,
    catalogue.RESOURCE_VCPUS,
    catalogue.RESOURCE_UTILIZATION,
    catalogue.RESOURCE_GPU_UTILIZATION,
    catalogue.RESOURCE_POWER,
    catalogue.RESOURCE_RATE,
    catalogue.RESOURCE_ENERGY,
    catalogue.RESOURCE_EMISSIONS,
)
"""Families of single machines."""

TOTALS: Final = (
    catalogue.ENERGY,
    catalogue.EMISSIONS,
    catalogue.POWER,
    catalogue.POWER_LOW,
    catalogue.POWER_HIGH,
    catalogue.RATE,
    catalogue.RATE_LOW,
    catalogue.RATE_HIGH,
    catalogue.OBSERVED_SECONDS,
    catalogue.RESOURCES,
)
"""Families by provider, account and region."""

GRIDS: Final = (
    catalogue.BUDGET,
    catalogue.GRID_INTENSITY,
    catalogue.GRID_TIMESTAMP,
    catalogue.GRID_FALLBACK,
    catalogue.GRID_ESTIMATED,
    catalogue.REGION_INFO,
    catalogue.REGION_INTENSITY,
    catalogue.REGION_PUE,
    catalogue.REGIONS_UNKNOWN,
)
"""Families that belong to no machine and no account."""

HISTORIC: Final[tuple[Family, ...]] = (*MACHINES, *TOTALS, *GRIDS)
"""All families that have a past. Left out: forecasts, and what the exporter tells of itself."""

_PLACES: Final[Mapping[str, int]] = {family.name: at for at, family in enumerate(HISTORIC)}
_COUNTERS: Final = frozenset(
    place for place, family in enumerate(HISTORIC) if family.kind is Kind.COUNTER
)
_OPTIONAL: Final = ("gpu", "storage", "network")
"""Components that are there only where they draw power."""


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
        self._info = MachineSeries(tags)
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
        told = (*TOTALS, *GRIDS) if grids else TOTALS
        count = sum(self._family(family, snapshot, at) for family in told)
        count += sum(self._machine(view).add(view, at) for view in snapshot.resources)
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
            head = _head(family)
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
        for values, value in SAMPLES[family](snapshot):
            if value is None or not isfinite(value):
                continue
            column = known.get(values)
            if column is None:
                labels = identity_labels(family.labels, values)
                column = known[values] = self._column(family, labels)
            column.add(at, value)
            count += 1
        return count

    def _machine(self, view: ResourceView) -> "_Machine":
        key = view.machine.key
        known = self._machines.get(key)
        if known is None:
            known = self._machines[key] = _Machine(self._column, view, self._info_of(view))
        return known

    def _info_of(self, view: ResourceView) -> str:
        line = self._info.render([view])[catalogue.RESOURCE_INFO]
        return line[line.index("{") + 1 : line.rindex("}")]


class _Machine:
    """The columns of one machine. The most of all samples pass here, so it is written for speed."""

    __slots__ = ("_column", "_counters", "_gauges", "_labels", "_more")

    def __init__(
        self, column: Callable[[Family, str], Column], view: ResourceView, info: str
    ) -> None:
        self._column = column
        self._labels = labels = identity_labels(RESOURCE, view.machine.key)
        self._counters = (
            column(catalogue.RESOURCE_INFO, info),
            column(catalogue.RESOURCE_ENERGY, labels),
            column(catalogue.RESOURCE_EMISSIONS, f'{labels},scope="operational"'),
            column(catalogue.RESOURCE_EMISSIONS, f'{labels},scope="embodied"'),
        )
        self._gauges: tuple[Column, ...] = ()
        self._more: dict[tuple[str, str], Column] = {}

    def add(self, view: ResourceView, at: int) -> int:
        values = (1.0, view.energy, view.operational, view.embodied)
        count = _add(self._counters, values, at)
        if view.now is None:
            return count
        if view.vcpus is not None:
            count += self._optional(catalogue.RESOURCE_VCPUS, self._labels, view.vcpus, at)
        return count + self._now(view.now, at)

    def _now(self, now: ResourceNow, at: int) -> int:
        power = now.power
        values = (
            now.utilization,
            power.cpu,
            power.memory,
            now.overhead,
            now.rate.operational,
            now.rate.embodied,
        )
        if not self._gauges:
            self._gauges = self._usual()
        return _add(self._gauges, values, at) + self._rare(now, at)

    def _usual(self) -> tuple[Column, ...]:
        column, labels = self._column, self._labels
        components = ("cpu", "memory", "overhead")
        return (
            column(catalogue.RESOURCE_UTILIZATION, labels),
            *(column(catalogue.RESOURCE_POWER, f'{labels},component="{c}"') for c in components),
            column(catalogue.RESOURCE_RATE, f'{labels},scope="operational"'),
            column(catalogue.RESOURCE_RATE, f'{labels},scope="embodied"'),
        )

    def _rare(self, now: ResourceNow, at: int) -> int:
        count = 0
        for component in _OPTIONAL:
            watts = getattr(now.power, component)
            if watts > 0:
                labels = f'{self._labels},component="{component}"'
                count += self._optional(catalogue.RESOURCE_POWER, labels, watts, at)
        if now.gpu_utilization is not None:
            family = catalogue.RESOURCE_GPU_UTILIZATION
            count += self._optional(family, self._labels, now.gpu_utilization, at)
        return count

    def _optional(self, family: Family, labels: str, value: float, at: int) -> int:
        column = self._more.get((family.name, labels))
        if column is None:
            column = self._more[family.name, labels] = self._column(family, labels)
        column.add(at, value)
        return 1


def _add(columns: Sequence[Column], values: Sequence[float], at: int) -> int:
    for column, value in zip(columns, values, strict=True):
        if isfinite(value):
            column.stamps.append(at)
            column.values.append(value)
    return len(values)


def _head(family: Family) -> str:
    name = family.openmetrics_name
    unit = f"# UNIT {name} {family.unit}\n" if family.unit else ""
    return f"# HELP {name} {family.help}\n# TYPE {name} {family.kind}\n{unit}"
