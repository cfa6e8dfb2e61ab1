"""The grids of a snapshot: values in force, what is expected, and every region with its grid."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from exporter.core.clock import floor_to
from exporter.core.model import (
    OBSERVED,
    Basis,
    FallbackLevel,
    IntensityInForce,
    Method,
    Outlook,
    Region,
    Standing,
)
from exporter.core.ports import AnnualIntensities
from exporter.core.snapshot import RegionIntensityView
from exporter.core.units import GCO2eqPerKwh
from exporter.engine.intensity import IntensityBook

DAY: Final = 86400
_STEP: Final = 300
"""Seconds for which a mean of 24 hours is not reckoned again."""
SIGNALS: Final = (
    (Method.AVERAGE, Basis.DIRECT),
    (Method.MARGINAL, Basis.LIFECYCLE),
    (Method.MARGINAL, Basis.DIRECT),
)
"""What may be known of a zone besides the value that prices grams."""
TOLD: Final = OBSERVED | {FallbackLevel.LAST_KNOWN}
"""Levels of a signal that is shown as one: a source told it, and not as a forecast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GridsNow:
    """The grids at one time."""

    in_force: tuple[IntensityInForce, ...]
    outlooks: tuple[Outlook, ...]
    standings: tuple[Standing, ...]
    regions: tuple[RegionIntensityView, ...]


class Grids(Protocol):
    """What a snapshot needs to know of grids."""

    book: IntensityBook

    @property
    def zones(self) -> frozenset[str]:
        """Grid zones that are asked for even where no machine stands on them."""

    def look(self, used: Iterable[Region], now: float) -> GridsNow:
        """Return the grids of all regions; ``used`` are those with machines."""


class GridViewer:
    """Looks grids up for snapshots. ``offered`` are all regions of the clouds that are watched."""

    def __init__(
        self, book: IntensityBook, annual: AnnualIntensities, offered: Sequence[Region]
    ) -> None:
        self.book = book
        self._annual = annual
        self._offered = offered
        self._means: dict[tuple[str, int], GCO2eqPerKwh | None] = {}

    @property
    def zones(self) -> frozenset[str]:
        """Grid zones of all regions on offer."""
        return frozenset(region.grid_zone for region in self._offered)

    def look(self, used: Iterable[Region], now: float) -> GridsNow:
        """Return the grids of all regions; ``used`` are those with machines, as these know them."""
        regions = {(region.provider, region.name): region for region in (*self._offered, *used)}
        zones = sorted({region.grid_zone for region in regions.values()})
        self._means = {key: mean for key, mean in self._means.items() if key[1] > now - 2 * _STEP}
        return GridsNow(
            in_force=tuple(one for zone in zones for one in self._in_force(zone, now)),
            outlooks=tuple(one for zone in zones for one in self._outlooks(zone, now)),
            standings=tuple(
                one for zone in zones if (one := self.book.standing(zone, now)) is not None
            ),
            regions=tuple(self._region(regions[key], now) for key in sorted(regions)),
        )

    def _in_force(self, zone: str, now: float) -> Iterable[IntensityInForce]:
        yield self.book.at(zone, now)
        for method, basis in SIGNALS:
            known = self.book.signal(zone, now, method, basis)
            if known is not None and known.level in TOLD:
                yield known

    def _outlooks(self, zone: str, now: float) -> Iterable[Outlook]:
        for method in Method:
            outlook = self.book.forecast(zone, now, method=method)
            if outlook is not None:
                yield outlook

    def _region(self, region: Region, now: float) -> RegionIntensityView:
        zone = region.grid_zone
        grid = self.book.at(zone, now)
        direct = self.book.signal(zone, now, Method.AVERAGE, Basis.DIRECT)
        return RegionIntensityView(
            region=region,
            grid=grid,
            mean_24h=self._mean(zone, now),
            annual=self._annual.annual(zone),
            weaker=direct is not None and direct.live and not grid.live,
        )

    def _mean(self, zone: str, now: float) -> GCO2eqPerKwh | None:
        end = floor_to(now, _STEP)
        if (zone, end) not in self._means:
            whole = self.book.over(zone, end - DAY, end)
            known = whole.level is not FallbackLevel.ANNUAL
            self._means[zone, end] = whole.gco2eq_per_kwh if known else None
        return self._means[zone, end]
