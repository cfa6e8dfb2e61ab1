"""New Zealand, live and without a key: em6's current carbon intensity.

Intervals are ``[timestamp, + 30 min)``: users' records pair the stamp with the beginning of its
trading period (unverified at the source). A window further back than the periods served has no
data.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Final

from pydantic import Field

from exporter.core.clock import epoch
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
from exporter.grids._shared.windows import Read, in_window
from exporter.http.address import BaseUrl

NAME: Final = "em6"
ZONE: Final = "NZ"
STEP: Final = 1800
"""Seconds of a trading period."""
OLDEST_SECONDS: Final = 86400
"""The answer spans one and a half hours: what is a day off has been misread."""
HISTORY_SECONDS: Final = 2 * STEP
"""Two ended trading periods are served beside the running one."""
KEEP_SECONDS: Final = 600.0

FACTS: Final = SourceFacts(
    kind=NAME,
    title="em6 current carbon intensity",
    zones=(ZONE,),
    method=Method.AVERAGE,
    basis=Basis.DIRECT,
    step="30 min",
    lag="less than 1 h",
    budget="one request every 15 minutes; kept for 10. The source publishes no limit",
    licence="none stated",
    attribution="em6, Energy Market Services (Transpower New Zealand)",
    url="https://www.em6.co.nz",
    notes=(
        "The basis is unknown and taken as direct: never mixed with life-cycle values.",
        "Only the last three trading periods are served.",
        "Terms and format of the stamps are undocumented (unverified).",
    ),
)


class Config(GridConfig):
    """`kind: em6`: New Zealand, live, taken as direct emissions, no key."""

    base_url: BaseUrl = Field(
        default="https://api.em6.co.nz/ords/em6/data_api",
        description="Address of em6's data API, for a mirror or a proxy.",
    )


def build(config: Config, context: AdapterContext) -> tuple["Em6Source", ...]:
    """Make the source; nothing is asked yet."""
    return (Em6Source.at(config.base_url, context),)


class Em6Source(OpenSource):
    """Intensity of New Zealand by trading period, taken as direct."""

    facts = FACTS
    refresh_seconds = 900
    history_seconds = HISTORY_SECONDS
    keep_seconds = KEEP_SECONDS

    def _reads(self, start: int, until: int, now: float) -> Iterable[Read]:
        return [partial(self._read, start, until, now)]

    def _read(self, start: int, until: int, now: float) -> GridReading:
        document = self._documents.get("/current_carbon_intensity", api="current_carbon_intensity")
        reading = parse_items(document, now=now)
        if not reading.failures and not in_window(reading.points, start, until):
            message = f"{NAME}: no trading period of the window is served — only the last three are"
            raise NoDataError(message)
        return reading


def parse_items(document: object, *, now: float) -> GridReading:
    """Turn an answer of ``/current_carbon_intensity`` into points.

    Periods that begin after ``now`` (epoch seconds) are left out, as are nulls; the running
    period is marked as estimated.

    Raises:
        BadPayloadError: no item is readable, or the document is none.
    """
    with shaped(NAME):
        items = rows_at(document, "items")
    return read_rows(items, partial(_point, now=now), source=NAME, scope=ZONE)


def _point(item: object, *, now: float) -> IntensityPoint | None:
    row = as_mapping(item, "an item")
    start = _start(row.get("timestamp"), now)
    value = row.get("nz_carbon_gkwh", "absent")
    return point_at(
        Interval(ZONE, start, STEP), value, "nz_carbon_gkwh", basis=Basis.DIRECT, now=now
    )


def _start(value: object, now: float) -> int:
    """Read a stamp, one without a zone as UTC.

    New Zealand's own time would be 12 or 13 hours ahead of it: such a stamp lies in the future
    and is refused, and so is everything that is not of this day.
    """
    try:
        moment = datetime.fromisoformat(str(value))
        seconds = epoch(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        message = "timestamp is not an ISO 8601 time"
        raise ShapeError(message) from error
    if seconds % STEP or not -OLDEST_SECONDS < seconds - now < 2 * STEP:
        message = "timestamp is not a half-hour of the last day"
        raise ShapeError(message)
    return int(seconds)
