"""CPU utilisation from CloudWatch GetMetricData."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from exporter.core.clock import floor_to, from_epoch
from exporter.core.errors import AuthError, CollectorError, UnreachableError
from exporter.core.meter import ApiMeter
from exporter.core.model import CpuSeries, Machine, ResourceKey, Window
from exporter.core.units import Ratio, ratio_from_percent
from exporter.providers.aws import databases, inventory
from exporter.providers.aws.errors import Call, translated

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef, MetricTypeDef

PERMISSION: Final = "cloudwatch:GetMetricData"

MAX_QUERIES: Final = 500
"""MetricDataQueries in one GetMetricData (CloudWatch service quotas)."""

MAX_POINTS: Final = 100_800
"""Points in one answer (MaxDatapoints of GetMetricData); more are paged."""

DOLLARS_PER_METRIC: Final = 0.01 / 1000
"""List price of a metric requested through GetMetricData, us-east-1; no free tier.

https://aws.amazon.com/cloudwatch/pricing/
"""

BASIC_PERIOD: Final = 300
"""Seconds between the points of an instance with basic monitoring (EC2 user guide)."""

DETAILED_PERIOD: Final = 60
"""Seconds between points with detailed monitoring (EC2 user guide); RDS has them always."""

_METRICS: Final = {
    inventory.RESOURCE_TYPE: ("AWS/EC2", "InstanceId"),
    databases.RESOURCE_TYPE: ("AWS/RDS", "DBInstanceIdentifier"),
}
"""Namespace of CPUUtilization and its dimension, by resource type."""

_DAY: Final = 86_400
_RETENTION: Final = ((15 * _DAY, 60), (63 * _DAY, 300), (455 * _DAY, 3600))
"""How long points of each period are kept (CloudWatch concepts, "Metrics retention")."""

_OVERSHOOT_PERCENT: Final = 101.0
"""Sampling at the period's edges may give a little over 100 %; more is not a utilisation."""

_COMPLETE: Final = "Complete"
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

    def queries(self) -> "list[MetricDataQueryTypeDef]":
        """One query for each machine; its position is the number in the query's id."""
        return [
            {
                "Id": f"q{index}",
                "MetricStat": {
                    "Metric": _metric(one),
                    "Period": self.period,
                    "Stat": "Average",
                },
            }
            for index, one in enumerate(self.machines)
        ]


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


@dataclass(slots=True)
class _Result:
    """One query's answer, gathered over pages."""

    percents: dict[int, float] = field(default_factory=dict)
    status: str = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReading:
    """What a batch delivered, already on the window's buckets."""

    series: tuple[CpuSeries, ...] = ()
    unread: frozenset[ResourceKey] = frozenset()
    failures: tuple[CollectorError, ...] = ()


def plan(
    machines: Sequence[Machine], detailed: Collection[ResourceKey], window: Window, now: float
) -> Iterator[Batch]:
    """Split a read into requests: by region and by the period that the points have there."""

    def kind(one: Machine) -> tuple[str, int]:
        finest = DETAILED_PERIOD if one.key in detailed else BASIC_PERIOD
        return one.key.cloud_region, _period(window, finest, now)

    oldest = now - _RETENTION[-1][0]
    for (region, period), group in groupby(sorted(machines, key=kind), key=kind):
        start = floor_to(max(window.start, oldest), period)
        end = floor_to(window.end, period)
        if end <= start:
            size = MAX_QUERIES
        else:
            size = max(1, min(MAX_QUERIES, MAX_POINTS * period // (end - start)))
        same = tuple(group)
        for at in range(0, len(same), size):
            yield Batch(
                region=region, machines=same[at : at + size], start=start, end=end, period=period
            )


def _period(window: Window, finest: int, now: float) -> int:
    """Period to ask for: the resolution itself where kept points divide it evenly."""
    age = now - window.start
    kept = next((period for limit, period in _RETENTION if age <= limit), _RETENTION[-1][1])
    finest = max(finest, kept)
    return window.resolution if window.resolution % finest == 0 else finest


def read(
    client: "CloudWatchClient", batch: Batch, window: Window, call: Call, meter: ApiMeter
) -> BatchReading:
    """Read one batch.

    Machines whose result is not complete are unread; a request that fails leaves all unread.
    """
    if batch.start >= batch.end:  # no period of this length has ended yet
        return BatchReading(series=tuple(CpuSeries(key=m.key, points={}) for m in batch.machines))
    try:
        with translated(call):
            results = _request(client, batch, call, meter)
            return _sorted_out(batch, results, window, call)
    except CollectorError as error:
        return BatchReading(unread=frozenset(m.key for m in batch.machines), failures=(error,))


def _request(
    client: "CloudWatchClient", batch: Batch, call: Call, meter: ApiMeter
) -> dict[str, _Result]:
    results: dict[str, _Result] = {f"q{i}": _Result() for i in range(len(batch.machines))}
    request: dict[str, Any] = {
        "MetricDataQueries": batch.queries(),
        "StartTime": from_epoch(batch.start),
        "EndTime": from_epoch(batch.end),
    }
    while True:
        answer = client.get_metric_data(**request)
        dollars = len(batch.machines) * DOLLARS_PER_METRIC
        meter.count("aws", "GetMetricData", requests=0, dollars=dollars)
        if "MetricDataResults" not in answer:
            call.reject("the answer holds no results")
        for item in answer["MetricDataResults"]:
            _gather(item, results, batch, call)
        token = answer.get("NextToken")
        if not token:
            return results
        if token == request.get("NextToken"):
            call.reject("the pages do not end")
        request["NextToken"] = token


def _gather(
    item: Mapping[str, Any], results: Mapping[str, _Result], batch: Batch, call: Call
) -> None:
    result = results.get(str(item.get("Id")))
    stamps, values = item.get("Timestamps", ()), item.get("Values", ())
    if result is None or len(stamps) != len(values):
        call.reject("results do not match the queries")
    result.status = str(item.get("StatusCode", "missing"))
    for stamp, value in zip(stamps, values, strict=True):
        at = _bucket(stamp, batch, call)
        if batch.start <= at < batch.end:
            result.percents[at] = value


def _bucket(stamp: datetime, batch: Batch, call: Call) -> int:
    at = stamp.timestamp()
    if at % batch.period:
        call.reject(f"a stamp off the {batch.period} s grid")
    return int(at)


def _sorted_out(
    batch: Batch, results: Mapping[str, _Result], window: Window, call: Call
) -> BatchReading:
    series: list[CpuSeries] = []
    unread: list[ResourceKey] = []
    statuses: set[str] = set()
    implausible = False
    for one, result in zip(batch.machines, results.values(), strict=True):
        if result.status != _COMPLETE:
            unread.append(one.key)
            statuses.add(result.status)
            continue
        points = _ratios(result.percents)
        implausible = implausible or len(points) < len(result.percents)
        series.append(CpuSeries(key=one.key, points=_on_buckets(points, batch.period, window)))
    failures = [_incomplete(status, call) for status in sorted(statuses)]
    if implausible:
        failures.append(call.unreadable("CPU utilisation outside 0-100 %, left out"))
    return BatchReading(series=tuple(series), unread=frozenset(unread), failures=tuple(failures))


def _ratios(percents: Mapping[int, float]) -> dict[int, Ratio]:
    return {
        at: Ratio(min(1.0, ratio_from_percent(percent)))
        for at, percent in percents.items()
        if math.isfinite(percent) and 0.0 <= percent <= _OVERSHOOT_PERCENT
    }


def _on_buckets(points: Mapping[int, Ratio], period: int, window: Window) -> Mapping[int, Ratio]:
    """Means of the window's buckets from points of another length.

    A bucket is the mean of the points that it overlaps, by time; one that any of them does not
    cover is absent.
    """
    if period == window.resolution:
        return points
    means: dict[int, Ratio] = {}
    for start in window.buckets:
        mean = _mean(points, period, start, start + window.resolution)
        if mean is not None:
            means[start] = mean
    return means


def _mean(points: Mapping[int, Ratio], period: int, start: int, end: int) -> Ratio | None:
    first = floor_to(start, period)
    if end <= first + period:
        return points.get(first)
    total = 0.0
    for at in range(first, end, period):
        if at not in points:
            return None
        total += points[at] * (min(end, at + period) - max(start, at))
    return Ratio(total / (end - start))


def _incomplete(status: str, call: Call) -> CollectorError:
    if status == "Forbidden":
        cure = "access denied — attach the policy in deploy/iam/aws.json"
        return AuthError(f"{call}: {cure}", scope=call.region)
    if status in {"InternalError", "PartialData"}:
        message = f"{call}: CloudWatch answered {status} — it will be tried again"
        return UnreachableError(message, scope=call.region)
    return call.unreadable("queries without a usable result")
