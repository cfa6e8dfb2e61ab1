"""Rows of the EIA's hourly generation by energy source, as amounts by hour. Pure."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from exporter.core.clock import from_epoch
from exporter.grids._payload import ShapeError, as_instant, as_list, as_mapping

STEP: Final = 3600
UNIT: Final = "megawatthours"
NEGATIVE_LIMIT: Final = 0.05
"""Share of an hour's generation. Stations at rest draw less than this; more is an error."""

FUELS: Final[Mapping[str, str]] = {
    "COL": "coal",
    "GEO": "geothermal",
    "NG": "gas",
    "NUC": "nuclear",
    "OIL": "oil",
    "OTH": "other",
    "SNB": "solar",
    "SUN": "solar",
    "UNK": "other",
    "WAT": "hydro",
    "WNB": "wind",
    "WND": "wind",
}
"""Our fuel by energy source of form EIA-930; SNB and WNB are solar and wind with a battery."""
STORAGE: Final = frozenset({"BAT", "OES", "PS", "UES"})
"""Batteries, other storage, pumped storage, unknown storage."""
MAY_STORE: Final = frozenset({"OTH", "SNB", "UNK", "WAT", "WNB"})
"""Energy sources that may hold storage which is not told apart: negative while it is charged."""

_PERIOD: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}", re.ASCII)
_AMOUNT: Final = re.compile(r"-?\d{1,9}(\.\d{1,9})?", re.ASCII)

Amounts = dict[str, float]
"""Megawatt-hours by energy source."""


class Page(NamedTuple):
    """Rows of one answer, and how many there are on all pages."""

    rows: list[object]
    total: int


class Hours(NamedTuple):
    """Amounts by balancing authority and start of the hour, and what could not be read."""

    amounts: dict[str, dict[int, Amounts]]
    unreadable: list[ShapeError]


class _Cell(NamedTuple):
    respondent: str
    start: int


def read_page(document: object) -> Page:
    """Return the rows of an answer, or raise ShapeError."""
    response = as_mapping(as_mapping(document, "the document").get("response"), "response")
    if response.get("frequency", "hourly") != "hourly":
        message = "frequency is not hourly in UTC"
        raise ShapeError(message)
    rows = as_list(response.get("data"), "data")
    total = response.get("total", len(rows))
    if isinstance(total, bool) or not re.fullmatch(r"[0-9]{1,9}", str(total)):
        message = "total is not a count"
        raise ShapeError(message)
    return Page(rows, int(str(total)))


def read_hours(rows: Iterable[object], respondents: Collection[str]) -> Hours:
    """Sort rows by balancing authority and hour; an hour with an unreadable row is left out.

    Raises:
        ShapeError: a row of no known hour, or of a balancing authority that was not asked for.
    """
    hours: dict[_Cell, Amounts] = {}
    unreadable: dict[_Cell, ShapeError] = {}
    for item in rows:
        row = as_mapping(item, "a row")
        cell = _cell(row, respondents)
        try:
            hours.setdefault(cell, {}).update(_amount(row))
        except ShapeError as error:
            unreadable.setdefault(cell, error)
    amounts: dict[str, dict[int, Amounts]] = {}
    for cell, found in hours.items():
        if found and cell not in unreadable:
            amounts.setdefault(cell.respondent, {})[cell.start] = found
    return Hours(amounts, list(unreadable.values()))


def generated(amounts: Mapping[str, float]) -> Amounts:
    """Return what was generated: without storage, and without what plants themselves drew.

    Raises:
        ShapeError: an energy source draws more than its plants can.
    """
    plants = {code: amount for code, amount in amounts.items() if code not in STORAGE}
    gross = sum(amount for amount in plants.values() if amount > 0)
    for code, amount in plants.items():
        if -amount > NEGATIVE_LIMIT * gross and code not in MAY_STORE:
            message = f"{code} generates {amount:g} MWh of {gross:g}"
            raise ShapeError(message)
    return {code: max(amount, 0.0) for code, amount in plants.items()}


def _cell(row: Mapping[str, object], respondents: Collection[str]) -> _Cell:
    respondent = row.get("respondent")
    if not isinstance(respondent, str) or respondent not in respondents:
        message = "a row is of a balancing authority that was not asked for"
        raise ShapeError(message)
    period = row.get("period")
    if not isinstance(period, str) or not _PERIOD.fullmatch(period):
        message = "period is not an hour such as 2026-03-01T16"
        raise ShapeError(message)
    # The stamp is the end of the hour: eia.gov/electricity/gridmonitor/about, time reporting.
    return _Cell(respondent, as_instant(f"{period}:00Z", "period") - STEP)


def _amount(row: Mapping[str, object]) -> Amounts:
    code, value = row.get("fueltype"), row.get("value")
    if not isinstance(code, str) or (code not in FUELS and code not in STORAGE):
        message = f"unknown energy source {str(code)[:20]!a}"
        raise ShapeError(message)
    if row.get("value-units") != UNIT:
        message = f"value-units is not {UNIT}"
        raise ShapeError(message)
    if value is None:
        return {}
    if isinstance(value, bool) or not _AMOUNT.fullmatch(str(value)):
        message = "value is not a number of megawatt-hours"
        raise ShapeError(message)
    return {code: float(str(value))}


def stamp(start: int) -> str:
    """Write the hour that begins at a time as the API names it: by its end."""
    return from_epoch(start + STEP).strftime("%Y-%m-%dT%H")
