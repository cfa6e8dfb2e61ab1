"""The shipped table of cloud regions: the grid that feeds each one and its PUE.

Beside it stand the zones of AWS that are elsewhere than the region that lists them
(``local_zones.csv``): a Local Zone in Denver is not fed by the grid of Oregon.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from exporter.core.model import Region
from exporter.data import rows

WORLD: Final = "WORLD"
"""Grid zone of a region that the table lacks: the world's average."""

CONFIGURATION: Final = "configuration"
"""Source of a value that the user gave."""

_DEFAULT_PUES: Final = {
    "aws": (1.14, "AWS global average, 2025"),
    "gcp": (1.10, "Google fleet average, 2024"),
    "azure": (1.17, "Microsoft global average, fiscal year 2025"),
    "host": (1.0, "no overhead assumed for a machine of your own; set pue where it has some"),
}
_PLACE: Final = re.compile(r"([a-z]+(?:-[a-z]+)+-\d+)-(wl|)(?:\d+-)?([a-z]{3})-[a-z0-9-]+")
"""A Local or Wavelength Zone: region, kind and city. New groups of a city count up: ``mia-3a``."""
_ZONE: Final = re.compile(r"([a-z]+(?:-[a-z]+)+-\d+)(?:[a-z]|-.+)")
_OUTPOST: Final = re.compile(r"op-[0-9a-f]+")
_OTHER_PUE: Final = (1.15, "assumed; near the published averages of the large clouds")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionOverride:
    """What the user knows better about a region; None leaves the table's value."""

    grid_zone: str | None = None
    pue: float | None = None


class RegionTable:
    """Regions by provider and name, with the user's overrides laid over the table."""

    def __init__(self, overrides: Mapping[tuple[str, str], RegionOverride] | None = None) -> None:
        annual = {line["grid_zone"]: float(line["gco2eq_per_kwh"]) for line in rows("annual")}
        shipped = (_from_line(line, annual) for line in rows("regions"))
        self._regions = {(region.provider, region.name): region for region in shipped}
        self._places = dict(_places(annual))
        self._zones: dict[tuple[str, str], Region] = {}
        for (provider, name), override in (overrides or {}).items():
            inside = self._is_zone(provider, name)
            found = self.zone(provider, name) if inside else None
            laid = _overlay(found or self.find(provider, name), override)
            (self._zones if inside else self._regions)[provider, name] = laid

    def find(self, provider: str, region: str) -> Region:
        """Return the region, or one with ``known=False``, the world's grid and a default PUE."""
        found = self._regions.get((provider, region))
        return _unknown(provider, region) if found is None else found

    def zone(self, provider: str, name: str) -> Region | None:
        """Return a zone that stands elsewhere than its region, else None.

        That is a Local or Wavelength Zone of AWS, found by its city so that a new group of one is
        found too, and what the user placed: any availability zone, or an Outpost by its id.
        """
        own = self._zones.get((provider, name))
        if own is not None:
            return own
        told = _PLACE.fullmatch(name)
        if told is None:
            return None
        region, kind, city = told.groups()
        for place in ((provider, region, kind, city), (provider, region, kind, "")):
            if place in self._places:
                return replace(self._places[place], name=name)
        return None

    def _is_zone(self, provider: str, name: str) -> bool:
        """Whether a name is of something inside a region rather than of a region."""
        if provider != "aws":
            return False
        told = _ZONE.fullmatch(name)
        inside = told is not None and ("aws", told[1]) in self._regions
        return inside or bool(_OUTPOST.fullmatch(name))

    def all(self) -> tuple[Region, ...]:
        """Return every region, by provider and name."""
        return tuple(self._regions[key] for key in sorted(self._regions))

    def regions(self, provider: str) -> tuple[str, ...]:
        """Return the names of a provider's regions, sorted."""
        return tuple(region.name for region in self.all() if region.provider == provider)

    def suggest(self, provider: str, region: str) -> tuple[str, ...]:
        """Return up to three names of the provider's that look like ``region``, nearest first."""
        return tuple(difflib.get_close_matches(region.lower(), self.regions(provider), n=3))


def _from_line(line: Mapping[str, str], annual: Mapping[str, float]) -> Region:
    return _with_bounds(
        Region(
            provider=line["provider"],
            name=line["region"],
            grid_zone=line["grid_zone"],
            pue=float(line["pue"]),
            pue_source=line["pue_source"],
            location=line["location"],
            latitude=float(line["latitude"]),
            longitude=float(line["longitude"]),
            note=line["note"],
        ),
        line,
        annual,
    )


def _places(annual: Mapping[str, float]) -> Iterator[tuple[tuple[str, str, str, str], Region]]:
    """Yield zones by provider, region, kind and city; an empty city stands for all of a kind."""
    for line in rows("local_zones"):
        told = _PLACE.fullmatch(line["zone"])
        pue, _ = _DEFAULT_PUES[line["provider"]]
        region = Region(
            provider=line["provider"],
            name=line["zone"],
            grid_zone=line["grid_zone"],
            pue=pue,
            pue_source="AWS global average, 2025; no value of the zone is published",
            location=line["location"],
            note=line["note"],
        )
        kind = "wl" if line["kind"] == "wavelength" else ""
        key = (line["provider"], line["region"], kind, told[3] if told else "")
        yield key, _with_bounds(region, line, annual)


def _with_bounds(region: Region, line: Mapping[str, str], annual: Mapping[str, float]) -> Region:
    if not line["low_zone"]:
        return region
    central = annual[region.grid_zone]
    return replace(
        region,
        low_zone=line["low_zone"],
        high_zone=line["high_zone"],
        grid_low=annual[line["low_zone"]] / central,
        grid_high=annual[line["high_zone"]] / central,
    )


def _unknown(provider: str, name: str) -> Region:
    pue, source = _DEFAULT_PUES.get(provider, _OTHER_PUE)
    return Region(
        provider=provider, name=name, grid_zone=WORLD, pue=pue, pue_source=source, known=False
    )


def _overlay(region: Region, override: RegionOverride) -> Region:
    """A region whose grid the user named is known, even where the table lacks it."""
    if override.grid_zone is not None:
        region = replace(
            region,
            grid_zone=override.grid_zone,
            known=True,
            low_zone="",
            high_zone="",
            grid_low=1.0,
            grid_high=1.0,
        )
    if override.pue is not None:
        region = replace(region, pue=override.pue, pue_source=CONFIGURATION)
    return region
