"""Denmark, live and without a key: CO2Emis and CO2EmisProg of Energinet's Energi Data Service.

The two price areas come in one request: the average of consumption in each. That the basis is
direct and the licence CC BY 4.0 is what users quote (unverified). Stamps are
``[Minutes5UTC, + 5 min)``, UTC although they carry no zone. The newest forecast of an interval
replaces the one before. Whoever exceeds the limit is banned for 5 minutes (guide of the API).
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Final

from pydantic import Field

from exporter.core.clock import epoch, floor_to, from_epoch
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

NAME: Final = "energinet"
AREAS: Final[Mapping[str, str]] = {"DK1": "DK-DK1", "DK2": "DK-DK2"}
"""Grid zone by price area."""
STEP: Final = 300
LAG_SECONDS: Final = 3600
"""Asked for before each window, so that a late operator still has a newest value."""
LONGEST_REQUEST: Final = 7 * 86400
"""About 4000 records, half a megabyte."""
HISTORY_SECONDS: Final = LONGEST_REQUEST - STEP
"""One request: a window that begins within a step is widened to it."""
KEEP_SECONDS: Final = 240.0
"""A little less than a step: a question in the same refresh is answered from memory."""
KEEP_FORECAST_SECONDS: Final = 900.0

FACTS: Final = SourceFacts(
    kind=NAME,
    title="Energi Data Service",
    zones=tuple(AREAS.values()),
    method=Method.AVERAGE,
    basis=Basis.DIRECT,
    step="5 min",
    lag="minutes",
    forecast="9 h or more",
    budget="one request for both zones every 5 minutes and one for the forecast every 15, "
    "kept meanwhile. The source allows 40 in 10 seconds",
    licence="CC BY 4.0 (unverified)",
    attribution="Energinet (www.energidataservice.dk)",
    url="https://www.energidataservice.dk/tso-electricity/CO2Emis",
    notes=("Direct emissions: never mixed with life-cycle values.",),
    order=50,
)


class Config(GridConfig):
    """`kind: energinet`: Denmark, live, direct emissions, no key."""

    base_url: BaseUrl = Field(
        default="https://api.energidataservice.dk",
        description="Address of the Energi Data Service, for a mirror or a proxy.",
    )


def build(config: Config, context: AdapterContext) -> tuple["EnerginetSource", ...]:
    """Make the source; nothing is asked yet."""
    return (EnerginetSource.at(config.base_url, context),)


class EnerginetSource(OpenSource):
    """Direct intensity and forecast of Denmark's two price areas."""

    facts = FACTS
    refresh_seconds = 300
    history_seconds = HISTORY_SECONDS
    keep_seconds = KEEP_SECONDS

    def _reads(self, start: int, until: int, now: float) -> Iterable[Read]:
        windows = spans(start, until, step=STEP, lag=LAG_SECONDS, longest=LONGEST_REQUEST)
        reads = [partial(self._observed, *window) for window in windows]
        if until > now - STEP:
            reads.insert(1, partial(self._forecast, floor_to(now, STEP)))
        return reads

    def _observed(self, start: int, end: int) -> GridReading:
        params = [*_QUERY, ("start", _iso(start)), ("end", _iso(end))]
        document = self._documents.get("/dataset/CO2Emis", api="CO2Emis", params=params)
        reading = parse_records(document, now=epoch(self._clock.now()), forecast=False)
        return not_empty(reading, NAME, start, end)

    def _forecast(self, start: int) -> GridReading:
        # Without a start the answer is the newest 100 records: the far end of the forecast alone.
        params = [*_QUERY, ("start", _iso(floor_to(start, int(KEEP_FORECAST_SECONDS))))]
        document = self._documents.get(
            "/dataset/CO2EmisProg",
            api="CO2EmisProg",
            params=params,
            keep_seconds=KEEP_FORECAST_SECONDS,
        )
        return parse_records(document, now=epoch(self._clock.now()), forecast=True)


_QUERY: Final = (
    ("filter", json.dumps({"PriceArea": list(AREAS)}, separators=(",", ":"))),
    ("timezone", "UTC"),
    ("limit", "0"),
)
"""Both areas, times of the query in UTC instead of Danish time, and no limit of records."""


def parse_records(document: object, *, now: float, forecast: bool) -> GridReading:
    """Turn an answer of ``/dataset/CO2Emis`` or ``CO2EmisProg`` into points.

    Observed values of intervals that begin after ``now`` (epoch seconds) are left out, as are
    nulls; the running interval is marked as estimated.

    Raises:
        BadPayloadError: no record is readable, or the document is none.
    """
    with shaped(NAME):
        records = rows_at(document, "records")
    return read_rows(records, partial(_point, now=now, forecast=forecast), source=NAME)


def _point(record: object, *, now: float, forecast: bool) -> IntensityPoint | None:
    row = as_mapping(record, "a record")
    start = _utc(row.get("Minutes5UTC"))
    zone = AREAS.get(str(row.get("PriceArea")))
    if zone is None:
        message = "PriceArea is none that was asked for"
        raise ShapeError(message)
    value = row.get("CO2Emission", "absent")
    at = Interval(zone, start, STEP, forecast)
    return point_at(at, value, "CO2Emission", basis=Basis.DIRECT, now=now)


def _utc(value: object) -> int:
    message = "Minutes5UTC is not a time in steps of five minutes"
    try:
        moment = datetime.fromisoformat(str(value))
        seconds = epoch(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise ShapeError(message) from error
    if seconds % STEP:
        raise ShapeError(message)
    return int(seconds)


def _iso(seconds: int) -> str:
    return from_epoch(seconds).strftime("%Y-%m-%dT%H:%M")
