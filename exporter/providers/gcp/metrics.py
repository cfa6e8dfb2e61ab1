"""Utilisation from Cloud Monitoring: of CPUs, and of what else it has a series for.

Our buckets are ``[start, end)``; an aligned point of Cloud Monitoring carries the *end* of its
period, and the interval of a question holds its end but not its start. So the buckets of a window
are the points that a question over exactly that window returns.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from google.api.metric_pb2 import MetricDescriptor  # type: ignore[import-untyped] # no types upstream
from google.cloud.monitoring_v3 import Aggregation, ListTimeSeriesRequest

from exporter.core.clock import floor_to
from exporter.core.errors import BadPayloadError, CollectorError
from exporter.core.model import ResourceKey, Window
from exporter.core.units import Ratio
from exporter.providers.gcp.errors import Call, from_status
from exporter.providers.gcp.kind import Metric
from exporter.providers.gcp.session import DOLLARS_PER_SERIES

PERMISSION: Final = "monitoring.timeSeries.list"


FINEST: Final = 60
"""Seconds between the points of the metric, and the shortest period of alignment."""

RETENTION: Final = 42 * 86_400
"""Six weeks: how long points of the metric are kept (Cloud Monitoring quotas, data retention)."""

_NOISE: Final = -0.01
"""Means of almost nothing may come out a little below 0."""
_OVERSHOOT: Final = 2.0
"""Machines may burst above what is theirs; beyond twice the limit it is no utilisation."""

_DOUBLE: Final = int(MetricDescriptor.ValueType.DOUBLE)
_MONTH: Final = timedelta(days=30)


def monthly_cost(series: float, poll_interval: timedelta) -> float:
    """List price in dollars of 30 days of polling, before the free million series a month."""
    return series * (_MONTH / poll_interval) * DOLLARS_PER_SERIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A ListTimeSeries request over ``(start, end]`` epoch seconds in ``period`` steps.

    ``target`` is the project, or scoping project, that is asked; ``only`` narrows the answer to one
    project, because any project may be the scoping project of others. With ``group_by`` the series
    that agree in those fields become their mean.
    """

    metric: Metric
    target: str
    start: int
    end: int
    period: int
    only: str = ""
    where: str = ""
    group_by: Sequence[str] = ()

    def request(self) -> ListTimeSeriesRequest:
        """Return the message to send."""
        reduced = Aggregation.Reducer.REDUCE_MEAN if self.group_by else None
        return ListTimeSeriesRequest(
            name=f"projects/{self.target}",
            filter=" AND ".join(self._terms()),
            interval={"start_time": {"seconds": self.start}, "end_time": {"seconds": self.end}},
            aggregation=Aggregation(
                alignment_period={"seconds": self.period},
                per_series_aligner=Aggregation.Aligner.ALIGN_MEAN,
                cross_series_reducer=reduced,
                group_by_fields=self.group_by,
            ),
            view=ListTimeSeriesRequest.TimeSeriesView.FULL,
        )

    def _terms(self) -> list[str]:
        terms = [
            f'metric.type = "{self.metric.type}"',
            f'resource.type = "{self.metric.resource}"',
        ]
        if self.only:
            terms.append(f'resource.labels.project_id = "{self.only}"')
        return [*terms, self.where] if self.where else terms


def question(metric: Metric, window: Window, target: str, only: str, now: float) -> Question | None:
    """Return what to ask to read a window; None where nothing of it is kept, or nothing has ended.

    Buckets shorter than a minute take the mean of the minute that they lie in.
    """
    period = max(window.resolution, FINEST)
    start = max(floor_to(window.start, period), -floor_to(RETENTION - now, period))
    end = floor_to(window.end, period)
    if end <= start:
        return None
    return Question(
        metric=metric,
        target=target,
        only=only,
        start=start,
        end=end,
        period=period,
        group_by=metric.group_by,
    )


def read(
    pages: Iterable[Any], limits: Mapping[ResourceKey, float], asked: Question, call: Call
) -> tuple[dict[ResourceKey, dict[int, Ratio]], tuple[CollectorError, ...]]:
    """Return the points of the machines in ``limits``, by the start of their period.

    ``limits`` holds the highest utilisation that a machine can have. Series of others are left out.

    Raises:
        CollectorError: a page is incomplete, or no point of them all can be read.
    """
    found: dict[ResourceKey, dict[int, Ratio]] = {key: {} for key in limits}
    good = odd = 0
    for page in pages:
        refuse_errors(page.execution_errors, call)
        for series in page.time_series:
            key = asked.metric.key(series.resource.labels)
            points = found.get(key)
            if points is not None:
                left_out = _gather(series, points, limits[key], asked, call)
                odd += left_out
                good += len(series.points) - left_out
    if odd and not good:
        call.reject(f"no fractions on the {asked.period} s grid")
    return found, (_implausible(asked, call),) if odd else ()


def _gather(
    series: Any,  # noqa: ANN401 - protobuf's classes have no types
    points: dict[int, Ratio],
    limit: float,
    asked: Question,
    call: Call,
) -> int:
    """Add the points of a series; returns how many are implausible, or off the grid of times.

    All are where the series holds no fractions.
    """
    if series.value_type != _DOUBLE:
        return len(series.points)
    left_out = 0
    for point in series.points:
        end = point.interval.end_time
        try:
            at = bucket_of(end.seconds, end.nanos, asked, call)
        except BadPayloadError:  # this point alone, as it may be one of thousands
            left_out += 1
            continue
        value = point.value.double_value / asked.metric.whole
        if not math.isfinite(value) or not _NOISE <= value <= limit * _OVERSHOOT:
            left_out += 1
        elif asked.start <= at < asked.end:
            points[at] = Ratio(min(max(value, 0.0), limit))
    return left_out


def bucket_of(seconds: int, nanos: int, asked: Question, call: Call) -> int:
    """Return the start of the period that a stamp ends.

    Raises:
        BadPayloadError: the stamp is not on the grid that was asked for.
    """
    if nanos or (seconds - asked.end) % asked.period:
        call.reject(f"a stamp off the {asked.period} s grid")
    return seconds - asked.period


def refuse_errors(errors: Collection[Any], call: Call) -> None:
    """Pass where an answer is complete.

    Raises:
        CollectorError: parts are missing from the answer, and nobody can tell which.
    """
    for error in errors:
        raise _STATUS.get(error.code, _broken)(call)


def _broken(call: Call) -> CollectorError:
    return from_status(500, ("INCOMPLETE",), call)


def _denied(call: Call) -> CollectorError:
    return from_status(403, ("PERMISSION_DENIED",), call)


def _throttled(call: Call) -> CollectorError:
    return from_status(429, ("RESOURCE_EXHAUSTED",), call)


_STATUS: Final = {7: _denied, 8: _throttled}
"""Canonical codes of google.rpc.Code that have a reason of their own."""


def on_buckets(points: Mapping[int, Ratio], period: int, window: Window) -> Mapping[int, Ratio]:
    """Return points on the window's buckets, where these are shorter than a period."""
    if period == window.resolution:
        return points
    within = ((bucket, floor_to(bucket, period)) for bucket in window.buckets)
    return {bucket: points[at] for bucket, at in within if at in points}


def _implausible(asked: Question, call: Call) -> BadPayloadError:
    return call.left_out(f"{asked.metric.meaning} beyond any machine's, or off the grid")
