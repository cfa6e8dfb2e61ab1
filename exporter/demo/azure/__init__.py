"""Azure on loopback: the demo estate spoken by Resource Graph, Resource Manager and metrics batch.

It answers with the documented limits, paging and lag, and makes trouble on request, so the demo
and the tests run the production adapter unchanged.
"""

from exporter.demo._faults import FaultKind
from exporter.demo.azure.credential import DemoCredential
from exporter.demo.azure.faults import Fault, Faults
from exporter.demo.azure.server import AzureFake
from exporter.demo.azure.world import EMPTY_SUBSCRIPTION, Limits
from exporter.demo.lateness import PUNCTUAL, Lateness

__all__ = [
    "EMPTY_SUBSCRIPTION",
    "PUNCTUAL",
    "AzureFake",
    "DemoCredential",
    "Fault",
    "FaultKind",
    "Faults",
    "Lateness",
    "Limits",
]
