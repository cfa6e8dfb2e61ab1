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
from exporter.core.units import BYTES_PER_GIB, BYTES_PER_TB, GRAMS_PER_KILOGRAM, Ratio, Watts
from exporter.power import explain

WATTS_PER_TB: Final = {
    DiskKind.SSD: Bounds(0.4, 1.2, 3.04),
    DiskKind.HDD: Bounds(0.3, 0.65, 1.78),
}
"""Central: Cloud Carbon Footprint, from drives of 2020 in the United States Data Center Energy
Usage Report (LBNL, 2016). High: Etsy's Cloud Jewels (1.52 and 0.89), doubled for the servers
around the drives, which neither of the two counts. Low: assumed, the large drives of 2024 (SSD of
15 TB, hard disks of 20 TB) at about 6 W."""

EMBODIED_KG_PER_TB: Final = {
    DiskKind.SSD: Bounds(2.9, 160.0, 198.0),
    DiskKind.HDD: Bounds(1.2, 20.0, 36.0),
}
"""Central: Tannu and Nair, "The Dirty Secret of SSDs: Embodied Carbon", 2022, over 94 life-cycle
assessments of SSDs and 24 of hard disks. Low: assessments of large drives by their maker in 2021
(Seagate Nytro 3332 and Exos X20). High: the central value with the rest of the rack, of which
drives are 81 % and 55 % (McAllister et al., "A Call for Research on Storage Emissions", 2024)."""

LIFETIME_HOURS: Final = 35040.0
"""Four years, as of servers (Cloud Carbon Footprint and Teads)."""

REMEMBERED: Final = 4096
"""Sets of volumes of which the totals are kept; resized ones push out those long not asked for."""

_PROVISIONED: Final = "volumes attached, size as provisioned"
_COPIES: Final = "what the cloud keeps for durability: its documentation, Cloud Carbon Footprint"
_POWER_SOURCE: Final = "Cloud Carbon Footprint, after LBNL 2016; between large drives and Etsy's"
_EMBODIED_SOURCE: Final = "Tannu and Nair, life-cycle assessments of drives; makers' own are lower"
_POWER_YEAR: Final = "2020"
_EMBODIED_YEAR: Final = "2022"
_RULE_YEAR: Final = "2021"


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

    def explain(self, utilization: Ratio, gpu: Ratio | None = None) -> tuple[Factor, ...]:
        """Return every factor from utilisation to IT watts and embodied grams."""
        inner = self.inner.explain(utilization, gpu)
        bounds = self.bounds(utilization, gpu)
        return (
            *explain.with_component(inner, _power_factors(self.storage), bounds),
            *_embodied_factors(self.storage),
            _result(
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
        embodied=kilograms.times(GRAMS_PER_KILOGRAM / LIFETIME_HOURS),
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
        yield _result(f"power of {kind} storage", per_tb, "W/TB", _POWER_SOURCE, _POWER_YEAR)
    yield _result("storage power", storage.watts, "W", "TB x copies x W/TB, busy or idle")


def _embodied_factors(storage: Storage) -> Iterator[Factor]:
    for kind in _kinds(storage):
        name, per_tb = f"embodied carbon of {kind} storage", EMBODIED_KG_PER_TB[kind]
        yield _result(name, per_tb, "kgCO2eq/TB", _EMBODIED_SOURCE, _EMBODIED_YEAR)
    yield Factor(
        name="lifetime of storage",
        value=LIFETIME_HOURS,
        unit="h",
        source="four years, as of servers: Cloud Carbon Footprint and Teads",
        year=_RULE_YEAR,
    )
    rule = "TB x copies x kg/TB / lifetime"
    yield _result("embodied emissions of storage", storage.embodied, "gCO2eq/h", rule)


def _kinds(storage: Storage) -> tuple[DiskKind, ...]:
    return tuple(dict.fromkeys(medium.kind for medium, _ in storage.gib))


def _result(name: str, bounds: Bounds, unit: str, source: str, year: str = "") -> Factor:
    return Factor(
        name=name,
        value=bounds.central,
        unit=unit,
        source=source,
        year=year,
        low=bounds.low,
        high=bounds.high,
    )
