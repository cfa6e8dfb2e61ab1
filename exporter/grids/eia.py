"""United States, hourly and about a day late: the grid monitor of the EIA (form EIA-930, API v2).

Each zone is the balancing authority that ``data/zone_codes.csv`` names; its hour's net generation
by energy source times the factors of ``_shared/mix.py`` gives the intensity. Hours are
``[start, end)``; the API names an hour by its end. The lag was measured by others: the EIA asks
balancing authorities for their hours within the next day. History reaches back to July 2018.
One request serves all zones, whichever are asked for. The API wants the key in the address and
repeats it in the answer: neither is ever printed.

* Where a window is too recent to hold any hour of a zone, the zone's newest hours are given
  instead, back to a day and a half before now.
* An hour is left out while energy sources that mattered the hour before are missing.
* Batteries and pumped storage are left out: what they give was generated, and counted, before.
* A negative amount is a plant's own use or, in ``WAT`` and ``OTH``, storage that is not told
  apart: counted as nothing generated. Where another source is more negative than 5 % of all
  generation, the hour is refused.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, Self

from pydantic import Field, SecretStr, model_validator

from exporter.core.clock import epoch, floor_to, from_epoch
from exporter.core.errors import BadPayloadError, NoDataError
from exporter.core.model import Basis, GridReading, IntensityPoint, Method
from exporter.core.plugins import GridConfig
from exporter.core.ports import AdapterContext, Clock
from exporter.grids._shared.facts import SourceFacts, codes
from exporter.grids._shared.mix import by_fuel, complete, weighted_mean
from exporter.grids._shared.payload import ShapeError, as_instant, as_list, as_mapping, shaped
from exporter.grids._shared.windows import LEAD, gather, newest_or_within, slices
from exporter.http.address import SecureUrl
from exporter.http.client import Endpoint, JsonClient
from exporter.http.documents import Budget, Documents
from exporter.http.secret import Secret

NAME: Final = "eia"
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

RESPONDENTS: Final[Mapping[str, str]] = codes("eia_respondent")
"""Balancing authority by grid zone."""
PATH: Final = "/v2/electricity/rto/fuel-type-data/data/"
REACH: Final = 36 * 3600
"""Seconds before now that may still be without any hour: the longest lag seen is 28 h."""
LONGEST_REQUEST: Final = 3 * 86400
"""Seconds; all zones and energy sources of so many hours are at most three pages."""
PAGE_ROWS: Final = 5000
"""The API gives no more rows in one answer."""
MOST_PAGES: Final = 10
HISTORY_SECONDS: Final = 7 * 86400
"""About eight requests for all zones, once."""
KEEP_SECONDS: Final = 3000.0
"""A little less than the time between two refreshes: the data are hourly, and a day old."""
DEMO_KEY: Final = "DEMO_KEY"
DEMO_PER_MINUTE: Final = 20 / 60
DEMO_BURST: Final = 10.0
"""Never more than 30 requests in an hour, as many as the key seems to allow."""
_DAY: Final = 86400

FACTS: Final = SourceFacts(
    kind=NAME,
    title="US Energy Information Administration (EIA), grid monitor",
    zones=tuple(RESPONDENTS),
    method=Method.AVERAGE,
    basis=Basis.LIFECYCLE,
    step="1 h",
    lag="11-28 h",
    budget="one request for all zones an hour, a second one where the rows of 36 hours do "
    "not fit into one answer; kept for 50 minutes. With `DEMO_KEY` never more than 30 "
    "in an hour",
    licence="public domain (US government work)",
    attribution="U.S. Energy Information Administration",
    url="https://www.eia.gov/electricity/gridmonitor/",
    notes=(
        "Computed here from net generation by energy source; imports are not traced.",
        "Without a key `DEMO_KEY` is used: about 30 requests an hour (unverified).",
        "A free key of one's own: https://www.eia.gov/opendata/register.php",
        "Recent rather than live: hours come about a day late; the present one is a forecast.",
    ),
)


class Config(GridConfig):
    """`kind: eia`: United States, hourly, about a day late; a free key is better than none."""

    base_url: SecureUrl = Field(
        default="https://api.eia.gov", description="Address of the API, for a mirror or a proxy."
    )
    token: SecretStr | None = Field(
        default=None,
        description="The API's key; only by its environment variable. Or use `token_file`. "
        "Without either, the EIA's public `DEMO_KEY` is used.",
    )
    token_file: Path | None = Field(
        default=None,
        description="File that holds the API's key alone. It is read anew for every refresh.",
    )

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        if self.token is not None and self.token_file is not None:
            message = "has both a token and a token_file: keep one"
            raise ValueError(message)
        return self


def build(config: Config, context: AdapterContext) -> tuple["EiaSource", ...]:
    """Make the source; nothing is asked or read yet."""
    endpoint = Endpoint(
        source=NAME,
        base_url=config.base_url,
        auth_fix="check the key in token_file; a free one: eia.gov/opendata/register.php",
        timeout_seconds=30.0,
    )
    secret = Secret(NAME, config.token_file or config.token or SecretStr(DEMO_KEY))
    own = config.token or config.token_file
    budget = Budget(context.clock, per_minute=DEMO_PER_MINUTE, burst=DEMO_BURST)
    documents = Documents(
        JsonClient(endpoint, context),
        context.clock,
        keep_seconds=KEEP_SECONDS,
        budget=None if own else budget,
    )
    return (EiaSource(documents, secret, context.clock),)


class EiaSource:
    """Life-cycle intensity of US balancing authorities by hour."""

    name = NAME
    method = Method.AVERAGE
    basis = Basis.LIFECYCLE
    refresh_seconds = 3600
    history_seconds = HISTORY_SECONDS

    def __init__(self, documents: Documents, secret: Secret, clock: Clock) -> None:
        self._documents = documents
        self._secret = secret
        self._clock = clock

    def covers(self, zone: str) -> bool:
        """Whether the zone is a balancing authority of the table."""
        return zone in RESPONDENTS

    def fetch(self, zones: Collection[str], start: int, end: int) -> GridReading:
        """Read the hours that overlap ``[start, end)`` epoch seconds, or the newest before it.

        Raises:
            CollectorError: nothing could be read.
        """
        now = int(epoch(self._clock.now()))
        until = min(end, now + 1)
        wanted = {zone: RESPONDENTS[zone] for zone in zones if zone in RESPONDENTS}
        if not wanted or until <= start:
            return GridReading(points=())
        reading = gather(_windows(start, until, now), partial(self._read, wanted))
        if not reading.points and not reading.failures:
            return reading  # the request budget is spent
        return newest_or_within(reading, wanted, start, until, source=NAME)

    def close(self) -> None:
        """Release the connections."""
        self._documents.close()

    def _read(self, wanted: Mapping[str, str], start: int, end: int) -> GridReading:
        with shaped(NAME):
            rows = self._rows(start - LEAD, end)
            hours = read_hours(rows, set(RESPONDENTS.values()))
        reading = to_points(hours, wanted, now=epoch(self._clock.now()))
        inside = tuple(point for point in reading.points if start <= point.start < end)
        if not inside and not reading.failures:
            message = f"{NAME}: no hour between {stamp(start)} and {stamp(end)} — wait"
            raise NoDataError(message)
        return GridReading(points=inside, failures=reading.failures)

    def _rows(self, start: int, end: int) -> list[object]:
        """Read all pages of the hours that begin in ``[start, end)``, of all zones."""
        key = self._secret.reveal()
        rows: list[object] = []
        for _ in range(MOST_PAGES):
            params = [("api_key", key), *_query(start, end, offset=len(rows))]
            page = read_page(self._documents.get(PATH, api="fuel-type-data", params=params))
            rows += page.rows
            if not page.rows or len(rows) >= page.total:
                return rows
        message = f"there are more than {MOST_PAGES} pages of rows"
        raise ShapeError(message)


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


def to_points(hours: Hours, wanted: Mapping[str, str], *, now: float) -> GridReading:
    """Turn amounts by hour into points of the zones in ``wanted`` (zone to balancing authority).

    Hours that have not begun by ``now`` (epoch seconds), that are not reported completely or in
    which nothing was generated are left out. Unreadable hours are one failure beside the others.

    Raises:
        BadPayloadError: there were hours, and none was readable.
    """
    points: list[IntensityPoint] = []
    unreadable = list(hours.unreadable)
    for zone, respondent in sorted(wanted.items()):
        for start, amounts in _complete(hours, respondent).items():
            try:
                point = _point(zone, start, generated(amounts), now)
            except ShapeError as error:
                unreadable.append(error)
            else:
                points += [point] if point is not None and start <= now else []
    if unreadable and not points:
        raise _failure(unreadable) from unreadable[0]
    failures = (_failure(unreadable),) if unreadable else ()
    return GridReading(points=tuple(points), failures=failures)


def _complete(hours: Hours, respondent: str) -> dict[int, Mapping[str, float]]:
    return complete(hours.amounts.get(respondent, {}), ignore=STORAGE)


def _point(zone: str, start: int, amounts: Amounts, now: float) -> IntensityPoint | None:
    mix = by_fuel(amounts, FUELS)
    if not sum(mix.values()):
        return None
    end = start + STEP
    intensity = weighted_mean(mix)
    return IntensityPoint(
        zone=zone, start=start, end=end, gco2eq_per_kwh=intensity, estimated=end > now
    )


def _windows(start: int, until: int, now: int) -> Iterator[tuple[int, int]]:
    """Cut a window into requests of which all questions of one hour have the newest in common."""
    running = floor_to(now, STEP)
    recent = running + STEP - REACH
    if until > recent:
        yield recent, running + STEP
    older = min(until, recent)
    if start < older:
        for left, right in slices(start, older, step=_DAY, longest=LONGEST_REQUEST):
            yield left, min(right, older)


def _query(start: int, end: int, *, offset: int) -> list[tuple[str, str]]:
    return [
        ("frequency", "hourly"),
        ("data[0]", "value"),
        *(("facets[respondent][]", respondent) for respondent in sorted(RESPONDENTS.values())),
        ("start", stamp(start)),
        ("end", stamp(end - STEP)),
        # A total order, so that pages neither overlap nor leave a gap.
        *(
            (f"sort[{place}][{key}]", value)
            for place, column in enumerate(("period", "respondent", "fueltype"))
            for key, value in (("column", column), ("direction", "desc"))
        ),
        ("offset", str(offset)),
        ("length", str(PAGE_ROWS)),
    ]


def _failure(unreadable: list[ShapeError]) -> BadPayloadError:
    return BadPayloadError(
        f"{NAME}: {len(unreadable)} unreadable hours, the first because {unreadable[0]} — "
        "they are left out; report it if it lasts"
    )
