"""Yearly average intensity of every zone: the last link of the fallback chain, never called live.

The shipped table ``annual.csv`` has origin, year and licence per line and in ``data/SOURCES.md``;
a zone that it lacks gets the world's average with ``known=False``.

The table always stands behind the live sources. ``- kind: annual`` in ``grids:`` is therefore
accepted and changes nothing, wherever it stands in the list: ``grids: [{kind: annual}]`` says
"no live source".
"""

import math
from collections.abc import Iterable, Mapping
from typing import Final

from exporter.core.model import AnnualIntensity, Basis, Method
from exporter.core.plugins import GridConfig
from exporter.core.ports import AdapterContext, GridSource
from exporter.core.units import GCO2eqPerKwh
from exporter.data import rows
from exporter.grids._shared.facts import SourceFacts

WORLD: Final = "WORLD"
"""Zone of the world's average, for zones that the table lacks."""
CONFIGURATION: Final = "configuration"
"""Source of a value that the user gave."""

FACTS: Final = SourceFacts(
    kind="annual",
    title="Yearly averages, shipped",
    zones="every zone of the shipped table, the world's average for any other",
    method=Method.AVERAGE,
    basis=Basis.LIFECYCLE,
    step="one year",
    lag="one year or more",
    budget="no request: the table is part of the package",
    licence="ODbL 1.0; the world's average CC BY 4.0 (Ember)",
    attribution="Electricity Maps yearly averages, via CO2.js (The Green Web Foundation)",
    url="https://github.com/thegreenwebfoundation/co2.js",
    notes=("Always stands behind the live sources; never called live.",),
)


class Config(GridConfig):
    """`kind: annual`: yearly averages always stand behind the other sources; no keys."""


def build(_config: Config, _context: AdapterContext) -> tuple[GridSource, ...]:
    """Return no live source: the composition root always adds the table itself."""
    return ()


class AnnualTable:
    """The shipped yearly averages, with values of the user's in front (zone to gCO2eq/kWh).

    Raises:
        ValueError: a value is negative or not finite, or the table lacks ``WORLD``.
    """

    def __init__(
        self,
        overrides: Mapping[str, float] | None = None,
        *,
        table: Iterable[Mapping[str, str]] | None = None,
    ) -> None:
        lines = rows("annual") if table is None else table
        self._zones = {line["grid_zone"]: _from_line(line) for line in lines}
        self._zones |= {zone: _from_user(zone, value) for zone, value in (overrides or {}).items()}
        if WORLD not in self._zones:
            message = f"annual.csv lacks the zone {WORLD}"
            raise ValueError(message)

    def annual(self, zone: str) -> AnnualIntensity:
        """Return the zone's yearly average, or the world's under its name with ``known=False``."""
        found = self._zones.get(zone)
        if found is not None and zone != WORLD:
            return found
        world = self._zones[WORLD]
        return AnnualIntensity(
            zone=zone,
            gco2eq_per_kwh=world.gco2eq_per_kwh,
            year=world.year,
            source=world.source,
            known=False,
        )


def _from_line(line: Mapping[str, str]) -> AnnualIntensity:
    zone = line["grid_zone"]
    value = _checked(zone, float(line["gco2eq_per_kwh"]))
    return AnnualIntensity(
        zone=zone, gco2eq_per_kwh=value, year=line["year"], source=line["source"]
    )


def _from_user(zone: str, value: float) -> AnnualIntensity:
    return AnnualIntensity(
        zone=zone, gco2eq_per_kwh=_checked(zone, value), year="", source=CONFIGURATION
    )


def _checked(zone: str, value: float) -> GCO2eqPerKwh:
    if not math.isfinite(value) or value < 0:
        message = f"annual intensity of {zone} is {value} — give gCO2eq/kWh of 0 or more"
        raise ValueError(message)
    return GCO2eqPerKwh(value)
