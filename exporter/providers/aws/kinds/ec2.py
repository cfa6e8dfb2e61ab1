"""EC2: instances from DescribeInstances, their CPU from ``AWS/EC2``.

A machine in state ``pending`` is not yet running and one in ``stopping`` still is;
``shutting-down`` and ``terminated`` are gone.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from exporter.core.clock import epoch
from exporter.core.model import Disk, Machine, ResourceKey, RunState, Window
from exporter.core.ports import AdapterContext
from exporter.providers._shared.calls import readable
from exporter.providers._shared.reading import GpuReading, having_gpus
from exporter.providers.aws import gpu, metric_data, system_tags, volumes
from exporter.providers.aws.errors import Call, paged, translated
from exporter.providers.aws.kind import ON_DEMAND, Kind, Listing, Permission, Place, Query
from exporter.providers.aws.shapes import TypeFacts
from exporter.providers.aws.volumes import VolumeFacts, VolumeSource

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

    from exporter.providers.aws.config import Config
    from exporter.providers.aws.session import Connection

RESOURCE_TYPE: Final = "ec2_instance"

SPOT: Final = "spot"

BASIC_PERIOD: Final = 300
"""Seconds between the points of an instance with basic monitoring (EC2 user guide)."""

DETAILED_PERIOD: Final = 60
"""Seconds between points with detailed monitoring (EC2 user guide)."""

_REMEMBER_SECONDS: Final = 86_400.0
"""A machine gone from the inventory is still read until its last buckets are accounted."""

_FEW: Final = 5
"""Smallest MaxResults of the EC2 calls (EC2 API reference)."""

PAGE_SIZE: Final = 1000
"""Largest MaxResults of DescribeInstances (EC2 API reference)."""

_STATES: Final = {
    "pending": RunState.STOPPED,  # not yet on a host
    "running": RunState.RUNNING,
    "stopping": RunState.RUNNING,  # still on its host
    "stopped": RunState.STOPPED,
    "shutting-down": RunState.GONE,
    "terminated": RunState.GONE,
}
_TRANSITION: Final = re.compile(
    r"\((\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})(?:\.\d+)? ?(?:GMT|UTC|Z)?\)"
)


def _instances(client: "EC2Client", call: Call) -> Iterator[Mapping[str, Any]]:
    size = {"PageSize": PAGE_SIZE}
    for one in paged(client, "describe_instances", call, "Reservations", PaginationConfig=size):
        yield from one.get("Instances") or ()


def machine(
    item: Mapping[str, Any], call: Call, types: TypeFacts, disks: tuple[Disk, ...] = ()
) -> Machine:
    """Read one instance. What is not told of it may also be null.

    Raises:
        BadPayloadError: it has no id, or a state that the API does not document.
    """
    resource_id = item.get("InstanceId")
    state = _STATES.get(str((item.get("State") or {}).get("Name")))
    if not resource_id or state is None:
        call.reject("an instance without id or state")
    tags = {str(tag["Key"]): str(tag.get("Value", "")) for tag in item.get("Tags") or ()}
    instance_type = str(item.get("InstanceType") or "")
    launched_at = _utc(item.get("LaunchTime"))
    return Machine(
        key=ResourceKey("aws", call.account, call.region, RESOURCE_TYPE, str(resource_id)),
        name=tags.get("Name", ""),
        instance_type=instance_type,
        state=state,
        cloud_zone=_place(item),
        launched_at=launched_at,
        stopped_at=None if state is RunState.RUNNING else _stopped_at(item, launched_at),
        tags=tags,
        shape=types.find(instance_type),
        group=system_tags.group(tags),
        cluster=system_tags.cluster(tags),
        node_pool=system_tags.node_pool(tags),
        provider_id=_provider_id(item),
        lifecycle=SPOT if item.get("InstanceLifecycle") == SPOT else ON_DEMAND,
        disks=disks,
    )


def _provider_id(item: Mapping[str, Any]) -> str:
    """Name of the node on this instance, as cloud-provider-aws writes it.

    ``aws:///eu-west-1a/i-0abc``, with three slashes: the part for a host stays empty. The zone is
    the one by name, also on an Outpost (the forms that kubernetesInstanceID of the controller's
    pkg/providers/v1/instances.go documents and reads).
    """
    zone = (item.get("Placement") or {}).get("AvailabilityZone")
    return f"aws:///{zone}/{item['InstanceId']}" if zone else ""


def _place(item: Mapping[str, Any]) -> str:
    """Return the availability zone, or the id of the Outpost: that stands at its owner's."""
    _, slash, outpost = str(item.get("OutpostArn") or "").rpartition("/")
    return outpost if slash else str((item.get("Placement") or {}).get("AvailabilityZone") or "")


def _is_detailed(item: Mapping[str, Any]) -> bool:
    return bool((item.get("Monitoring") or {}).get("State") == "enabled")


def _stopped_at(item: Mapping[str, Any], launched_at: datetime | None) -> datetime | None:
    stopped_at = transition_time(str(item.get("StateTransitionReason", "")))
    if stopped_at is not None and launched_at is not None and stopped_at < launched_at:
        return None  # the reason of an earlier stop
    return stopped_at


def transition_time(reason: str) -> datetime | None:
    """Time in a text such as ``User initiated (2026-11-22 22:25:04 GMT)``; None without one."""
    found = _TRANSITION.search(reason)
    if found is None:
        return None
    try:
        return datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=UTC)
    except ValueError:
        return None


def _utc(moment: object) -> datetime | None:
    return moment.astimezone(UTC) if isinstance(moment, datetime) else None


def _try_instances(place: Place) -> None:
    with translated(place.call(INSTANCES.name)):
        place.connection.ec2(place.region).describe_instances(MaxResults=_FEW)


def _try_volumes(place: Place) -> None:
    call = place.call(volumes.PERMISSION, volumes.OTHERWISE)
    volumes.try_list(place.connection.ec2(place.region), call, _FEW)


def _try_gpus(place: Place) -> None:
    gpu.try_list(place.connection.cloudwatch(place.region), place.call(gpu.PERMISSION))


INSTANCES: Final = Permission(name="ec2:DescribeInstances", probe=_try_instances)
_VOLUMES: Final = Permission(name=volumes.PERMISSION, probe=_try_volumes, optional=True)
_GPUS: Final = Permission(name=gpu.PERMISSION, probe=_try_gpus)


class Ec2(Kind):
    """Instances of EC2, with their volumes and their GPUs."""

    what = "instances"
    resource_type = RESOURCE_TYPE
    listing = INSTANCES
    optional = False

    def __init__(self, config: "Config", context: AdapterContext) -> None:
        super().__init__(config, context)
        self._volumes = VolumeFacts(context.clock)
        self._agents = gpu.AgentMetrics(context.clock)
        self._detailed: dict[ResourceKey, float] = {}
        """Instances with a point a minute, and when they were last listed as such."""

    @property
    def further(self) -> tuple[Permission, ...]:
        """Volumes, unless they are not wanted, and the metrics of agents."""
        return (_VOLUMES, _GPUS) if self._config.volumes else (_GPUS,)

    @property
    def extra_metrics(self) -> int:
        """One for each GPU that an agent reports on."""
        return self._agents.count

    def listing_call(self, place: Place) -> Call:
        """Describe DescribeInstances: nobody is told to do without."""
        return place.call(INSTANCES.name)

    def list(self, place: Place) -> Listing:
        """List a region in all states, with volumes; types that the table lacks are looked up.

        Raises:
            CollectorError: the region could not be listed whole.
        """
        call, types = self.listing_call(place), place.type_source
        listed = tuple(_instances(place.client(call), call))
        missing = types.learn({str(item.get("InstanceType") or "") for item in listed if item})
        read = partial(machine, call=call, types=types.facts)
        rows, odd = readable(listed, read, call, "instances")
        items = [item for item, _ in rows]
        failures = [missing, *odd]
        attached: Sequence[tuple[Disk, ...]] = [()] * len(items)
        if self._config.volumes:
            attached, failure = self._volume_source(place).attach(items)
            failures.append(failure)
        machines = tuple(
            replace(one, disks=disks) for (_, one), disks in zip(rows, attached, strict=True)
        )
        return Listing(
            region=place.region,
            machines=machines,
            detailed=frozenset(
                one.key for one, item in zip(machines, items, strict=True) if _is_detailed(item)
            ),
            failures=tuple(failure for failure in failures if failure is not None),
        )

    def after(self, listings: Sequence[Listing]) -> None:
        """Keep which instances have one-minute points, a day longer than they are listed."""
        now = self._context.clock.monotonic()
        for listing in listings:
            for one in listing.machines:
                self._detailed.pop(one.key, None)
            self._detailed.update(dict.fromkeys(listing.detailed, now))
        self._detailed = {
            key: seen for key, seen in self._detailed.items() if now - seen < _REMEMBER_SECONDS
        }

    def queries(self, machine: Machine) -> tuple[Query, ...]:
        """Return the CPU, as fine as its monitoring is."""
        return (
            Query(
                namespace="AWS/EC2",
                name="CPUUtilization",
                dimensions=(("InstanceId", machine.key.resource_id),),
                finest=DETAILED_PERIOD if machine.key in self._detailed else BASIC_PERIOD,
            ),
        )

    def gpus(
        self, connection: "Connection", machines: Sequence[Machine], window: Window
    ) -> Sequence[Callable[[], GpuReading]]:
        """Read the GPUs that agents report on, region by region."""
        now = epoch(self._context.clock.now())
        equipped = having_gpus(machines, self._context.types)
        return [
            partial(self._gpu_reader(connection, region).read, some, window, now)
            for region, some in gpu.by_region(equipped)
        ]

    def _gpu_reader(self, connection: "Connection", region: str) -> gpu.Reader:
        return gpu.Reader(
            client=connection.cloudwatch(region),
            listing=connection.call(gpu.PERMISSION, region),
            reading=connection.call(metric_data.PERMISSION, region),
            metrics=self._agents,
            meter=self._context.meter,
        )

    def _volume_source(self, place: Place) -> VolumeSource:
        return VolumeSource(
            client=place.connection.ec2(place.region),
            call=place.call(volumes.PERMISSION, volumes.OTHERWISE),
            facts=self._volumes,
        )


KIND = Ec2
