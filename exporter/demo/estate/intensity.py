"""How dirty each grid of the demo is at any time: steps of half an hour.

Invented, with the character of the real zones; their means are near the yearly averages that
Electricity Maps publishes for 2025 (life cycle, flow traced).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import cos, pi
from typing import Final

from exporter.core.units import GCO2eqPerKwh
from exporter.demo.estate.hashing import noise, seed_of, share

GRID_STEP: Final = 1800
"""Seconds for which an intensity holds; steps begin at multiples of it."""
_HOUR: Final = 3600
_WEATHER: Final = 8 * _HOUR
"""Seconds between two independent states of the wind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Zone:
    """Mean in gCO2eq/kWh, and by which share of it sun, evening demand and wind move it."""

    mean: float
    solar: float
    evening: float
    wind: float
    utc_offset_hours: float = 0.0


_ZONES: Final[Mapping[str, _Zone]] = {
    "IE": _Zone(mean=295, solar=0.05, evening=0.12, wind=0.5),
    "FR": _Zone(mean=36, solar=0.2, evening=0.3, wind=0.2, utc_offset_hours=1),
    "GB": _Zone(mean=176, solar=0.15, evening=0.2, wind=0.5),
    "DE": _Zone(mean=342, solar=0.4, evening=0.15, wind=0.35, utc_offset_hours=1),
    "BE": _Zone(mean=178, solar=0.3, evening=0.2, wind=0.3, utc_offset_hours=1),
    "NL": _Zone(mean=252, solar=0.35, evening=0.15, wind=0.35, utc_offset_hours=1),
    "SE-SE3": _Zone(mean=20, solar=0.05, evening=0.1, wind=0.15, utc_offset_hours=1),
    "US-MIDA-PJM": _Zone(mean=418, solar=0.12, evening=0.08, wind=0.06, utc_offset_hours=-5),
    "US-CENT-SWPP": _Zone(mean=477, solar=0.06, evening=0.1, wind=0.35, utc_offset_hours=-6),
    "IN-WE": _Zone(mean=653, solar=0.18, evening=0.07, wind=0.04, utc_offset_hours=5.5),
}

ZONES: Final = tuple(_ZONES)
"""Zones with a character of their own; any other zone gets one made from its name."""


def intensity(zone: str, moment: float) -> GCO2eqPerKwh:
    """Return gCO2eq/kWh of a zone at an epoch second; the same throughout a ``GRID_STEP``."""
    return _step(zone, int(moment // GRID_STEP))


@lru_cache(maxsize=50_000)
def _step(zone: str, number: int) -> GCO2eqPerKwh:
    seed = seed_of(zone)
    character = _ZONES.get(zone) or _default(seed)
    moment = number * GRID_STEP
    swing = 1 + _daily(character, moment) + character.wind * _weather(seed, moment)
    return GCO2eqPerKwh(round(character.mean * swing * (1 + 0.015 * noise(seed, number)), 1))


def _default(seed: int) -> _Zone:
    return _Zone(mean=120 + 560 * share(seed, 0), solar=0.15, evening=0.1, wind=0.12)


def _daily(zone: _Zone, moment: int) -> float:
    hour = (moment / _HOUR + zone.utc_offset_hours) % 24
    return zone.evening * _bell(hour, 19.5, 3.5) - zone.solar * _bell(hour, 13, 5.5)


def _bell(hour: float, centre: float, half_width: float) -> float:
    distance = abs(hour - centre)
    return (1 + cos(pi * distance / half_width)) / 2 if distance < half_width else 0.0


def _weather(seed: int, moment: int) -> float:
    number, rest = divmod(moment, _WEATHER)
    blend = (1 - cos(pi * rest / _WEATHER)) / 2
    return noise(seed, -number) * (1 - blend) + noise(seed, -number - 1) * blend
