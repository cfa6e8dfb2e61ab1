"""CloudWatch as the demo speaks it: GetMetricData of CPUUtilization, and of agents' GPUs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Any, Final

from exporter.core.units import PERCENT
from exporter.demo._faults import FaultKind
from exporter.demo.aws import registry
from exporter.demo.aws.faults import Fault
from exporter.demo.aws.services import cwagent
from exporter.demo.aws.wire import AwsError, Call, Code, read_token, require, write_token
from exporter.demo.aws.world import Subject, World
from exporter.demo.estate import EstateMachine

_MINUTE: Final = 60
_DAY: Final = 86_400
_RETENTION: Final = ((3600, 455 * _DAY), (300, 63 * _DAY), (_MINUTE, 15 * _DAY))
"""Periods that are multiples of the first are kept for the second many seconds."""
_ID: Final = re.compile(r"[a-z][a-zA-Z0-9_]*")
_ORDERS: Final = ("TimestampDescending", "TimestampAscending")
_STATUS: Final[Mapping[FaultKind, str]] = {
    FaultKind.RESULT_INTERNAL_ERROR: "InternalError",
    FaultKind.RESULT_FORBIDDEN: "Forbidden",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Query:
    """One metric asked for; ``subject`` is None where it is not of one machine.

    ``gpu`` holds the dimensions of an agent's metric, where it is one.
    """

    name: str
    label: str
    period: int
    subject: Subject | None
    returned: bool
    gpu: cwagent.Dimensions | None = None
    power: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """A whole question, and where its page begins."""

    queries: Sequence[_Query]
    start: int
    end: float
    newest_first: bool
    limit: int
    now: float
    query: int
    offset: int


def count_metrics(call: Call) -> int:
    """Return how many metrics a request asks for: what AWS bills."""
    return len(call.params.get("MetricDataQueries", ()))


def get_metric_data(world: World, call: Call, faults: Sequence[Fault]) -> Mapping[str, object]:
    """Answer one page of a question; ``faults`` may spoil single results."""
    request = _request(world, call)
    machines = world.measured(call, request.start, request.end)
    left, results = request.limit, list[Mapping[str, object]]()
    offset = request.offset
    for number, query in enumerate(request.queries[request.query :], request.query):
        points = _points(world, request, query, machines)[offset:]
        results.append(_result(query, points[:left], faults, cut=len(points) > left))
        if len(points) > left:
            return _page(results, write_token(request.now, number, offset + left))
        left, offset = left - len(points), 0
    return _page(results, None)


def _page(results: Sequence[Mapping[str, object]], token: str | None) -> Mapping[str, object]:
    page: dict[str, object] = {"MetricDataResults": results, "Messages": []}
    return page if token is None else page | {"NextToken": token}


def _result(
    query: _Query, points: Sequence[tuple[int, float]], faults: Sequence[Fault], *, cut: bool
) -> Mapping[str, object]:
    status = _spoiled(query, faults)
    shown = points if status is None else ()
    return {
        "Id": query.name,
        "Label": query.label,
        "Timestamps": [bucket for bucket, _ in shown],
        "Values": [value for _, value in shown],
        "StatusCode": status or ("PartialData" if cut else "Complete"),
    }


def _spoiled(query: _Query, faults: Sequence[Fault]) -> str | None:
    met = (f for f in faults if f.kind in _STATUS and f.hits(_subject_name(query)))
    return next((_STATUS[fault.kind] for fault in met), None)


def _subject_name(query: _Query) -> str:
    return query.subject[1] if query.subject else ""


def _points(
    world: World, request: _Request, query: _Query, machines: Mapping[Subject, EstateMachine]
) -> list[tuple[int, float]]:
    """Return what is to be seen of a metric: bucket start and percent, in the order asked for."""
    machine = machines.get(query.subject) if query.subject else None
    metric = cwagent.POWER if query.power else cwagent.METRIC
    if machine is None or (query.gpu and query.gpu not in cwagent.metrics_of(machine, metric)):
        return []
    percent = _gpu_watts if query.power else _gpu_percent if query.gpu else _percent
    buckets = _buckets(request, query.period)
    values = ((b, percent(world, machine, b, query.period, request.now)) for b in buckets)
    seen = [(bucket, value) for bucket, value in values if value is not None]
    return seen[::-1] if request.newest_first else seen


def _buckets(request: _Request, period: int) -> Iterator[int]:
    """Yield the buckets that the question covers and that are still kept, anchored on its start."""
    kept = next(seconds for multiple, seconds in _RETENTION if period % multiple == 0)
    buckets = range(request.start, ceil(request.end), period)
    return (bucket for bucket in buckets if bucket >= request.now - kept)


def _percent(
    world: World, machine: EstateMachine, bucket: int, period: int, now: float
) -> float | None:
    """Return the mean of what the machine's own measurements stamp into a bucket.

    A machine with basic monitoring has one measurement in five minutes, stamped at its start: of
    five buckets of a minute one has a value.
    """
    step = machine.native_resolution
    first, last = _ceil(bucket, step), _ceil(bucket + period, step)
    since_due = now - world.lag_seconds - max(bucket + period, last)
    factor = world.lateness.factor(machine, bucket, since_due)
    if factor is None or first == last:
        return None
    mean = world.estate.mean_utilization(machine, first, last)
    return None if mean is None else mean * factor * PERCENT


def _gpu_percent(
    world: World, machine: EstateMachine, bucket: int, period: int, now: float
) -> float | None:
    """Return the mean of what an agent reported in a bucket, every minute."""
    since_due = now - world.lag_seconds - bucket - period
    factor = world.lateness.factor(machine, bucket, since_due)
    mean = world.estate.mean_gpu_utilization(machine, bucket, bucket + period)
    return None if factor is None or mean is None else mean * factor * PERCENT


def _gpu_watts(
    world: World, machine: EstateMachine, bucket: int, period: int, now: float
) -> float | None:
    """Return the mean watts of one GPU that an agent reported in a bucket."""
    since_due = now - world.lag_seconds - bucket - period
    factor = world.lateness.factor(machine, bucket, since_due)
    mean = world.estate.mean_gpu_watts(machine, bucket, bucket + period)
    return (
        None if factor is None or mean is None else mean / machine.machine_type.gpu_count * factor
    )


def _ceil(moment: int, step: int) -> int:
    return -(-moment // step) * step


def _request(world: World, call: Call) -> _Request:
    start, end = _moment(call, "StartTime"), _moment(call, "EndTime")
    _require(end > start, "The parameter EndTime must be greater than StartTime.")
    now, query, offset = _position(call, world.now())
    return _Request(
        queries=_queries(call, world.limits.queries),
        start=int(start // _MINUTE) * _MINUTE,
        end=end,
        newest_first=_order(call) == _ORDERS[0],
        limit=_datapoints(call, world.limits.datapoints),
        now=now,
        query=query,
        offset=offset,
    )


def _require(condition: object, message: str) -> None:
    require(condition, Code.VALIDATION, message)


def _moment(call: Call, name: str) -> float:
    _require(name in call.params, f"The parameter {name} is required.")
    given = call.params[name]
    if isinstance(given, int | float):
        return float(given)
    moment = datetime.fromisoformat(given)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _order(call: Call) -> str:
    order = str(call.params.get("ScanBy", _ORDERS[0]))
    _require(order in _ORDERS, f"ScanBy must be one of {', '.join(_ORDERS)}.")
    return order


def _datapoints(call: Call, limit: int) -> int:
    asked = int(call.params.get("MaxDatapoints", limit))
    _require(asked > 0, "The parameter MaxDatapoints must be greater than 0.")
    return min(asked, limit)


def _position(call: Call, now: float) -> tuple[float, int, int]:
    token = call.params.get("NextToken")
    if token is None:
        return now, 0, 0
    try:
        moment, query, offset = read_token(token, 3)
    except ValueError:
        message = "The token is not one that was given."
        raise AwsError(Code.INVALID_NEXT_TOKEN, message) from None
    return moment, int(query), int(offset)


def _queries(call: Call, limit: int) -> list[_Query]:
    asked = call.params.get("MetricDataQueries", [])
    size = f"The collection MetricDataQueries must not have a size greater than {limit}."
    _require(len(asked) <= limit, size)
    queries = [_query(each) for each in asked]
    unique = len({query.name for query in queries}) == len(queries)
    _require(unique, "The values for parameter id in MetricDataQueries are not unique.")
    return [query for query in queries if query.returned]


def _query(asked: Mapping[str, Any]) -> _Query:
    name = str(asked.get("Id", ""))
    _require(_ID.fullmatch(name), f"The value {name!r} for parameter id is not valid.")
    stat = asked.get("MetricStat", {})
    known = stat.get("Stat") == "Average"
    _require(known, "The demo answers MetricStat queries for Average only.")
    return _Query(
        name=name,
        label=str(asked.get("Label", stat["Metric"].get("MetricName", ""))),
        period=_period(stat),
        subject=_subject(stat["Metric"]),
        returned=str(asked.get("ReturnData", True)).lower() == "true",
        gpu=_gpu(stat["Metric"]),
        power=stat["Metric"].get("MetricName") == cwagent.POWER,
    )


def _period(stat: Mapping[str, Any]) -> int:
    period = int(stat.get("Period", 0))
    whole = period >= _MINUTE and period % _MINUTE == 0
    _require(whole, "The parameter Period must be a multiple of 60.")
    return period


def _subject(metric: Mapping[str, Any]) -> Subject | None:
    dimensions = [(d["Name"], d["Value"]) for d in metric.get("Dimensions", [])]
    if _gpu(metric) is not None:
        return "AWS/EC2", dict(dimensions).get("InstanceId", "")
    if metric.get("MetricName") != "CPUUtilization" or len(dimensions) != 1:
        return None
    ((dimension, value),) = dimensions
    known = registry.dimensions().get(str(metric.get("Namespace"))) == dimension
    return (str(metric["Namespace"]), str(value)) if known else None


def _gpu(metric: Mapping[str, Any]) -> cwagent.Dimensions | None:
    asked = (metric.get("Namespace"), metric.get("MetricName"))
    if asked not in ((cwagent.NAMESPACE, cwagent.METRIC), (cwagent.NAMESPACE, cwagent.POWER)):
        return None
    return frozenset((d["Name"], d["Value"]) for d in metric.get("Dimensions", []))
