"""The tables of the demo's Resource Graph: machines, and changes of their power state."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from exporter.core.clock import from_epoch
from exporter.demo.azure.kusto import Row
from exporter.demo.azure.kusto_values import moment as moment_of
from exporter.demo.azure.world import TENANT, World
from exporter.demo.estate import EstateMachine
from exporter.demo.estate.hashing import mix

CHANGE_LAG: Final = 150
"""Seconds after which a change is on record; Azure: usually within five minutes."""
_CHANGES_KEPT: Final = 14 * 86_400
_TIME: Final = re.compile(r"datetime\(([^()]+)\)")
_TYPES: Final[Mapping[str, str]] = {
    "azure_vm": "microsoft.compute/virtualmachines",
    "azure_vmss_vm": "microsoft.compute/virtualmachinescalesets/virtualmachines",
}
_POWER: Final = "properties.extended.instanceView.powerState.code"

Machines = Sequence[EstateMachine]


def machines(kind: str, world: World, seen: Machines, moment: float, _: str) -> Iterator[Row]:
    """Yield the machines of one resource type."""
    return (_resource(world, m, moment) for m in seen if m.resource_type == kind)


def changes(world: World, seen: Machines, moment: float, query: str) -> Iterator[Row]:
    """Yield what is on record of virtual machines: not of scale sets, and not the newest.

    What the query leaves out by time is not made in the first place.
    """
    asked = [when for text in _TIME.findall(query) if (when := moment_of(text)) is not None]
    since = max(moment - _CHANGES_KEPT, min(asked, default=0.0))
    for machine in seen:
        if machine.resource_type == "azure_vm":
            yield from _changes_of(world, machine, since, moment - CHANGE_LAG)


TABLES: Final[Mapping[str, Callable[[World, Machines, float, str], Iterator[Row]]]] = {
    "resources": partial(machines, "azure_vm"),
    "computeresources": partial(machines, "azure_vmss_vm"),
    "resourcechanges": changes,
}
"""The rows of each table: of a world, the machines that may be read, at a time, for a query."""


def _changes_of(world: World, machine: EstateMachine, since: float, until: float) -> Iterator[Row]:
    off = f"PowerState/{_off(machine)}"
    created = world.estate.created_at(machine)
    for run in world.estate.runs(machine, since - 1, until + 1):
        if since <= run.start <= until:
            power = {} if run.start == created else _power(off, "PowerState/running")
            kind = "Create" if run.start == created else "Update"
            yield _change(machine, run.start, kind, power)
        if run.end is not None and since <= run.end <= until:
            yield _change(machine, run.end, "Update", _power("PowerState/running", off))


def _power(before: str, after: str) -> Mapping[str, object]:
    values = {"previousValue": before, "newValue": after}
    return {_POWER: {**values, "propertyChangeType": "Update", "changeCategory": "System"}}


def _change(
    machine: EstateMachine, moment: int, kind: str, properties: Mapping[str, object]
) -> Row:
    name = f"{mix(machine.seed, moment):016x}"
    return {
        "id": f"{machine.cloud_id}/providers/Microsoft.Resources/changes/{name}",
        "name": name,
        "type": "microsoft.resources/changes",
        "tenantId": TENANT,
        "location": "",
        "resourceGroup": machine.cloud_id.split("/")[4].lower(),
        "subscriptionId": machine.account,
        "properties": {
            "targetResourceId": machine.cloud_id,
            "targetResourceType": _TYPES["azure_vm"],
            "changeType": kind,
            "changeAttributes": {"timestamp": _iso(moment), "changesCount": len(properties)},
            "changes": properties,
        },
    }


def _resource(world: World, machine: EstateMachine, moment: float) -> Row:
    """Return a machine as the graph shows it, all columns of its table."""
    scale_set = machine.resource_type == "azure_vmss_vm"
    number = machine.zone.rpartition("-")[2]
    return {
        "id": machine.cloud_id,
        "name": machine.name,
        "type": _TYPES[machine.resource_type],
        "tenantId": TENANT,
        "kind": "",
        "location": machine.region,
        "resourceGroup": machine.cloud_id.split("/")[4].lower(),
        "subscriptionId": machine.account,
        "managedBy": "",
        "sku": {"name": machine.instance_type, "tier": "Standard"} if scale_set else None,
        "plan": None,
        "properties": _properties(world, machine, moment, scale_set=scale_set),
        "tags": dict(machine.tags) or None,
        "identity": None,
        "zones": [number] if number else None,
        "extendedLocation": None,
    }


def _properties(
    world: World, machine: EstateMachine, moment: float, *, scale_set: bool
) -> Mapping[str, object]:
    facts: dict[str, object] = {
        "vmId": f"de300000-0000-4000-8000-{mix(machine.seed, 0) >> 16:012x}",
        "timeCreated": _iso(world.estate.created_at(machine)),
        "provisioningState": "Succeeded",
        "hardwareProfile": {} if scale_set else {"vmSize": machine.instance_type},
        "extended": {"instanceView": {"powerState": _power_state(world, machine, moment)}},
    }
    facts["storageProfile"] = _storage(world, machine, moment)
    if machine.spot:
        facts |= {"priority": "Spot", "evictionPolicy": "Delete"}
    return facts


def _power_state(world: World, machine: EstateMachine, moment: float) -> Mapping[str, str]:
    runs = world.estate.stopped_at(machine, moment) is None
    word = "running" if runs else _off(machine)
    return {"code": f"PowerState/{word}", "displayStatus": f"VM {word}", "level": "Info"}


def _storage(world: World, machine: EstateMachine, moment: float) -> Mapping[str, object]:
    """Return the disks; what they are is not told while the machine is deallocated."""
    off = world.estate.stopped_at(machine, moment) is not None and not machine.keeps_hardware
    whole = [_disk(machine, number, told=not off) for number in range(len(machine.disks))]
    return {"osDisk": whole[0] if whole else None, "dataDisks": whole[1:]}


def _disk(machine: EstateMachine, number: int, *, told: bool) -> Mapping[str, object]:
    disk, scope = machine.disks[number], machine.cloud_id.partition("/providers/")[0]
    name = f"{machine.name}_{f'data_{number}' if number else 'OsDisk'}"
    store = {"id": f"{scope}/providers/Microsoft.Compute/disks/{name}"}
    facts: dict[str, object] = {"name": name, "caching": "None", "managedDisk": store}
    origin = "Empty" if number else "FromImage"
    facts |= {"createOption": origin, **({"lun": number - 1} if number else {"osType": "Linux"})}
    if told:
        store["storageAccountType"] = disk.type
        facts["diskSizeGB"] = round(disk.size_gib)
    return facts


def _off(machine: EstateMachine) -> str:
    return "stopped" if machine.keeps_hardware else "deallocated"


def _iso(moment: int) -> str:
    return f"{from_epoch(moment):%Y-%m-%dT%H:%M:%S}.0000000Z"
