"""Machines of one project from the Compute Engine API."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from exporter.core.errors import CollectorError, UnreachableError
from exporter.core.model import Disk, Inventory, Machine, ResourceKey, RunState
from exporter.providers.gcp.disks import DiskFacts
from exporter.providers.gcp.errors import Call, from_status, translated
from exporter.providers.gcp.session import Connection, JsonObject
from exporter.providers.gcp.shapes import TypeFacts

PERMISSION: Final = "compute.instances.list"
API: Final = "instances.aggregatedList"

PAGE_SIZE: Final = 500
"""Largest maxResults of instances.aggregatedList (Compute Engine API reference)."""

SPOT_TAG: Final = "gcp:provisioning-model"
"""Tag made from ``scheduling.provisioningModel``; labels of Google Cloud cannot hold a colon."""

CLUSTER_LABEL: Final = "goog-k8s-cluster-name"
NODE_POOL_LABEL: Final = "goog-k8s-node-pool-name"
"""Labels that GKE puts on its nodes (GKE documentation, "Labels and tags in Google Cloud").

The instance group of a machine is told in its metadata alone, which cannot be had without start-up
scripts and the nodes' credentials: it is not asked for.
"""

_KIND: Final = "compute#instanceAggregatedList"
_FIELDS: Final = (
    "kind,nextPageToken,unreachables,warning/code,items/*/warning/code,"
    "items/*/instances(id,name,machineType,status,cpuPlatform,labels,creationTimestamp,"
    "lastStartTimestamp,lastStopTimestamp,lastSuspendedTimestamp,"
    "scheduling(provisioningModel,preemptible),"
    "disks(type,source,diskSizeGb),"
    "guestAccelerators(acceleratorType,acceleratorCount))"
)
_INCOMPLETE: Final = frozenset({"UNREACHABLE", "PARTIAL_SUCCESS"})
"""Warning codes that say that machines may be missing from the answer."""

_OFF: Final = frozenset(
    {
        "PENDING",  # waits for capacity
        "PROVISIONING",  # not yet on a host
        "STAGING",  # being prepared for its first boot
        "REPAIRING",  # its host failed
        "DEPROVISIONING",  # its host is being taken away
        "SUSPENDED",
        "TERMINATED",  # stopped; deleted machines are not listed at all
    }
)
"""States without a host. In all others, STOPPING and SUSPENDING too, the machine is on one."""

_UNKNOWN_PLATFORM: Final = "Unknown CPU Platform"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Machines of one project, and what did not answer.

    ``whole`` is False where parts are missing and it is not told which.
    """

    machines: tuple[Machine, ...]
    unseen_regions: frozenset[str] = frozenset()
    whole: bool = True
    failures: tuple[CollectorError, ...] = ()


def region_of(zone: str) -> str:
    """Return the region of a zone: ``europe-west1`` of ``europe-west1-b``."""
    return zone.rpartition("-")[0]


def list_project(
    connection: Connection, project: str, types: TypeFacts, disks: DiskFacts
) -> Listing:
    """List a project in all states; types that the table lacks, and disks', are looked up.

    Raises:
        CollectorError: the project could not be listed.
    """
    call = connection.call(PERMISSION, project)
    items: list[tuple[str, JsonObject]] = []
    missing: set[str] = set()
    with translated(call):
        for page in _pages(connection, call):
            missing |= _missing(page)
            items.extend(_instances(page))
        wanted = {_last(item.get("machineType")): zone for zone, item in items}
    documents = [item for _, item in items]
    failures = [
        types.learn(wanted, connection, project),
        disks.learn(documents, connection, project),
    ]
    with translated(call):
        machines = tuple(
            machine(item, zone, call, types, attached)
            for (zone, item), attached in zip(items, disks.of(documents, project), strict=True)
        )
    return _listing(machines, missing, [one for one in failures if one is not None], call)


def try_list(connection: Connection, project: str) -> None:
    """Ask for one instance.

    Raises:
        CollectorError: the project could not be listed.
    """
    _page(connection, {"maxResults": "1"}, connection.call(PERMISSION, project))


def _page(connection: Connection, params: Mapping[str, str], call: Call) -> JsonObject:
    fixed = {"returnPartialSuccess": "true", "fields": _FIELDS}
    path = f"projects/{call.project}/aggregated/instances"
    page = connection.get(API, path, {**params, **fixed}, call)
    if page is None:
        raise from_status(HTTPStatus.NOT_FOUND, ("notFound",), call)
    if page.get("kind") != _KIND:
        call.reject("the answer lists nothing")
    return page


def _pages(connection: Connection, call: Call) -> Iterator[JsonObject]:
    params = {"maxResults": str(PAGE_SIZE)}
    while True:
        page = _page(connection, params, call)
        yield page
        token = page.get("nextPageToken")
        if not token:
            return
        if token == params.get("pageToken"):
            call.reject("the pages do not end")
        params["pageToken"] = str(token)


def _instances(page: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    for scope, listed in page.get("items", {}).items():
        for item in listed.get("instances", ()):
            yield _last(scope), item


def _missing(page: JsonObject) -> set[str]:
    """Zones and regions that did not answer; ``global`` where it is not told which."""
    told = {_last(name) for name in page.get("unreachables", ())}
    told |= {
        _last(scope)
        for scope, listed in page.get("items", {}).items()
        if listed.get("warning", {}).get("code") in _INCOMPLETE
    }
    if page.get("warning", {}).get("code") in _INCOMPLETE and not told:
        told.add("global")
    return told


def _listing(
    machines: tuple[Machine, ...],
    missing: set[str],
    failures: list[CollectorError],
    call: Call,
) -> Listing:
    if missing:
        cause = f"no answer from {', '.join(sorted(missing))}"
        message = f"{call}: {cause} — machines known there stay; it will be tried again"
        failures.append(UnreachableError(message, scope=call.project))
    return Listing(
        machines=machines,
        # A zone ends in a letter, its region in a number: the latter may be named itself.
        unseen_regions=frozenset(n if n[-1:].isdigit() else region_of(n) for n in missing) - {""},
        whole="global" not in missing,
        failures=tuple(failures),
    )


def merged(
    listings: Sequence[Listing],
    seen: tuple[Machine, ...],
    errors: Sequence[CollectorError],
    *,
    unseen_all: bool,
) -> Inventory:
    """Put what was listed, and what monitoring alone shows, into one inventory."""
    listed = (one for listing in listings for one in listing.machines)
    return Inventory(
        machines=(*listed, *seen),
        unseen_regions=frozenset().union(*(listing.unseen_regions for listing in listings)),
        unseen_all=unseen_all or not all(listing.whole for listing in listings),
        failures=(*errors, *(e for listing in listings for e in listing.failures)),
    )


def machine(
    item: Mapping[str, Any],
    zone: str,
    call: Call,
    types: TypeFacts,
    disks: tuple[Disk, ...] = (),
) -> Machine:
    """Read one instance.

    Raises:
        BadPayloadError: it has no id or no status.
    """
    resource_id, status = item.get("id"), item.get("status")
    if not resource_id or not status or not region_of(zone):
        call.reject("an instance without id, status or zone")
    state = RunState.STOPPED if status in _OFF else RunState.RUNNING
    launched_at = _utc(item.get("lastStartTimestamp") or item.get("creationTimestamp"))
    tags = _tags(item)
    machine_type, platform = _last(item.get("machineType")), str(item.get("cpuPlatform", ""))
    return Machine(
        key=ResourceKey("gcp", call.project, region_of(zone), "gce_instance", str(resource_id)),
        name=str(item.get("name", "")),
        instance_type=machine_type,
        state=state,
        cloud_zone=zone,
        launched_at=launched_at,
        stopped_at=None if state is RunState.RUNNING else _stopped_at(item, launched_at),
        tags=tags,
        shape=types.find(machine_type, item.get("guestAccelerators", ())),
        cpu_platform="" if platform == _UNKNOWN_PLATFORM else platform,
        cluster=tags.get(CLUSTER_LABEL, ""),
        node_pool=tags.get(NODE_POOL_LABEL, ""),
        lifecycle=_lifecycle(item.get("scheduling", {})),
        disks=disks,
    )


def _lifecycle(scheduling: Mapping[str, Any]) -> str:
    """Spot machines, and the preemptible ones that came before them, may be taken back."""
    spot = scheduling.get("provisioningModel") == "SPOT" or scheduling.get("preemptible")
    return "spot" if spot else "on_demand"


def _tags(item: Mapping[str, Any]) -> dict[str, str]:
    tags = {str(key): str(value) for key, value in item.get("labels", {}).items()}
    model = item.get("scheduling", {}).get("provisioningModel")
    return tags | {SPOT_TAG: str(model).lower()} if model else tags


def _stopped_at(item: Mapping[str, Any], launched_at: datetime | None) -> datetime | None:
    """End of the latest run; a stamp from before its start belongs to an earlier one."""
    stamps = [_utc(item.get(key)) for key in ("lastStopTimestamp", "lastSuspendedTimestamp")]
    after = [s for s in stamps if s is not None and (launched_at is None or s >= launched_at)]
    return max(after, default=None)


def _utc(stamp: object) -> datetime | None:
    return datetime.fromisoformat(str(stamp)).astimezone(UTC) if stamp else None


def _last(path: object) -> str:
    """Last part of a URL or path, which is how Compute Engine names zones and types."""
    return str(path or "").rpartition("/")[2]
