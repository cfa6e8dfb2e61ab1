"""How much of a machine's memory Cloud Carbon Footprint counts on top of its CPU watts."""

import math
from typing import Final, NamedTuple

from exporter.core.model import HOST, Bounds
from exporter.power import _names
from exporter.power._machine import Hardware

WATTS_PER_GB: Final = Bounds(0.05, 0.392, 0.408)
"""Central: the method's, the mean of the data sheets of Crucial (0.375) and Micron (0.408), which
is the high end. Low: readings on EC2 metal when idle."""

_VCPUS_PER_CHIP: Final = 96.0
_TWO_CHIPS: Final = frozenset({"m5zn", "z1d"})
"""Series of which the method knows that 48 vCPUs are two CPUs."""


class Server(NamedTuple):
    """The largest type of the machine's series, which stands for the server; 0 not known."""

    vcpus: float
    memory_gb: float


class Counted(NamedTuple):
    """Memory that is counted in GB: at least, by the method, and at most; and by which rule."""

    low: float
    central: float
    high: float
    rule: str


def counted(machine: Hardware, server: Server, gb_per_chip: float) -> Counted:
    """Return the memory that the method counts.

    On Google Cloud it is all of it, as bills list memory; elsewhere what the server has beyond the
    memory of the SPECpower servers behind the CPU watts, shared out by memory.
    """
    if machine.provider == "gcp":
        return Counted(0.0, machine.memory_gib, machine.memory_gib, _ALL)
    if machine.provider == "aws" and machine.baseline < 1.0:
        return Counted(0.0, 0.0, machine.memory_gib, _NONE)
    if machine.provider == HOST:
        server = Server(machine.vcpus, machine.memory_gib)
    if not (server.vcpus and server.memory_gb):
        return Counted(0.0, 0.0, machine.memory_gib, _NONE)
    beyond = max(0.0, server.memory_gb / _chips(machine, server) - gb_per_chip)
    gigabytes = beyond * machine.memory_gib / server.memory_gb
    return Counted(gigabytes, gigabytes, gigabytes, _BEYOND)


def watts(counted: Counted) -> Bounds:
    """Power of the memory that is counted."""
    low, central, high = WATTS_PER_GB
    return Bounds(low * counted.low, central * counted.central, high * counted.high)


def _chips(machine: Hardware, server: Server) -> int:
    if _names.series(machine.provider, machine.instance_type) in _TWO_CHIPS:
        return 2
    return math.ceil(server.vcpus / _VCPUS_PER_CHIP)


_ALL: Final = "all memory, as on Google's bills; a part is inside the CPU watts already"
_BEYOND: Final = "the server's memory beyond that of the SPECpower servers, shared by memory"
_NONE: Final = "none: burstable, or a server that the method does not know"
