"""Disks as the demo's Compute Engine shows them: on their machines, and in a list of their own."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from exporter.core.model import Disk
from exporter.demo.estate import EstateMachine
from exporter.demo.gcp.world import World

_URL: Final = "https://www.googleapis.com/compute/v1/projects"
_REGIONAL: Final = 2
"""Copies of a disk that is kept in two zones of its region."""

Scoped = tuple[str, Mapping[str, object]]
"""A zone or region, and a disk in it."""


def attached(machine: EstateMachine) -> list[Mapping[str, object]]:
    """Return a machine's disks as its own record shows them: without their type."""
    disks: list[Mapping[str, object]] = [
        {
            "kind": "compute#attachedDisk",
            "type": "PERSISTENT",
            "mode": "READ_WRITE",
            "source": f"{_URL}/{machine.account}/{_scope(machine, disk)}/disks/{name}",
            "deviceName": name,
            "index": index,
            "boot": index == 0,
            "autoDelete": True,
            "interface": "SCSI",
            "diskSizeGb": str(round(disk.size_gib)),
        }
        for index, (name, disk) in enumerate(_named(machine))
    ]
    if machine.machine_type.gpu_count:
        disks.append(_local_ssd(len(disks)))
    return disks


def listed(world: World, project: str, moment: float) -> list[Scoped]:
    """Return the disks of a project by scope: regions come before zones."""
    found = [
        (_scope(machine, disk), _facts(machine, name, disk))
        for machine in world.listed(project, moment)
        for name, disk in _named(machine)
    ]
    return sorted(found, key=lambda scoped: (scoped[0], str(scoped[1]["name"])))


def items(page: Sequence[Scoped]) -> Mapping[str, object]:
    """Return a page by scope, as aggregated lists have it."""
    groups = groupby(page, key=lambda scoped: scoped[0])
    return {scope: {"disks": [facts for _, facts in group]} for scope, group in groups}


def _named(machine: EstateMachine) -> Iterator[tuple[str, Disk]]:
    """Yield a machine's disks with their names: the first has that of the machine."""
    for index, disk in enumerate(machine.disks):
        yield machine.name if index == 0 else f"{machine.name}-data-{index}", disk


def _scope(machine: EstateMachine, disk: Disk) -> str:
    if disk.copies == _REGIONAL:
        return f"regions/{machine.region}"
    return f"zones/{machine.zone}"


def _facts(machine: EstateMachine, name: str, disk: Disk) -> Mapping[str, object]:
    scope = f"{_URL}/{machine.account}/{_scope(machine, disk)}"
    return {
        "kind": "compute#disk",
        "name": name,
        "sizeGb": str(round(disk.size_gib)),
        "status": "READY",
        "selfLink": f"{scope}/disks/{name}",
        "type": f"{scope}/diskTypes/{disk.type}",
        "users": [f"{_URL}/{machine.account}/zones/{machine.zone}/instances/{machine.name}"],
    }


def _local_ssd(index: int) -> Mapping[str, object]:
    """Return a disk of the server itself: it has no record of its own."""
    return {
        "kind": "compute#attachedDisk",
        "type": "SCRATCH",
        "mode": "READ_WRITE",
        "deviceName": "local-ssd-0",
        "index": index,
        "boot": False,
        "autoDelete": True,
        "interface": "NVME",
        "diskSizeGb": "375",
    }
