"""How dirty each grid of the demo is at any time: steps of half an hour.

Invented, with the character of the real zones; their means are near the yearly averages that
Electricity Maps publishes for 2025 (life cycle, flow traced).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from math import cos, pi
from typing import Final

from exporter.core.units import GCO2eqPerKwh
from exporter.data import rows
from exporter.demo.estate.hashing import noise, seed_of

GRID_STEP: Final = 1800
"""Seconds for which an intensity holds; steps begin at multiples of it."""
_HOUR: Final = 3600
_WEATHER: Final = 8 * _HOUR
"""Seconds between two independent states of the wind."""
_DEGREES_PER_HOUR: Final = 15.0
"""By which the sun moves west."""
_WORLD: Final = "WORLD"
"""Zone of the yearly average of the world, for zones that the table lacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Zone:
    """Mean in gCO2eq/kWh, and by which share of it sun, evening demand and wind move it."""

    mean: float
    solar: float
    evening: float
    wind: float
    utc_offset_hours: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Swing:
    """By which share of its mean a kind of grid moves with the sun, the evening and the wind."""

    solar: float
    evening: float
    wind: float


_ZONES: Final[Mapping[str, _Zone]] = {
    "IE": _Zone(mean=295, solar=0.05, evening=0.12, wind=0.5),
    "FR": _Zone(mean=36, solar=0.2, evening=0.3, wind=0.2, utc_offset_hours=1),
    "GB": _Zone(mean=176, solar=0.15, evening=0.2, wind=0.5),
    "DE": _Zone(mean=342, solar=0.4, evening=0.15, wind=0.35, utc_offset_hours=1),
    "BE": _Zone(mean=178, solar=0.3, evening=0.2, wind=0.3, utc_offset_hours=1),
    "NL": _Zone(mean=252, solar=0.35, evening=0.15, wind=0.35, utc_offset_hours=1),
    "SE-SE3": _Zone(mean=20, solar=0.05, evening=0.1, wind=0.15, utc_offset_hours=1),
    "US-MIDA-PJM": _Zone(mean=418, solar=0.12, evening=0.08, wind=0.06, utc_offset_hours=-5),
    "US-MIDW-MISO": _Zone(mean=501, solar=0.06, evening=0.1, wind=0.35, utc_offset_hours=-6),
    "IN-WE": _Zone(mean=653, solar=0.18, evening=0.07, wind=0.04, utc_offset_hours=5.5),
}

ZONES: Final = tuple(_ZONES)
"""Zones with a character of their own; any other has that of its kind of grid."""

_THERMAL: Final = _Swing(solar=0.06, evening=0.05, wind=0.04)
"""Coal and gas day and night: also any zone that is in no list below."""
_KINDS: Final = (
    # Hydro and nuclear power, hence nearly flat.
    ("AT BR-CS CA-ON CA-QC CH NO-NO1 NO-NO2 SE-SE4", _Swing(solar=0.04, evening=0.08, wind=0.06)),
    ("FI NZ US-NW-BPAT US-NW-GCPD", _Swing(solar=0.04, evening=0.1, wind=0.2)),
    # So much sun that gas or coal make way at noon and come back in the evening.
    ("ES GR US-CAL-CISO", _Swing(solar=0.5, evening=0.2, wind=0.15)),
    ("AU-NSW AU-VIC CL-SEN", _Swing(solar=0.4, evening=0.12, wind=0.12)),
    ("IL IT-NO US-NW-NEVP US-SW-AZPS", _Swing(solar=0.35, evening=0.12, wind=0.05)),
    ("CN IN-NO IN-SO JP-KN JP-TK", _Swing(solar=0.2, evening=0.07, wind=0.05)),
    # Wind, with sun beside it in the south.
    ("DK-DK2", _Swing(solar=0.15, evening=0.12, wind=0.5)),
    ("US-TEX-ERCO", _Swing(solar=0.25, evening=0.12, wind=0.3)),
    ("CA-AB PL US-CENT-SWPP US-NW-PACE US-NW-PACW", _Swing(solar=0.1, evening=0.08, wind=0.15)),
)
_SWINGS: Final = {zone: swing for zones, swing in _KINDS for zone in zones.split()}


def intensity(zone: str, moment: float) -> GCO2eqPerKwh:
    """Return gCO2eq/kWh of a zone at an epoch second; the same throughout a ``GRID_STEP``."""
    return _step(zone, int(moment // GRID_STEP))


def smooth_noise(seed: int, moment: int, period: int) -> float:
    """Return a number in [-1, 1] that looks random and changes smoothly over time.

    Values one ``period`` of seconds apart are independent.
    """
    number, rest = divmod(moment, period)
    blend = (1 - cos(pi * rest / period)) / 2
    return noise(seed, -number) * (1 - blend) + noise(seed, -number - 1) * blend


@lru_cache(maxsize=100_000)
def _step(zone: str, number: int) -> GCO2eqPerKwh:
    seed = seed_of(zone)
    character = _ZONES.get(zone) or _default(zone)
    moment = number * GRID_STEP
    weather = character.wind * smooth_noise(seed, moment, _WEATHER)
    swing = 1 + _daily(character, moment) + weather
    return GCO2eqPerKwh(round(character.mean * swing * (1 + 0.015 * noise(seed, number)), 1))


@lru_cache(maxsize=1000)
def _default(zone: str) -> _Zone:
    """Make a zone out of its yearly average, which its swing does not move, and its kind."""
    yearly, swing = _yearly(), _SWINGS.get(zone, _THERMAL)
    daily = swing.evening * _EVENING.mean - swing.solar * _NOON.mean
    return _Zone(
        mean=yearly.get(zone, yearly[_WORLD]) / (1 + daily),
        solar=swing.solar,
        evening=swing.evening,
        wind=swing.wind,
        utc_offset_hours=_utc_offsets().get(zone, 0.0),
    )


@cache
def _yearly() -> Mapping[str, float]:
    return {line["grid_zone"]: float(line["gco2eq_per_kwh"]) for line in rows("annual")}


@cache
def _utc_offsets() -> Mapping[str, float]:
    """Solar time of each zone, as that of the last of its cloud regions in the table."""
    return {
        line["grid_zone"]: float(round(float(line["longitude"]) / _DEGREES_PER_HOUR))
        for line in rows("regions")
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bell:
    """A part of the day, in hours of local time, that begins and ends smoothly."""

    centre: float
    half_width: float

    @property
    def mean(self) -> float:
        """Mean of its height of 1 over the whole day."""
        return self.half_width / 24

    def at(self, hour: float) -> float:
        """Height at an hour of the day."""
        distance = abs(hour - self.centre)
        if distance >= self.half_width:
            return 0.0
        return (1 + cos(pi * distance / self.half_width)) / 2


_NOON: Final = _Bell(centre=13, half_width=5.5)
_EVENING: Final = _Bell(centre=19.5, half_width=3.5)


def _daily(zone: _Zone, moment: int) -> float:
    hour = (moment / _HOUR + zone.utc_offset_hours) % 24
    return zone.evening * _EVENING.at(hour) - zone.solar * _NOON.at(hour)
