"""Reads the recordings: hours with a reference, a window of every US authority, yearly pairs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bench.tables import table

REFERENCE = "reference_lifecycle_consumption_g_per_kwh"
PRODUCTION = "annual production->consumption (same factors)"
"""Kind of a pair whose second value is what a kWh that was consumed emitted in that year."""
_AMOUNT = re.compile(r"(.+)_mwh")
_FUEL = re.compile(r"E_([A-Z0-9]+)_([A-Z]{3})")
_FLOW = re.compile(r"E_([A-Z0-9]+)-([A-Z0-9]+)_ID")
_FUELS = {
    "COL": "coal",
    "GAS": "gas",
    "NUC": "nuclear",
    "OIL": "oil",
    "OTH": "other",
    "SUN": "solar",
    "WAT": "hydro",
    "WND": "wind",
}

Mix = Mapping[str, float]
"""Megawatt-hours by fuel, each 0 or more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """One hour of a zone, and what its kWh emitted by somebody else's tracing."""

    zone: str
    start: datetime
    mix: Mix
    reference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One hour of all authorities: what each generated, and what it sent to each neighbour."""

    mixes: Mapping[str, Mix]
    flows: Mapping[tuple[str, str], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A year of a zone by two accounts; ``ratio`` is the second over the first."""

    zone: str
    source: str
    kind: str
    year: int
    consumed: float
    """gCO2eq/kWh by the second account; 0 where only the ratio is told."""
    ratio: float


def read_hours(path: Path) -> list[Hour]:
    """Read ``grid_zone,hour,<fuel>_mwh…,reference…``; hours in which nothing ran are left out.

    So are hours without a reference.

    Raises:
        OSError, ValueError: the file cannot be read, or is no such recording.
    """
    found = [hour for hour in table(path, ("grid_zone", "hour", REFERENCE), _hour) if hour]
    if not found:
        message = f"{path}: no hour with a reference and with amounts in columns <fuel>_mwh"
        raise ValueError(message)
    return found


def _hour(line: Mapping[str, str]) -> Hour | None:
    found = ((_AMOUNT.fullmatch(column), text) for column, text in line.items())
    mix = {match[1]: max(0.0, float(text or 0)) for match, text in found if match}
    if not line[REFERENCE] or not sum(mix.values()):
        return None
    return Hour(
        zone=line["grid_zone"],
        start=datetime.fromisoformat(line["hour"]),
        mix=mix,
        reference=float(line[REFERENCE]),
    )


def read_pairs(path: Path) -> list[Pair]:
    """Read ``zone,source,kind,year,from_g_per_kwh,to_g_per_kwh,ratio``; other lines are left out.

    Raises:
        OSError, ValueError: the file cannot be read, or is no such table.
    """
    columns = ("zone", "source", "kind", "year", "to_g_per_kwh", "ratio")
    found = [pair for pair in table(path, columns, _pair) if pair]
    if not found:
        message = f"{path}: no line with a year and a ratio"
        raise ValueError(message)
    return found


def _pair(line: Mapping[str, str]) -> Pair | None:
    if not line["year"].isdecimal() or not line["ratio"]:
        return None
    return Pair(
        zone=line["zone"],
        source=line["source"],
        kind=line["kind"],
        year=int(line["year"]),
        consumed=float(line["to_g_per_kwh"] or 0.0),
        ratio=float(line["ratio"]),
    )


def read_window(path: Path) -> list[Moment]:
    """Read ``period,E_<authority>_<fuel>…,E_<from>-<to>_ID…``.

    Raises:
        OSError, ValueError: the file cannot be read, or is no such recording.
    """
    found = [moment for moment in table(path, ("period",), _moment) if moment.mixes]
    if not found:
        message = f"{path}: no hour with amounts in columns E_<authority>_<fuel>"
        raise ValueError(message)
    return found


def _moment(line: Mapping[str, str]) -> Moment:
    mixes: dict[str, dict[str, float]] = {}
    flows: dict[tuple[str, str], float] = {}
    for column, text in line.items():
        if not text:
            continue
        flow, fuel = _FLOW.fullmatch(column), _FUEL.fullmatch(column)
        if flow:
            flows[flow[1], flow[2]] = float(text)
        elif fuel and fuel[2] in _FUELS:
            mixes.setdefault(fuel[1], {})[_FUELS[fuel[2]]] = max(0.0, float(text))
    return Moment(mixes=mixes, flows=flows)
