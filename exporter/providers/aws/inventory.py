"""Machines from DescribeInstances."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from exporter.core.errors import AuthError, CollectorError
from exporter.core.model import Disk, Machine, ResourceKey, RunState
from exporter.providers.aws import system_tags
from exporter.providers.aws.errors import Call, translated
from exporter.providers.aws.shapes import TypeFacts, TypeSource
from exporter.providers.aws.volumes import VolumeSource

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

PERMISSION: Final = "ec2:DescribeInstances"

RESOURCE_TYPE: Final = "ec2_instance"

ON_DEMAND: Final = "on_demand"
SPOT: Final = "spot"

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Machines of one service in one region.

    ``detailed`` are those with one-minute monitoring, ``left_out`` names of what is not counted.
    """

    region: str
    machines: tuple[Machine, ...]
    detailed: frozenset[ResourceKey]
    left_out: frozenset[str] = frozenset()
    failures: tuple[CollectorError, ...] = ()


def list_region(
    client: "EC2Client", call: Call, types: TypeSource, volumes: VolumeSource | None = None
) -> Listing:
    """List a region in all states, with volumes; types that the table lacks are looked up.

    Raises:
        CollectorError: the region could not be listed whole.
    """
    items = tuple(_instances(client, call))
    failures = [types.learn({str(item.get("InstanceType", "")) for item in items})]
    attached: Sequence[tuple[Disk, ...]] = [()] * len(items)
    if volumes is not None:
        attached, failure = volumes.attach(items)
        failures.append(failure)
    with translated(call):
        machines = tuple(
            machine(item, call, types.facts, disks)
            for item, disks in zip(items, attached, strict=True)
        )
    return Listing(
        region=call.region,
        machines=machines,
        detailed=frozenset(
            one.key for one, item in zip(machines, items, strict=True) if _is_detailed(item)
        ),
        failures=tuple(failure for failure in failures if failure is not None),
    )


def _instances(client: "EC2Client", call: Call) -> Iterator[Mapping[str, Any]]:
    pages = client.get_paginator("describe_instances").paginate(
        PaginationConfig={"PageSize": PAGE_SIZE}
    )
    with translated(call):
        for page in pages:
            if "Reservations" not in page:  # an empty account has an empty list
                call.reject("the answer lists nothing")
            for reservation in page["Reservations"]:
                yield from reservation.get("Instances", ())


def machine(
    item: Mapping[str, Any], call: Call, types: TypeFacts, disks: tuple[Disk, ...] = ()
) -> Machine:
    """Read one instance.

    Raises:
        BadPayloadError: it has no id, or a state that the API does not document.
    """
    resource_id = item.get("InstanceId")
    state = _STATES.get(str(item.get("State", {}).get("Name")))
    if not resource_id or state is None:
        call.reject("an instance without id or state")
    tags = {str(tag["Key"]): str(tag.get("Value", "")) for tag in item.get("Tags", ())}
    instance_type = str(item.get("InstanceType", ""))
    launched_at = _utc(item.get("LaunchTime"))
    return Machine(
        key=ResourceKey("aws", call.account, call.region, RESOURCE_TYPE, str(resource_id)),
        name=tags.get("Name", ""),
        instance_type=instance_type,
        state=state,
        cloud_zone=str(item.get("Placement", {}).get("AvailabilityZone", "")),
        launched_at=launched_at,
        stopped_at=None if state is RunState.RUNNING else _stopped_at(item, launched_at),
        tags=tags,
        shape=types.find(instance_type),
        group=system_tags.group(tags),
        cluster=system_tags.cluster(tags),
        node_pool=system_tags.node_pool(tags),
        lifecycle=SPOT if item.get("InstanceLifecycle") == SPOT else ON_DEMAND,
        disks=disks,
    )


def _is_detailed(item: Mapping[str, Any]) -> bool:
    return bool(item.get("Monitoring", {}).get("State") == "enabled")


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


def once_each(failures: Sequence[CollectorError]) -> tuple[CollectorError, ...]:
    """Drop refusals of a permission that was refused in another region as well."""
    told = {
        str(error).partition(" in ")[0] if isinstance(error, AuthError) else str(error): error
        for error in reversed(failures)
    }
    return tuple(told.values())[::-1]
