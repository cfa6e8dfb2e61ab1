"""Virtual machines, those of flexible scale sets among them."""

from collections.abc import Mapping, Sequence
from typing import Any

from exporter.providers.azure.errors import Call
from exporter.providers.azure.kind import Kind, Listing, Metric
from exporter.providers.azure.kinds import _listing


class Vm(Kind):
    """Virtual machines. Without a priority they are on demand."""

    what = "virtual machines"
    resource_type = "azure_vm"
    permission = "Microsoft.Compute/virtualMachines/read"
    query = _listing.query("Resources", "microsoft.compute/virtualmachines")
    metric = Metric(namespace="Microsoft.Compute/virtualMachines", name="Percentage CPU")
    optional = False

    def machines(self, rows: Sequence[Mapping[str, Any]], call: Call) -> Listing:
        """Read all rows; odd ones are left out.

        Raises:
            BadPayloadError: none has an id, subscription or location.
        """
        return _listing.machines(rows, self.resource_type, call, no_priority="on_demand")


KIND = Vm
