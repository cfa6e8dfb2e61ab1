"""Resource Manager as the demo speaks it: subscriptions, VM sizes, registration."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from exporter.demo._faults import FaultKind
from exporter.demo._http import HttpRequest, Reply
from exporter.demo.azure.errors import (
    denied,
    json_reply,
    reject,
    subscription_not_found,
)
from exporter.demo.azure.faults import Call, Fault
from exporter.demo.azure.world import TENANT, World
from exporter.demo.estate import Architecture, MachineType

OPERATIONS: Final[Mapping[str, re.Pattern[str]]] = {
    name: re.compile(path, re.IGNORECASE)
    for name, path in {
        "subscriptions": r"/subscriptions/*",
        "skus": r"/subscriptions/([^/]+)/providers/microsoft\.compute/skus",
        "provider": r"/subscriptions/([^/]+)/providers/microsoft\.insights",
        "subscription": r"/subscriptions/([^/]+)",
    }.items()
}
"""The paths of each operation."""
_LOCATION: Final = re.compile(r"location eq '([^']+)'")


def read_call(path: str) -> Call:
    """Say what a path asks for; the operation is empty for one that the demo does not have."""
    for operation, pattern in OPERATIONS.items():
        if found := pattern.fullmatch(path):
            names = frozenset(name.lower() for name in found.groups())
            return Call(service="arm", operation=operation, subscriptions=names)
    return Call(service="arm", operation="")


def respond(world: World, call: Call, request: HttpRequest, faults: Sequence[Fault]) -> Reply:
    """Answer a request.

    Raises:
        AzureError: the request is not one that Azure would accept.
    """
    if "api-version" not in request.query:
        text = "The api-version query parameter (?api-version=) is required for all requests."
        reject(text, "MissingApiVersionParameter")
    if not call.subscriptions <= set(world.subscriptions):
        raise subscription_not_found(call.scope)
    match call.operation:
        case "subscriptions":
            return json_reply(_subscriptions(world, request, faults))
        case "subscription":
            return json_reply(_subscription(call.scope))
        case "provider":
            return json_reply(_provider(call, faults))
        case "skus":
            return json_reply(_skus(world, request.query))
    raise denied(call)


def _subscriptions(
    world: World, request: HttpRequest, faults: Sequence[Fault]
) -> Mapping[str, object]:
    """List what the caller may see: one without any role sees an empty list."""
    start = int(request.query.get("$skiptoken", "0"))
    size = world.limits.subscriptions
    blind = any(fault.kind is FaultKind.MISSING_PERMISSION for fault in faults)
    seen = () if blind else world.subscriptions
    page = seen[start : start + size]
    document: dict[str, object] = {
        "value": [_subscription(name) for name in page],
        "count": {"type": "Total", "value": len(page)},
    }
    if start + size < len(seen):
        version, host = request.query["api-version"], request.headers.get("Host", "")
        query = f"api-version={version}&$skiptoken={start + size}"
        document["nextLink"] = f"http://{host}/subscriptions?{query}"
    return document


def _provider(call: Call, faults: Sequence[Fault]) -> Mapping[str, object]:
    silent = any(fault.kind is FaultKind.NOT_REGISTERED for fault in faults)
    return {
        "id": f"/subscriptions/{call.scope}/providers/Microsoft.Insights",
        "namespace": "Microsoft.Insights",
        "registrationState": "NotRegistered" if silent else "Registered",
        "resourceTypes": [],
    }


def _subscription(name: str) -> Mapping[str, object]:
    return {
        "id": f"/subscriptions/{name}",
        "subscriptionId": name,
        "tenantId": TENANT,
        "displayName": f"demo {name[-1]}",
        "state": "Enabled",
        "authorizationSource": "RoleBased",
    }


def _skus(world: World, query: Mapping[str, str]) -> Mapping[str, object]:
    found = _LOCATION.fullmatch(query.get("$filter", "").strip())
    if query.get("$filter") and found is None:
        reject("Only the location filter is supported.", "InvalidFilter")
    regions = world.regions if found is None else (found[1].lower(),)
    sizes = [
        _sku(size, region) for region in regions for size in world.sizes.get(region, {}).values()
    ]
    return {"value": [*(_disk(region) for region in regions), *sizes]}


def _disk(region: str) -> Mapping[str, object]:
    """Return one of the many things in the list that are no VM sizes."""
    return {
        "resourceType": "disks",
        "name": "Premium_LRS",
        "tier": "Premium",
        "size": "P",
        "locations": [region],
        "capabilities": [{"name": "MaxSizeGiB", "value": "4"}],
    }


def _sku(found: MachineType, region: str) -> Mapping[str, object]:
    facts = {
        "vCPUs": str(found.vcpus),
        "MemoryGB": f"{found.memory_gib:g}",
        "GPUs": str(found.gpu_count),
        "vCPUsPerCore": str(found.threads_per_core),
        "CpuArchitectureType": "Arm64" if found.architecture is Architecture.ARM else "x64",
    }
    return {
        "resourceType": "virtualMachines",
        "name": found.name,
        "tier": "Standard",
        "size": found.name.removeprefix("Standard_"),
        "family": "demoFamily",
        "locations": [region],
        "capabilities": [{"name": name, "value": value} for name, value in facts.items()],
        "restrictions": [],
    }
