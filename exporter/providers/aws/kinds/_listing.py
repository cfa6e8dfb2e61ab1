"""DescribeDBInstances, and what the kinds share whose machines it lists.

RDS, DocumentDB and Neptune are managed with one API: whichever of them is asked, it lists the
instances of all three, told apart by their engine (their API references, DescribeDBInstances). So
it is asked once in a region and poll, and each kind takes the ``engines`` that are its own. To
cover another of these services, write a kind with the name of its engines and of its metrics.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

import structlog

from exporter.core.model import Disk, Machine, ResourceKey, RunState
from exporter.core.ports import AdapterContext
from exporter.data.machine_types import hardware_type
from exporter.providers._shared.calls import readable
from exporter.providers.aws.errors import Call, paged, translated
from exporter.providers.aws.kind import ON_DEMAND, Kind, Listing, Permission, Place, Query
from exporter.providers.aws.kinds import NAMES, kind_of
from exporter.providers.aws.shapes import TypeFacts

if TYPE_CHECKING:
    from exporter.providers.aws.config import Config

PAGE_SIZE: Final = 100
"""Largest MaxRecords of DescribeDBInstances (RDS API reference)."""

_FEW: Final = 20
"""Smallest MaxRecords of DescribeDBInstances (RDS API reference)."""

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

_log = structlog.get_logger(__name__)


class RdsClient(Protocol):
    """What is used of boto3's client."""

    def describe_db_instances(self, *, MaxRecords: int) -> Mapping[str, Any]:  # noqa: N803 - the API's name
        """Ask for one page."""
        ...

    def get_paginator(self, operation_name: str, /) -> Any:  # noqa: ANN401 - boto3 makes the classes
        """Return what asks for all pages."""
        ...


def db_instances(place: Place, call: Call) -> Sequence[Mapping[str, Any]]:
    """Return the DB instances of a region: those of RDS, DocumentDB and Neptune alike.

    Raises:
        CollectorError: they could not be listed whole.
    """
    client: RdsClient = place.client(call)
    return place.once.do(call.permission, lambda: tuple(_pages(client, call)))


def _pages(client: RdsClient, call: Call) -> Iterator[Mapping[str, Any]]:
    size = {"PageSize": PAGE_SIZE}
    for item in paged(client, "describe_db_instances", call, "DBInstances", PaginationConfig=size):
        if item:  # null is none
            yield item


def _try_db_instances(place: Place) -> None:
    call = place.call(DB_INSTANCES.name)
    client: RdsClient = place.client(call)
    with translated(call):
        client.describe_db_instances(MaxRecords=_FEW)


DB_INSTANCES: Final = Permission(name="rds:DescribeDBInstances", probe=_try_db_instances)


def name_of(item: Mapping[str, Any]) -> str:
    """Return the name of a DB instance, by which CloudWatch knows it."""
    return str(item.get("DBInstanceIdentifier") or "")


def engine_of(item: Mapping[str, Any]) -> str:
    """Return the engine of a DB instance, empty where none is told."""
    return str(item.get("Engine") or "")


@cache
def engines() -> tuple[str, ...]:
    """Return what the engines begin with that any kind takes, whether it is watched or not."""
    kinds = (kind_of(name) for name in NAMES)
    return tuple(
        engine for kind in kinds if issubclass(kind, DbInstances) for engine in kind.engines
    )


class DbInstances(Kind):
    """Databases of one service in DescribeDBInstances, which tells when one was made.

    When it stopped or started again is not told: from the poll that first sees it running after a
    stop, it is taken to have run since the poll before. Minutes without data are then counted as
    missing, and none with data is lost.
    """

    listing = DB_INSTANCES
    starts_told = False
    engines: ClassVar[tuple[str, ...]]
    """What the names of its engines begin with; no other kind has the same."""
    namespace: ClassVar[str]
    """Where CloudWatch has its metrics."""

    def __init__(self, config: "Config", context: AdapterContext) -> None:
        super().__init__(config, context)
        self._polls: dict[str, tuple[datetime, dict[ResourceKey, Machine]]] = {}
        """Latest listing of each region, and when it was asked for."""
        self._told: set[str] = set()
        """Names of databases that were told not to be counted."""

    def listing_call(self, place: Place) -> Call:
        """Describe DescribeDBInstances; to do without it is to do without all that share it."""
        named = self._config.services
        sharing = [name for name in named if issubclass(kind_of(name), DbInstances)]
        names = " and ".join(sharing or [self.name])
        return place.call(self.listing.name, f"take {names} out of services")

    def list(self, place: Place) -> Listing:
        """List a region in all states; types that the table lacks are looked up.

        Raises:
            CollectorError: the region could not be listed whole.
        """
        call, types = self.listing_call(place), place.type_source
        items = [i for i in db_instances(place, call) if engine_of(i).startswith(self.engines)]
        sized = [item for item in items if item.get("DBInstanceClass") != _SERVERLESS]
        sizeless = [item for item in items if item.get("DBInstanceClass") == _SERVERLESS]
        failure = types.learn({_hardware(item) for item in sized})
        rows, odd = readable(
            sized, lambda item: self.machine(item, call, types.facts), call, "databases"
        )
        return Listing(
            region=place.region,
            machines=tuple(one for _, one in rows),
            left_out=dict.fromkeys(map(name_of, sizeless), "serverless, of which no size is told"),
            failures=odd if failure is None else (failure, *odd),
        )

    def machine(self, item: Mapping[str, Any], call: Call, types: TypeFacts) -> Machine:
        """Read one DB instance.

        Raises:
            BadPayloadError: it has no id, name or state.
        """
        resource_id, name = item.get("DbiResourceId"), name_of(item)
        status = item.get("DBInstanceStatus")
        if not resource_id or not name or not status:
            call.reject("a database without id, name or state")
        return Machine(
            key=ResourceKey("aws", call.account, call.region, self.resource_type, str(resource_id)),
            name=name,
            instance_type=str(item.get("DBInstanceClass") or ""),
            state=RunState.STOPPED if status in _OFF else RunState.RUNNING,
            cloud_zone=str(item.get("AvailabilityZone") or ""),
            launched_at=None if status == _CREATING else _utc(item.get("InstanceCreateTime")),
            tags={str(tag["Key"]): str(tag.get("Value", "")) for tag in item.get("TagList") or ()},
            shape=types.find(_hardware(item)),
            lifecycle=ON_DEMAND,
            disks=self.storage(item),
        )

    def storage(self, item: Mapping[str, Any]) -> tuple[Disk, ...]:  # noqa: ARG002 - for others
        """Return the storage of an instance's own; of a cluster's volume no size is told."""
        return ()

    def seen(self, listing: Listing, asked_at: datetime) -> tuple[Machine, ...]:
        """Return the listed machines with the start of their latest run, as far as it was seen."""
        at, before = self._polls.get(listing.region, (asked_at, {}))
        timed = [_timed(one, before.get(one.key), at) for one in listing.machines]
        self._polls[listing.region] = (asked_at, {one.key: one for one in timed})
        return tuple(timed)

    def after(self, listings: Sequence[Listing]) -> None:
        """Log, once for each, the databases that are not counted, and why."""
        by_reason: dict[str, set[str]] = {}
        for listing in listings:
            for name, reason in listing.left_out.items():
                by_reason.setdefault(reason, set()).add(name)
        for reason, names in by_reason.items():
            if names - self._told:
                _log.warning(
                    "databases are not counted",
                    kind=self.name,
                    reason=reason,
                    databases=sorted(names - self._told),
                )
            self._told |= names

    def queries(self, machine: Machine) -> tuple[Query, ...]:
        """Return the CPU; databases go by their name there, and have a point a minute."""
        return (
            Query(
                namespace=self.namespace,
                name="CPUUtilization",
                dimensions=(("DBInstanceIdentifier", machine.name),),
            ),
        )


def _hardware(item: Mapping[str, Any]) -> str:
    return hardware_type("aws", str(item.get("DBInstanceClass") or ""))


def _utc(moment: object) -> datetime | None:
    return moment.astimezone(UTC) if isinstance(moment, datetime) else None


def _timed(machine: Machine, before: Machine | None, at: datetime) -> Machine:
    """Take over the start of the run that goes on; one that was seen stopped started after that."""
    if before is None or before.launched_at is None:
        return machine
    started = machine.state is RunState.RUNNING and before.state is not RunState.RUNNING
    return replace(machine, launched_at=at if started else before.launched_at)
