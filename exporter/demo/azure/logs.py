"""Log Analytics as the demo speaks it: what agents in the machines wrote about their GPUs."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final

from exporter.core.clock import epoch, floor_to, from_epoch
from exporter.core.units import PERCENT
from exporter.demo._faults import FaultKind
from exporter.demo._http import HttpRequest, Reply
from exporter.demo.azure.errors import AzureError, json_reply, reject
from exporter.demo.azure.faults import Call, Fault
from exporter.demo.azure.world import World
from exporter.demo.estate import Estate, EstateMachine

WORKSPACE: Final = "de300000-0000-4000-8000-0000000000bb"
OPERATION: Final = "query"
AUDIENCE: Final = "https://api.loganalytics.io"

_PATH: Final = re.compile(r"/v1/workspaces/([0-9a-f-]{36})/query")
_IDS: Final = re.compile(r'"(/subscriptions/[^"]+)"')
_BIN: Final = re.compile(r"bin_at\(TimeGenerated, (\d+)s, datetime\(1970-01-01\)\)")
_TABLES: Final = ("InsightsMetrics", "Perf")
_COLUMNS: Final = (("Machine", "string"), ("Bucket", "datetime"), ("Percent", "real"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Query:
    """What of a question matters here."""

    ids: Sequence[str]
    start: int
    end: float
    grain: int


def gpu_utilization(estate: Estate, machine: EstateMachine, start: int, end: int) -> float | None:
    """Return the mean 0..1 of a machine's GPUs; None where it has none, or is off."""
    return estate.mean_gpu_utilization(machine, start, end)


def read_call(path: str) -> Call | None:
    """Say whether a path queries a workspace; its id stands for the region."""
    found = _PATH.fullmatch(path)
    return Call(service="logs", operation=OPERATION, region=found[1]) if found else None


def refuse(call: Call, faults: Sequence[Fault]) -> None:
    """Raise what Log Analytics words in its own way.

    Raises:
        AzureError: there is no such workspace, or it may not be read.
    """
    kinds = {fault.kind for fault in faults}
    if call.region != WORKSPACE or FaultKind.NOT_FOUND in kinds:
        text = "The workspace could not be found"
        raise AzureError(HTTPStatus.NOT_FOUND, "WorkspaceNotFoundError", text)
    if FaultKind.MISSING_PERMISSION in kinds:
        text = "The provided credentials have insufficient access to perform the operation"
        raise AzureError(HTTPStatus.FORBIDDEN, "InsufficientAccessError", text)


def respond(world: World, request: HttpRequest, faults: Sequence[Fault]) -> Reply:
    """Answer a query; ``faults`` may empty it, or leave a part of its rows only.

    Raises:
        AzureError: the request is not one that the demo understands.
    """
    kinds = {fault.kind for fault in faults}
    query = _query(request.body)
    rows = [] if FaultKind.RESULT_EMPTY in kinds else list(_rows(world, query))
    columns = [{"name": name, "type": kind} for name, kind in _COLUMNS]
    if FaultKind.RESULT_ERROR in kinds:
        return json_reply({**_tables(columns, rows[:1]), "error": _partial()})
    return json_reply(_tables(columns, rows))


def _tables(columns: object, rows: object) -> Mapping[str, object]:
    return {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}]}


def _partial() -> Mapping[str, object]:
    text = "There were some errors when processing your query."
    return {"code": "PartialError", "message": text, "details": []}


def _rows(world: World, query: _Query) -> Iterator[list[object]]:
    """Yield the buckets of which the agents' samples have been taken in."""
    taken_in = world.now() - world.lag_seconds
    machines = world.measured(query.ids, query.start, query.end)
    for start in range(floor_to(query.start, query.grain), int(query.end), query.grain):
        for resource_id, machine in machines.items():
            end = start + query.grain
            mean = gpu_utilization(world.estate, machine, start, end) if end <= taken_in else None
            if mean is not None:
                yield [resource_id, f"{from_epoch(start):%Y-%m-%dT%H:%M:%SZ}", mean * PERCENT]


def _query(body: bytes) -> _Query:
    try:
        document = json.loads(body)
        text, (start, end) = document["query"], document["timespan"].split("/")
        moments = [epoch(datetime.fromisoformat(moment)) for moment in (start, end)]
    except (ValueError, LookupError, TypeError, AttributeError):
        reject("The request had some invalid properties", "BadArgumentError")
    grain = _BIN.search(text)
    if grain is None or not all(table in text for table in _TABLES):
        reject("The demo knows the query of GPU utilisation only", "BadArgumentError")
    return _Query(
        ids=_IDS.findall(text), start=int(moments[0]), end=moments[1], grain=int(grain[1])
    )
