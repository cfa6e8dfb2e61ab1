"""France, live and without a key: RTE's éCO2mix in real time, on the ODRE open data platform.

RTE counts combustion at the plant only, hence values below the life-cycle ones of other sources.
Intervals are ``[date_heure, + 15 min)``, asked for in UTC; those that have not been metered stand
there without a value. The dataset holds the current and the last month or so, at most 100 records
a request.
"""

from collections.abc import Iterable
from functools import partial
from typing import Final

from pydantic import Field

from exporter.core.clock import epoch, from_epoch
from exporter.core.model import Basis, GridReading, IntensityPoint, Method
from exporter.core.plugins import GridConfig
from exporter.core.ports import AdapterContext
from exporter.grids._shared.facts import SourceFacts
from exporter.grids._shared.open import OpenSource
from exporter.grids._shared.payload import (
    Interval,
    ShapeError,
    as_instant,
    as_mapping,
    point_at,
    read_rows,
    rows_at,
    shaped,
)
from exporter.grids._shared.windows import Read, not_empty, spans
from exporter.http.address import BaseUrl

NAME: Final = "rte"
ZONE: Final = "FR"
PERIMETER: Final = "France"
PATH: Final = "/api/explore/v2.1/catalog/datasets/eco2mix-national-tr/records"
STEP: Final = 900
LONGEST_REQUEST: Final = 86400
"""Seconds; 96 records, of the 100 that the API gives at most."""
HISTORY_SECONDS: Final = 7 * 86400
"""Eight small requests, once."""
KEEP_SECONDS: Final = 600.0
LAG_SECONDS: Final = 3 * 3600
"""Asked for before each window, so that a late operator still has a newest value."""

FACTS: Final = SourceFacts(
    kind=NAME,
    title="RTE éCO2mix (ODRE)",
    zones=(ZONE,),
    method=Method.AVERAGE,
    basis=Basis.DIRECT,
    step="15 min",
    lag="less than 1 h",
    budget="one request every 15 minutes, for a day at most; kept for 10. The source has an "
    "unpublished quota for anonymous users (unverified)",
    licence="Licence Ouverte 2.0 (unverified)",
    attribution="RTE, éCO2mix, via ODRE (Open Data Réseaux Énergies)",
    url="https://odre.opendatasoft.com/explore/dataset/eco2mix-national-tr/",
    notes=(
        "Combustion only, of generation in France; not comparable with life-cycle values.",
        "Provisional values: RTE consolidates them later.",
    ),
)


class Config(GridConfig):
    """`kind: rte`: France, live, no key, combustion only."""

    base_url: BaseUrl = Field(
        default="https://odre.opendatasoft.com",
        description="Address of the open data platform, for a mirror or a proxy.",
    )


def build(config: Config, context: AdapterContext) -> tuple["RteSource", ...]:
    """Make the source; nothing is asked yet."""
    return (RteSource.at(config.base_url, context),)


class RteSource(OpenSource):
    """Direct emissions of French generation by quarter of an hour."""

    facts = FACTS
    refresh_seconds = 900
    history_seconds = HISTORY_SECONDS
    keep_seconds = KEEP_SECONDS

    def _reads(self, start: int, until: int, _now: float) -> Iterable[Read]:
        windows = spans(start, until, step=STEP, lag=LAG_SECONDS, longest=LONGEST_REQUEST)
        return [partial(self._read, *window) for window in windows]

    def _read(self, start: int, end: int) -> GridReading:
        where = f"date_heure >= date'{_iso(start)}' and date_heure < date'{_iso(end)}'"
        params = [
            ("select", "taux_co2,date_heure,perimetre"),
            ("where", where),
            ("order_by", "date_heure"),
            ("limit", str(LONGEST_REQUEST // STEP)),
            ("timezone", "UTC"),
        ]
        document = self._documents.get(PATH, api="eco2mix", params=params)
        reading = parse_records(document, now=epoch(self._clock.now()))
        return not_empty(reading, NAME, start, end)


def parse_records(document: object, *, now: float) -> GridReading:
    """Turn an answer into points; quarters without a value or begun after ``now`` are left out.

    Raises:
        BadPayloadError: another shape or area, or no value is readable.
    """
    with shaped(NAME):
        rows = rows_at(document, "results")
    return read_rows(rows, lambda row: _point(row, now), source=NAME, scope=ZONE)


def _point(row: object, now: float) -> IntensityPoint | None:
    record = as_mapping(row, "a record")
    if record.get("perimetre", PERIMETER) != PERIMETER:
        message = f"perimetre is not {PERIMETER}"
        raise ShapeError(message)
    start = as_instant(record.get("date_heure"), "date_heure")
    if start % STEP:
        message = "date_heure is not the start of a quarter of an hour"
        raise ShapeError(message)
    value = record.get("taux_co2", "absent")
    return point_at(Interval(ZONE, start, STEP), value, "taux_co2", basis=Basis.DIRECT, now=now)


def _iso(seconds: int) -> str:
    return from_epoch(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")
