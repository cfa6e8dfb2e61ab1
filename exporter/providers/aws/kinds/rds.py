"""RDS: databases from DescribeDBInstances, their CPU from ``AWS/RDS``."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import structlog

from exporter.core.model import Disk, Machine, ResourceKey, RunState
from exporter.core.ports import AdapterContext
from exporter.data.machine_types import hardware_type
from exporter.providers.aws.errors import Call, translated
from exporter.providers.aws.kind import ON_DEMAND, Kind, Listing, Place, Query
from exporter.providers.aws.kinds._listing import DB_INSTANCES, db_instances
from exporter.providers.aws.shapes import TypeFacts
from exporter.providers.aws.volumes import disk

if TYPE_CHECKING:
    from exporter.providers.aws.config import Config

RESOURCE_TYPE: Final = "rds_instance"

_OFF: Final = frozenset(
    {
        "creating",
        "failed",
        "inaccessible-encryption-credentials",
        "inaccessible-encryption-credentials-recoverable",
        "incompatible-network",
        "incompatible-restore",
        "insufficient-capacity",
        "stopped",
    }
)
"""States in which no machine is billed (RDS User Guide, "Viewing DB instance status").

In ``starting``, ``stopping`` and ``deleting`` none is either, but it is on its host. AWS adds
states now and then: one that is not listed here is taken as running, and its CPU data tells.
"""

_CREATING: Final = "creating"

_SERVERLESS: Final = "db.serverless"

_ELSEWHERE: Final = ("custom-", "docdb", "neptune")
"""Engines of which the machines are EC2 instances of the account, or databases outside of RDS."""

_SHARED_STORAGE: Final = "aurora"
"""Storage types that grow by themselves, and belong to a cluster and not to an instance."""

_log = structlog.get_logger(__name__)


def is_of_rds(item: Mapping[str, Any]) -> bool:
    """Whether it is a database of RDS on machines that nothing else lists."""
    return not str(item.get("Engine", "")).startswith(_ELSEWHERE)


def _name(item: Mapping[str, Any]) -> str:
    return str(item.get("DBInstanceIdentifier") or "")


def _hardware(item: Mapping[str, Any]) -> str:
    return hardware_type("aws", str(item.get("DBInstanceClass", "")))


def machine(item: Mapping[str, Any], call: Call, types: TypeFacts) -> Machine:
    """Read one DB instance. Its name is what CloudWatch knows it by.

    Raises:
        BadPayloadError: it has no id, name or state.
    """
    resource_id, name = item.get("DbiResourceId"), _name(item)
    status = item.get("DBInstanceStatus")
    if not resource_id or not name or not status:
        call.reject("a database without id, name or state")
    return Machine(
        key=ResourceKey("aws", call.account, call.region, RESOURCE_TYPE, str(resource_id)),
        name=name,
        instance_type=str(item.get("DBInstanceClass", "")),
        state=RunState.STOPPED if status in _OFF else RunState.RUNNING,
        cloud_zone=str(item.get("AvailabilityZone", "")),
        launched_at=None if status == _CREATING else _utc(item.get("InstanceCreateTime")),
        tags={str(tag["Key"]): str(tag.get("Value", "")) for tag in item.get("TagList", ())},
        shape=types.find(_hardware(item)),
        lifecycle=ON_DEMAND,
        disks=_storage(item),
    )


def _storage(item: Mapping[str, Any]) -> tuple[Disk, ...]:
    """Return the EBS storage of an instance; of a cluster's shared volume RDS tells no size."""
    storage_type, gib = str(item.get("StorageType") or ""), item.get("AllocatedStorage")
    if not storage_type or not gib or storage_type.startswith(_SHARED_STORAGE):
        return ()
    return (disk(storage_type, float(gib)),)


def _utc(moment: object) -> datetime | None:
    return moment.astimezone(UTC) if isinstance(moment, datetime) else None


def _timed(machine: Machine, before: Machine | None, at: datetime) -> Machine:
    """Take over the start of the run that goes on; one that was seen stopped started after that."""
    if before is None or before.launched_at is None:
        return machine
    started = machine.state is RunState.RUNNING and before.state is not RunState.RUNNING
    return replace(machine, launched_at=at if started else before.launched_at)


class Rds(Kind):
    """Databases of one account: RDS tells when one was made, not when it started."""

    what = "databases of RDS"
    not_counted = (
        "the standby of a Multi-AZ instance, which has no metrics; the volume of an Aurora cluster "
        "and serverless databases, whose size is not told"
    )
    resource_type = RESOURCE_TYPE
    listing = DB_INSTANCES
    starts_told = False

    def __init__(self, config: "Config", context: AdapterContext) -> None:
        super().__init__(config, context)
        self._polls: dict[str, tuple[datetime, dict[ResourceKey, Machine]]] = {}
        """Latest listing of each region, and when it was asked for."""
        self._left_out: frozenset[str] = frozenset()

    def list(self, place: Place) -> Listing:
        """List a region in all states; types that the table lacks are looked up.

        Raises:
            CollectorError: the region could not be listed whole.
        """
        call, types = self.listing_call(place), place.type_source
        items = [item for item in db_instances(place, call) if is_of_rds(item)]
        sized = [item for item in items if item.get("DBInstanceClass") != _SERVERLESS]
        failure = types.learn({_hardware(item) for item in sized})
        with translated(call):
            machines = tuple(machine(item, call, types.facts) for item in sized)
        return Listing(
            region=place.region,
            machines=machines,
            left_out=frozenset(_name(item) for item in items if item not in sized),
            failures=() if failure is None else (failure,),
        )

    def seen(self, listing: Listing, asked_at: datetime) -> tuple[Machine, ...]:
        """Return the listed machines with the start of their latest run, as far as it was seen."""
        at, before = self._polls.get(listing.region, (asked_at, {}))
        timed = [_timed(one, before.get(one.key), at) for one in listing.machines]
        self._polls[listing.region] = (asked_at, {one.key: one for one in timed})
        return tuple(timed)

    def after(self, listings: Sequence[Listing]) -> None:
        """Log, once for each, the databases that are not counted."""
        names = frozenset[str]().union(*(listing.left_out for listing in listings))
        if names - self._left_out:
            _log.warning(
                "serverless databases are not counted: RDS does not tell their size",
                databases=sorted(names - self._left_out),
            )
        self._left_out |= names

    def queries(self, machine: Machine) -> tuple[Query, ...]:
        """Return the CPU; databases go by their name there, and have a point a minute."""
        return (
            Query(
                namespace="AWS/RDS",
                name="CPUUtilization",
                dimensions=(("DBInstanceIdentifier", machine.name),),
            ),
        )


KIND = Rds
