"""CPU utilisation from CloudWatch GetMetricData."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Final

from exporter.core.errors import CollectorError
from exporter.core.meter import ApiMeter
from exporter.core.model import CpuSeries, Machine, ResourceKey, Window
from exporter.providers._shared.reading import BatchReading
from exporter.providers.aws import databases, inventory
from exporter.providers.aws.errors import Call, translated
from exporter.providers.aws.metric_data import (
    DOLLARS_PER_METRIC,
    Result,
    Span,
    ask,
    incomplete,
    on_buckets,
    ratios,
    span_of,
)

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricTypeDef

BASIC_PERIOD: Final = 300
"""Seconds between the points of an instance with basic monitoring (EC2 user guide)."""

DETAILED_PERIOD: Final = 60
"""Seconds between points with detailed monitoring (EC2 user guide); RDS has them always."""

_METRICS: Final = {
    inventory.RESOURCE_TYPE: ("AWS/EC2", "InstanceId"),
    databases.RESOURCE_TYPE: ("AWS/RDS", "DBInstanceIdentifier"),
}
"""Namespace of CPUUtilization and its dimension, by resource type."""

_MONTH: Final = timedelta(days=30)


def monthly_cost(machines: int, poll_interval: timedelta) -> float:
    """List price in dollars of 30 days of polling; longer intervals cost less for the same data."""
    return machines * (_MONTH / poll_interval) * DOLLARS_PER_METRIC


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Machines of one region that one request reads, over ``[start, end)`` in ``period`` steps."""

    region: str
    machines: tuple[Machine, ...]
    start: int
    end: int
    period: int

    @property
    def span(self) -> Span:
        """What the request covers."""
        return Span(start=self.start, end=self.end, period=self.period)


def _metric(machine: Machine) -> "MetricTypeDef":
    """Return the CPU metric of a machine; databases go by their name there."""
    kind = machine.key.resource_type
    namespace, dimension = _METRICS[kind]
    known_as = machine.name if kind == databases.RESOURCE_TYPE else machine.key.resource_id
    return {
        "Namespace": namespace,
        "MetricName": "CPUUtilization",
        "Dimensions": [{"Name": dimension, "Value": known_as}],
    }


def plan(
    machines: Sequence[Machine], detailed: Collection[ResourceKey], window: Window, now: float
) -> Iterator[Batch]:
    """Split a read into requests: by region and by the period that the points have there."""
    spans = {finest: span_of(window, finest, now) for finest in (DETAILED_PERIOD, BASIC_PERIOD)}

    def kind(one: Machine) -> tuple[str, int]:
        finest = DETAILED_PERIOD if one.key in detailed else BASIC_PERIOD
        return one.key.cloud_region, spans[finest].period

    by_period = {span.period: span for span in spans.values()}
    for (region, period), group in groupby(sorted(machines, key=kind), key=kind):
        span, same = by_period[period], tuple(group)
        for at in range(0, len(same), span.most_queries):
            yield Batch(
                region=region,
                machines=same[at : at + span.most_queries],
                start=span.start,
                end=span.end,
                period=period,
            )


def read(
    client: "CloudWatchClient", batch: Batch, window: Window, call: Call, meter: ApiMeter
) -> BatchReading:
    """Read one batch.

    Machines whose result is not complete are unread; a request that fails leaves all unread.
    """
    if batch.span.is_empty:
        return BatchReading(series=tuple(CpuSeries(key=m.key, points={}) for m in batch.machines))
    try:
        with translated(call):
            wanted = [_metric(one) for one in batch.machines]
            results = ask(client, wanted, batch.span, call, meter)
            return _sorted_out(batch, results, window, call)
    except CollectorError as error:
        return BatchReading(unread=frozenset(m.key for m in batch.machines), failures=(error,))


def _sorted_out(
    batch: Batch, results: Sequence[Result], window: Window, call: Call
) -> BatchReading:
    series: list[CpuSeries] = []
    unread: list[ResourceKey] = []
    statuses: set[str] = set()
    implausible = False
    for one, result in zip(batch.machines, results, strict=True):
        if not result.is_complete:
            unread.append(one.key)
            statuses.add(result.status)
            continue
        points = ratios(result.percents)
        implausible = implausible or len(points) < len(result.percents)
        series.append(CpuSeries(key=one.key, points=on_buckets(points, batch.period, window)))
    failures = [incomplete(status, call) for status in sorted(statuses)]
    if implausible:
        failures.append(call.unreadable("CPU utilisation outside 0-100 %, left out"))
    return BatchReading(series=tuple(series), unread=frozenset(unread), failures=tuple(failures))
