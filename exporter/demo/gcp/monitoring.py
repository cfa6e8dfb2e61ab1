"""Cloud Monitoring as the demo speaks it: ListTimeSeries of instances' CPUs, and agents' GPUs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.cloud.monitoring_v3 import (
    Aggregation,
    ListTimeSeriesRequest,
    ListTimeSeriesResponse,
    TimeSeries,
)

from exporter.core.units import PERCENT
from exporter.demo._faults import FaultKind
from exporter.demo.estate import EstateMachine
from exporter.demo.gcp.errors import denied, reject
from exporter.demo.gcp.faults import Call, Fault
from exporter.demo.gcp.filters import CPU_METRIC, LABELS, RESOURCE, canonical, parse
from exporter.demo.gcp.world import World, read_token, write_token

MINUTE: Final = 60
_RETENTION: Final = 42 * 86_400
"""Six weeks."""
_GAUGE: Final = 1
_DOUBLE: Final = 3
"""Values of MetricKind and ValueType."""
_INTERNAL: Final = 13
"""Canonical code of what goes wrong with single parts of an answer."""
_MACHINE_TYPE: Final = "metadata.system_labels.machine_type"
Message = Any
"""A message of the library, bare: its wrappers cost ten times the work."""

_Response: Final = ListTimeSeriesResponse.pb()
_Series: Final = TimeSeries.pb()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Query:
    """A whole question, and where its page begins."""

    metric: str
    machines: Sequence[EstateMachine]
    start: float
    end: float
    period: int
    aligned: bool
    labels: frozenset[str]
    points: bool
    limit: int
    now: float
    series: int
    offset: int


def read_call(request: Message) -> Call:
    """Say what a request asks for."""
    project = request.name.removeprefix("projects/")
    return Call(service="monitoring", operation="ListTimeSeries", project=project)


def list_time_series(
    world: World, call: Call, request: Message, faults: Sequence[Fault]
) -> Message:
    """Answer one page of a question.

    Raises:
        GoogleError: the request is not one that Cloud Monitoring would accept.
    """
    query = _query(world, call, request)
    broken = any(fault.kind is FaultKind.EXECUTION_ERRORS for fault in faults)
    machines = query.machines[: len(query.machines) // 2] if broken else query.machines
    answer = _Response(unit="10^2.%" if query.metric == CPU_METRIC else "%")
    if broken:
        error = answer.execution_errors.add()
        error.code, error.message = _INTERNAL, "demo: some time series could not be read"
    _fill(world, query, machines, answer)
    return answer


def _fill(world: World, query: _Query, machines: Sequence[EstateMachine], answer: Message) -> None:
    """Add series until the page is full; a page counts points, or series where there are none."""
    left, offset = query.limit, query.offset
    for number, machine in enumerate(machines[query.series :], query.series):
        if left <= 0:
            answer.next_page_token = write_token(query.now, number, 0)
            return
        points = list(_points(world, query, machine))[offset:]
        if not points:
            offset = 0
            continue
        answer.time_series.append(_series(query, machine, points[:left]))
        if query.points and len(points) > left:
            answer.next_page_token = write_token(query.now, number, offset + left)
            return
        left, offset = left - (len(points) if query.points else 1), 0


def _points(world: World, query: _Query, machine: EstateMachine) -> Iterator[tuple[float, float]]:
    """Yield end and value of each point that is to be seen, newest first.

    Periods count back from the end of the question, which need not be on a whole minute: then the
    minutes whose ends are in a period make its mean.
    """
    end = query.end if query.aligned else query.end // MINUTE * MINUTE
    oldest = max(query.start, query.now - _RETENTION)
    while end - query.period >= oldest or (not query.aligned and end > oldest):
        value = _value(world, query, machine, end)
        if value is not None:
            yield end, value
        end -= query.period


def _value(world: World, query: _Query, machine: EstateMachine, end: float) -> float | None:
    first = int((end - query.period) // MINUTE) * MINUTE
    last = int(end // MINUTE) * MINUTE
    since_due = query.now - world.lag_seconds - end
    factor = world.lateness.factor(machine, first, since_due)
    if factor is None:
        return None
    if query.metric == CPU_METRIC:
        mean = world.estate.mean_utilization(machine, first, last)
        return None if mean is None else mean * factor
    gpu = world.estate.mean_gpu_utilization(machine, first, last)
    return None if gpu is None else gpu * factor * PERCENT


def _series(
    query: _Query, machine: EstateMachine, points: Sequence[tuple[float, float]]
) -> Message:
    series = _Series(metric_kind=_GAUGE, value_type=_DOUBLE)
    series.metric.type, series.resource.type = query.metric, RESOURCE
    for field in query.labels:
        _, _, name = field.rpartition(".")
        if field.startswith("metadata."):
            series.metadata.system_labels[name] = LABELS[field](machine)
        else:
            target = series.metric if field.startswith("metric.") else series.resource
            target.labels[name] = LABELS[field](machine)
    if query.points:
        span = query.period if query.aligned else 0
        for end, value in points:
            _add_point(series, end - span, end, value)
    return series


def _add_point(series: Message, start: float, end: float, value: float) -> None:
    point = series.points.add()
    point.interval.start_time.seconds = int(start)
    point.interval.end_time.seconds = int(end)
    point.value.double_value = value


_OWN_LABELS: Final = frozenset(
    {
        "metric.labels.instance_name",
        "resource.labels.project_id",
        "resource.labels.zone",
        "resource.labels.instance_id",
    }
)
"""Labels of a series that nothing was reduced from."""


def _query(world: World, call: Call, request: Message) -> _Query:
    _check_name(world, call, request.name)
    asked = parse(request.filter)
    start, end = _interval(request)
    period, aligned, labels = _aggregation(request.aggregation)
    now, series, offset = _position(request.page_token, world.now())
    machines = world.measured(call.project, start - MINUTE, end)
    reporting = [m for m in machines if asked.metric == CPU_METRIC or m.gpu_agent]
    return _Query(
        metric=asked.metric,
        machines=[machine for machine in reporting if asked.passes(machine)],
        start=start,
        end=end,
        period=period,
        aligned=aligned,
        labels=labels,
        points=request.view == ListTimeSeriesRequest.TimeSeriesView.FULL,
        limit=_page_size(request.page_size, world.limits.points),
        now=now,
        series=series,
        offset=offset,
    )


def _check_name(world: World, call: Call, name: str) -> None:
    if not name.startswith("projects/") or "/" in call.project:
        reject(f'Name must begin with "{{resource_container}}/", got: {name}')
    if call.project not in world.projects:
        raise denied(call)


def _interval(request: Message) -> tuple[float, float]:
    end = _seconds(request.interval.end_time)
    if not request.interval.HasField("end_time"):
        reject("Field interval.end_time had an invalid value: is required.")
    given = request.interval.HasField("start_time")
    start = _seconds(request.interval.start_time) if given else end
    if start > end:
        reject("Field interval.start_time had an invalid value: is after end_time.")
    return start, end


def _seconds(stamp: Message) -> float:
    return float(stamp.seconds) + float(stamp.nanos) / 1e9


def _aggregation(asked: Message) -> tuple[int, bool, frozenset[str]]:
    """Return period, whether it is aligned, and the labels that are left."""
    aligner, reducer = asked.per_series_aligner, asked.cross_series_reducer
    reduced = reducer != Aggregation.Reducer.REDUCE_NONE
    if aligner == Aggregation.Aligner.ALIGN_NONE:
        if reduced:
            reject("A cross-series reducer needs a per-series aligner.")
        return MINUTE, False, _OWN_LABELS
    if aligner != Aggregation.Aligner.ALIGN_MEAN:
        reject("The demo answers ALIGN_NONE and ALIGN_MEAN only.")
    period = asked.alignment_period.seconds
    if period < MINUTE or period % MINUTE:
        reject("Field aggregation.alignment_period: must be whole minutes, 60 s or more.")
    return period, True, _group_by(asked) if reduced else _OWN_LABELS


def _group_by(asked: Message) -> frozenset[str]:
    """Return the labels that a reduction keeps: each series on its own, or it is not answered."""
    fields = frozenset(canonical(field) for field in asked.group_by_fields)
    unknown = sorted(fields - set(LABELS))
    if unknown:
        reject(f"Field aggregation.group_by_fields: unknown {', '.join(unknown)}.")
    if asked.cross_series_reducer != Aggregation.Reducer.REDUCE_MEAN:
        reject("The demo answers REDUCE_MEAN only.")
    if "resource.labels.instance_id" not in fields:
        reject("The demo keeps instances apart: group by resource.label.instance_id.")
    return fields


def _page_size(asked: int, limit: int) -> int:
    if asked < 0:
        reject("Field page_size had an invalid value: must not be negative.")
    return min(asked or limit, limit)


def _position(token: str, now: float) -> tuple[float, int, int]:
    if not token:
        return now, 0, 0
    try:
        moment, series, offset = read_token(token, 3)
    except ValueError:
        reject("Field page_token had an invalid value.")
    return moment, int(series), int(offset)
