"""The shipped table of fuels: life-cycle grams of a kWh, of the plants that a zone has.

A zone's own lines come first, then the default of its continent (``US``, ``EU``), then ``WORLD``.
Coal is a case of its own: where a source tells lignite from hard coal each has its factor, and
``coal`` is what the plants of the zone emit together.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from exporter.data import rows

WORLD: Final = "WORLD"
_EUROPE: Final = re.compile(
    "AL|AT|BA|BE|BG|CH|CY|CZ|DE|DK|EE|ES|EU|FI|FR|GB|GR|HR|HU|IE|IS|IT|LT|LU|LV|ME|MK|MT|NL|NO|PL|"
    "PT|RO|RS|SE|SI|SK|XK"
)
"""Countries whose zones take the European default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FuelFactor:
    """Life-cycle grams of CO2eq for each kWh of a fuel, with bounds, and where they come from.

    ``zone`` is where it applies: the zone asked for, or the default that stands in.
    """

    zone: str
    fuel: str
    gco2eq_per_kwh: float
    low: float
    high: float
    year: str
    source: str


def continent(zone: str) -> str:
    """Return whose default stands behind a zone: ``US``, ``EU`` or ``WORLD``."""
    country = zone.partition("-")[0]
    if country == "US":
        return "US"
    return "EU" if _EUROPE.fullmatch(country) else WORLD


@cache
def fuel_factors(zone: str) -> Mapping[str, FuelFactor]:
    """Return the factors that price the generation of a zone, by fuel."""
    found = _table()
    return found.get(WORLD, {}) | found.get(continent(zone), {}) | found.get(zone, {})


@cache
def own_fuels(zone: str) -> tuple[str, ...]:
    """Return the fuels for which the table has the zone's own plants."""
    return tuple(_table().get(zone, {}))


@cache
def _table() -> Mapping[str, dict[str, FuelFactor]]:
    found: dict[str, dict[str, FuelFactor]] = {}
    for line in rows("fuel_factors"):
        factor = FuelFactor(
            zone=line["zone"],
            fuel=line["fuel"],
            gco2eq_per_kwh=float(line["gco2eq_per_kwh"]),
            low=float(line["low"]),
            high=float(line["high"]),
            year=line["year"],
            source=line["source"],
        )
        found.setdefault(factor.zone, {})[factor.fuel] = factor
    return found
