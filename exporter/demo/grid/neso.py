"""NESO's Carbon Intensity API, for zone ``GB`` and its regions, by half-hour.

``/generation`` is the last complete half-hour; ``/generation/{from}/{to}`` goes from the half-hour
that ends at ``from`` to the one that ends at ``to``, as ``/regional/intensity/{from}/{to}/regionid/
{n}`` does for a region, 18 being Great Britain. ``/regional/intensity/{from}/fw48h/regionid/{n}``
gives the 48 hours after ``from``: the simulated truth as far as they have begun, then a forecast.

The mixes consist of two fuels that the life-cycle factors turn back into exactly the simulated
intensity, so percentages are not rounded to a tenth as the real ones are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from exporter.core.clock import floor_to
from exporter.core.units import PERCENT
from exporter.data.fuels import fuel_factors
from exporter.demo.grid.base import DAY, HOUR, BadQueryError, Document, GridValues, iso, seconds
from exporter.demo.grid.faults import Fault

GB: Final = "GB"
GREAT_BRITAIN: Final = 18
"""Number of the whole country among the regions."""
LONGEST_SECONDS: Final = 14 * DAY
AHEAD_SECONDS: Final = 48 * HOUR
STEP: Final = 1800
PLANTS: Final = ("wind", "gas", "coal")
"""Fuels of a simulated mix, from clean to dirty."""
_COMBUSTION: Final = {"wind": 0.0, "gas": 394.0, "coal": 937.0}
"""NESO's own factors (`/intensity/factors`), of the intensity that it tells beside the mix."""
_REGIONS: Final[Mapping[int, float]] = {1: 0.3, 2: 0.3, 7: 1.5, 13: 1.1, 16: 0.3}
"""Share of the national intensity, invented: Scotland (1, 2, 16) windy, South Wales (7) and
London (13) on gas, 1 elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neso:
    """Answers of the API to one request, spoiled by a fault."""

    grid: GridValues
    fault: Fault | None

    def generation(self, window: Sequence[str]) -> Document:
        """Answer ``/generation/{from}/{to}``, or ``/generation`` where the window is empty.

        Raises:
            BadQueryError: a time is unreadable, or the window too long.
        """
        end = self.grid.running(STEP)
        start, end = _window(*window) if window else (end - STEP, end)
        starts = self.grid.intervals(start, end, STEP, self.fault)
        return {"data": [self._slot(GREAT_BRITAIN, start) for start in starts]}

    def regional(self, first: str, last: str, number: str) -> Document:
        """Answer ``/regional/intensity/{first}/{last}/regionid/{number}``.

        Raises:
            BadQueryError: as ``generation``, or there is no such region.
        """
        region = int(number) if number.isascii() and number.isdigit() else 0
        if not 1 <= region <= GREAT_BRITAIN:
            message = "Please enter a valid region ID"
            raise BadQueryError(message)
        told = region % GREAT_BRITAIN + 1 if self.fault is Fault.WRONG_ZONE else region
        rows = [self._regional_slot(region, start) for start in self._starts(first, last)]
        return {"data": {"regionid": told, "shortname": f"region {told}", "data": rows}}

    def _starts(self, first: str, last: str) -> Iterable[int]:
        if last != "fw48h":
            return self.grid.intervals(*_window(first, last), STEP, self.fault)
        start = floor_to(seconds(first), STEP)
        return () if self.fault is Fault.EMPTY else range(start, start + AHEAD_SECONDS, STEP)

    def _regional_slot(self, region: int, start: int) -> Document:
        slot = self._slot(region, start)
        grams = sum(_COMBUSTION[m["fuel"]] * (m["perc"] or 0.0) for m in slot["generationmix"])
        return slot | {"intensity": {"forecast": round(grams / PERCENT)}}

    def _slot(self, region: int, start: int) -> Document:
        mix = lifecycle_mix(self._value(region, start)).items()
        null = self.fault is Fault.NULLS
        return {
            "from": iso(start),
            "to": iso(start + STEP),
            "generationmix": [
                {"fuel": fuel, "perc": None if null else percent} for fuel, percent in mix
            ],
        }

    def _value(self, region: int, start: int) -> float:
        national = self.grid.expected(GB, start, STEP, issued=self.grid.running(STEP))
        value = national * _REGIONS.get(region, 1.0)
        (_, cleanest), *_, (_, dirtiest) = _lifecycle(GB, PLANTS)
        return min(max(value, cleanest), dirtiest)


def lifecycle_mix(
    gco2eq_per_kwh: float, *, zone: str = GB, plants: tuple[str, ...] = PLANTS
) -> dict[str, float]:
    """Percent of two fuels whose life-cycle mean in a zone is the given intensity.

    ``plants`` are three or more fuels from clean to dirty.

    Raises:
        ValueError: no mix of them is that clean or that dirty.
    """
    for (clean, low), (dirty, high) in pairwise(_lifecycle(zone, plants)):
        if low <= gco2eq_per_kwh <= high:
            percent = (gco2eq_per_kwh - low) / (high - low) * PERCENT
            return {clean: PERCENT - percent, dirty: percent}
    message = f"{gco2eq_per_kwh} gCO2eq/kWh is not between {plants[0]} and {plants[-1]}"
    raise ValueError(message)


def _lifecycle(zone: str, plants: tuple[str, ...]) -> list[tuple[str, float]]:
    return [(fuel, fuel_factors(zone)[fuel].gco2eq_per_kwh) for fuel in plants]


def _window(first: str, last: str) -> tuple[int, int]:
    start, end = seconds(first), seconds(last)
    if end - start > LONGEST_SECONDS:
        message = "Please request a window of 14 days or less"
        raise BadQueryError(message)
    return start - STEP, end
