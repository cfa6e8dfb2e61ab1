"""Google Cloud on loopback: the demo estate spoken by Cloud Monitoring (gRPC) and Compute (REST).

It answers with the documented limits, paging and lag, and makes trouble on request, so the demo
and the tests run the production adapter unchanged.
"""

from exporter.demo._faults import FaultKind
from exporter.demo.gcp.faults import Fault, Faults
from exporter.demo.gcp.server import GcpFake
from exporter.demo.gcp.world import Limits
from exporter.demo.lateness import PUNCTUAL, Lateness

__all__ = ["PUNCTUAL", "Fault", "FaultKind", "Faults", "GcpFake", "Lateness", "Limits"]
