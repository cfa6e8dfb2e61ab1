"""EBS as the demo speaks it: the volumes of instances."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from exporter.core.clock import from_epoch
from exporter.core.model import Disk
from exporter.demo.aws.paging import next_token, position
from exporter.demo.aws.registry import Operation
from exporter.demo.aws.wire import Call, Code, require
from exporter.demo.aws.world import World
from exporter.demo.estate import EstateMachine, EstateState
from exporter.demo.estate.hashing import seed_of

_LARGEST_PAGE: Final = 500
"""Most volumes that DescribeVolumes returns at once, whatever is asked for."""
_SMALLEST_PAGE: Final = 5
_DEVICES: Final = ("/dev/xvda", "/dev/sdf", "/dev/sdg", "/dev/sdh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A volume and the machine that it is attached to."""

    volume_id: str
    disk: Disk
    device: str
    machine: EstateMachine
    attached: int


def volumes_of(world: World, machine: EstateMachine, moment: float) -> tuple[Volume, ...]:
    """Return the volumes of a machine: gone with it, and kept while it is stopped."""
    if world.estate.state_at(machine, moment) is EstateState.TERMINATED:
        return ()
    return tuple(
        Volume(
            volume_id=_volume_id(machine, number),
            disk=disk,
            device=_DEVICES[number],
            machine=machine,
            attached=world.estate.created_at(machine),
        )
        for number, disk in enumerate(machine.disks)
    )


def _volume_id(machine: EstateMachine, number: int) -> str:
    seed = seed_of(f"{machine.resource_id}/{number}")
    return f"vol-0de30{seed >> 16:012x}"


def mappings(volumes: Sequence[Volume]) -> list[Mapping[str, object]]:
    """Return what DescribeInstances tells of volumes: neither their size nor their type."""
    return [
        {
            "deviceName": volume.device,
            "ebs": {
                "volumeId": volume.volume_id,
                "status": "attached",
                "attachTime": _iso(volume.attached),
                "deleteOnTermination": True,
            },
        }
        for volume in volumes
    ]


def describe_volumes(world: World, call: Call) -> Mapping[str, object]:
    """List the volumes of an account in a region, page by page."""
    size = _page_size(call, world.limits.volumes)
    moment, offset = position(call, world.now())
    chosen = [v for v in _volumes(world, call, moment) if _passes(v, call)]
    page = chosen[offset : offset + size]
    token = next_token(moment, offset + len(page), len(chosen))
    return {"volumeSet": [_facts(volume) for volume in page], "nextToken": token}


def _volumes(world: World, call: Call, moment: float) -> Iterator[Volume]:
    for machine in world.listed(call, moment, "DescribeInstances"):
        yield from volumes_of(world, machine, moment)


def _page_size(call: Call, limit: int) -> int:
    asked = int(call.params.get("MaxResults", _LARGEST_PAGE))
    message = f"Value ( {asked} ) for parameter maxResults is invalid: {_SMALLEST_PAGE} or more"
    require(asked >= _SMALLEST_PAGE, Code.INVALID_VALUE, message)
    return min(asked, limit)


def _passes(volume: Volume, call: Call) -> bool:
    facts = {
        "status": "in-use",
        "attachment.status": "attached",
        "attachment.instance-id": volume.machine.resource_id,
        "volume-id": volume.volume_id,
        "volume-type": volume.disk.type,
    }
    for asked in call.params.get("Filter", []):
        name = asked["Name"]
        require(name in facts, Code.INVALID_VALUE, f"The filter '{name}' is invalid")
        if facts[name] not in asked.get("Value", []):
            return False
    return True


def _facts(volume: Volume) -> Mapping[str, object]:
    attachment = {
        "volumeId": volume.volume_id,
        "instanceId": volume.machine.resource_id,
        "device": volume.device,
        "status": "attached",
        "attachTime": _iso(volume.attached),
        "deleteOnTermination": True,
    }
    return {
        "volumeId": volume.volume_id,
        "size": round(volume.disk.size_gib),
        "snapshotId": "",
        "availabilityZone": volume.machine.zone,
        "status": "in-use",
        "createTime": _iso(volume.attached),
        "attachmentSet": [attachment],
        "volumeType": volume.disk.type,
        "encrypted": True,
        "multiAttachEnabled": False,
    }


def _iso(moment: int) -> str:
    return f"{from_epoch(moment):%Y-%m-%dT%H:%M:%S}.000Z"


OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    ("ec2", "DescribeVolumes"): describe_volumes,
}
