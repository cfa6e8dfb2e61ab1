"""Europe's bidding zones with a free token: the ENTSO-E Transparency Platform.

Each zone is the area that ``data/zone_codes.csv`` names by its EIC code: true bidding zones, not
their country. Actual generation by production type (A75, 16.1.B&C) times the factors of
the zone's plants gives the intensity. Imports are not traced, so that zones that import much
(Switzerland, southern Sweden, eastern Denmark) look cleaner or dirtier than what they consume.
Intervals are ``[start, end)``, as long as the document says. History reaches back to 2015.
The token: an account at transparency.entsoe.eu, then an e-mail with the subject "RESTful API
access"; it takes up to three working days.

* Where a window is too recent to hold any interval of a zone, the zone's newest intervals are given
  instead, back to a day before now.
* An interval is left out while production types that mattered in the one before are missing.
* Series of what pumps, batteries and plants consume are left out, and so is what storage gives
  back: it was generated, and counted, before.
* On curve A03 an interval without a point has the value of the one before.
* A production type that is not in the table counts as unknown, with wide bounds, where it matters.
* A negative amount is what plants at rest draw: nothing generated. Above 5 % of all generation the
  type counts as not reported.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Final, NamedTuple, NoReturn
from xml.etree import ElementTree as ET

from pydantic import Field

from exporter.core.clock import epoch, from_epoch
from exporter.core.errors import BadPayloadError, NoDataError
from exporter.core.model import Basis, GridReading, IntensityPoint, Method
from exporter.core.ports import AdapterContext, Clock
from exporter.data.fuels import fuel_factors
from exporter.grids._shared.facts import SourceFacts, codes
from exporter.grids._shared.mix import by_fuel, complete, generated, mixed, priced, widened
from exporter.grids._shared.payload import Interval, ShapeError, as_instant
from exporter.grids._shared.token import TokenConfig
from exporter.grids._shared.windows import LEAD, collect, newest_or_within, slices
from exporter.http.address import SecureUrl
from exporter.http.client import Endpoint, JsonClient
from exporter.http.secret import Secret

NAME: Final = "entsoe"
RESOLUTIONS: Final[Mapping[str, int]] = {"PT15M": 900, "PT30M": 1800, "PT60M": 3600}
"""Seconds of a market time unit."""
DOCUMENT: Final = "GL_MarketDocument"
REFUSAL: Final = "Acknowledgement_MarketDocument"
GENERATION_BY_TYPE: Final = "A75"
MEGAWATTS: Final = "MAW"
BLOCKS: Final = "A03"
CURVES: Final = frozenset({"A01", BLOCKS})
"""A01 lists every interval; A03 leaves out those whose value repeats the one before."""
NOTHING_FOUND: Final = "No matching data found"
"""Code 999 also stands for other refusals: only its text tells that there is no data."""

_POSITION: Final = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)
_QUANTITY: Final = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)

AREAS: Final[Mapping[str, str]] = codes("entsoe_area")
"""EIC code by grid zone."""
FUELS: Final[Mapping[str, str]] = {
    "B01": "biomass",
    "B02": "lignite",
    "B03": "coal-gas",  # what coke ovens and blast furnaces leave
    "B04": "gas",
    "B05": "hard coal",
    "B06": "oil",
    "B07": "oil-shale",
    "B08": "peat",
    "B09": "geothermal",
    "B11": "hydro",
    "B12": "hydro",
    "B13": "marine",
    "B14": "nuclear",
    "B15": "biogas",  # other renewable: mostly landfill and sewage gas
    "B16": "solar",
    "B17": "waste",
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
    from_mix=True,
    notes=(
        (
            "Computed here from actual generation by type, with the factors of the country's own "
            "plants, lignite and hard coal apart; imports are not traced."
        ),
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
        BadPayloadError: another shape, area or unit.
    """
    try:
        generation = read_generation(body, AREAS[zone])
        intervals = {
            left: generated(megawatts, storage=STORAGE)
            for left, megawatts in by_interval(generation, start, min(end, int(now) + 1)).items()
        }
        return tuple(_points(zone, complete(intervals), generation.step, now))
    except ShapeError as error:
        message = f"{NAME}: {error} — check base_url, or the API has changed"
        raise BadPayloadError(message, scope=zone) from error


def _points(
    zone: str, intervals: Mapping[int, Mapping[str, float]], step: int, now: float
) -> Iterable[IntensityPoint]:
    for start, megawatts in intervals.items():
        mix = by_fuel(megawatts, FUELS)
        if sum(mix.values()) > 0:
            at = Interval(zone, start, step)
            value = widened(priced(mix, fuel_factors(zone)), zone, NAME)
            yield mixed(at, value, now=now)


def _stamp(seconds: int) -> str:
    return from_epoch(seconds).strftime("%Y%m%d%H%M")


class Run(NamedTuple):
    """Constant megawatts of one production type over ``[start, end)`` epoch seconds."""

    code: str
    start: int
    end: int
    megawatts: float


class Generation(NamedTuple):
    """What one area generated; ``step`` is the shortest interval in the document, in seconds."""

    step: int
    runs: tuple[Run, ...]


class _Builder(ET.TreeBuilder):
    """Refuses every document type declaration, so that no entity can be defined or expanded.

    The HTTP client limits the size of a document, the window asked for its times.
    """

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> NoReturn:
        message = "the document declares a type, which could define entities"
        raise ShapeError(message)


def read_generation(body: bytes, area: str) -> Generation:
    """Read a document of the area (its EIC code); consumption of storage and plants is left out.

    Raises:
        NoDataError: the platform says that it has none.
        ShapeError: not that document, area or unit, or not XML.
    """
    root = _parse(body)
    if _name(root) == REFUSAL:
        _refused(root)
    if _name(root) != DOCUMENT or _text(root, "type") != GENERATION_BY_TYPE:
        message = "the document is not actual generation by type (A75)"
        raise ShapeError(message)
    steps: set[int] = set()
    runs: list[Run] = []
    for series in _children(root, "TimeSeries"):
        if _find(series, "inBiddingZone_Domain.mRID") is None:
            continue  # outBiddingZone_Domain: what pumps, batteries and plants at rest consume
        for step, found in _periods(series, area):
            steps.add(step)
            runs += found
    return Generation(min(steps, default=max(RESOLUTIONS.values())), tuple(runs))


def by_interval(generation: Generation, start: int, end: int) -> dict[int, dict[str, float]]:
    """Spread megawatts over the intervals of the document's step in ``[start, end)``."""
    step = generation.step
    intervals: dict[int, dict[str, float]] = {}
    for run in generation.runs:
        first = max(run.start, start // step * step)
        for left in range(first, min(run.end, end), step):
            intervals.setdefault(left, {})[run.code] = run.megawatts
    return intervals


def expand(
    points: Mapping[int, float], start: int, end: int, step: int, *, blocks: bool
) -> Iterator[tuple[int, int, float]]:
    """Yield start, end and value of each point by its position from 1.

    Points that stand for ``blocks`` (curve A03) last until the next one or the end of the period.
    """
    ordered = sorted(points)
    for position, following in pairwise([*ordered, (end - start) // step + 1]):
        left = start + (position - 1) * step
        right = start + (following - 1) * step if blocks else left + step
        yield left, right, points[position]


def _parse(body: bytes) -> ET.Element:
    parser = ET.XMLParser(target=_Builder())  # noqa: S314 -- declarations are refused
    try:
        parser.feed(body)
        root: ET.Element = parser.close()
    except (ET.ParseError, ValueError, LookupError) as error:
        if isinstance(error, ShapeError):
            raise
        message = "the answer is broken off or is not XML"
        raise ShapeError(message) from error
    return root


def _refused(root: ET.Element) -> NoReturn:
    reasons = [_find(reason, "text") for reason in _children(root, "Reason")]
    if any((text.text or "").startswith(NOTHING_FOUND) for text in reasons if text is not None):
        message = "entsoe: the platform has no data for that time — wait, or check the zone"
        raise NoDataError(message)
    message = "the platform refuses the question"
    raise ShapeError(message)


def _periods(series: ET.Element, area: str) -> Iterator[tuple[int, list[Run]]]:
    if _text(series, "inBiddingZone_Domain.mRID") != area:
        message = "a series is of an area that was not asked for"
        raise ShapeError(message)
    if _text(series, "quantity_Measure_Unit.name") != MEGAWATTS:
        message = "a series is not in megawatts (MAW)"
        raise ShapeError(message)
    curve = _text(series, "curveType")
    if curve not in CURVES:
        message = f"unknown curve {curve[:20]!a}"
        raise ShapeError(message)
    code = _text(_only(series, "MktPSRType"), "psrType")
    for period in _children(series, "Period"):
        yield _period(period, code, blocks=curve == BLOCKS)


def _period(period: ET.Element, code: str, *, blocks: bool) -> tuple[int, list[Run]]:
    resolution = _text(period, "resolution")
    step = RESOLUTIONS.get(resolution)
    if step is None:
        message = f"unknown resolution {resolution[:20]!a}"
        raise ShapeError(message)
    interval = _only(period, "timeInterval")
    start = as_instant(_text(interval, "start"), "start")
    end = as_instant(_text(interval, "end"), "end")
    if start % step or end % step or end <= start:
        message = "a period is not made of whole intervals"
        raise ShapeError(message)
    points = _megawatts(_children(period, "Point"), (end - start) // step)
    spans = expand(points, start, end, step, blocks=blocks)
    return step, [Run(code, left, right, value) for left, right, value in spans]


def _megawatts(elements: Iterable[ET.Element], last: int) -> dict[int, float]:
    points: dict[int, float] = {}
    for element in elements:
        position, quantity = _text(element, "position"), _text(element, "quantity")
        if not _POSITION.fullmatch(position) or int(position) > last or int(position) in points:
            message = "a point has no place of its own in its period"
            raise ShapeError(message)
        if not _QUANTITY.fullmatch(quantity):
            message = "quantity is not a number"
            raise ShapeError(message)
        points[int(position)] = float(quantity)
    return points


def _name(element: ET.Element) -> str:
    """Name without namespace: its version differs between documents."""
    return element.tag.rpartition("}")[2]


def _children(element: ET.Element, name: str) -> list[ET.Element]:
    return [child for child in element if _name(child) == name]


def _find(element: ET.Element, name: str) -> ET.Element | None:
    return next((child for child in element if _name(child) == name), None)


def _only(element: ET.Element, name: str) -> ET.Element:
    found = _find(element, name)
    if found is None:
        message = f"{_name(element)[:40]!a} lacks {name}"
        raise ShapeError(message)
    return found


def _text(element: ET.Element, name: str) -> str:
    return (_only(element, name).text or "").strip()
