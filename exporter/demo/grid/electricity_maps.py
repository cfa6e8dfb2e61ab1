"""The shape of Electricity Maps, version 4, for a key that may read every simulated zone.

``/v4/zones`` lists the zones; ``/v4/carbon-intensity/`` has ``latest``, ``history`` (24 hours),
``past-range`` (10 days at most) and ``forecast`` (6, 24, 48 or 72 hours), all by the hour, life
cycle, rounded to a tenth. Hours that ended less than ``FINAL_AFTER`` ago are estimates that later
turn out a little different. Any key but ``TOKEN`` is a 401.

As the real one does, it answers an unknown zone with the numbers of that of the caller's address
(here the first) unless ``disableCallerLookup=true`` forbids it; it is a 404 then.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from exporter.core.clock import from_epoch
from exporter.demo.grid.base import (
    DAY,
    HOUR,
    OTHER_ZONE,
    BadQueryError,
    Document,
    GridValues,
    seconds,
)
from exporter.demo.grid.faults import Fault

VERSION: Final = "v4"
TOKEN: Final = "demo"  # noqa: S105 -- opens nothing but the simulated grid
FINAL_AFTER: Final = 3 * HOUR
"""Seconds from the end of an hour to its final value; recorded answers show some hours."""
LONGEST_SECONDS: Final = 10 * DAY
HORIZONS: Final = ("6", "24", "48", "72")
_ONLY: Final = {"emissionFactorType": "lifecycle", "temporalGranularity": "hourly"}


def is_locked(target: str) -> bool:
    """Whether a request target needs the key."""
    return urlsplit(target).path.startswith(f"/{VERSION}/")


def zones(grid: GridValues) -> Document:
    """Answer ``/v4/zones``; a grid that knows every zone lists none."""
    return {zone: {"zoneName": zone, "access": ["*"]} for zone in sorted(grid.zones or ())}


def carbon_intensity(
    grid: GridValues, call: str, query: Mapping[str, list[str]], fault: Fault | None
) -> Document:
    """Answer ``/v4/carbon-intensity/{call}``.

    Raises:
        BadQueryError: an unknown call, zone or horizon, too long a range, an unreadable time.
    """
    single = {key: values[0] for key, values in query.items()}
    for key, only in _ONLY.items():
        if single.get(key, only) != only:
            message = f"the simulated grid knows {key}={only} only"
            raise _refusal(message)
    answers = _Answers(grid=grid, zone=_asked_zone(grid, single), fault=fault)
    match call:
        case "latest":
            return answers.latest()
        case "history":
            return answers.history()
        case "past-range":
            return answers.past_range(*_range(single))
        case "forecast":
            return answers.forecast(single.get("horizonHours", "24"))
    message = "unknown path"
    raise _refusal(message, HTTPStatus.NOT_FOUND)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answers:
    """Answers for one zone, spoiled by a fault."""

    grid: GridValues
    zone: str
    fault: Fault | None

    def latest(self) -> Document:
        running = self.grid.running(HOUR)
        for start in self._hours(running, running + 1):
            return self._row(start) | {"temporalGranularity": "hourly"}
        raise _no_data(self.zone)

    def history(self) -> Document:
        following = self.grid.running(HOUR) + HOUR
        end = following + (3 * HOUR if self.fault is Fault.FUTURE else 0)
        return self._list("history", map(self._row, self._hours(following - DAY, end)))

    def past_range(self, start: int, end: int) -> Document:
        return self._list("data", map(self._row, self._hours(start, end)))

    def forecast(self, horizon: str) -> Document:
        if horizon not in HORIZONS:
            message = f"horizonHours must be one of {', '.join(HORIZONS)}"
            raise _refusal(message)
        issued = self.grid.running(HOUR)
        starts = range(issued, issued + (int(horizon) + 1) * HOUR, HOUR)
        rows = () if self.fault is Fault.EMPTY else map(self._expected, starts)
        return self._list("forecast", rows) | {"updatedAt": _iso(issued)}

    def _hours(self, start: int, end: int) -> Iterable[int]:
        return self.grid.intervals(start, end, HOUR, self.fault)

    def _list(self, key: str, rows: Iterable[Document]) -> Document:
        return {"zone": self._told, key: list(rows), "temporalGranularity": "hourly"}

    @property
    def _told(self) -> str:
        return OTHER_ZONE if self.fault is Fault.WRONG_ZONE else self.zone

    def _row(self, start: int) -> Document:
        final, now = start + HOUR + FINAL_AFTER, self.grid.now()
        estimated = final > now
        return {
            "zone": self._told,
            **self._value(start, issued=start - HOUR if estimated else start),
            "updatedAt": _iso(min(final, now)),
            "createdAt": _iso(start),
            "emissionFactorType": "lifecycle",
            "isEstimated": estimated,
            "estimationMethod": "TIME_SLICER_AVERAGE" if estimated else None,
        }

    def _expected(self, start: int) -> Document:
        return self._value(start, issued=self.grid.running(HOUR))

    def _value(self, start: int, *, issued: int) -> Document:
        value = round(self.grid.expected(self.zone, start, HOUR, issued=issued), 1)
        null = self.fault is Fault.NULLS
        return {"carbonIntensity": None if null else value, "datetime": _iso(start)}


def _asked_zone(grid: GridValues, query: Mapping[str, str]) -> str:
    zone = query.get("zone", "")
    if grid.knows(zone):
        return zone
    if query.get("disableCallerLookup") != "true" and grid.zones:
        return min(grid.zones)
    raise _no_data(zone)


def _range(query: Mapping[str, str]) -> tuple[int, int]:
    try:
        start, end = (seconds(query.get(key, "")) for key in ("start", "end"))
    except BadQueryError as error:
        message = "start and end must be ISO 8601 times"
        raise _refusal(message) from error
    if end - start > LONGEST_SECONDS:
        message = "the range must not be longer than 10 days"
        raise _refusal(message)
    return start, end


def _no_data(zone: str) -> BadQueryError:
    return _refusal(f'No recent data for zone "{zone}"', HTTPStatus.NOT_FOUND)


def _refusal(message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> BadQueryError:
    document = {"status": "error", "message": message}
    return BadQueryError(message, status=status, document=document)


def _iso(moment: int) -> str:
    return from_epoch(moment).strftime("%Y-%m-%dT%H:%M:%S.000Z")
