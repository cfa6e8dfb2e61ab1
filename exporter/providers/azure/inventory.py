"""Machines from Azure Resource Graph."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from exporter.core.errors import CollectorError
from exporter.core.model import Machine, ResourceKey, RunState
from exporter.providers.azure import disks, graph
from exporter.providers.azure.errors import Call, translated
from exporter.providers.azure.lifecycle import PERMISSION as CHANGES_PERMISSION
from exporter.providers.azure.lifecycle import Lifecycle
from exporter.providers.azure.lifecycle import query as changes_query
from exporter.providers.azure.session import Connection
from exporter.providers.azure.values import moment, run_state

VM: Final = "azure_vm"
VMSS_VM: Final = "azure_vmss_vm"

PERMISSIONS: Final = {
    VM: "Microsoft.Compute/virtualMachines/read",
    VMSS_VM: "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read",
}

_SCALE_SET: Final = re.compile(r"/virtualMachineScaleSets/([^/\s]+)", re.IGNORECASE)

_CLUSTER_TAG: Final = "aks-managed-cluster-name"
_NODE_POOL_TAG: Final = "aks-managed-poolname"
"""Tags that AKS puts on its scale sets; names of tags are the same in any case."""

_SPOT: Final = frozenset({"spot", "low"})
"""Priorities of machines that Azure may take back (Compute API reference)."""

_SOURCES: Final = {
    VM: ("Resources", "microsoft.compute/virtualmachines"),
    VMSS_VM: ("ComputeResources", "microsoft.compute/virtualmachinescalesets/virtualmachines"),
}
"""Table and type in Resource Graph. Instances of flexible scale sets are in the first as well."""


def query(resource_type: str) -> str:
    """Resource Graph query for all machines of a type."""
    table, azure_type = _SOURCES[resource_type]
    return (
        f"{table}\n"
        f"| where type =~ '{azure_type}'\n"
        "| project id, name, location, zones, subscriptionId, tags,"
        " vmSize=tostring(properties.hardwareProfile.vmSize), skuName=tostring(sku.name),"
        " powerState=tostring(properties.extended.instanceView.powerState.code),"
        " timeCreated=tostring(properties.timeCreated), priority=tostring(properties.priority),"
        " scaleSet=tostring(properties.virtualMachineScaleSet.id),"
        f" {disks.COLUMNS}\n"
        "| order by id asc"
    )


def call_for(permission: str, subscriptions: Sequence[str]) -> Call:
    """Describe a query for error messages."""
    alone = subscriptions[0] if len(subscriptions) == 1 else ""
    return Call(
        permission=permission, where="Azure Resource Graph", scope=alone, subscription=alone
    )


def list_machines(connection: Connection, subscriptions: Sequence[str]) -> tuple[Machine, ...]:
    """List the machines of some subscriptions as they are now, each once.

    Raises:
        CollectorError: they could not be listed whole.
    """
    listed = {
        one.key: one
        for resource_type in _SOURCES
        for one in list_type(connection, resource_type, subscriptions)
    }
    return tuple(listed.values())


def learn_changes(
    connection: Connection, subscriptions: Sequence[str], lifecycle: Lifecycle, now: datetime
) -> CollectorError | None:
    """Ask for starts, stops and deletions; without them their times are less exact.

    Returns the error of a failed request: the same changes are then asked for next time.
    """
    call = call_for(CHANGES_PERMISSION, subscriptions)
    try:
        rows = graph.rows(connection, call, changes_query(lifecycle.since(now)), subscriptions)
        with translated(call):
            lifecycle.learn(rows, now)
    except CollectorError as error:
        return error
    return None


def list_type(
    connection: Connection, resource_type: str, subscriptions: Sequence[str]
) -> Iterator[Machine]:
    """Yield the machines of one type; where the listing moved between pages, one may come twice.

    Raises:
        CollectorError: they could not be listed whole.
    """
    call = call_for(PERMISSIONS[resource_type], subscriptions)
    rows = list(graph.rows(connection, call, query(resource_type), subscriptions))
    with translated(call):
        shared = disks.users(rows)
    for row in rows:
        with translated(call):
            found = machine(row, resource_type, call, shared)
        yield found


def machine(
    row: Mapping[str, Any], resource_type: str, call: Call, shared: disks.Users = disks.UNSHARED
) -> Machine:
    """Read one row.

    A machine without a power state, as one that was just made, is told to run: whether it did,
    its CPU data tells.

    Raises:
        BadPayloadError: it has no id, subscription or location.
    """
    resource_id = str(row.get("id") or "").lower()
    subscription = str(row.get("subscriptionId") or "").lower()
    location = str(row.get("location") or "").lower().replace(" ", "")
    if not (resource_id and subscription and location):
        call.reject("a machine without id, subscription or location")
    tags = {str(key): str(value or "") for key, value in (row.get("tags") or {}).items()}
    system = {key.lower(): value for key, value in tags.items()}
    return Machine(
        key=ResourceKey("azure", subscription, location, resource_type, resource_id),
        name=str(row.get("name") or ""),
        instance_type=str(row.get("vmSize") or row.get("skuName") or ""),
        state=run_state(row.get("powerState")) or RunState.RUNNING,
        cloud_zone=_zone(location, row.get("zones")),
        launched_at=moment(row.get("timeCreated")),
        tags=tags,
        group=_scale_set(row),
        cluster=system.get(_CLUSTER_TAG, ""),
        node_pool=system.get(_NODE_POOL_TAG, ""),
        lifecycle=_lifecycle(row.get("priority"), resource_type),
        disks=disks.of(row, shared),
    )


def _scale_set(row: Mapping[str, Any]) -> str:
    """Name of the scale set: in the id of its uniform instances, told of its flexible ones."""
    found = _SCALE_SET.search(f"{row.get('scaleSet') or ''} {row.get('id') or ''}")
    return found[1] if found else ""


def _lifecycle(priority: object, resource_type: str) -> str:
    """Empty where not told: only of a virtual machine does no priority mean the usual one."""
    told = str(priority or "").lower()
    if told in _SPOT:
        return "spot"
    return "on_demand" if told or resource_type == VM else ""


def _zone(location: str, zones: Any) -> str:  # noqa: ANN401 - as the answer has it
    """Zone as ``westeurope-1``; empty for a machine that is in no zone."""
    return f"{location}-{zones[0]}" if isinstance(zones, list) and zones else ""
