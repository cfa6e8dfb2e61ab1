"""The shipped table of cloud regions: the grid that feeds each one and its PUE."""

import difflib
from collections.abc import Mapping
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
_OTHER_PUE: Final = (1.15, "assumed; near the published averages of the large clouds")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionOverride:
    """What the user knows better about a region; None leaves the table's value."""

    grid_zone: str | None = None
    pue: float | None = None


class RegionTable:
    """Regions by provider and name, with the user's overrides laid over the table."""

    def __init__(self, overrides: Mapping[tuple[str, str], RegionOverride] | None = None) -> None:
        shipped = (_from_line(line) for line in rows("regions"))
        self._regions = {(region.provider, region.name): region for region in shipped}
        for (provider, name), override in (overrides or {}).items():
            self._regions[provider, name] = _overlay(self.find(provider, name), override)

    def find(self, provider: str, region: str) -> Region:
        """Return the region, or one with ``known=False``, the world's grid and a default PUE."""
        found = self._regions.get((provider, region))
        return _unknown(provider, region) if found is None else found

    def all(self) -> tuple[Region, ...]:
        """Return every region, by provider and name."""
        return tuple(self._regions[key] for key in sorted(self._regions))

    def regions(self, provider: str) -> tuple[str, ...]:
        """Return the names of a provider's regions, sorted."""
        return tuple(region.name for region in self.all() if region.provider == provider)

    def suggest(self, provider: str, region: str) -> tuple[str, ...]:
        """Return up to three names of the provider's that look like ``region``, nearest first."""
        return tuple(difflib.get_close_matches(region.lower(), self.regions(provider), n=3))


def _from_line(line: Mapping[str, str]) -> Region:
    return Region(
        provider=line["provider"],
        name=line["region"],
        grid_zone=line["grid_zone"],
        pue=float(line["pue"]),
        pue_source=line["pue_source"],
        location=line["location"],
        latitude=float(line["latitude"]),
        longitude=float(line["longitude"]),
        note=line["note"],
    )


def _unknown(provider: str, name: str) -> Region:
    pue, source = _DEFAULT_PUES.get(provider, _OTHER_PUE)
    return Region(
        provider=provider, name=name, grid_zone=WORLD, pue=pue, pue_source=source, known=False
    )


def _overlay(region: Region, override: RegionOverride) -> Region:
    """A region whose grid the user named is known, even where the table lacks it."""
    if override.grid_zone is not None:
        region = replace(region, grid_zone=override.grid_zone, known=True)
    if override.pue is not None:
        region = replace(region, pue=override.pue, pue_source=CONFIGURATION)
    return region
