"""Virtual machines in Resource Graph, whether they stand alone or in a scale set."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from exporter.core.model import Machine, ResourceKey, RunState
from exporter.providers._shared.calls import readable
from exporter.providers.azure import disks
from exporter.providers.azure.errors import Call
from exporter.providers.azure.kind import Listing
from exporter.providers.azure.values import moment, run_state

_SCALE_SET: Final = re.compile(r"/virtualMachineScaleSets/([^/\s]+)", re.IGNORECASE)

_ARM_ID: Final = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/Microsoft\.Compute/(?:virtualMachineScaleSets/(?P<set>[^/]+)/)?"
    r"virtualMachines/(?P<name>[^/]+)",
    re.IGNORECASE,
)

_CLUSTER_TAG: Final = "aks-managed-cluster-name"
_NODE_POOL_TAG: Final = "aks-managed-poolname"
"""Tags that AKS puts on its scale sets; names of tags are the same in any case."""

_SPOT: Final = frozenset({"spot", "low"})
"""Priorities of machines that Azure may take back (Compute API reference)."""


def query(table: str, azure_type: str) -> str:
    """Resource Graph query for all machines of a type."""
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


def machines(
    rows: Sequence[Mapping[str, Any]], resource_type: str, call: Call, no_priority: str
) -> Listing:
    """Read all rows; ``no_priority`` is the lifecycle of a machine without a priority.

    Raises:
        BadPayloadError: none has an id, subscription and location.
    """
    shared = disks.users(rows)

    def read(row: Mapping[str, Any]) -> Machine:
        return machine(row, resource_type, call, shared, no_priority=no_priority)

    found, odd = readable(rows, read, call, "machines")
    return Listing(tuple(one for _, one in found), odd)


def machine(
    row: Mapping[str, Any],
    resource_type: str,
    call: Call,
    shared: disks.Users = disks.UNSHARED,
    *,
    no_priority: str = "",
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
        provider_id=provider_id(str(row.get("id") or "")),
        lifecycle=_lifecycle(row.get("priority"), no_priority),
        disks=disks.of(row, shared),
    )


def provider_id(arm_id: str) -> str:
    """Name of the node on this machine, as cloud-provider-azure writes it; empty for another id.

    ``azure://`` and the id as Compute tells it, but the resource group in lower case: Compute
    itself gives that in changing case (ConvertResourceGroupNameToLower in
    kubernetes-sigs/cloud-provider-azure pkg/provider/azure_wrap.go). Resource Graph may tell the
    fixed words of an id in another case than Compute, so they are put right here; names stay.
    """
    found = _ARM_ID.fullmatch(arm_id)
    if found is None:
        return ""
    scale_set = f"virtualMachineScaleSets/{found['set']}/" if found["set"] else ""
    return (
        f"azure:///subscriptions/{found['subscription']}"
        f"/resourceGroups/{found['group'].lower()}"
        f"/providers/Microsoft.Compute/{scale_set}virtualMachines/{found['name']}"
    )


def _scale_set(row: Mapping[str, Any]) -> str:
    """Name of the scale set: in the id of its uniform instances, told of its flexible ones."""
    found = _SCALE_SET.search(f"{row.get('scaleSet') or ''} {row.get('id') or ''}")
    return found[1] if found else ""


def _lifecycle(priority: object, no_priority: str) -> str:
    told = str(priority or "").lower()
    if told in _SPOT:
        return "spot"
    return "on_demand" if told else no_priority


def _zone(location: str, zones: Any) -> str:  # noqa: ANN401 - as the answer has it
    """Zone as ``westeurope-1``; empty for a machine that is in no zone."""
    return f"{location}-{zones[0]}" if isinstance(zones, list) and zones else ""
