"""Europe's bidding zones with a free token: the ENTSO-E Transparency Platform.

Zones: ``AT BE CH DE DK-DK2 ES FI FR GR IE IT-NO NL NO-NO1 NO-NO2 PL SE-SE3 SE-SE4``, each the area
that ``data/zone_codes.csv`` names by its EIC code: true bidding zones, not their country.
Method: average. Basis: **life cycle**, computed here: actual generation by production type
(A75, 16.1.B&C) times the factors of ``_mix``. Imports are not traced, so that zones that import
much (Switzerland, southern Sweden, eastern Denmark) look cleaner or dirtier than what they consume.
Step: 15, 30 or 60 min by zone, ``[start, end)``, UTC. Lag: 2-4 h, at times most of a day. No
forecast. History: since 2015.
Key: ``token`` or ``token_file``. Free: an account at transparency.entsoe.eu, then an e-mail to
transparency@entsoe.eu with the subject "RESTful API access"; it takes up to three working days.
Limits: 400 requests a minute, then a ban of ten minutes; one request for each zone.
Licence: CC BY 4.0 for the data items that ENTSO-E lists as such (unverified for A75). "ENTSO-E
Transparency Platform".

* Where a window is too recent to hold any interval of a zone, the zone's newest intervals are given
  instead, back to a day before now.
* An interval is left out while production types that mattered in the one before are missing.
* Series of what pumps, batteries and plants consume are left out, and so is what storage gives
  back: it was generated, and counted, before.
* On curve A03 an interval without a point has the value of the one before.
* A production type that is not in the table is refused rather than guessed.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Final

from pydantic import Field

from exporter.core.clock import epoch, from_epoch
from exporter.core.errors import BadPayloadError, NoDataError
from exporter.core.model import Basis, GridReading, IntensityPoint, Method
from exporter.core.ports import AdapterContext, Clock
from exporter.grids._codes import codes
from exporter.grids._entsoe_xml import by_interval, read_generation
from exporter.grids._facts import SourceFacts
from exporter.grids._late import LEAD, newest_or_within
from exporter.grids._mix import by_fuel, complete, weighted_mean
from exporter.grids._payload import ShapeError, collect, slices
from exporter.http.address import SecureUrl
from exporter.http.client import Endpoint, JsonClient
from exporter.http.secret import Secret, TokenConfig

NAME: Final = "entsoe"
AREAS: Final[Mapping[str, str]] = codes("entsoe_area")
"""EIC code by grid zone."""
FUELS: Final[Mapping[str, str]] = {
    "B01": "biomass",
    "B02": "coal",  # lignite
    "B03": "coal",  # gas from coal: what coke ovens and blast furnaces leave
    "B04": "gas",
    "B05": "coal",
    "B06": "oil",
    "B07": "coal",  # oil shale: as carbon-rich as lignite
    "B08": "coal",  # peat: likewise
    "B09": "geothermal",
    "B11": "hydro",
    "B12": "hydro",
    "B13": "marine",
    "B14": "nuclear",
    "B15": "biomass",  # other renewable: mostly landfill and sewage gas
    "B16": "solar",
    "B17": "other",  # waste: partly of fossil origin
    "B18": "wind offshore",
    "B19": "wind",
    "B20": "other",
}
"""Our fuel by production type (ENTSO-E code list, PsrType)."""
STORAGE: Final = frozenset({"B10", "B25"})
"""Pumped storage and energy storage."""
REACH: Final = 24 * 3600
"""Seconds before now that may still be without any interval."""
LONGEST_REQUEST: Final = 7 * 86400
"""A week of 20 types at 15 min is about one megabyte."""
HISTORY_SECONDS: Final = LONGEST_REQUEST - 3600
"""One request for each zone: a window that begins within an hour is widened to it."""
_HOUR: Final = 3600

FACTS: Final = SourceFacts(
    kind=NAME,
    title="ENTSO-E Transparency Platform",
    zones=tuple(AREAS),
    method=Method.AVERAGE,
    basis=Basis.LIFECYCLE,
    step="15, 30 or 60 min, by zone",
    lag="2-4 h, at times most of a day",
    budget="one request for each zone every 15 minutes, for 7 days at most. The source "
    "allows 400 a minute, then bans for ten",
    licence="CC BY 4.0 for listed data items (unverified)",
    attribution="ENTSO-E Transparency Platform",
    key="free, by e-mail to transparency@entsoe.eu after registration",
    url="https://transparency.entsoe.eu",
    notes=(
        "Computed here from actual generation by type; imports are not traced.",
        "One request for each zone; 400 a minute are allowed.",
    ),
)


class Config(TokenConfig):
    """`kind: entsoe`: Europe's bidding zones, with a free token."""

    base_url: SecureUrl = Field(
        default="https://web-api.tp.entsoe.eu",
        description="Address of the API, for a mirror or a proxy.",
    )


def build(config: Config, context: AdapterContext) -> tuple["EntsoeSource", ...]:
    """Make the source; nothing is asked or read yet."""
    endpoint = Endpoint(
        source=NAME,
        base_url=config.base_url,
        auth_fix="check the token, and that it was granted access to the API",
        headers={"Accept": "application/xml, text/xml"},
        timeout_seconds=20.0,
    )
    return (EntsoeSource(JsonClient(endpoint, context), config.secret(), context.clock),)


class EntsoeSource:
    """Life-cycle intensity of European bidding zones."""

    name = NAME
    method = Method.AVERAGE
    basis = Basis.LIFECYCLE
    refresh_seconds = 900
    history_seconds = HISTORY_SECONDS

    def __init__(self, client: JsonClient, secret: Secret, clock: Clock) -> None:
        self._client = client
        self._secret = secret
        self._clock = clock

    def covers(self, zone: str) -> bool:
        """Whether the zone is an area of the table."""
        return zone in AREAS

    def fetch(self, zones: Collection[str], start: int, end: int) -> GridReading:
        """Read the intervals that overlap ``[start, end)`` epoch seconds, or the newest before it.

        Raises:
            CollectorError: nothing could be read.
        """
        now = int(epoch(self._clock.now()))
        until = min(end, now + 1)
        wanted = sorted(zone for zone in zones if zone in AREAS)
        if not wanted or until <= start:
            return GridReading(points=())
        first = min(start, now - REACH)
        windows = sorted(slices(first, until, step=_HOUR, longest=LONGEST_REQUEST), reverse=True)
        reading = collect(
            partial(self._read, zone, *window) for window in windows for zone in wanted
        )
        return newest_or_within(reading, wanted, start, until, source=NAME)

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _read(self, zone: str, start: int, end: int) -> GridReading:
        params = [
            ("securityToken", self._secret.reveal()),
            ("documentType", "A75"),
            ("processType", "A16"),
            ("in_Domain", AREAS[zone]),
            ("periodStart", _stamp(start - LEAD)),
            ("periodEnd", _stamp(end)),
        ]
        body = self._client.get_bytes("/api", api="generation", params=params)
        now = epoch(self._clock.now())
        try:
            points = parse_generation(body, zone, start=start - LEAD, end=end, now=now)
        except NoDataError:
            return GridReading(points=())  # of this window; newest_or_within counts what is missing
        return GridReading(points=tuple(point for point in points if point.start >= start))


def parse_generation(
    body: bytes, zone: str, *, start: int, end: int, now: float
) -> tuple[IntensityPoint, ...]:
    """Turn an answer into points of ``[start, end)`` that have begun by ``now`` (epoch seconds).

    Intervals that are not reported completely, or in which nothing was generated, are left out.

    Raises:
        NoDataError: the platform has none of that time.
        BadPayloadError: another shape, area, unit or production type.
    """
    try:
        generation = read_generation(body, AREAS[zone])
        intervals = by_interval(generation, start, min(end, int(now) + 1))
        return tuple(_points(zone, complete(intervals, ignore=STORAGE), generation.step, now))
    except ShapeError as error:
        message = f"{NAME}: {error} — check base_url, or the API has changed"
        raise BadPayloadError(message, scope=zone) from error


def _points(
    zone: str, intervals: Mapping[int, Mapping[str, float]], step: int, now: float
) -> Iterable[IntensityPoint]:
    for start, megawatts in intervals.items():
        mix = by_fuel(_generated(megawatts), FUELS)
        if sum(mix.values()) > 0:
            yield IntensityPoint(
                zone=zone,
                start=start,
                end=start + step,
                gco2eq_per_kwh=weighted_mean(mix),
                estimated=start + step > now,
            )


def _generated(megawatts: Mapping[str, float]) -> dict[str, float]:
    for code in megawatts:
        if code not in FUELS and code not in STORAGE:
            message = f"unknown production type {code[:20]!a}"
            raise ShapeError(message)
    return {code: amount for code, amount in megawatts.items() if code not in STORAGE}


def _stamp(seconds: int) -> str:
    return from_epoch(seconds).strftime("%Y%m%d%H%M")
