"""Compute Engine as the demo speaks it: aggregated instances and machine types over REST."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from exporter.core.clock import from_epoch
from exporter.core.units import MIB_PER_GIB
from exporter.demo._faults import FaultKind
from exporter.demo._http import HttpRequest
from exporter.demo.estate import Architecture, EstateMachine, MachineType
from exporter.demo.gcp import disks
from exporter.demo.gcp.errors import GoogleError, not_found, reject
from exporter.demo.gcp.faults import Call, Fault
from exporter.demo.gcp.fields import masked
from exporter.demo.gcp.world import World, read_token, write_token

STAGING_SECONDS: Final = 20
"""How long a machine is being provisioned or stopped."""
_URL: Final = "https://www.googleapis.com/compute/v1/projects"
_TYPE: Final = re.compile(r"/compute/v1/projects/([^/]+)/zones/([^/]+)/machineTypes/([^/]+)")
OPERATIONS: Final[Mapping[str, re.Pattern[str]]] = {
    "instances.aggregatedList": re.compile(r"/compute/v1/projects/([^/]+)/aggregated/instances"),
    "disks.aggregatedList": re.compile(r"/compute/v1/projects/([^/]+)/aggregated/disks"),
    "machineTypes.get": _TYPE,
}
"""The paths of each operation, by its name in Google's discovery document."""


def read_call(path: str) -> Call:
    """Say what a path asks for; the operation is empty for one that Compute does not have."""
    for operation, pattern in OPERATIONS.items():
        if found := pattern.fullmatch(path):
            return Call(service="compute", operation=operation, project=found[1])
    return Call(service="compute", operation="")


def respond(
    world: World, call: Call, request: HttpRequest, faults: Sequence[Fault]
) -> Mapping[str, object]:
    """Answer a request.

    Raises:
        GoogleError: the request is not one that Compute would accept.
    """
    if not call.operation:
        not_found(f"The requested URL {request.path} was not found on this server.")
    if call.project not in world.projects:
        not_found(f"The resource 'projects/{call.project}' was not found")
    if call.operation == "machineTypes.get":
        document = _machine_type(world, request.path)
    elif call.operation == "disks.aggregatedList":
        document = _disks(world, call.project, request.query)
    else:
        document = _aggregated_list(world, call.project, request.query, faults)
    fields = request.query.get("fields", "")
    return masked(document, fields) if fields else document


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    machines: Sequence[EstateMachine]
    moment: float
    next_token: str | None


def _aggregated_list(
    world: World, project: str, query: Mapping[str, str], faults: Sequence[Fault]
) -> Mapping[str, object]:
    unreachable = {f.zone for f in faults if f.kind is FaultKind.UNREACHABLE_ZONE}
    if unreachable and query.get("returnpartialsuccess", "false").lower() != "true":
        text = "The service is currently unavailable."
        raise GoogleError(503, "backendError", "UNAVAILABLE", text)
    page = _page(world, project, query, unreachable)
    document: dict[str, object] = {
        "kind": "compute#instanceAggregatedList",
        "id": f"projects/{project}/aggregated/instances",
        "items": dict(_items(world, page, unreachable)),
        "selfLink": f"{_URL}/{project}/aggregated/instances",
    }
    if page.next_token:
        document["nextPageToken"] = page.next_token
    if unreachable:
        document["unreachables"] = [f"{_URL}/{project}/zones/{z}" for z in sorted(unreachable)]
    return document


def _disks(world: World, project: str, query: Mapping[str, str]) -> Mapping[str, object]:
    _refuse_filter(query)
    moment, offset = _position(query, world.now())
    found = disks.listed(world, project, moment)
    end = offset + min(_page_size(query), world.limits.instances)
    document: dict[str, object] = {
        "kind": "compute#diskAggregatedList",
        "id": f"projects/{project}/aggregated/disks",
        "items": disks.items(found[offset:end]),
        "selfLink": f"{_URL}/{project}/aggregated/disks",
    }
    if end < len(found):
        document["nextPageToken"] = write_token(moment, end)
    return document


def _page(world: World, project: str, query: Mapping[str, str], unreachable: set[str]) -> _Page:
    _refuse_filter(query)
    moment, offset = _position(query, world.now())
    size = min(_page_size(query), world.limits.instances)
    machines = [m for m in world.listed(project, moment) if m.zone not in unreachable]
    end = offset + size
    token = write_token(moment, end) if end < len(machines) else None
    return _Page(machines=machines[offset:end], moment=moment, next_token=token)


def _refuse_filter(query: Mapping[str, str]) -> None:
    if "filter" in query:
        reject("Invalid value for field 'filter': the demo does not filter.")


def _page_size(query: Mapping[str, str]) -> int:
    asked = query.get("maxresults", "500")
    if not asked.isdigit() or not 0 < int(asked) <= 500:  # noqa: PLR2004 - the documented maximum
        reject(f"Invalid value for field 'maxResults': '{asked}'. Must be 1 to 500.")
    return int(asked)


def _position(query: Mapping[str, str], now: float) -> tuple[float, int]:
    """Return the time that the list shows, and how many machines came before this page."""
    token = query.get("pagetoken")
    if not token:
        return now, 0
    try:
        moment, offset = read_token(token, 2)
    except ValueError:
        reject(f"Invalid value for field 'pageToken': '{token}'.")
    return moment, int(offset)


def _items(
    world: World, page: _Page, unreachable: set[str]
) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield every zone: its machines on this page, or a warning that there are none."""
    found = {zone: list(group) for zone, group in groupby(page.machines, key=lambda m: m.zone)}
    for zone in world.zones:
        scope = f"zones/{zone}"
        if zone in found:
            yield scope, {"instances": [_instance(world, m, page.moment) for m in found[zone]]}
        elif zone in unreachable:
            yield scope, _warning("UNREACHABLE", f"The zone '{zone}' is unreachable.", scope)
        else:
            text = f"There are no results for scope '{scope}' on this page."
            yield scope, _warning("NO_RESULTS_ON_PAGE", text, scope)


def _warning(code: str, message: str, scope: str) -> Mapping[str, object]:
    data = [{"key": "scope", "value": scope}]
    return {"warning": {"code": code, "message": message, "data": data}}


def _instance(world: World, machine: EstateMachine, moment: float) -> Mapping[str, object]:
    """Return a machine as Compute shows it; what it has no value for is not there."""
    zone = f"{_URL}/{machine.account}/zones/{machine.zone}"
    launched = int(world.estate.launched_at(machine, moment) or 0)
    stopped = world.estate.stopped_at(machine, moment)
    before = world.estate.stopped_at(machine, launched - 1)
    facts: dict[str, object] = {
        "kind": "compute#instance",
        "id": machine.resource_id,
        "creationTimestamp": _iso(world.estate.created_at(machine)),
        "name": machine.name,
        "machineType": f"{zone}/machineTypes/{machine.instance_type}",
        "status": _status(launched, stopped, moment),
        "zone": zone,
        "cpuPlatform": machine.cpu_platform if stopped is None else "Unknown CPU Platform",
        "selfLink": f"{zone}/instances/{machine.name}",
        "scheduling": _scheduling(machine),
        "disks": disks.attached(machine),
        "lastStartTimestamp": _iso(launched),
    }
    if gpus := machine.machine_type.gpu_count:
        kind = f"{zone}/acceleratorTypes/{machine.machine_type.gpu_model}"
        facts["guestAccelerators"] = [{"acceleratorType": kind, "acceleratorCount": gpus}]
    last_stop = before if stopped is None else stopped
    if last_stop is not None:
        facts["lastStopTimestamp"] = _iso(last_stop)
    if machine.tags:
        facts["labels"] = dict(machine.tags)
    return facts


def _status(launched: int, stopped: int | None, moment: float) -> str:
    if stopped is None:
        return "STAGING" if moment < launched + STAGING_SECONDS else "RUNNING"
    return "STOPPING" if moment < stopped + STAGING_SECONDS else "TERMINATED"


def _scheduling(machine: EstateMachine) -> Mapping[str, object]:
    return {
        "onHostMaintenance": "TERMINATE" if machine.spot else "MIGRATE",
        "automaticRestart": not machine.spot,
        "preemptible": machine.spot,
        "provisioningModel": "SPOT" if machine.spot else "STANDARD",
    }


def _iso(moment: int) -> str:
    """Write a time as Compute does: with milliseconds, in the time of California in winter."""
    return f"{from_epoch(moment - 8 * 3600):%Y-%m-%dT%H:%M:%S}.000-08:00"


def _machine_type(world: World, path: str) -> Mapping[str, object]:
    found = _TYPE.fullmatch(path)
    if found is None or found.groups() not in world.machine_types:
        resource = path.removeprefix("/compute/v1/")
        not_found(f"The resource '{resource}' was not found")
    project, zone, name = found.groups()
    return _type_facts(world.machine_types[project, zone, name], f"{_URL}/{project}", zone)


def _type_facts(found: MachineType, url: str, zone: str) -> Mapping[str, object]:
    facts: dict[str, object] = {
        "kind": "compute#machineType",
        "id": "3002000",
        "name": found.name,
        "description": f"{found.vcpus} vCPUs, {found.memory_gib} GB RAM",
        "guestCpus": found.vcpus,
        "memoryMb": round(found.memory_gib * MIB_PER_GIB),
        "isSharedCpu": found.burstable,
        "architecture": "ARM64" if found.architecture is Architecture.ARM else "X86_64",
        "zone": zone,
        "selfLink": f"{url}/zones/{zone}/machineTypes/{found.name}",
    }
    if found.gpu_count:
        gpu = {"guestAcceleratorType": found.gpu_model, "guestAcceleratorCount": found.gpu_count}
        facts["accelerators"] = [gpu]
    return facts
