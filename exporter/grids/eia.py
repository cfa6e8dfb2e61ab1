"""United States, hourly and about a day late: the grid monitor of the EIA (form EIA-930, API v2).

Zones: ``US-CAL-CISO US-CAR-SCEG US-CENT-SWPP US-MIDA-PJM US-MIDW-MISO US-NW-BPAT US-NW-NEVP
US-NW-PACE US-NW-PACW US-SE-SOCO US-SW-AZPS US-TEX-ERCO``, each the balancing authority that
``data/zone_codes.csv`` names.
Method: average. Basis: **life cycle**, computed here: the hour's net generation by energy source
times the factors of ``_mix``. Imports are not traced.
Step: 1 h, ``[start, end)``, UTC; the API names an hour by its end. Lag: 11-28 h (measured by
others; the EIA asks balancing authorities for theirs within the next day): recent rather than
live. No forecast. History: since July 2018.
Key: ``token`` or ``token_file``; without one ``DEMO_KEY``, which the EIA allows about 30 requests
an hour and address (unverified). One request serves all zones. The API wants the key in the
address and repeats it in the answer: neither is ever printed.
Licence: public domain. "U.S. Energy Information Administration".

* Where a window is too recent to hold any hour of a zone, the zone's newest hours are given
  instead, back to a day and a half before now.
* An hour is left out while energy sources that mattered the hour before are missing.
* Batteries and pumped storage are left out: what they give was generated, and counted, before.
* A negative amount is a plant's own use or, in ``WAT`` and ``OTH``, storage that is not told
  apart: counted as nothing generated. Where another source is more negative than 5 % of all
  generation, the hour is refused.
"""

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Final, Self

from pydantic import Field, SecretStr, model_validator

from exporter.core.clock import epoch
from exporter.core.errors import BadPayloadError
from exporter.core.model import Basis, GridReading, IntensityPoint, Method
from exporter.core.plugins import GridConfig
from exporter.core.ports import AdapterContext, Clock
from exporter.grids._codes import codes
from exporter.grids._eia_rows import (
    FUELS,
    STEP,
    STORAGE,
    Amounts,
    Hours,
    generated,
    read_hours,
    read_page,
    stamp,
)
from exporter.grids._facts import SourceFacts
from exporter.grids._http import Endpoint, JsonClient, SecureUrl
from exporter.grids._late import LEAD, newest_or_within
from exporter.grids._mix import by_fuel, complete, weighted_mean
from exporter.grids._payload import ShapeError, gather, slices
from exporter.grids._secret import Secret

NAME: Final = "eia"
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
DEMO_KEY: Final = "DEMO_KEY"

FACTS: Final = SourceFacts(
    kind=NAME,
    title="US Energy Information Administration (EIA), grid monitor",
    zones=tuple(RESPONDENTS),
    method=Method.AVERAGE,
    basis=Basis.LIFECYCLE,
    step="1 h",
    lag="11-28 h",
    licence="public domain (US government work)",
    attribution="U.S. Energy Information Administration",
    url="https://www.eia.gov/electricity/gridmonitor/",
    notes=(
        "Computed here from net generation by energy source; imports are not traced.",
        "Without a key `DEMO_KEY` is used: about 30 requests an hour (unverified).",
        "A free key of one's own: https://www.eia.gov/opendata/register.php",
        "Recent rather than live: hours come about a day late.",
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
    return (EiaSource(JsonClient(endpoint, context), secret, context.clock),)


class EiaSource:
    """Life-cycle intensity of US balancing authorities by hour."""

    name = NAME
    method = Method.AVERAGE
    basis = Basis.LIFECYCLE
    refresh_seconds = 1800

    def __init__(self, client: JsonClient, secret: Secret, clock: Clock) -> None:
        self._client = client
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
        first = min(start, now - REACH)
        windows = slices(first, until, step=STEP, longest=LONGEST_REQUEST)
        reading = gather(windows, partial(self._read, wanted))
        return newest_or_within(reading, wanted, start, until, source=NAME)

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _read(self, wanted: Mapping[str, str], start: int, end: int) -> GridReading:
        try:
            rows = self._rows(wanted.values(), start - LEAD, end)
            hours = read_hours(rows, set(wanted.values()))
        except ShapeError as error:
            message = f"{NAME}: {error} — the API has changed, or base_url is wrong"
            raise BadPayloadError(message) from error
        reading = to_points(hours, wanted, now=epoch(self._clock.now()))
        inside = tuple(point for point in reading.points if start <= point.start < end)
        return GridReading(points=inside, failures=reading.failures)

    def _rows(self, respondents: Collection[str], start: int, end: int) -> list[object]:
        """Read all pages of the hours that begin in ``[start, end)``."""
        key = self._secret.reveal()
        rows: list[object] = []
        for _ in range(MOST_PAGES):
            params = [("api_key", key), *_query(respondents, start, end, offset=len(rows))]
            page = read_page(self._client.get_json(PATH, api="fuel-type-data", params=params))
            rows += page.rows
            if not page.rows or len(rows) >= page.total:
                return rows
        message = f"there are more than {MOST_PAGES} pages of rows"
        raise ShapeError(message)


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


def _query(
    respondents: Collection[str], start: int, end: int, *, offset: int
) -> list[tuple[str, str]]:
    return [
        ("frequency", "hourly"),
        ("data[0]", "value"),
        *(("facets[respondent][]", respondent) for respondent in sorted(respondents)),
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
