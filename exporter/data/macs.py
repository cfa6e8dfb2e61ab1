"""The shipped table of Macs that a cloud rents whole, as their maker measures them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from exporter.core.units import Watts
from exporter.data import rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Mac:
    """Wall power of one computer: ``idle``, and ``maximum`` with CPU and GPU busy.

    ``assumed`` says that a figure is that of a sibling, or not confirmed.
    """

    instance_type: str
    host: str
    idle: Watts
    maximum: Watts
    assumed: bool
    source: str


@cache
def macs() -> Mapping[str, Mac]:
    """Return the Macs by the name of their machine type."""
    return {line["instance_type"]: _mac(line) for line in rows("mac_hosts")}


def _mac(line: Mapping[str, str]) -> Mac:
    return Mac(
        instance_type=line["instance_type"],
        host=line["host"],
        idle=Watts(float(line["idle_watts"])),
        maximum=Watts(float(line["max_watts"])),
        assumed=line["confidence"] == "low",
        source=line["source"],
    )
