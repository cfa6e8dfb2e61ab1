"""Embodied emissions of a machine's share of its server.

Rule of Cloud Carbon Footprint and Teads (2021): a server of 1000 kg; 533 kg for each 384 GB of
memory above 16 (life-cycle assessment of the Dell R740); 100 kg for each CPU after the first;
150 kg for each GPU; spread over four years; shared by vCPUs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from exporter.core.model import Bounds, Factor
from exporter.core.units import GRAMS_PER_KILOGRAM
from exporter.power.hardware import Hardware

LIFETIME_HOURS: Final = 35040.0
"""Four years."""

SPREAD: Final = 0.5
"""Half-width of the interval: bottom-up assessments give about half of this rule's value."""

_BASE_KG: Final = 1000.0
_BASE_MEMORY_GIB: Final = 16.0
_KG_PER_GIB: Final = 533.0 / 384.0
_SOCKETS: Final = 2
_KG_PER_EXTRA_CPU: Final = 100.0
_KG_PER_GPU: Final = 150.0
_USUAL_HOST_VCPUS: Final = 96.0
"""vCPUs of a two-socket server of the rule's time (2 x 24 cores x 2 threads)."""


def interval(central: float) -> Bounds:
    """Return a central value of the rule with the interval that should hold the true one."""
    return Bounds(1.0 - SPREAD, 1.0, 1.0 + SPREAD).times(central)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The machine's part of the server that it runs on."""

    server_kg: float
    vcpu_share: float
    own_gpu_kg: float
    source: str

    @property
    def grams_per_hour(self) -> float:
        """Central value."""
        total_kg = self.server_kg * self.vcpu_share + self.own_gpu_kg
        return total_kg * GRAMS_PER_KILOGRAM / LIFETIME_HOURS

    @property
    def bounds(self) -> Bounds:
        """Grams of CO2eq per hour: low, central, high."""
        return interval(self.grams_per_hour)


def share(machine: Hardware) -> Share:
    """Return the part of a server that the machine accounts for, from the table or by the rule.

    A machine of which nobody knows the server (an unknown type, this host: itself a server, a
    virtual machine or a laptop) is taken as its vCPUs of a usual one.
    """
    host_vcpus = max(machine.host_vcpus or _USUAL_HOST_VCPUS, machine.vcpus)
    vcpu_share = machine.vcpus / host_vcpus
    if machine.server_kgco2eq:
        source = _TABLE if machine.server_published else _RULE
        return Share(
            server_kg=machine.server_kgco2eq, vcpu_share=vcpu_share, own_gpu_kg=0.0, source=source
        )
    return Share(
        server_kg=_by_rule(machine.memory_gib / vcpu_share),
        vcpu_share=vcpu_share,
        own_gpu_kg=machine.gpu_count * _KG_PER_GPU,
        source=_RULE,
    )


def _by_rule(memory_gib: float) -> float:
    memory_kg = max(0.0, memory_gib - _BASE_MEMORY_GIB) * _KG_PER_GIB
    return _BASE_KG + memory_kg + (_SOCKETS - 1) * _KG_PER_EXTRA_CPU


def factors(share: Share) -> Iterator[Factor]:
    """The server's embodied carbon and the machine's share of it."""
    server = interval(share.server_kg)
    yield Factor(
        name="embodied carbon of the server",
        value=server.central,
        unit="kgCO2eq",
        source=share.source,
        year=_RULE_YEAR,
        low=server.low,
        high=server.high,
    )
    yield Factor(
        name="share of the server's vCPUs", value=share.vcpu_share, unit="ratio", source=_HOST
    )
    if share.own_gpu_kg:
        yield Factor(
            name="embodied carbon of its GPUs",
            value=share.own_gpu_kg,
            unit="kgCO2eq",
            source=f"{share.source}; 150 kg for each, far below recent assessments",
            year=_RULE_YEAR,
        )
    yield Factor(
        name="lifetime",
        value=LIFETIME_HOURS,
        unit="h",
        source="Cloud Carbon Footprint and Teads: four years",
        year=_RULE_YEAR,
    )
    grams = share.bounds
    yield Factor(
        name="embodied emissions",
        value=grams.central,
        unit="gCO2eq/h",
        source="server x share / lifetime",
        low=grams.low,
        high=grams.high,
    )


_TABLE: Final = "Teads EC2 dataset / Cloud Carbon Footprint coefficients"
_RULE: Final = "rule of Teads and Cloud Carbon Footprint, two sockets assumed"
_HOST: Final = "vCPUs over those of the largest type of its family, 96 where not known"
_RULE_YEAR: Final = "2021"
