"""Snapshot to finished bytes, once per cycle: a scrape only copies them.

Text format 0.0.4 and OpenMetrics 1.0 share their sample lines, so these are written once; only the
metadata differs. Formats: prometheus.io/docs/instrumenting/exposition_formats and the OpenMetrics
1.0.0 specification.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from prometheus_client import PlatformCollector, ProcessCollector

from exporter.core.snapshot import ResourceView, Snapshot
from exporter.exposition import aggregates, catalogue
from exporter.exposition.catalogue import FAMILIES, Family, Kind
from exporter.exposition.machines import MachineSeries, series_of, within

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

DEFAULT_MAX_SERIES: Final = 250_000
"""About 20,000 machines and 50 MB of text: beyond it, several exporters serve better than one."""

_GZIP_LEVEL: Final = 1  # level 9 saves a quarter of the bytes for ten times the processor time
_GZIP_WINDOW: Final = 31  # zlib's largest window, with a gzip header
_EXPOSITION_SERIES: Final = 3  # the families that count series count themselves

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
        self._machines = MachineSeries(tags)
        self._collectors = (ProcessCollector(registry=None), PlatformCollector(registry=None))
        self._left_out = 0

    def render(self, snapshot: Snapshot | None) -> Exposition:
        """Render a snapshot; None is the time before the first one: self-metrics only."""
        blocks = self._fixed(snapshot)
        room = self._max_series - sum(_count(block) for block in blocks.values())
        resources = snapshot.resources if snapshot else ()
        kept = self._fit(resources, room - _EXPOSITION_SERIES)
        blocks |= self._machines.render(kept)
        series = _EXPOSITION_SERIES + sum(_count(block) for block in blocks.values())
        dropped = sum(map(series_of, resources)) - sum(map(series_of, kept))
        blocks |= self._own(series, dropped)
        return _assemble(blocks, series=series, dropped=dropped)

    def _fixed(self, snapshot: Snapshot | None) -> dict[Family, str]:
        blocks = aggregates.render(snapshot) if snapshot else {}
        blocks[catalogue.BUILD_INFO] = aggregates.lines(
            catalogue.BUILD_INFO, [((self._version,), 1.0)]
        )
        return blocks | self._process()

    def _process(self) -> dict[Family, str]:
        metrics = [metric for one in self._collectors for metric in one.collect()]
        samples = {sample.name: sample for metric in metrics for sample in metric.samples}
        return {
            family: aggregates.lines(
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
        return {family: aggregates.lines(family, [((), n)]) for family, n in values.items()}

    def _fit(self, views: Sequence[ResourceView], room: int) -> Sequence[ResourceView]:
        kept = views if sum(map(series_of, views)) <= room else within(views, room)
        left_out = len(views) - len(kept)
        if bool(left_out) != bool(self._left_out):
            _log.warning(
                "series limit reached, machines left out" if left_out else "all machines fit again",
                machines_left_out=left_out,
                max_series=self._max_series,
                fix="raise max_series, or split the providers over several exporters",
            )
        self._left_out = left_out
        return kept


def _assemble(blocks: Mapping[Family, str], *, series: int, dropped: int) -> Exposition:
    text: list[bytes] = []
    openmetrics: list[bytes] = []
    for family in FAMILIES:
        if block := blocks.get(family, "").encode():
            text += (_text_head(family), block)
            openmetrics += (_openmetrics_head(family), block)
    return Exposition(
        text=body(TEXT, *text),
        openmetrics=body(OPENMETRICS, *openmetrics, b"# EOF\n"),
        series=series,
        dropped=dropped,
    )


def _text_head(family: Family) -> bytes:
    return _head(family.name, family.kind, family.help).encode()


def _openmetrics_head(family: Family) -> bytes:
    name = family.openmetrics_name
    unit = f"# UNIT {name} {family.unit}\n" if family.unit else ""
    return (_head(name, family.kind, family.help) + unit).encode()


def _head(name: str, kind: Kind, text: str) -> str:
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"


def _count(block: str) -> int:
    return block.count("\n")


def _gzip(chunks: Iterable[bytes]) -> bytes:
    squeeze = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW)
    return b"".join([*map(squeeze.compress, chunks), squeeze.flush()])
