"""Ireland, live and without a key: the chart data of EirGrid's Smart Grid Dashboard.

The region ROI is the Republic of Ireland. Intervals are ``[EffectiveTime, + 15 min)`` in Dublin's
local time without a zone. Where the clocks go back, the first of two rows of one local time is the
earlier; a single one that may be either is left out. Of intervals that are not published yet the
rows hold null. Longer spans than a month come back empty.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache, partial
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field

from exporter.core.clock import epoch, from_epoch
from exporter.core.errors import NoDataError
from exporter.core.model import Basis, GridReading, IntensityPoint, Method
from exporter.core.plugins import GridConfig
from exporter.core.ports import AdapterContext
from exporter.grids._shared.facts import SourceFacts
from exporter.grids._shared.open import OpenSource
from exporter.grids._shared.payload import (
    Interval,
    ShapeError,
    as_mapping,
    point_at,
    read_rows,
    rows_at,
    shaped,
)
from exporter.grids._shared.windows import Read, not_empty, spans
from exporter.http.address import BaseUrl

NAME: Final = "eirgrid"
ZONE: Final = "IE"
REGION: Final = "ROI"
"""The dashboard's name of the Republic of Ireland."""
FIELD: Final = "CO2_INTENSITY"
STEP: Final = 900
LAG_SECONDS: Final = 6 * 3600
"""Asked for before each window, so that a late operator still has a newest value."""
LONGEST_REQUEST: Final = 28 * 86400
"""Seconds. 31 days are known to work and 90 to come back empty."""
KEEP_SECONDS: Final = 600.0
HISTORY_SECONDS: Final = 14 * 86400
"""One request; what it may span is a little less than twice that."""
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_TIME: Final = re.compile(r"(\d\d)-([A-Z][a-z]{2})-(\d{4}) (\d\d):(\d\d):(\d\d)", re.ASCII)

FACTS: Final = SourceFacts(
    kind=NAME,
    title="EirGrid Smart Grid Dashboard",
    zones=(ZONE,),
    method=Method.AVERAGE,
    basis=Basis.DIRECT,
    step="15 min",
    lag="up to a few hours",
    budget="one request every 15 minutes; kept for 10. The source publishes no limit",
    licence="none stated",
    attribution="EirGrid Group, Smart Grid Dashboard",
    url="https://www.smartgriddashboard.com",
    notes=(
        "Direct emissions (unverified): never mixed with life-cycle values.",
        "The interface is undocumented and may change without notice.",
    ),
    order=40,
)


class Config(GridConfig):
    """`kind: eirgrid`: Ireland, live, direct emissions, no key."""

    base_url: BaseUrl = Field(
        default="https://www.smartgriddashboard.com",
        description="Address of the dashboard, for a mirror or a proxy.",
    )


def build(config: Config, context: AdapterContext) -> tuple["EirgridSource", ...]:
    """Make the source; nothing is asked yet."""
    return (EirgridSource.at(config.base_url, context),)


class EirgridSource(OpenSource):
    """Direct intensity of the Republic of Ireland by quarter-hour."""

    facts = FACTS
    refresh_seconds = 900
    history_seconds = HISTORY_SECONDS
    keep_seconds = KEEP_SECONDS

    def _reads(self, start: int, until: int, _now: float) -> Iterable[Read]:
        windows = spans(start, until, step=STEP, lag=LAG_SECONDS, longest=LONGEST_REQUEST)
        return [partial(self._read, *window) for window in windows]

    def _read(self, start: int, end: int) -> GridReading:
        params = [
            ("region", REGION),
            ("chartType", "co2"),
            ("dateRange", "day"),
            ("dateFrom", _date(start)),
            ("dateTo", _date(end - 1)),
            ("areas", "co2intensity"),
        ]
        document = self._documents.get("/api/chart/", api="chart", params=params)
        reading = parse_chart(document, now=epoch(self._clock.now()))
        return not_empty(reading, NAME, start, end)


def parse_chart(document: object, *, now: float) -> GridReading:
    """Turn an answer of ``/api/chart/`` into points.

    Quarter-hours that begin after ``now`` (epoch seconds) are left out, as are nulls and rows of
    other fields; the running one is marked as estimated.

    Raises:
        BadPayloadError: no row is readable, or the document is none.
    """
    with shaped(NAME, told_by="interface"):
        rows = rows_at(document, "Rows")
        wanted = [row for row in (as_mapping(row, "a row") for row in rows) if _is_ours(row)]
    read = partial(_point, now=now)
    return read_rows(_with_turns(wanted), read, source=NAME, scope=ZONE)


class _Row(NamedTuple):
    """A row, the how many-th it is of its local time, and of how many."""

    row: Mapping[str, object]
    turn: int
    turns: int


def _is_ours(row: Mapping[str, object]) -> bool:
    return row.get("FieldName") == FIELD


def _with_turns(rows: Iterable[Mapping[str, object]]) -> Iterator[_Row]:
    rows = list(rows)
    times = Counter(str(row.get("EffectiveTime")) for row in rows)
    seen: Counter[str] = Counter()
    for row in rows:
        time = str(row.get("EffectiveTime"))
        yield _Row(row, seen[time], times[time])
        seen[time] += 1


def _point(entry: _Row, *, now: float) -> IntensityPoint | None:
    row = entry.row
    if row.get("Region") != REGION:
        message = "Region is not the one that was asked for"
        raise ShapeError(message)
    start = _start(entry, now)
    if start is None:
        return None
    value = row.get("Value", "absent")
    return point_at(Interval(ZONE, start, STEP), value, "Value", basis=Basis.DIRECT, now=now)


def _start(entry: _Row, now: float) -> int | None:
    """Turn Dublin's time into epoch seconds; None where it may be either of two."""
    local = _local(str(entry.row.get("EffectiveTime")))
    first, second = (int(epoch(local.replace(fold=fold))) for fold in (0, 1))
    if first > second or first % STEP:  # a time that the clocks skip
        message = "EffectiveTime is not a quarter-hour of Dublin's clocks"
        raise ShapeError(message)
    if first == second or entry.turns > 1:
        return second if entry.turn else first
    return first if second > now else None


def _local(text: str) -> datetime:
    match = _TIME.fullmatch(text)
    message = "EffectiveTime is not a time such as 04-Jun-2025 10:00:00"
    if match is None or match[2] not in _MONTHS:
        raise ShapeError(message)
    day, year, hour, minute, second = (int(match[i]) for i in (1, 3, 4, 5, 6))
    try:
        clock = (hour, minute, second)
        return datetime(year, _MONTHS.index(match[2]) + 1, day, *clock, tzinfo=_dublin())
    except ValueError as error:
        raise ShapeError(message) from error


def _date(seconds: int) -> str:
    """Dublin's date, written without the machine's language."""
    local = from_epoch(seconds).astimezone(_dublin())
    return f"{local.day:02}-{_MONTHS[local.month - 1]}-{local.year}"


@cache
def _dublin() -> ZoneInfo:
    try:
        return ZoneInfo("Europe/Dublin")
    except ZoneInfoNotFoundError as error:
        message = f"{NAME}: this machine has no table of time zones — install the package tzdata"
        raise NoDataError(message) from error
