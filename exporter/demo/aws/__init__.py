"""AWS on loopback: the demo estate in the wire protocols of EC2, RDS, CloudWatch and STS.

It answers with the documented limits, paging and lag, and makes trouble on request, so the demo
and the tests run the production adapter unchanged.
"""

from exporter.demo._faults import FaultKind
from exporter.demo.aws.faults import Fault, Faults
from exporter.demo.aws.server import AwsFake
from exporter.demo.aws.world import Limits, access_key_id
from exporter.demo.lateness import PUNCTUAL, Lateness

__all__ = [
    "PUNCTUAL",
    "AwsFake",
    "Fault",
    "FaultKind",
    "Faults",
    "Lateness",
    "Limits",
    "access_key_id",
]
