"""Instances of uniform scale sets; those of flexible ones are virtual machines."""

from collections.abc import Mapping, Sequence
from typing import Any

from exporter.providers.azure.errors import Call
from exporter.providers.azure.kind import Kind, Listing, Metric
from exporter.providers.azure.kinds import _listing


class Vmss(Kind):
    """Instances of uniform scale sets. Without a priority, nothing is told of their lifecycle."""

    what = "instances of scale sets"
    resource_type = "azure_vmss_vm"
    permission = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read"
    query = _listing.query(
        "ComputeResources", "microsoft.compute/virtualmachinescalesets/virtualmachines"
    )
    metric = Metric(
        namespace="Microsoft.Compute/virtualMachineScaleSets/virtualMachines",
        name="Percentage CPU",
    )
    optional = False

    def machines(self, rows: Sequence[Mapping[str, Any]], call: Call) -> Listing:
        """Read all rows; odd ones are left out.

        Raises:
            BadPayloadError: none has an id, subscription or location.
        """
        return _listing.machines(rows, self.resource_type, call, no_priority="")


KIND = Vmss
