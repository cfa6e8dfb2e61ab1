"""United States, hourly and about a day late: the grid monitor of the EIA (form EIA-930, API v2).

Each zone is the balancing authority that ``data/zone_codes.csv`` names. An hour is priced by what
the zone consumes: its own net generation by energy source times the factors of its plants, and
what it imported from each neighbour times what a kWh generated there emits (``tracing.py``). For
that the generation of all authorities is read and the interchange of all pairs. Neighbours outside
the US have the yearly value of their zone.

Hours are ``[start, end)``; the API names an hour by its end. The lag was measured by others: the
EIA asks balancing authorities for their hours within the next day. History reaches back to July
2018. The same requests serve all zones, whichever are asked for. The API wants the key in the
address and repeats it in the answer: neither is ever printed.

The history that a start asks for is two and a half days: with all authorities and pairs that is
about ten requests, and a week would be thirty. A longer one of own generation alone would be cheap,
but another series: it would have a step where both meet, from which a forecast learns a change that
never was. So the series is one from the first hour on, and grows in the state file.

* Where a window is too recent to hold any hour of a zone, the zone's newest hours are given
  instead, back to a day and a half before now.
* An hour is left out while energy sources that mattered the hour before are missing.
* While the hour of a neighbour, or the interchange, is missing, the newest one before it stands
  in; the point is an estimate until it comes. A neighbour that never reports is left out.
* Batteries and pumped storage are left out: what they give was generated, and counted, before.
* A negative amount is a plant's own use or, in ``WAT`` and ``OTH``, storage that is not told
  apart: counted as nothing generated. Another source that is more negative than 5 % of all
  generation counts as not reported.
* An energy source that is not in the table counts as unknown, with wide bounds, where it matters.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, Self

from pydantic import Field, SecretStr, model_validator

from exporter.core.clock import epoch, floor_to, from_epoch
from exporter.core.errors import BadPayloadError, NoDataError
from exporter.core.model import Basis, Bounds, GridReading, IntensityPoint, Method
from exporter.core.plugins import GridConfig
from exporter.core.ports import AdapterContext, Clock
from exporter.data import rows as table
from exporter.data.fuels import fuel_factors
from exporter.grids._shared.facts import SourceFacts, codes
from exporter.grids._shared.mix import by_fuel, complete, generated, mixed, priced, widened
from exporter.grids._shared.payload import (
    Interval,
    ShapeError,
    as_instant,
    as_list,
    as_mapping,
    shaped,
)
from exporter.grids._shared.tracing import Flows, Supply, consumed, imports
from exporter.grids._shared.windows import LEAD, gather, newest_or_within, slices
from exporter.http.address import SecureUrl
from exporter.http.client import Endpoint, JsonClient
from exporter.http.documents import Budget, Documents
from exporter.http.secret import Secret

NAME: Final = "eia"
STEP: Final = 3600
UNIT: Final = "megawatthours"

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

_CODE: Final = re.compile(r"[A-Z][A-Z0-9]{0,9}", re.ASCII)
_PERIOD: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}", re.ASCII)
_AMOUNT: Final = re.compile(r"-?\d{1,9}(\.\d{1,9})?", re.ASCII)

Amounts = dict[str, float]
"""Megawatt-hours by energy source."""
Document = Mapping[str, object]

RESPONDENTS: Final[Mapping[str, str]] = codes("eia_respondent")
"""Balancing authority by grid zone."""
NEIGHBOURS: Final = re.findall(
    r"\w+",
    "AECI AVA AVRN BANC CHPD CPLE CPLW DEAA DOPD EPE FMPP FPC GRID GRIF GVL GWA HGMA HST IID IPCO "
    "JEA LGEE NWMT PNM SEC SEPA SPA TAL TEPC TIDC TPWR WALC WAUW WWA YAD",
)
"""Authorities that are nobody's zone here, but send electricity to one that is."""
ABROAD: Final[Mapping[str, str]] = {
    "AESO": "CA-AB",
    "BCHA": "CA-BC",
    "CEN": "MX",
    "HQT": "CA-QC",
    "IESO": "CA-ON",
    "MHEB": "CA-MB",
    "NBSO": "CA-NB",
    "SPC": "CA-SK",
}
"""Grid zone of each system outside the US that trades with an authority."""
ABROAD_WIDTH: Final = 0.25
"""Relative, assumed: how far an hour abroad may lie from the yearly value that prices it."""
UNPRICED: Final[Mapping[str, str]] = {
    "GCPD": "US-NW-GCPD",
    "PACW": "US-NW-PACW",
    "PGE": "US-NW-PGE",
    "PSEI": "US-NW-PSEI",
    "SCL": "US-NW-SCL",
}
"""Authorities with a zone whose value is the yearly one. They live on what Bonneville passes on,
and one hop is 17 to 31 % off full tracing; coal left the series of PACW between 2021 and 2023."""
AUTHORITIES: Final[Mapping[str, str]] = (
    dict.fromkeys(NEIGHBOURS, "US")
    | dict(UNPRICED)
    | {code: zone for zone, code in RESPONDENTS.items()}
)
"""Every authority, with the zone whose plants price what it generates."""

FUEL_PATH: Final = "/v2/electricity/rto/fuel-type-data/data/"
FLOW_PATH: Final = "/v2/electricity/rto/interchange-data/data/"
REACH: Final = 36 * 3600
"""Seconds before now that may still be without any hour: the longest lag seen is 28 h."""
LONGEST_REQUEST: Final = 86400
"""Seconds; all authorities and energy sources of so many hours are about three pages."""
PAGE_ROWS: Final = 5000
"""The API gives no more rows in one answer."""
MOST_PAGES: Final = 10
HISTORY_SECONDS: Final = REACH - STEP + LONGEST_REQUEST
"""Two rounds of requests, whichever part of its hour it is asked in."""
KEEP_SECONDS: Final = 3000.0
"""A little less than the time between two refreshes: the data are hourly, and a day old."""
DEMO_KEY: Final = "DEMO_KEY"
DEMO_PER_MINUTE: Final = 20 / 60
DEMO_BURST: Final = 10.0
"""Never more than 30 requests in an hour, as many as the key seems to allow."""

FACTS: Final = SourceFacts(
    kind=NAME,
    title="US Energy Information Administration (EIA), grid monitor",
    zones=tuple(RESPONDENTS),
    method=Method.AVERAGE,
    basis=Basis.LIFECYCLE,
    step="1 h",
    lag="11-28 h",
    budget="about six requests an hour for all zones together, ten in the first: generation of "
    "all authorities and interchange of all pairs over 36 hours, 5000 rows a request; kept for 50 "
    "minutes. With `DEMO_KEY` never more than 30 in an hour",
    licence="public domain (US government work)",
    attribution="U.S. Energy Information Administration",
    url="https://www.eia.gov/electricity/gridmonitor/",
    from_mix=True,
    notes=(
        (
            "Computed here from net generation by energy source, with the factors of the zone's "
            "own plants (EPA eGRID); imports are traced by one hop: they count as what the "
            "neighbour generates."
        ),
        "Neighbours in Canada and Mexico have their yearly value.",
        (
            "Some authorities of the Northwest are left to their yearly value: they pass on what "
            "others sent them, which one hop does not see."
        ),
        "The first start asks for two and a half days of history; more grows in the state file.",
        "A backfill asks about four requests for each day: use a key of your own.",
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
            plants = self._rows(FUEL_PATH, ("respondent", "fueltype"), start - LEAD, end)
            hours = read_hours(plants, AUTHORITIES)
            flows = read_flows(self._rows(FLOW_PATH, ("fromba", "toba"), start, end), AUTHORITIES)
        reading = to_points(hours, flows, wanted, now=epoch(self._clock.now()))
        inside = tuple(point for point in reading.points if start <= point.start < end)
        if not inside and not reading.failures:
            message = f"{NAME}: no hour between {stamp(start)} and {stamp(end)} — wait"
            raise NoDataError(message)
        return GridReading(points=inside, failures=reading.failures)

    def _rows(self, path: str, columns: tuple[str, str], start: int, end: int) -> list[object]:
        """Read all pages of the hours that begin in ``[start, end)``, of all authorities."""
        key = self._secret.reveal()
        api = path.split("/")[-3]
        rows: list[object] = []
        for _ in range(MOST_PAGES):
            params = [("api_key", key), *_query(columns, start, end, offset=len(rows))]
            page = read_page(self._documents.get(path, api=api, params=params))
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
    unreadable: dict[str, list[ShapeError]]


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
    told: dict[str, list[ShapeError]] = {}
    for cell, why in unreadable.items():
        told.setdefault(cell.respondent, []).append(why)
    return Hours(amounts, told)


def read_flows(
    rows: Iterable[object], authorities: Collection[str]
) -> dict[int, dict[tuple[str, str], float]]:
    """Return what each authority sent to each neighbour by start of the hour, in megawatt-hours.

    Rows of regions, which the API has beside authorities, and rows without a value are left out.

    Raises:
        ShapeError: a row of no known hour, or of an authority that was not asked for.
    """
    flows: dict[int, dict[tuple[str, str], float]] = {}
    for item in rows:
        row = as_mapping(item, "a row")
        start = _hour(row)
        here, there = row.get("fromba"), row.get("toba")
        if not isinstance(here, str) or here not in authorities:
            message = "a row is of a balancing authority that was not asked for"
            raise ShapeError(message)
        sent = _number(row)
        known = isinstance(there, str) and (there in authorities or there in ABROAD)
        if isinstance(there, str) and known and there != here and sent is not None:
            flows.setdefault(start, {})[here, there] = sent
    return flows


def _cell(row: Document, respondents: Collection[str]) -> _Cell:
    respondent = row.get("respondent")
    if not isinstance(respondent, str) or respondent not in respondents:
        message = "a row is of a balancing authority that was not asked for"
        raise ShapeError(message)
    return _Cell(respondent, _hour(row))


def _hour(row: Document) -> int:
    period = row.get("period")
    if not isinstance(period, str) or not _PERIOD.fullmatch(period):
        message = "period is not an hour such as 2026-03-01T16"
        raise ShapeError(message)
    # The stamp is the end of the hour: eia.gov/electricity/gridmonitor/about, time reporting.
    return as_instant(f"{period}:00Z", "period") - STEP


def _amount(row: Document) -> Amounts:
    code = row.get("fueltype")
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        message = f"{str(code)[:20]!a} is no energy source"
        raise ShapeError(message)
    amount = _number(row)
    return {} if amount is None else {code: amount}


def _number(row: Document) -> float | None:
    value = row.get("value")
    if row.get("value-units") != UNIT:
        message = f"value-units is not {UNIT}"
        raise ShapeError(message)
    if value is None:
        return None
    if isinstance(value, bool) or not _AMOUNT.fullmatch(str(value)):
        message = "value is not a number of megawatt-hours"
        raise ShapeError(message)
    return float(str(value))


def stamp(start: int) -> str:
    """Write the hour that begins at a time as the API names it: by its end."""
    return from_epoch(start + STEP).strftime("%Y-%m-%dT%H")


def to_points(
    hours: Hours,
    flows: Mapping[int, Flows],
    wanted: Mapping[str, str],
    *,
    now: float,
) -> GridReading:
    """Turn amounts by hour into points of the zones in ``wanted`` (zone to balancing authority).

    Hours that have not begun by ``now`` (epoch seconds), that are not reported completely or in
    which nothing was generated are left out. Unreadable hours are one failure beside the others.

    Raises:
        BadPayloadError: there were hours of these zones, and none was readable.
    """
    trade = _Trade(hours, flows)
    points: list[IntensityPoint] = []
    unreadable: list[ShapeError] = []
    for zone, code in sorted(wanted.items()):
        unreadable += hours.unreadable.get(code, [])
        for start in trade.produced(code):
            if start <= now:
                value, estimated = trade.consumed(code, start)
                at = Interval(zone, start, STEP)
                wide = widened(value, zone, NAME)
                points.append(mixed(at, wide, now=now, estimated=estimated))
    if unreadable and not points:
        raise _failure(unreadable) from unreadable[0]
    failures = (_failure(unreadable, minor=True),) if unreadable else ()
    return GridReading(points=tuple(points), failures=failures)


class _Trade:
    """What each authority generated and received in the hours of one reading."""

    def __init__(self, hours: Hours, flows: Mapping[int, Flows]) -> None:
        self._hours = hours
        self._received = {start: imports(sent) for start, sent in flows.items()}
        self._told = {
            start: {code for pair in sent for code in pair} for start, sent in flows.items()
        }
        self._produced: dict[str, dict[int, Supply]] = {}
        self._abroad = {
            code: float(line["gco2eq_per_kwh"])
            for line in table("annual")
            for code, zone in ABROAD.items()
            if zone == line["grid_zone"]
        }

    def produced(self, code: str) -> Mapping[int, Supply]:
        """Return what an authority generated by hour, and what a kWh of it emitted."""
        if code not in self._produced:
            self._produced[code] = dict(self._priced(code))
        return self._produced[code]

    def _priced(self, code: str) -> Iterator[tuple[int, Supply]]:
        told = self._hours.amounts.get(code, {})
        plants = {
            start: generated(amounts, storage=STORAGE, may_store=MAY_STORE)
            for start, amounts in told.items()
        }
        for start, amounts in complete(plants).items():
            mix = by_fuel(amounts, FUELS)
            if sum(mix.values()) > 0:
                value = priced(mix, fuel_factors(AUTHORITIES[code]))
                yield start, Supply(sum(mix.values()), value)

    def consumed(self, code: str, start: int) -> tuple[Bounds, bool]:
        """Return gCO2eq of a kWh consumed in an hour, and whether it is an estimate."""
        own = self.produced(code)[start]
        told = start if code in self._told.get(start, ()) else self._before(code, start)
        estimated = told != start
        received: list[Supply] = []
        for neighbour, amount in self._received.get(told, {}).get(code, {}).items():
            value, late = self._sent(neighbour, start)
            estimated = estimated or late
            if value is not None:
                received.append(Supply(amount, value))
        return consumed(own, received), estimated

    def _before(self, code: str, start: int) -> int:
        """Return the newest hour before one in which an authority told its interchange."""
        return max((s for s, told in self._told.items() if s < start and code in told), default=-1)

    def _sent(self, neighbour: str, start: int) -> tuple[Bounds | None, bool]:
        """Return what a kWh of a neighbour emits, and whether the hour itself is still missing."""
        if neighbour in ABROAD:
            grams = self._abroad[neighbour]
            return Bounds(grams * (1 - ABROAD_WIDTH), grams, grams * (1 + ABROAD_WIDTH)), False
        known = self.produced(neighbour)
        if start in known:
            return known[start].gco2eq_per_kwh, False
        before = max((hour for hour in known if hour < start), default=None)
        return (None, False) if before is None else (known[before].gco2eq_per_kwh, True)


def _windows(start: int, until: int, now: int) -> Iterator[tuple[int, int]]:
    """Cut a window into requests of which all questions of one hour have the newest in common."""
    running = floor_to(now, STEP)
    recent = running + STEP - REACH
    if until > recent:
        yield recent, running + STEP
    older = min(until, recent)
    if start < older:
        for left, right in slices(start, older, step=STEP, longest=LONGEST_REQUEST):
            yield left, min(right, older)


def _query(columns: tuple[str, str], start: int, end: int, *, offset: int) -> list[tuple[str, str]]:
    facet, _ = columns
    return [
        ("frequency", "hourly"),
        ("data[0]", "value"),
        *((f"facets[{facet}][]", code) for code in sorted(AUTHORITIES)),
        ("start", stamp(start)),
        ("end", stamp(end - STEP)),
        # A total order, so that pages neither overlap nor leave a gap.
        *(
            (f"sort[{place}][{key}]", value)
            for place, column in enumerate(("period", *columns))
            for key, value in (("column", column), ("direction", "desc"))
        ),
        ("offset", str(offset)),
        ("length", str(PAGE_ROWS)),
    ]


def _failure(unreadable: list[ShapeError], *, minor: bool = False) -> BadPayloadError:
    return BadPayloadError(
        f"{NAME}: {len(unreadable)} unreadable hours, the first because {unreadable[0]} — "
        "they are left out; report it if it lasts",
        minor=minor,
    )
