"""Azure Monitor as the demo speaks it: the regional metrics:getBatch of Percentage CPU."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from math import ceil
from typing import Final

from exporter.core.clock import epoch, floor_to, from_epoch
from exporter.core.units import PERCENT
from exporter.demo._faults import FaultKind
from exporter.demo._http import HttpRequest, Reply
from exporter.demo.azure.errors import AzureError, denied, json_reply, reject
from exporter.demo.azure.faults import Call, Fault
from exporter.demo.azure.world import World
from exporter.demo.estate import EstateMachine
from exporter.demo.estate.hashing import mix, seed_of

OPERATION: Final = "metrics:getBatch"
API_VERSIONS: Final = ("2023-10-01", "2024-02-01")
METRIC: Final = "Percentage CPU"
_PATH: Final = re.compile(r"/metrics/([^/]+)/subscriptions/([^/]+)/metrics:getBatch")
_DURATION: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_INTERVALS: Final = (60, 300, 900, 1800, 3600, 21_600, 43_200, 86_400)
_RETENTION: Final = 93 * 86_400
_NAMESPACES: Final[Mapping[str, str]] = {
    "microsoft.compute/virtualmachines": "azure_vm",
    "microsoft.compute/virtualmachinescalesets/virtualmachines": "azure_vmss_vm",
}
_TYPE: Final = re.compile(
    r"/providers/(microsoft\.compute/\w+)/[^/]+(?:(/\w+)/[^/]+)?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Query:
    """A whole question."""

    ids: Sequence[str]
    machines: Mapping[str, EstateMachine]
    namespace: str
    region: str
    start: int
    end: float
    interval: int
    now: float


def read_call(path: str) -> Call | None:
    """Say whether a path asks for a batch, and for whose."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    region, subscription = found.groups()
    names = frozenset({subscription.lower()})
    return Call(service="metrics", operation=OPERATION, subscriptions=names, region=region.lower())


def respond(world: World, call: Call, request: HttpRequest, faults: Sequence[Fault]) -> Reply:
    """Answer a batch; ``faults`` may spoil single results.

    Raises:
        AzureError: the request is not one that Azure Monitor would accept.
    """
    query = _query(world, call, request)
    if any(fault.kind is FaultKind.NOT_REGISTERED for fault in faults):
        return json_reply({"values": []})
    results = [_result(world, query, resource_id, faults) for resource_id in query.ids]
    return json_reply({"values": [result for result in results if result is not None]})


def _result(
    world: World, query: _Query, resource_id: str, faults: Sequence[Fault]
) -> Mapping[str, object] | None:
    kinds = {fault.kind for fault in faults if fault.hits(resource_id.lower())}
    if FaultKind.RESULT_MISSING in kinds:
        return None
    shown = resource_id.lower() if mix(seed_of(resource_id.lower()), 7) % 3 == 0 else resource_id
    machine = query.machines.get(resource_id.lower())
    silent = machine is None or not world.estate.runs(machine, query.start, query.end)
    empty = silent or FaultKind.RESULT_EMPTY in kinds
    return {
        "starttime": _iso(query.start),
        "endtime": _iso(query.end),
        "interval": f"PT{query.interval // 60}M",
        "namespace": query.namespace,
        "resourceregion": query.region,
        "resourceid": shown,
        "value": [] if empty else [_metric(world, query, shown, machine, kinds)],
    }


def _metric(
    world: World,
    query: _Query,
    shown: str,
    machine: EstateMachine | None,
    kinds: set[FaultKind],
) -> Mapping[str, object]:
    failed = FaultKind.RESULT_ERROR in kinds or machine is None
    grains = [] if failed or machine is None else list(_grains(world, query, machine))
    metric: dict[str, object] = {
        "id": f"{shown}/providers/Microsoft.Insights/metrics/{METRIC}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": METRIC, "localizedValue": METRIC},
        "displayDescription": "The percentage of allocated compute units that are in use",
        "unit": "Percent",
        "timeseries": [] if failed else [{"metadatavalues": [], "data": grains}],
        "errorCode": "InternalServerError" if failed else "Success",
    }
    if failed:
        metric["errorMessage"] = "The metric could not be read."
    return metric


def _grains(world: World, query: _Query, machine: EstateMachine) -> Iterator[Mapping[str, object]]:
    """Yield the grains of the window that have begun, oldest first; the newest have no value."""
    begun = min(query.end, query.now)
    for start in range(query.start, ceil(begun), query.interval):
        if start >= query.now - _RETENTION:
            percent = _percent(world, query, machine, start)
            average = {} if percent is None else {"average": percent}
            yield {"timeStamp": _iso(start), **average}


def _percent(world: World, query: _Query, machine: EstateMachine, start: int) -> float | None:
    end = start + query.interval
    factor = world.lateness.factor(machine, start, query.now - world.lag_seconds - end)
    if factor is None:
        return None
    mean = world.estate.mean_utilization(machine, start, end)
    return None if mean is None else mean * factor * PERCENT


def _query(world: World, call: Call, request: HttpRequest) -> _Query:
    if request.query.get("api-version") not in API_VERSIONS:
        reject(f"api-version must be one of {', '.join(API_VERSIONS)}.")
    if not call.subscriptions <= set(world.subscriptions):
        raise denied(call)
    namespace = _namespace(request.query)
    interval, start, end = _window(request.query)
    ids = _ids(request.body, world.limits.batch)
    machines = world.measured([each.lower() for each in ids], start, end)
    _check(ids, call, namespace, machines)
    return _Query(
        ids=sorted(ids, key=lambda each: mix(seed_of(each.lower()), 11)),
        machines=machines,
        namespace=namespace,
        region=call.region,
        start=start,
        end=end,
        interval=interval,
        now=world.now(),
    )


def _namespace(query: Mapping[str, str]) -> str:
    namespace = query.get("metricnamespace", "")
    if namespace.lower() not in _NAMESPACES:
        reject(f"Metric namespace '{namespace}' is not supported.")
    names = query.get("metricnames", "")
    if names.lower() != METRIC.lower():
        kind = namespace.rpartition("/")[2]
        reject(
            f"Failed to find metric configuration for provider: Microsoft.Compute, resource Type: "
            f"{kind}, metric: {names}, Valid metrics: {METRIC}"
        )
    if query.get("aggregation", "Average").lower() != "average":
        reject("The demo answers aggregation Average only.")
    return namespace


def _window(query: Mapping[str, str]) -> tuple[int, int, float]:
    """Return interval, start put back to a whole one, and end."""
    interval = _seconds(query.get("interval", "PT1M"))
    if interval not in _INTERVALS:
        reject(f"Invalid time grain '{query.get('interval')}'.")
    start, end = _moment(query, "starttime"), _moment(query, "endtime")
    if end <= start:
        reject("The start time must be before the end time.")
    return interval, floor_to(start, interval), end


def _seconds(text: str) -> int:
    found = _DURATION.fullmatch(text)
    if found is None:
        reject(f"Invalid time grain '{text}'.")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _moment(query: Mapping[str, str], name: str) -> float:
    try:
        moment = datetime.fromisoformat(query.get(name, ""))
    except ValueError:
        reject(f"The parameter {name} is not a time.")
    return epoch(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _ids(body: bytes, most: int) -> list[str]:
    try:
        ids = json.loads(body)["resourceids"]
    except (ValueError, KeyError, TypeError):
        reject("The request body must hold resourceids.")
    if not 0 < len(ids) <= most:
        reject(f"The number of resource ids must be between 1 and {most}.")
    return [str(each) for each in ids]


def _check(
    ids: Sequence[str], call: Call, namespace: str, machines: Mapping[str, EstateMachine]
) -> None:
    """Refuse a batch over more than one subscription, type or region."""
    for resource_id in ids:
        parts = resource_id.lower().split("/")
        if parts[1:2] != ["subscriptions"] or parts[2:3] != [call.scope]:
            reject(f"Resource {resource_id} is not of subscription {call.scope}.")
        if _type_of(resource_id) != namespace.lower():
            reject(f"Resource {resource_id} is not of type {namespace}.")
        machine = machines.get(resource_id.lower())
        if machine is not None and machine.region != call.region:
            text = f"Resource {resource_id} is not in region {call.region}."
            raise AzureError(HTTPStatus.BAD_REQUEST, "BadRequest", text)


def _type_of(resource_id: str) -> str:
    found = _TYPE.search(resource_id)
    return "".join(part or "" for part in found.groups()).lower() if found else ""


def _iso(moment: float) -> str:
    return f"{from_epoch(moment):%Y-%m-%dT%H:%M:%SZ}"
