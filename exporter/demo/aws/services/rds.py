"""RDS as the demo speaks it: DB instances."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from exporter.core.clock import from_epoch
from exporter.demo.aws.registry import BY_NAME, Kind, Operation
from exporter.demo.aws.wire import AwsError, Call, Code, Entries, read_token, require, write_token
from exporter.demo.aws.world import World
from exporter.demo.estate import EstateMachine

DESCRIBE: Final = "DescribeDBInstances"
"""Lists the databases of every engine that is managed with the API of RDS."""
TRANSITION_SECONDS: Final = 240
"""How long a database is starting or stopping: minutes, where a machine takes seconds."""
_SMALLEST_PAGE: Final = 20
_LARGEST_PAGE: Final = 100
"""MaxRecords of DescribeDBInstances."""


def describe_db_instances(world: World, call: Call) -> Mapping[str, object]:
    """List DB instances in all states, page by page."""
    size = _page_size(call, world.limits.databases)
    moment, offset = _position(call, world.now())
    listed = [one for one in world.listed(call, moment, DESCRIBE) if _exists(world, one, moment)]
    chosen = _chosen(call, listed)
    page = chosen[offset : offset + size]
    more = offset + len(page) < len(chosen)
    return {
        "DBInstances": Entries("DBInstance", [_facts(world, one, moment) for one in page]),
        "Marker": write_token(moment, offset + len(page)) if more else None,
    }


def _page_size(call: Call, limit: int) -> int:
    asked = int(call.params.get("MaxRecords", _LARGEST_PAGE))
    message = f"Invalid value {asked} for MaxRecords. Must be between 20 and 100"
    require(_SMALLEST_PAGE <= asked <= _LARGEST_PAGE, Code.INVALID_VALUE, message)
    return min(asked, limit)


def _position(call: Call, now: float) -> tuple[float, int]:
    """Return the time that the list shows, and how many entries came before this page."""
    marker = call.params.get("Marker")
    if marker is None:
        return now, 0
    try:
        moment, offset = read_token(marker, 2)
    except ValueError:
        raise AwsError(Code.INVALID_VALUE, f"Invalid marker: {marker}") from None
    return moment, int(offset)


def _exists(world: World, database: EstateMachine, moment: float) -> bool:
    """Whether it is still shown: a deleted database is not, as soon as it is gone."""
    stopped = world.estate.stopped_at(database, moment)
    ended = stopped is not None and moment >= stopped + TRANSITION_SECONDS
    return not (database.terminates and ended)


def _chosen(call: Call, databases: Sequence[EstateMachine]) -> Sequence[EstateMachine]:
    require("Filters" not in call.params, Code.INVALID_VALUE, "The demo knows no filters.")
    wanted = call.params.get("DBInstanceIdentifier")
    if wanted is None:
        return databases
    found = [one for one in databases if wanted.lower() in {one.name, one.resource_id.lower()}]
    if not found:
        raise AwsError(Code.DB_NOT_FOUND, f"DBInstance {wanted} not found.", HTTPStatus.NOT_FOUND)
    return found


def _facts(world: World, database: EstateMachine, moment: float) -> Mapping[str, object]:
    """Return a database in the words of the API, which tells no time of a start or stop."""
    tags = [{"Key": key, "Value": value} for key, value in database.tags.items()]
    storage = database.disks[0] if database.disks else None
    place = f"{database.region}:{database.account}"
    return {
        "DBInstanceIdentifier": database.name,
        "DBInstanceClass": database.instance_type,
        "Engine": database.facts.get("engine", "postgres"),
        "DBInstanceStatus": _status(world, database, moment),
        "AllocatedStorage": round(storage.size_gib) if storage else 1,
        "InstanceCreateTime": f"{from_epoch(world.estate.created_at(database)):%Y-%m-%dT%H:%M:%SZ}",
        "AvailabilityZone": database.zone,
        "MultiAZ": False,
        "EngineVersion": database.facts.get("engine_version", "17.6"),
        "StorageType": storage.type if storage else "aurora",
        "DbiResourceId": database.resource_id,
        "DBInstanceArn": f"arn:aws:rds:{place}:db:{database.name}",
        "TagList": Entries("Tag", tags),
    }


def _status(world: World, database: EstateMachine, moment: float) -> str:
    stopped = world.estate.stopped_at(database, moment)
    if stopped is not None:
        if database.terminates:
            return "deleting"
        return "stopped" if moment >= stopped + TRANSITION_SECONDS else "stopping"
    launched = world.estate.launched_at(database, moment) or 0
    if moment >= launched + TRANSITION_SECONDS:
        return "available"
    return "creating" if launched == world.estate.created_at(database) else "starting"


OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    ("rds", DESCRIBE): describe_db_instances,
}
KINDS: Final = (
    Kind(
        name="rds_instance",
        listed_by=DESCRIBE,
        namespace="AWS/RDS",
        dimension="DBInstanceIdentifier",
        subject=BY_NAME,
    ),
)
