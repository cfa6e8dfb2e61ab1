"""The shape of energy-charts.info: ``GET /co2eq?country=de&start=…&end=…``.

Three arrays of equal length: the stamps; the observed values, null from the country's lag on; the
forecast, null before that and given to the end of the next local day. Germany in quarter-hours,
others by the hour, rounded to a tenth. A country that is not simulated, or a window without any
value, is a 404, an unreadable time a 400, both with a ``detail`` in JSON.
"""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from http import HTTPStatus
from typing import Final
from zoneinfo import ZoneInfo

from exporter.core.clock import floor_to
from exporter.demo.estate.hashing import seed_of, share
from exporter.demo.grid.base import HOUR, BadQueryError, Document, GridValues, seconds
from exporter.demo.grid.faults import Fault

LOCAL: Final = "Europe/Berlin"
"""Where the days of the API begin and end."""
LONGEST_LAG_SECONDS: Final = 5 * HOUR
_STEPS: Final = {"de": 900}
_ZONES: Final = {"dk": "DK-DK2", "it": "IT-NO", "no": "NO-NO1", "se": "SE-SE3"}
"""Whose intensity a country gets that consists of several zones."""


def co2eq(grid: GridValues, query: Mapping[str, list[str]], fault: Fault | None) -> Document:
    """Answer ``/co2eq``.

    Raises:
        BadQueryError: an unknown country, an unreadable time, or a window without any value.
    """
    country = query.get("country", ["de"])[0]
    zone, step = _ZONES.get(country, country.upper()), step_seconds(country)
    start, end = (_time(query, key) for key in ("start", "end"))
    stamps = range(floor_to(start, step), min(end, forecast_end(grid.now())), step)
    if not stamps or not grid.knows(zone):
        message = "no content available"
        raise _refusal(message, HTTPStatus.NOT_FOUND)
    known = grid.running(step) - lag_seconds(country)
    told = forecast_end(grid.now()) if fault is Fault.FUTURE else known
    rows = [] if fault is Fault.EMPTY else list(stamps)
    seen = [round(grid.mean(zone, at, step), 1) if at < told else None for at in rows]
    ahead = [
        round(grid.expected(zone, at, step, issued=known), 1) if at >= told else None for at in rows
    ]
    if fault is Fault.NULLS:
        seen = ahead = [None] * len(rows)
    return {"unix_seconds": rows, "co2eq": seen, "co2eq_forecast": ahead, "deprecated": False}


def step_seconds(country: str) -> int:
    """Return the length of a country's intervals."""
    return _STEPS.get(country, HOUR)


def lag_seconds(country: str) -> int:
    """Return how late a country's values come: whole steps, less than 5 hours."""
    return floor_to(share(seed_of(country), 0) * LONGEST_LAG_SECONDS, step_seconds(country))


def forecast_end(now: int) -> int:
    """Return the end of the next local day."""
    local = ZoneInfo(LOCAL)
    after = datetime.fromtimestamp(now, local).date() + timedelta(days=2)
    return int(datetime.combine(after, time(), local).timestamp())


def _time(query: Mapping[str, list[str]], key: str) -> int:
    try:
        return seconds(query.get(key, [""])[0])
    except BadQueryError as error:
        message = f"invalid {key}"
        raise _refusal(message, HTTPStatus.BAD_REQUEST) from error


def _refusal(detail: str, status: HTTPStatus) -> BadQueryError:
    return BadQueryError(detail, status=status, document={"detail": detail})
