"""Compute Engine: instances from aggregatedList, their CPU from Cloud Monitoring."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from exporter.core.errors import CollectorError, UnreachableError
from exporter.core.model import Disk, Machine, ResourceKey, RunState, Shape
from exporter.core.ports import AdapterContext
from exporter.providers._shared.calls import Pages, readable
from exporter.providers._shared.reading import GpuReading, having_gpus
from exporter.providers.gcp import disks as volumes
from exporter.providers.gcp import gpu, shapes
from exporter.providers.gcp.disks import DiskFacts
from exporter.providers.gcp.errors import Call, from_status, translated
from exporter.providers.gcp.kind import Kind, Listing, Metric, Permission, region_of
from exporter.providers.gcp.shapes import TypeFacts

if TYPE_CHECKING:
    from exporter.providers.gcp.config import Config
    from exporter.providers.gcp.metrics import Question
    from exporter.providers.gcp.session import Connection, JsonObject

PERMISSION: Final = "compute.instances.list"
RESOURCE_TYPE: Final = "gce_instance"
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


def list_project(
    connection: "Connection", project: str, types: TypeFacts, disks: DiskFacts
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
    rows, odd = readable(items, lambda one: machine(one[1], one[0], call, types), call, "instances")
    wanted = {one.instance_type: zone for (zone, _), one in rows}
    documents = [item for (_, item), _ in rows]
    failures = [
        *odd,
        types.learn(wanted, connection, project),
        disks.learn(documents, connection, project),
    ]
    machines = tuple(
        replace(one, disks=attached, shape=_shape(item, types))
        for ((_, item), one), attached in zip(rows, disks.of(documents, project), strict=True)
    )
    return _listing(machines, missing, [one for one in failures if one is not None], call)


def try_list(connection: "Connection", project: str) -> None:
    """Ask for one instance.

    Raises:
        CollectorError: the project could not be listed.
    """
    _page(connection, {"maxResults": "1"}, connection.call(PERMISSION, project))


def _page(connection: "Connection", params: Mapping[str, str], call: Call) -> "JsonObject":
    fixed = {"returnPartialSuccess": "true", "fields": _FIELDS}
    path = f"projects/{call.project}/aggregated/instances"
    page = connection.get(API, path, {**params, **fixed}, call)
    if page is None:
        raise from_status(HTTPStatus.NOT_FOUND, ("notFound",), call)
    if page.get("kind") != _KIND:
        call.reject("the answer lists nothing")
    return page


def _pages(connection: "Connection", call: Call) -> Iterator["JsonObject"]:
    params = {"maxResults": str(PAGE_SIZE)}
    turned = Pages(call)
    while True:
        page = _page(connection, params, call)
        yield page
        token = turned.turn(page.get("nextPageToken"), sum(1 for _ in _instances(page)))
        if not token:
            return
        params["pageToken"] = token


def _instances(page: "JsonObject") -> Iterator[tuple[str, "JsonObject"]]:
    for scope, listed in (page.get("items") or {}).items():
        for item in (listed or {}).get("instances") or ():
            yield _last(scope), item


def _missing(page: "JsonObject") -> set[str]:
    """Zones and regions that did not answer; ``global`` where it is not told which."""
    told = {_last(name) for name in page.get("unreachables") or ()}
    told |= {
        _last(scope)
        for scope, listed in (page.get("items") or {}).items()
        if ((listed or {}).get("warning") or {}).get("code") in _INCOMPLETE
    }
    if (page.get("warning") or {}).get("code") in _INCOMPLETE and not told:
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
    machine_type, platform = _last(item.get("machineType")), str(item.get("cpuPlatform") or "")
    return Machine(
        key=ResourceKey("gcp", call.project, region_of(zone), RESOURCE_TYPE, str(resource_id)),
        name=str(item.get("name") or ""),
        instance_type=machine_type,
        state=state,
        cloud_zone=zone,
        launched_at=launched_at,
        stopped_at=None if state is RunState.RUNNING else _stopped_at(item, launched_at),
        tags=tags,
        shape=_shape(item, types),
        cpu_platform="" if platform == _UNKNOWN_PLATFORM else platform,
        cluster=tags.get(CLUSTER_LABEL, ""),
        node_pool=tags.get(NODE_POOL_LABEL, ""),
        provider_id=_provider_id(item, zone, call.project),
        lifecycle=_lifecycle(item.get("scheduling") or {}),
        disks=disks,
    )


def _provider_id(item: Mapping[str, Any], zone: str, project: str) -> str:
    """Name of the node on this instance, as cloud-provider-gcp writes it.

    ``gce://project/zone/name``: the project's id, never its number, and the instance's name, not
    its id. kops and cloud-provider-gcp's own tests build the same string to find a node.
    """
    name = item.get("name")
    return f"gce://{project}/{zone}/{name}" if name else ""


def _shape(item: Mapping[str, Any], types: TypeFacts) -> Shape | None:
    return types.find(_last(item.get("machineType")), item.get("guestAccelerators") or ())


def _lifecycle(scheduling: Mapping[str, Any]) -> str:
    """Spot machines, and the preemptible ones that came before them, may be taken back."""
    spot = scheduling.get("provisioningModel") == "SPOT" or scheduling.get("preemptible")
    return "spot" if spot else "on_demand"


def _tags(item: Mapping[str, Any]) -> dict[str, str]:
    tags = {str(key): str(value) for key, value in (item.get("labels") or {}).items()}
    model = (item.get("scheduling") or {}).get("provisioningModel")
    return tags | {SPOT_TAG: str(model).lower()} if model else tags


def _stopped_at(item: Mapping[str, Any], launched_at: datetime | None) -> datetime | None:
    """End of the latest run; a stamp from before its start belongs to an earlier one."""
    stamps = [_utc(item.get(key)) for key in ("lastStopTimestamp", "lastSuspendedTimestamp")]
    after = [s for s in stamps if s is not None and (launched_at is None or s >= launched_at)]
    return max(after, default=None)


def _utc(stamp: object) -> datetime | None:
    """Read a time; None where there is none, or it cannot be read."""
    try:
        return datetime.fromisoformat(str(stamp)).astimezone(UTC) if stamp else None
    except (ValueError, OverflowError):
        return None


def _last(path: object) -> str:
    """Last part of a URL or path, which is how Compute Engine names zones and types."""
    return str(path or "").rpartition("/")[2]


_ANY_TYPE: Final = ("us-central1-a", "e2-micro")
"""A machine type that every project may look at."""


def _try_types(connection: "Connection", project: str) -> None:
    """Look at a machine type; that the project lacks the zone is no refusal."""
    zone, name = _ANY_TYPE
    path = f"projects/{project}/zones/{zone}/machineTypes/{name}"
    call = connection.call(shapes.PERMISSION, project)
    connection.get(shapes.API, path, {"fields": "name"}, call)


def key_of(labels: Mapping[str, str]) -> ResourceKey:
    """Return the machine that a series is of: names may repeat, ids within a project do not."""
    return ResourceKey(
        "gcp",
        labels.get("project_id", ""),
        region_of(labels.get("zone", "")),
        RESOURCE_TYPE,
        labels.get("instance_id", ""),
    )


CPU: Final = Metric(
    type="compute.googleapis.com/instance/cpu/utilization",
    resource="gce_instance",
    key=key_of,
    whole=1.0,
    meaning="CPU utilisation",
)

MOST_SHARED: Final = 8.0
"""Highest utilisation there is: an e2-micro is guaranteed a quarter of a vCPU and may use two."""


class Gce(Kind):
    """Instances of Compute Engine, with their disks and their GPUs."""

    what = "instances"
    resource_type = RESOURCE_TYPE
    listing = Permission(name=PERMISSION, api=API, probe=try_list)
    further = (
        Permission(name=shapes.PERMISSION, api=shapes.API, probe=_try_types),
        Permission(name=volumes.PERMISSION, api=volumes.API, probe=volumes.try_list),
    )
    metrics = (CPU,)
    sighted = True

    def __init__(self, config: "Config", context: AdapterContext) -> None:
        super().__init__(config, context)
        self._types = TypeFacts(context.types)
        self._disks = DiskFacts()

    def list(self, connection: "Connection", project: str) -> Listing:
        """List a project in all states.

        Raises:
            CollectorError: the project could not be listed.
        """
        return list_project(connection, project, self._types, self._disks)

    def limit(self, machine: Machine, role: str) -> float:  # noqa: ARG002 - it has one
        """Return 1, or what a machine may have that shares its cores."""
        if self._types.may_burst(machine.instance_type, machine.shape):
            return MOST_SHARED
        return 1.0

    def gpus(
        self,
        connection: "Connection",
        asked: "Question",
        machines: Sequence[Machine],
        call: Call,
    ) -> GpuReading:
        """Read the GPUs that Ops Agents report on."""
        equipped = [one.key for one in having_gpus(machines, self._context.types)]
        return gpu.read(connection, asked, equipped, call) if equipped else GpuReading()

    def extra_series(self, machines: Iterable[Machine]) -> int:
        """One for each machine with GPUs."""
        return len(having_gpus(machines, self._context.types))


KIND = Gce
