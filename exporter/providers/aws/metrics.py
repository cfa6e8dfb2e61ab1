"""Metrics of machines from CloudWatch GetMetricData, those of all kinds in the same requests."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from exporter.core.errors import CollectorError
from exporter.core.meter import ApiMeter
from exporter.core.model import Machine, ResourceKey, Window
from exporter.providers._shared.reading import BatchReading, Points
from exporter.providers.aws.errors import Call, translated
from exporter.providers.aws.kind import Kind, Query
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

_MONTH: Final = timedelta(days=30)


def monthly_cost(metrics: float, poll_interval: timedelta) -> float:
    """List price in dollars of 30 days of polling; longer intervals cost less for the same data."""
    return metrics * (_MONTH / poll_interval) * DOLLARS_PER_METRIC


Wanted = tuple[ResourceKey, Query]
"""A metric, and whose it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Metrics of one region that one request reads, over ``[start, end)`` in ``period`` steps."""

    region: str
    wanted: tuple[Wanted, ...]
    start: int
    end: int
    period: int

    @property
    def span(self) -> Span:
        """What the request covers."""
        return Span(start=self.start, end=self.end, period=self.period)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a batch delivered, already on the window's buckets, by machine and role."""

    points: Mapping[tuple[ResourceKey, str], Points] = field(default_factory=dict)
    unread: frozenset[ResourceKey] = frozenset()
    failures: tuple[CollectorError, ...] = ()


def plan(wanted: Iterable[Wanted], window: Window, now: float) -> Iterator[Batch]:
    """Split a read into requests: by region and by the period that the points have there."""
    spans: dict[int, Span] = {}
    groups: dict[tuple[str, int], list[Wanted]] = {}
    for key, query in wanted:
        span = spans.get(query.finest) or spans.setdefault(
            query.finest, span_of(window, query.finest, now)
        )
        groups.setdefault((key.cloud_region, span.period), []).append((key, query))
    by_period = {span.period: span for span in spans.values()}
    for (region, period), some in sorted(groups.items(), key=lambda group: group[0]):
        span = by_period[period]
        for at in range(0, len(some), span.most_queries):
            yield Batch(
                region=region,
                wanted=tuple(some[at : at + span.most_queries]),
                start=span.start,
                end=span.end,
                period=period,
            )


def read(
    client: "CloudWatchClient", batch: Batch, window: Window, call: Call, meter: ApiMeter
) -> Answer:
    """Read one batch.

    Machines of which a result is not complete are unread; a request that fails leaves all unread.
    """
    if batch.span.is_empty:
        return Answer(points={(key, query.role): {} for key, query in batch.wanted})
    try:
        with translated(call):
            asked = [(_metric(query), query.stat) for _, query in batch.wanted]
            results = ask(client, asked, batch.span, call, meter)
            return _sorted_out(batch, results, window, call)
    except CollectorError as error:
        return Answer(unread=frozenset(key for key, _ in batch.wanted), failures=(error,))


def _metric(query: Query) -> "MetricTypeDef":
    told: list[Any] = [{"Name": name, "Value": value} for name, value in query.dimensions]
    return {"Namespace": query.namespace, "MetricName": query.name, "Dimensions": told}


def _sorted_out(batch: Batch, results: Sequence[Result], window: Window, call: Call) -> Answer:
    found: dict[tuple[ResourceKey, str], Points] = {}
    unread: set[ResourceKey] = set()
    statuses: set[str] = set()
    implausible: set[str] = set()
    for (key, query), result in zip(batch.wanted, results, strict=True):
        if not result.is_complete:
            unread.add(key)
            statuses.add(result.status)
            continue
        points = ratios(result.values, query.whole, query.most)
        if len(points) < len(result.values):
            implausible.add(query.implausible)
        if result.odd:
            implausible.add("points without a number, or off the grid of times")
        found[key, query.role] = on_buckets(points, batch.period, window)
    failures = [incomplete(status, call) for status in sorted(statuses)]
    failures += [call.left_out(what) for what in sorted(implausible)]
    return Answer(points=found, unread=frozenset(unread), failures=tuple(failures))


def assembled(
    machines: Iterable[Machine], kinds: Mapping[str, Kind], answers: Sequence[Answer]
) -> BatchReading:
    """Put the answers about each machine together, as its kind (by resource type) reads them.

    A machine of which any metric is unread is unread.
    """
    unread = frozenset(key for answer in answers for key in answer.unread)
    roles: dict[ResourceKey, dict[str, Points]] = {}
    for answer in answers:
        for (key, role), points in answer.points.items():
            roles.setdefault(key, {})[role] = points
    return BatchReading(
        series=tuple(
            kinds[key.resource_type].point(one, roles[key])
            for key, one in {one.key: one for one in machines}.items()
            if key in roles and key not in unread
        ),
        unread=unread,
        failures=tuple(error for answer in answers for error in answer.failures),
    )
