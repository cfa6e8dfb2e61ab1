"""Reads a recording of grid intensity: ``zone,timestamp,gco2_per_kwh``, hourly."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from bench.tables import table
from exporter.core.clock import epoch
from exporter.core.model import IntensityPoint
from exporter.core.units import GCO2eqPerKwh

ENVIRONMENT = "CARBON_BENCH_REPLAY"
"""Where every benchmark looks for the recording that its options do not name."""

HOUR = 3600
COLUMNS = ("zone", "timestamp", "gco2_per_kwh")

Replay = Mapping[str, Mapping[int, float]]
"""Zone to start of hour (epoch seconds) to gCO2eq/kWh."""


def read_replay(path: Path) -> Replay:
    """Read a recording; rows without a value are left out.

    Raises:
        ValueError: a column is missing, or a row is not readable; the message names it.
        OSError: the file cannot be read.
    """
    zones: dict[str, dict[int, float]] = {}
    for zone, start, value in table(path, COLUMNS, _row):
        if value is not None:
            zones.setdefault(zone, {})[start] = value
    return zones


def _row(row: Mapping[str, str]) -> tuple[str, int, float | None]:
    zone, text, value = (row[column] for column in COLUMNS)
    start = int(epoch(datetime.fromisoformat(text)))
    if start % HOUR:
        message = f"{text} is not the start of an hour"
        raise ValueError(message)
    return zone, start, float(value) if value else None


def points(zone: str, hours: Mapping[int, float], begin: int, end: int) -> list[IntensityPoint]:
    """Return what was known of a zone at ``end``: its hours that lie in ``[begin, end)``."""
    return [
        IntensityPoint(
            zone=zone, start=start, end=start + HOUR, gco2eq_per_kwh=GCO2eqPerKwh(hours[start])
        )
        for start in range(begin, end, HOUR)
        if start in hours
    ]
