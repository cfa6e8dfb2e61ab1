"""The documents of the simulated grid: which intervals a request gets, in either protocol."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from exporter.core.clock import epoch, floor_to
from exporter.core.ports import Clock
from exporter.core.units import PERCENT
from exporter.demo.grid.faults import Fault

GB: Final = "GB"
OTHER_ZONE: Final = "XX-OTHER"
"""The zone of ``Fault.WRONG_ZONE``."""
NESO_LONGEST_SECONDS: Final = 14 * 86400
_LIFECYCLE: Final = (("wind", 11.0), ("gas", 490.0), ("coal", 820.0))
"""Medians of IPCC AR5 WG3 Annex III in gCO2eq/kWh, the factors of the `neso` source."""

Document = dict[str, Any]


class BadQueryError(ValueError):
    """The query cannot be answered; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GridDocuments:
    """Builds answers from ``intensity(zone, start)``; ``zones`` None means that it knows all."""

    intensity: Callable[[str, int], float]
    clock: Clock
    zones: Collection[str] | None
    step: int

    def build(self, target: str, fault: Fault | None) -> Document:
        """Return the document for a request target (path and query).

        Raises:
            BadQueryError: unknown path, unreadable time, or too long a window.
        """
        parts = urlsplit(target)
        match parts.path.strip("/").split("/"):
            case ["v1", "intensity"]:
                return self._own(parse_qs(parts.query), fault)
            case ["generation"]:
                running = self._running()
                return {"data": self._mixes(running - self.step, running, fault)}
            case ["generation", start, end]:
                return {"data": self._neso(_seconds(start), _seconds(end), fault)}
            case _:
                message = "unknown path"
                raise BadQueryError(message)

    def _own(self, query: Mapping[str, list[str]], fault: Fault | None) -> Document:
        start, end = (_seconds(query.get(key, [""])[0]) for key in ("from", "to"))
        asked = set(query.get("zone", []))
        known = asked if self.zones is None else asked & set(self.zones)
        points = [
            {
                "zone": OTHER_ZONE if fault is Fault.WRONG_ZONE else zone,
                "from": _iso(left),
                "to": _iso(left + self.step),
                "gco2eq_per_kwh": None if fault is Fault.NULLS else self.intensity(zone, left),
            }
            for zone in sorted(known)
            for left in self._intervals(start, end, fault)
        ]
        return {"source": "demo", "simulated": True, "unit": "gCO2eq/kWh", "points": points}

    def _neso(self, start: int, end: int, fault: Fault | None) -> list[Document]:
        if end - start > NESO_LONGEST_SECONDS:
            message = "Please request a window of 14 days or less"
            raise BadQueryError(message)
        return self._mixes(start - self.step, end, fault)

    def _mixes(self, start: int, end: int, fault: Fault | None) -> list[Document]:
        return [
            {
                "from": _iso(left),
                "to": _iso(left + self.step),
                "generationmix": [
                    {"fuel": fuel, "perc": None if fault is Fault.NULLS else percent}
                    for fuel, percent in lifecycle_mix(self.intensity(GB, left)).items()
                ],
            }
            for left in self._intervals(start, end, fault)
        ]

    def _intervals(self, start: int, end: int, fault: Fault | None) -> Iterator[int]:
        if fault is Fault.EMPTY:
            return
        last = end if fault is Fault.FUTURE else min(end, self._running() + 1)
        yield from range(floor_to(start, self.step), last, self.step)

    def _running(self) -> int:
        """Start of the running interval."""
        return floor_to(epoch(self.clock.now()), self.step)


def lifecycle_mix(gco2eq_per_kwh: float) -> dict[str, float]:
    """Percent of two fuels whose life-cycle mean is the given intensity.

    Raises:
        ValueError: no mix of wind, gas and coal is that clean or that dirty.
    """
    for (clean, low), (dirty, high) in pairwise(_LIFECYCLE):
        if low <= gco2eq_per_kwh <= high:
            percent = (gco2eq_per_kwh - low) / (high - low) * PERCENT
            return {clean: PERCENT - percent, dirty: percent}
    message = f"{gco2eq_per_kwh} gCO2eq/kWh is not between wind and coal"
    raise ValueError(message)


def _seconds(text: str) -> int:
    try:
        return int(epoch(datetime.fromisoformat(text)))
    except ValueError as error:
        message = "Please enter a valid date in ISO8601 format YYYY-MM-DDThh:mmZ"
        raise BadQueryError(message) from error


def _iso(seconds: int) -> str:
    """Write a time as NESO does, with seconds only where a step needs them."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ" if moment.second else "%Y-%m-%dT%H:%MZ")
