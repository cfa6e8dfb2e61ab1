"""Reads the two recordings: hours with a reference, and a window of every US authority."""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

REFERENCE = "reference_lifecycle_consumption_g_per_kwh"
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
    mix: Mix
    reference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One hour of all authorities: what each generated, and what it sent to each neighbour."""

    mixes: Mapping[str, Mix]
    flows: Mapping[tuple[str, str], float]


def read_hours(path: Path) -> list[Hour]:
    """Read ``grid_zone,hour,<fuel>_mwh…,reference…``; hours in which nothing ran are left out.

    Raises:
        OSError, ValueError: the file cannot be read, or is no such recording.
    """
    return [
        hour
        for line in _lines(path, {"grid_zone", REFERENCE})
        if sum((hour := _hour(line)).mix.values())
    ]


def _hour(line: Mapping[str, str]) -> Hour:
    found = ((_AMOUNT.fullmatch(column), text) for column, text in line.items())
    mix = {match[1]: max(0.0, float(text or 0)) for match, text in found if match}
    return Hour(zone=line["grid_zone"], mix=mix, reference=float(line[REFERENCE]))


def read_window(path: Path) -> list[Moment]:
    """Read ``period,E_<authority>_<fuel>…,E_<from>-<to>_ID…``.

    Raises:
        OSError, ValueError: the file cannot be read, or is no such recording.
    """
    return [_moment(line) for line in _lines(path, {"period"})]


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


def _lines(path: Path, columns: set[str]) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = columns - set(reader.fieldnames or ())
        if missing:
            message = f"{path}: column {', '.join(sorted(missing))} is missing"
            raise ValueError(message)
        yield from reader
