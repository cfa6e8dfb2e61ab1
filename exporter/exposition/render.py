"""Snapshot to finished bytes, once per cycle: a scrape only copies them.

Both formats share their sample lines, so these are written once. Series of single machines are
most of them: their label strings are kept between renders.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final, TypeVar

import structlog
from prometheus_client import PlatformCollector, ProcessCollector

from exporter.core.model import Machine, ResourceKey, RunState
from exporter.core.snapshot import ResourceView, Snapshot
from exporter.exposition import catalogue
from exporter.exposition.catalogue import FAMILIES, INFO, RESOURCE, Family, Samples, Series
from exporter.exposition.text import (
    identity_labels,
    label_value,
    openmetrics_head,
    series_labels,
    tag_labels,
    text_head,
)

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

DEFAULT_MAX_SERIES: Final = 250_000
"""About 20,000 machines and 50 MB of text: beyond it, several exporters serve better than one."""

_GZIP_LEVEL: Final = 1  # level 9 saves a quarter of the bytes for ten times the processor time
_GZIP_WINDOW: Final = 31  # zlib's largest window, with a gzip header
_EXPOSITION_SERIES: Final = 3  # the families that count series count themselves

_RATE_HALF_LIFE: Final = 6 * 3600.0
"""Seconds in which a former rate counts half, where series are left out: a nightly job stays."""

_INCUMBENT: Final = 1.25
"""How much more a newcomer has to emit than one that is shown: load varies by less."""

_Of = TypeVar("_Of")
_Own = Sequence[tuple[str, Callable[[_Of], float | None]]]
"""Label pairs beyond the identity and value of each series that a family has of a machine."""


def _own(family: Family, series: Sequence[Series[_Of]]) -> _Own[_Of]:
    return [(series_labels(family, one), one.value) for one in series]


_ALWAYS: Final = {one: _own(one, one.series) for one in FAMILIES if one.series}
_CURRENT: Final = {one: _own(one, one.current) for one in FAMILIES if one.current}
_MOST: Final = sum(map(len, (*_ALWAYS.values(), *_CURRENT.values())))
"""Series that a machine may have."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One finished answer, plain and compressed. The formats share most of their chunks."""

    content_type: str
    chunks: tuple[bytes, ...]
    gzipped: bytes

    @property
    def plain(self) -> bytes:
        """The uncompressed answer."""
        return b"".join(self.chunks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposition:
    """One snapshot in both formats, and how many series it has."""

    text: Body
    openmetrics: Body
    series: int
    dropped: int


def body(content_type: str, *chunks: bytes) -> Body:
    """Make an answer from its parts."""
    return Body(content_type=content_type, chunks=chunks, gzipped=_gzip(chunks))


class Renderer:
    """Renders snapshots; remembers label strings between them. Not thread-safe.

    ``tags`` are the keys of cloud tags that become labels of ``carbon_resource_info``;
    ``max_series`` bounds the exposition by leaving out whole machines, lowest emitters first.
    """

    def __init__(
        self, *, version: str, tags: Sequence[str] = (), max_series: int = DEFAULT_MAX_SERIES
    ) -> None:
        self._version = version
        self._max_series = max_series
        self._labels = MachineLabels(tags)
        self._collectors = (ProcessCollector(registry=None), PlatformCollector(registry=None))
        self._places = Places()
        self._left_out = 0

    def render(self, snapshot: Snapshot | None) -> Exposition:
        """Render a snapshot; None is the time before the first one: self-metrics only."""
        blocks = self._fixed(snapshot)
        room = self._max_series - sum(_count(block) for block in blocks.values())
        resources = snapshot.resources if snapshot else ()
        time = snapshot.time if snapshot else 0.0
        kept, dropped = self._fit(resources, room - _EXPOSITION_SERIES, time)
        blocks |= self._machines(kept)
        series = _EXPOSITION_SERIES + sum(_count(block) for block in blocks.values())
        blocks |= self._own(series, dropped)
        return _assemble(blocks, series=series, dropped=dropped)

    def _machines(self, views: Sequence[ResourceView]) -> dict[Family, str]:
        known = self._labels.of(views)
        labels = [known[view.machine.key] for view in views]
        rows = [(one.identity, view) for one, view in zip(labels, views, strict=True)]
        infos = [(one.info, view) for one, view in zip(labels, views, strict=True)]
        current = [(identity, view.now) for identity, view in rows if view.now is not None]
        return {
            family: _block(family, own, infos if family is catalogue.RESOURCE_INFO else rows)
            for family, own in _ALWAYS.items()
        } | {family: _block(family, own, current) for family, own in _CURRENT.items()}

    def _fixed(self, snapshot: Snapshot | None) -> dict[Family, str]:
        blocks = (
            {
                family: _lines(family, family.samples(snapshot))
                for family in FAMILIES
                if family.samples
            }
            if snapshot
            else {}
        )
        blocks[catalogue.BUILD_INFO] = _lines(catalogue.BUILD_INFO, [((self._version,), 1.0)])
        return blocks | self._process()

    def _process(self) -> dict[Family, str]:
        metrics = [metric for one in self._collectors for metric in one.collect()]
        samples = {sample.name: sample for metric in metrics for sample in metric.samples}
        return {
            family: _lines(
                family,
                [(tuple(found.labels[label] for label in family.labels), float(found.value))],
            )
            for family in catalogue.PROCESS
            if (found := samples.get(family.name))
        }

    def _own(self, series: int, dropped: int) -> dict[Family, str]:
        values = {
            catalogue.EXPOSITION_SERIES: series,
            catalogue.EXPOSITION_LIMIT: self._max_series,
            catalogue.EXPOSITION_DROPPED: dropped,
        }
        return {family: _lines(family, [((), n)]) for family, n in values.items()}

    def _fit(
        self, views: Sequence[ResourceView], room: int, time: float
    ) -> tuple[Sequence[ResourceView], int]:
        """Return the machines that there is room for, and how many series the others have."""
        kept, dropped = self._places.within(views, room, time)
        left_out = len(views) - len(kept)
        if bool(left_out) != bool(self._left_out):
            _log.warning(
                "series limit reached, machines left out" if left_out else "all machines fit again",
                machines_left_out=left_out,
                max_series=self._max_series,
                fix="raise max_series, or split the providers over several exporters",
            )
        self._left_out = left_out
        return kept, dropped


@dataclass(frozen=True, slots=True)
class Labels:
    """A machine's label pairs as they stand between the braces, and what they were made of."""

    identity: str
    info: str
    machine: Machine
    grid_zone: str
    confidence: str | None


class MachineLabels:
    """Label strings of machines, kept from one snapshot to the next. Not thread-safe.

    What the last snapshot did not hold is forgotten, so they are bounded by the estate.
    """

    def __init__(self, tags: Sequence[str]) -> None:
        self._tags = tag_labels(tags)
        self._known: dict[ResourceKey, Labels] = {}

    def of(self, views: Iterable[ResourceView]) -> Mapping[ResourceKey, Labels]:
        """Return the labels of some machines, and forget others."""
        self._known = {view.machine.key: self._labels(view) for view in views}
        return self._known

    def _labels(self, view: ResourceView) -> Labels:
        machine = view.machine
        known = self._known.get(machine.key)
        if (
            known
            and (known.grid_zone, known.confidence) == (view.grid_zone, view.confidence)
            and (known.machine is machine or known.machine == machine)
        ):
            return known
        identity = known.identity if known else identity_labels(RESOURCE, machine.key)
        return Labels(
            identity, self._info(identity, view), machine, view.grid_zone, view.confidence
        )

    def _info(self, identity: str, view: ResourceView) -> str:
        values = {name: value(view) for name, value in INFO.items()}
        values |= {label: view.machine.tags.get(key, "") for key, label in self._tags}
        pairs = (f'{name}="{label_value(value)}"' for name, value in values.items())
        return ",".join((identity, *pairs))


class Places:
    """Chooses the machines that are shown where not all fit. Not thread-safe.

    The highest emitters of now go first. What a machine emitted per hour is forgotten slowly, and
    one that is shown keeps its place against one that emits little more: load that comes and goes
    does not make series come and go. Machines that are gone are the first to be left out.
    """

    def __init__(self) -> None:
        self._rates: dict[ResourceKey, float] = {}
        self._shown: set[ResourceKey] = set()
        self._time = 0.0

    def within(
        self, views: Sequence[ResourceView], room: int, time: float
    ) -> tuple[Sequence[ResourceView], int]:
        """Return the machines that fit into a number of series, and how many the others have.

        A machine is there with all its series or with none. ``time`` is the snapshot's.
        """
        # Counting asks for every value once more: not where all fit however many they have.
        if len(views) * _MOST <= room:
            return self._all(views)
        counts = {view.machine.key: _series_of(view) for view in views}
        if sum(counts.values()) <= room:
            return self._all(views)
        ranked = self._ranked(views, time)
        left, fitting = room, 0
        for view in ranked:
            left -= counts[view.machine.key]
            if left < 0:
                break
            fitting += 1
        kept = ranked[:fitting]
        self._shown = {view.machine.key for view in kept}
        return kept, sum(counts[view.machine.key] for view in ranked[fitting:])

    def _all(self, views: Sequence[ResourceView]) -> tuple[Sequence[ResourceView], int]:
        self._rates, self._shown = {}, set()
        return views, 0

    def _ranked(self, views: Sequence[ResourceView], time: float) -> Sequence[ResourceView]:
        fades = 0.5 ** (max(0.0, time - self._time) / _RATE_HALF_LIFE)
        self._time = time
        self._rates = {
            view.machine.key: max(_rate(view), self._rates.get(view.machine.key, 0.0) * fades)
            for view in views
        }

        def place(view: ResourceView) -> tuple[bool, float, float, ResourceKey]:
            key = view.machine.key
            rate = self._rates[key] * (_INCUMBENT if key in self._shown else 1.0)
            so_far = view.operational + view.embodied
            return view.machine.state is RunState.GONE, -rate, -so_far, key

        return sorted(views, key=place)


def _rate(view: ResourceView) -> float:
    return 0.0 if view.now is None else view.now.rate.operational + view.now.rate.embodied


def _series_of(view: ResourceView) -> int:
    count = sum(value(view) is not None for own in _ALWAYS.values() for _, value in own)
    if view.now is None:
        return count
    return count + sum(value(view.now) is not None for own in _CURRENT.values() for _, value in own)


def _block(family: Family, own: _Own[_Of], rows: Sequence[tuple[str, _Of]]) -> str:
    """Return the sample lines of a family of machines; ``rows`` are label pairs and machines."""
    # One comprehension that calls nothing but the values: this is most of the time of a render.
    name = family.name
    return "".join(
        [
            f"{name}{{{labels}{more}}} {value!r}\n"
            for labels, of in rows
            for more, value_of in own
            if (value := value_of(of)) is not None and isfinite(value)
        ]
    )


def _lines(family: Family, samples: Samples) -> str:
    """Return the sample lines of one family; a repeated label set keeps its first value."""
    first: dict[tuple[str, ...], float] = {}
    for values, value in samples:
        if value is not None and isfinite(value):
            first.setdefault(values, value)
    return "".join(_line(family, values, value) for values, value in first.items())


def _line(family: Family, values: tuple[str, ...], value: float) -> str:
    if not family.labels:
        return f"{family.name} {value!r}\n"
    return f"{family.name}{{{identity_labels(family.labels, values)}}} {value!r}\n"


def _assemble(blocks: Mapping[Family, str], *, series: int, dropped: int) -> Exposition:
    text: list[bytes] = []
    openmetrics: list[bytes] = []
    for family in FAMILIES:
        if block := blocks.get(family, "").encode():
            text += (text_head(family).encode(), block)
            openmetrics += (openmetrics_head(family).encode(), block)
    return Exposition(
        text=body(TEXT, *text),
        openmetrics=body(OPENMETRICS, *openmetrics, b"# EOF\n"),
        series=series,
        dropped=dropped,
    )


def _count(block: str) -> int:
    return block.count("\n")


def _gzip(chunks: Iterable[bytes]) -> bytes:
    squeeze = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW)
    return b"".join([*map(squeeze.compress, chunks), squeeze.flush()])
