"""Continental Europe and Ireland, live and without a key: energy-charts.info of Fraunhofer ISE.

The API knows countries, not bidding zones: ``COUNTRY_VALUES`` get the value of their whole country
and are marked as estimated. Great Britain is not asked for: nobody has confirmed that ``uk`` is
served. Intervals are ``[start, start + step)``, the step (15 min in Germany, else 1 h) taken from
the distance of the stamps; the forecast comes in the same answer.

The limit of 2 requests a minute and address is that of the API's description of 2026, as quoted by
its users. Countries take turns, so that after a start the last of many has its turn some minutes
after the first.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Final, NamedTuple

import structlog
from pydantic import Field

from exporter.core.clock import epoch, floor_to, from_epoch
from exporter.core.errors import NoDataError
from exporter.core.model import Basis, GridReading, IntensityPoint, Method
from exporter.core.plugins import GridConfig
from exporter.core.ports import AdapterContext, Clock
from exporter.grids._shared.facts import SourceFacts
from exporter.grids._shared.payload import (
    Interval,
    ShapeError,
    as_list,
    as_mapping,
    point_at,
    read_rows,
    shaped,
)
from exporter.grids._shared.windows import collect, in_window, slices
from exporter.http.address import BaseUrl
from exporter.http.client import KEYLESS_FIX, Endpoint, JsonClient
from exporter.http.documents import Budget, Documents, Turns

NAME: Final = "energy_charts"
COUNTRIES: Final[Mapping[str, str]] = {
    "AT": "at",
    "BE": "be",
    "CH": "ch",
    "DE": "de",
    "DK-DK2": "dk",
    "ES": "es",
    "FI": "fi",
    "FR": "fr",
    "GR": "gr",
    "IE": "ie",
    "IT-NO": "it",
    "NL": "nl",
    "NO-NO1": "no",
    "NO-NO2": "no",
    "PL": "pl",
    "SE-SE3": "se",
    "SE-SE4": "se",
}
"""Country code of the API by grid zone: every zone of a cloud region whose country it lists."""
COUNTRY_VALUES: Final = frozenset(zone for zone in COUNTRIES if "-" in zone)
"""Zones that are only a part of the country whose value they get."""

STEPS: Final = frozenset({900, 1800, 3600})
"""Seconds between stamps that the API has been seen to use, and the half-hour between them."""
KEEP_SECONDS: Final = 900.0
"""Each country is asked once in this time."""
BURST: Final = 4.0
LAG_SECONDS: Final = 6 * 3600
"""Asked for before each window, so that a late country still has a newest value."""
AHEAD_SECONDS: Final = 2 * 86400
"""Asked for after now; the forecast ends with the next local day."""
HISTORY_SECONDS: Final = 13 * 86400
LONGEST_REQUEST: Final = 17 * 86400
"""Seconds: that history with the day it begins in, today and the forecast. At 15 min it is about
60 kB; the API publishes no longest window."""
_DAY: Final = 86400

FACTS: Final = SourceFacts(
    kind=NAME,
    title="energy-charts.info",
    zones=tuple(COUNTRIES),
    method=Method.AVERAGE,
    basis=Basis.LIFECYCLE,
    step="15 min or 1 h, by country",
    lag="0-5 h",
    forecast="to the end of the next local day",
    budget="at most 2 requests a minute, 4 at once after a pause (`requests_per_minute`). "
    "Each country is asked every 15 minutes at most, its answer kept meanwhile; "
    "values and forecast come in one request. More is not allowed by the source",
    licence="CC BY 4.0",
    attribution="Energy-Charts.info, Fraunhofer ISE",
    url="https://www.energy-charts.info",
    notes=(
        f"{', '.join(sorted(COUNTRY_VALUES))}: the whole country's value, marked as estimated.",
        "The basis is undocumented; read as life cycle from the size of the values (unverified).",
        "The API allows 2 requests a minute: countries take turns, each every 15 min.",
        "The website forbids commercial use without approval, although the API states CC BY 4.0.",
    ),
    order=20,
)
_log = structlog.get_logger(__name__)


class Config(GridConfig):
    """`kind: energy_charts`: continental Europe and Ireland, live, no key."""

    base_url: BaseUrl = Field(
        default="https://api.energy-charts.info",
        description="Address of the API, for a mirror or a proxy.",
    )
    requests_per_minute: float = Field(
        default=2.0,
        gt=0.0,
        le=1000.0,
        description="What the API allows this address; more only by agreement with its operator.",
    )


def build(config: Config, context: AdapterContext) -> tuple["EnergyChartsSource", ...]:
    """Make the source; nothing is asked yet."""
    endpoint = Endpoint(
        source=NAME,
        base_url=config.base_url,
        auth_fix=KEYLESS_FIX,
    )
    per_minute = config.requests_per_minute
    budget = Budget(context.clock, per_minute=per_minute, burst=max(BURST, per_minute))
    client = JsonClient(endpoint, context)
    documents = Documents(client, context.clock, keep_seconds=KEEP_SECONDS, budget=budget)
    return (EnergyChartsSource(documents, context.clock),)


class EnergyChartsSource:
    """Life-cycle intensity and forecast by country.

    ``refresh_seconds`` is the time of one round, in which some countries have their turn.
    """

    name = NAME
    method = Method.AVERAGE
    basis = Basis.LIFECYCLE
    refresh_seconds = 120
    history_seconds = HISTORY_SECONDS

    def __init__(self, documents: Documents, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock
        self._turns = Turns(clock)
        self._told = False

    def covers(self, zone: str) -> bool:
        """Whether the zone is, or lies in, one of the countries."""
        return zone in COUNTRIES

    def fetch(self, zones: Collection[str], start: int, end: int) -> GridReading:
        """Read the intervals that have begun and overlap ``[start, end)``, and the forecasts.

        Countries whose turn has not come are absent, which is no failure.

        Raises:
            CollectorError: no country that was asked gave a value.
        """
        now = epoch(self._clock.now())
        until = min(end, int(now) + 1)
        countries = {COUNTRIES[zone] for zone in zones if zone in COUNTRIES}
        if not countries or until <= start:
            return GridReading(points=())
        ordered = self._turns.ordered(countries)
        windows = sorted(_windows(start, until, now), reverse=True)
        reading = collect(
            partial(self._read, country, *window) for window in windows for country in ordered
        )
        points = tuple(_for_zones(reading.points, zones))
        return GridReading(points=in_window(points, start, until), failures=reading.failures)

    def close(self) -> None:
        """Release the connections."""
        self._documents.close()

    def _read(self, country: str, start: int, end: int) -> GridReading:
        document = self._document(country, start, end)
        self._tell_if_deprecated(document)
        reading = parse_co2eq(document, country, now=epoch(self._clock.now()))
        if not reading.points and not reading.failures:
            message = f"{NAME}: no value for {country} between {_iso(start)} and {_iso(end)}"
            raise NoDataError(message, scope=country)
        return reading

    def _document(self, country: str, start: int, end: int) -> object:
        params = [("country", country), ("start", _iso(start)), ("end", _iso(end))]
        ask = partial(self._documents.get, "/co2eq", api="co2eq", params=params)
        return self._turns.take(country, ask)

    def _tell_if_deprecated(self, document: object) -> None:
        if not self._told and isinstance(document, dict) and document.get("deprecated") is True:
            self._told = True
            _log.warning("energy_charts_deprecated", fix="add another source: this call will end")


def parse_co2eq(document: object, country: str, *, now: float) -> GridReading:
    """Turn an answer of ``/co2eq`` into points whose zone is the country code.

    Observed values of intervals that begin after ``now`` (epoch seconds) are left out, as are
    nulls; the running interval is marked as estimated.

    Raises:
        BadPayloadError: no value is readable, or the document is none.
    """
    with shaped(NAME, scope=country):
        answer = as_mapping(document, "the document")
        stamps = _stamps(as_list(answer.get("unix_seconds"), "unix_seconds"))
        columns = [_column(answer, key, len(stamps)) for key in ("co2eq", "co2eq_forecast")]
        steps = _steps(stamps)
    rows = [
        _Row(stamp=stamp, step=step, value=value, forecast=forecast)
        for forecast, column in ((False, columns[0]), (True, columns[1]))
        for stamp, step, value in zip(stamps, steps, column, strict=True)
    ]
    read = partial(_point, country=country, now=now)
    return read_rows(rows, read, source=NAME, scope=country)


class _Row(NamedTuple):
    stamp: int
    step: int
    value: object
    forecast: bool


def _point(row: _Row, *, country: str, now: float) -> IntensityPoint | None:
    at = Interval(country, row.stamp, row.step, row.forecast)
    return point_at(at, row.value, "a value", basis=Basis.LIFECYCLE, now=now)


def _stamps(values: list[object]) -> list[int]:
    stamps = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
    if len(stamps) != len(values) or any(b <= a for a, b in pairwise(stamps)):
        message = "unix_seconds are not whole, rising seconds"
        raise ShapeError(message)
    return stamps


def _step(stamps: list[int]) -> int:
    """Distance of neighbours: the smallest, because a stamp may be missing."""
    step = min((b - a for a, b in pairwise(stamps)), default=0)
    if stamps and (step not in STEPS or any(stamp % step for stamp in stamps)):
        message = "unix_seconds are not 15, 30 or 60 minutes apart"
        raise ShapeError(message)
    return step


def _steps(stamps: list[int]) -> list[int]:
    """Length of each interval, in seconds: hours may stand beside quarters in one answer.

    A value holds until the next stamp, unless both distances around that one are shorter: then a
    stamp is missing. The last is as long as the one before.
    """
    least = _step(stamps)
    gaps = [b - a for a, b in pairwise(stamps)]
    steps: list[int] = []
    for at, stamp in enumerate(stamps):
        if at == len(gaps):
            step = steps[-1] if steps else least
        else:
            around = gaps[max(at - 1, 0)] if at else gaps[0], *gaps[at + 1 : at + 2]
            step = min(gaps[at], max(around))
        steps.append(step if step in STEPS and stamp % step == 0 else least)
    return steps


def _column(answer: Mapping[str, object], key: str, length: int) -> list[object]:
    column = as_list(answer.get(key), key)
    if len(column) != length:
        message = f"{key} has {len(column)} values for {length} times"
        raise ShapeError(message)
    return column


def _for_zones(
    points: Collection[IntensityPoint], zones: Collection[str]
) -> Iterator[IntensityPoint]:
    """Give each zone asked for the points of its country."""
    by_country: dict[str, list[str]] = {}
    for zone in sorted(set(zones) & COUNTRIES.keys()):
        by_country.setdefault(COUNTRIES[zone], []).append(zone)
    for point in points:
        for zone in by_country.get(point.zone, ()):
            estimated = point.estimated or zone in COUNTRY_VALUES
            yield replace(point, zone=zone, estimated=estimated)


def _windows(start: int, until: int, now: float) -> Iterator[tuple[int, int]]:
    """Cut a window into requests of whole days: all questions of a day are the same request."""
    today = floor_to(now, _DAY)
    last = today + _DAY + AHEAD_SECONDS if until > today else until
    return slices(start - LAG_SECONDS, last, step=_DAY, longest=LONGEST_REQUEST)


def _iso(seconds: int) -> str:
    return from_epoch(seconds).strftime("%Y-%m-%dT%H:%MZ")
