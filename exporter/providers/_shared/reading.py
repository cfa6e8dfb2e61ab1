"""What is read of machines: batches put together, GPUs put next to CPUs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from exporter.core.errors import CollectorError
from exporter.core.model import Machine, MeteredPower, Reading, ResourceKey, UsageSeries
from exporter.core.ports import TypeCatalogue
from exporter.core.units import Ratio, Watts
from exporter.providers._shared.calls import without_repeats

Points = Mapping[int, Ratio]
"""Utilisation by the start of its bucket."""


GPU_ERROR: Final = 0.1
"""Error of the watts that a GPU tells of itself: 5 % by the maker, and nvidia-smi looks only a
quarter of the time on A100 and H100 (Yang et al., arXiv 2312.02741, 2023)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReading:
    """What one batch delivered, already on the window's buckets.

    ``forgotten`` are machines that the cloud has said to know no longer.
    """

    series: tuple[UsageSeries, ...] = ()
    unread: frozenset[ResourceKey] = frozenset()
    failures: tuple[CollectorError, ...] = ()
    forgotten: frozenset[ResourceKey] = frozenset()


def joined(readings: Sequence[BatchReading]) -> BatchReading:
    """Put batches together as they are."""
    return BatchReading(
        series=tuple(one for reading in readings for one in reading.series),
        unread=frozenset(key for reading in readings for key in reading.unread),
        failures=tuple(error for reading in readings for error in reading.failures),
        forgotten=frozenset(key for reading in readings for key in reading.forgotten),
    )


def merged(readings: Sequence[BatchReading]) -> Reading:
    """Make one answer of batches; a machine may come in several, each a part of the window.

    One that is unread in any part is unread as a whole: a watermark has no holes.
    """
    whole = joined(readings)
    series: dict[ResourceKey, UsageSeries] = {}
    for one in whole.series:
        before = series.get(one.key)
        if one.key not in whole.unread:
            series[one.key] = one if before is None else before.joined(one)
    return Reading(
        series=tuple(series.values()),
        unread=whole.unread,
        failures=without_repeats(whole.failures),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuReading:
    """What agents told; what failed leaves machines without a value, never unread.

    ``watts`` are those of all accelerators of a machine together, where an agent tells them.
    """

    ratios: Mapping[ResourceKey, Points] = field(default_factory=dict)
    watts: Mapping[ResourceKey, Mapping[int, Watts]] = field(default_factory=dict)
    failures: tuple[CollectorError, ...] = ()

    def added_to(self, reading: Reading) -> Reading:
        """Put it next to the machines' CPU utilisation."""
        return replace(
            reading,
            series=tuple(self._next_to(one) for one in reading.series),
            failures=without_repeats((*reading.failures, *self.failures)),
        )

    def _next_to(self, series: UsageSeries) -> UsageSeries:
        if series.key in self.ratios:
            series = replace(series, gpu=self.ratios[series.key])
        if series.key in self.watts:
            read = {
                at: MeteredPower(gpu=watts, low=1.0 - GPU_ERROR, high=1.0 + GPU_ERROR)
                for at, watts in self.watts[series.key].items()
            }
            series = replace(series, watts=read)
        return series


def joined_gpus(parts: Iterable[GpuReading]) -> GpuReading:
    """Put readings of different machines together."""
    parts = list(parts)
    return GpuReading(
        ratios={key: points for part in parts for key, points in part.ratios.items()},
        watts={key: points for part in parts for key, points in part.watts.items()},
        failures=tuple(error for part in parts for error in part.failures),
    )


def gpu_count(machine: Machine, types: TypeCatalogue) -> float:
    """Return how many accelerators a machine has, 0 where nothing tells of any.

    What the cloud's API says of this machine comes first: it has seen the machine, where the table
    has seen its type only, and Google attaches accelerators to machines of types that have none.
    The table fills what the API does not tell: a cloud tells a shape only for a type that the table
    lacks, and may tell it without accelerators.
    """
    told = machine.shape.gpu_count if machine.shape else 0.0
    if told:
        return told
    listed = types.find(machine.key.provider, machine.instance_type)
    return listed.gpu_count if listed else 0.0


def having_gpus(machines: Iterable[Machine], types: TypeCatalogue) -> tuple[Machine, ...]:
    """Return the machines that have accelerators: only these are asked about."""
    return tuple(one for one in machines if gpu_count(one, types) > 0)
