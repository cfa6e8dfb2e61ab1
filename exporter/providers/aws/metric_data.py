"""CloudWatch GetMetricData, whatever the metric: statistics over periods of one length."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from exporter.core.clock import floor_to, from_epoch
from exporter.core.errors import AuthError, CollectorError, UnreachableError
from exporter.core.meter import ApiMeter
from exporter.core.model import Window
from exporter.core.units import PERCENT, Ratio
from exporter.providers._shared.calls import Pages
from exporter.providers.aws.errors import Call

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricTypeDef

PERMISSION: Final = "cloudwatch:GetMetricData"

MAX_QUERIES: Final = 500
"""MetricDataQueries in one GetMetricData (CloudWatch service quotas)."""

MAX_POINTS: Final = 100_800
"""Points in one answer (MaxDatapoints of GetMetricData); more are paged."""

DOLLARS_PER_METRIC: Final = 0.01 / 1000
"""List price of a metric requested through GetMetricData, us-east-1; no free tier.

https://aws.amazon.com/cloudwatch/pricing/
"""

_DAY: Final = 86_400
RETENTION: Final = ((15 * _DAY, 60), (63 * _DAY, 300), (455 * _DAY, 3600))
"""How long points of each period are kept (CloudWatch concepts, "Metrics retention")."""

_OVERSHOOT: Final = 2.0
"""A machine above the whole is taken to be wholly busy: sampling at the period's edges, and bursts
of a host, give a little over 100 %. More than this many times the whole is not a utilisation."""

_COMPLETE: Final = "Complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What a request covers: ``[start, end)`` epoch seconds in ``period`` steps."""

    start: int
    end: int
    period: int

    @property
    def is_empty(self) -> bool:
        """Whether no period of this length has ended yet."""
        return self.end <= self.start

    @property
    def most_queries(self) -> int:
        """Metrics of one request, so that its answer is a single page."""
        if self.is_empty:
            return MAX_QUERIES
        return max(1, min(MAX_QUERIES, MAX_POINTS * self.period // (self.end - self.start)))


def span_of(window: Window, finest: int, now: float) -> Span:
    """Return what to ask for to read a window of metrics that have a point every ``finest`` s.

    The period is the resolution itself where kept points divide it evenly.
    """
    age = now - window.start
    kept = next((period for limit, period in RETENTION if age <= limit), RETENTION[-1][1])
    finest = max(finest, kept)
    period = window.resolution if window.resolution % finest == 0 else finest
    oldest = now - RETENTION[-1][0]
    start = floor_to(max(window.start, oldest), period)
    return Span(start=start, end=floor_to(window.end, period), period=period)


@dataclass(slots=True)
class Result:
    """One metric's answer, gathered over pages: value by the start of its period."""

    values: dict[int, float] = field(default_factory=dict)
    status: str = "missing"
    odd: int = 0
    """Points that were left out: no number, or a time that is none or off the grid."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing from it; where no point can be read, all is."""
        return self.status == _COMPLETE and (not self.odd or bool(self.values))


def ask(
    client: "CloudWatchClient",
    wanted: "Sequence[tuple[MetricTypeDef, str]]",
    span: Span,
    call: Call,
    meter: ApiMeter,
) -> list[Result]:
    """Read metrics, each by one of its statistics; returns their results in order.

    Raises:
        BadPayloadError: the answer is not about these.
    """
    results: dict[str, Result] = {f"q{index}": Result() for index in range(len(wanted))}
    request: dict[str, Any] = {
        "MetricDataQueries": [
            {"Id": name, "MetricStat": {"Metric": one, "Period": span.period, "Stat": stat}}
            for name, (one, stat) in zip(results, wanted, strict=True)
        ],
        "StartTime": from_epoch(span.start),
        "EndTime": from_epoch(span.end),
    }
    pages = Pages(call)
    while True:
        answer = client.get_metric_data(**request)
        dollars = len(wanted) * DOLLARS_PER_METRIC
        meter.count("aws", "GetMetricData", requests=0, dollars=dollars)
        if "MetricDataResults" not in answer:
            call.reject("the answer holds no results")
        for item in answer["MetricDataResults"]:
            _gather(item, results, span, call)
        token = pages.turn(answer.get("NextToken"))
        if not token:
            return list(results.values())
        request["NextToken"] = token


def _gather(item: Mapping[str, Any], results: Mapping[str, Result], span: Span, call: Call) -> None:
    result = results.get(str(item.get("Id")))
    if result is None:
        call.reject("results do not match the queries")
    stamps, values = item.get("Timestamps") or (), item.get("Values") or ()
    result.status = str(item.get("StatusCode", "missing"))
    if len(stamps) != len(values):  # nobody can tell which value is of which time
        result.status = "Mismatched"
        return
    for stamp, value in zip(stamps, values, strict=True):
        at = _bucket(stamp, span)
        if at is None or isinstance(value, bool) or not isinstance(value, int | float):
            result.odd += 1
        elif span.start <= at < span.end:
            result.values[at] = value


def _bucket(stamp: object, span: Span) -> int | None:
    """Return the start of a period; None for what is no time, or off the grid."""
    at = stamp.timestamp() if isinstance(stamp, datetime) else math.nan
    return int(at) if at % span.period == 0 else None


def ratios(
    values: Mapping[int, float], whole: float = PERCENT, most: float = 1.0
) -> dict[int, Ratio]:
    """Return values as parts of a ``whole``, up to ``most``; what cannot be one is left out."""
    highest = most * whole * _OVERSHOOT
    return {
        at: Ratio(min(most, value / whole))
        for at, value in values.items()
        if math.isfinite(value) and 0.0 <= value <= highest
    }


def on_buckets(points: Mapping[int, Ratio], period: int, window: Window) -> Mapping[int, Ratio]:
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


def incomplete(status: str, call: Call) -> CollectorError:
    """Make the error of results that have another status than ``Complete``."""
    if status == "Forbidden":
        cure = "access denied — attach the policy in deploy/iam/aws.json"
        return AuthError(f"{call}: {cure}", scope=call.region)
    if status in {"InternalError", "PartialData"}:
        message = f"{call}: CloudWatch answered {status} — it will be tried again"
        return UnreachableError(message, scope=call.region)
    return call.unreadable("queries without a usable result")
