"""Storage attached to a machine: its power and its manufacture, on top of any power model. Pure.

Storage watts    = terabytes x copies x W/TB of the medium; a volume draws the same busy or idle
Storage embodied = terabytes x copies x kg/TB of the medium / lifetime
Terabytes are those provisioned. Disks that belong to a machine type are not among them: their
power is inside what was measured of its server.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from exporter.core.model import Bounds, Confidence, Disk, DiskKind, Factor, Machine, Power
from exporter.core.ports import PowerModel, PowerProfile
from exporter.core.units import BYTES_PER_GIB, BYTES_PER_TB, Ratio, Watts
from exporter.power import embodied, explain

WATTS_PER_TB: Final = {
    DiskKind.SSD: Bounds(0.4, 1.2, 3.04),
    DiskKind.HDD: Bounds(0.3, 0.65, 1.78),
}
"""Central: Cloud Carbon Footprint, from drives of 2020 in the United States Data Center Energy
Usage Report (LBNL, 2016). High: Etsy's Cloud Jewels (1.52 and 0.89), doubled for the servers
around the drives, which neither of the two counts. Low: assumed, the large drives of 2024 (SSD of
15 TB, hard disks of 20 TB) at about 6 W."""

EMBODIED_KG_PER_TB: Final = {
    DiskKind.SSD: Bounds(6.0, 26.0, 110.0),
    DiskKind.HDD: Bounds(0.9, 2.2, 6.0),
}
"""SSD: makers' assessments of 2019 to 2021 (Samsung eUFS, Seagate Nytro, WD: 4 to 26 kg), the Dell
R740's of 2019 as the upper end; Tannu and Nair's mean of 94 assessments (160, 2022) lies above it.
Hard disks: 14 to 50 kg a drive, 22 in the middle (Seagate Exos, Teads), of 16, 10 and 8 TB."""

LIFETIME_YEARS: Final = embodied.LIFETIME_YEARS

REMEMBERED: Final = 4096
"""Sets of volumes of which the totals are kept; resized ones push out those long not asked for."""

_PROVISIONED: Final = "volumes attached, size as provisioned"
_COPIES: Final = "what the cloud keeps for durability: its documentation, Cloud Carbon Footprint"
_POWER_SOURCE: Final = "Cloud Carbon Footprint, after LBNL 2016; between large drives and Etsy's"
_EMBODIED_SOURCE: Final = "makers' life-cycle assessments of drives, 2019 to 2021"
_POWER_YEAR: Final = "2020"
_EMBODIED_YEAR: Final = "2021"
_LIFETIME_YEAR: Final = "2026"


class Medium(NamedTuple):
    """What is told of volumes that differ in size only."""

    kind: DiskKind
    type: str
    copies: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """What a machine's volumes come to: GiB by medium, IT watts, and grams of CO2eq per hour."""

    gib: tuple[tuple[Medium, float], ...]
    watts: Bounds
    embodied: Bounds


class WithStorage:
    """A power model that adds the volumes of a machine to what another one makes of the rest."""

    def __init__(self, inner: PowerModel) -> None:
        self._inner = inner

    def profile(self, machine: Machine) -> PowerProfile:
        """Return the other model's profile, with the storage where the machine has any."""
        inner = self._inner.profile(machine)
        if not machine.disks:
            return inner
        return StorageProfile(inner=inner, storage=storage_of(machine.disks))


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageProfile:
    """A profile and the storage on top of it."""

    inner: PowerProfile
    storage: Storage

    @property
    def confidence(self) -> Confidence:
        """How the CPU is known."""
        return self.inner.confidence

    @property
    def group(self) -> str:
        """The CPU's family: what it does not know of it errs for all its machines alike."""
        return self.inner.group

    @property
    def modelled(self) -> bool:
        """Whether the type is known, or its CPU and size were told."""
        return self.inner.modelled

    def power(self, utilization: Ratio, gpu: Ratio | None = None) -> Power:
        """Return the central IT power by component at a mean utilisation 0..1."""
        power = self.inner.power(utilization, gpu)
        storage = Watts(power.storage + self.storage.watts.central)
        return power._replace(storage=storage)

    def bounds(self, utilization: Ratio, gpu: Ratio | None = None) -> Bounds:
        """Return IT watts of all components: low, central, high."""
        return self.inner.bounds(utilization, gpu).plus(self.storage.watts)

    def embodied(self) -> Bounds:
        """Return grams of embodied CO2eq per hour: of the machine's share and of its volumes."""
        return self.inner.embodied().plus(self.storage.embodied)

    def with_gpu_watts(self, watts: Bounds) -> PowerProfile:
        """Return the same machine with accelerators that draw what was read of them."""
        return StorageProfile(inner=self.inner.with_gpu_watts(watts), storage=self.storage)

    def explain(self, utilization: Ratio, gpu: Ratio | None = None) -> tuple[Factor, ...]:
        """Return every factor from utilisation to IT watts and embodied grams."""
        inner = self.inner.explain(utilization, gpu)
        bounds = self.bounds(utilization, gpu)
        return (
            *explain.with_component(inner, _power_factors(self.storage), bounds),
            *_embodied_factors(self.storage),
            explain.between(
                "embodied emissions, storage included",
                self.embodied(),
                "gCO2eq/h",
                "sum of the machine's share and its storage",
            ),
        )


@lru_cache(maxsize=REMEMBERED)
def storage_of(disks: tuple[Disk, ...]) -> Storage:
    """Work out what volumes come to; machines with the same ones share the answer."""
    gib: defaultdict[Medium, float] = defaultdict(float)
    for disk in disks:
        gib[Medium(disk.kind, disk.type, disk.copies)] += disk.size_gib
    stored = [(medium.kind, _terabytes(size) * medium.copies) for medium, size in gib.items()]
    kilograms = _total((EMBODIED_KG_PER_TB[kind], terabytes) for kind, terabytes in stored)
    return Storage(
        gib=tuple(gib.items()),
        watts=_total((WATTS_PER_TB[kind], terabytes) for kind, terabytes in stored),
        embodied=embodied.per_hour(kilograms, LIFETIME_YEARS),
    )


def _terabytes(gib: float) -> float:
    return gib * BYTES_PER_GIB / BYTES_PER_TB


def _total(parts: Iterable[tuple[Bounds, float]]) -> Bounds:
    total = Bounds(0.0, 0.0, 0.0)
    for each, amount in parts:
        total = total.plus(each.times(amount))
    return total


def _power_factors(storage: Storage) -> Iterator[Factor]:
    for medium, gib in storage.gib:
        name = f"{medium.type or 'storage'} ({medium.kind})"
        yield Factor(name=f"size of {name}", value=gib, unit="GiB", source=_PROVISIONED)
        yield Factor(name=f"copies of {name}", value=medium.copies, unit="copies", source=_COPIES)
    for kind in _kinds(storage):
        per_tb = WATTS_PER_TB[kind]
        yield explain.between(
            f"power of {kind} storage", per_tb, "W/TB", _POWER_SOURCE, _POWER_YEAR
        )
    yield explain.between("storage power", storage.watts, "W", "TB x copies x W/TB, busy or idle")


def _embodied_factors(storage: Storage) -> Iterator[Factor]:
    for kind in _kinds(storage):
        name, per_tb = f"embodied carbon of {kind} storage", EMBODIED_KG_PER_TB[kind]
        yield explain.between(name, per_tb, "kgCO2eq/TB", _EMBODIED_SOURCE, _EMBODIED_YEAR)
    yield explain.between(
        "lifetime of storage", LIFETIME_YEARS, "years", "six years, as of servers", _LIFETIME_YEAR
    )
    rule = "TB x copies x kg/TB / lifetime"
    yield explain.between("embodied emissions of storage", storage.embodied, "gCO2eq/h", rule)


def _kinds(storage: Storage) -> tuple[DiskKind, ...]:
    return tuple(dict.fromkeys(medium.kind for medium, _ in storage.gib))
