"""Great Britain, live and without a key: the Carbon Intensity API of NESO.

The API's own intensity counts combustion only (wind, solar, nuclear, hydro = 0), so that it would
not compare with other zones. The generation mix of each half-hour ``[from, to)`` times the
``FACTORS`` below gives life-cycle grams per kWh generated in, or imported into, Great Britain;
losses in the grid are not added. The running half-hour is the operator's own estimate and is marked
so until it has ended. History reaches back to 2018.

The forecast is recomputed as well: the regional answers carry a forecast mix, for the regions 1-17
of the documentation and, under the number 18, for Great Britain (recorded since 2019, though not
documented). Where that mix is empty there is no forecast; the national forecast of ``/intensity``
counts combustion only and is not used.
``region`` in the config replaces the national mix by that of one region. A region's mix is the
operator's estimate of what is consumed there, never metered, and marked as estimated for good.

Half-hours whose mix adds up to 100 % only roughly (rounding) are scaled to 100 %. A fuel that is
not in the table counts as unknown, with wide bounds, where it matters.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Final, NamedTuple

from pydantic import Field

from exporter.core.clock import epoch, floor_to, from_epoch
from exporter.core.errors import NoDataError
from exporter.core.model import Basis, Bounds, GridReading, IntensityPoint, Method
from exporter.core.plugins import GridConfig
from exporter.core.ports import AdapterContext, Clock
from exporter.core.units import PERCENT
from exporter.data.fuels import FuelFactor, fuel_factors
from exporter.grids._shared.facts import SourceFacts
from exporter.grids._shared.mix import UNKNOWN, by_fuel, mixed, priced, widened
from exporter.grids._shared.payload import (
    Interval,
    ShapeError,
    as_instant,
    as_list,
    as_mapping,
    as_number,
    read_rows,
    shaped,
)
from exporter.grids._shared.windows import collect, slices
from exporter.http.address import BaseUrl
from exporter.http.client import KEYLESS_FIX, Endpoint, JsonClient

NAME: Final = "neso"
ZONE: Final = "GB"
STEP: Final = 1800
"""Seconds of a settlement period."""
SUM_TOLERANCE: Final = 2.0
"""Percentage points. Recorded mixes add up to 99.8-100.2, the documented example to 98.9."""
GREAT_BRITAIN: Final = 18
"""Number of the whole country among the regions."""
REGIONS: Final = 17
LONGEST_REQUEST: Final = 14 * 86400
"""Seconds; the API refuses longer windows."""
HISTORY_SECONDS: Final = LONGEST_REQUEST - STEP
"""One request: a window that begins within a half-hour is widened to it."""

FACTS: Final = SourceFacts(
    kind=NAME,
    title="NESO Carbon Intensity API",
    zones=(ZONE,),
    method=Method.AVERAGE,
    basis=Basis.LIFECYCLE,
    step="30 min",
    lag="none; the running half-hour is an estimate",
    forecast="48 h",
    budget="about every 15 minutes two requests: the mix of at most 14 days, and the "
    "forecast. The source publishes no limit",
    licence="CC BY 4.0",
    attribution="Carbon Intensity API, National Energy System Operator (NESO)",
    url="https://carbonintensity.org.uk",
    from_mix=True,
    notes=(
        (
            "Recomputed from the generation mix with life-cycle factors: NESO's own of each plant, "
            "and what comes before the plant."
        ),
        "The API's own intensity counts combustion only and is not used.",
        "`region` 1-17 takes the mix of one region, which is always an estimate.",
    ),
    order=10,
)


class Config(GridConfig):
    """`kind: neso`: Great Britain, live, no key."""

    base_url: BaseUrl = Field(
        default="https://api.carbonintensity.org.uk",
        description="Address of the Carbon Intensity API, for a mirror or a proxy.",
    )
    region: int | None = Field(
        default=None,
        ge=1,
        le=REGIONS,
        description="Use the estimated mix of one region for all of `GB`: 1-14 distribution areas "
        "(7 South Wales, 13 London), 15 England, 16 Scotland, 17 Wales. Default: the country's.",
    )


def build(config: Config, context: AdapterContext) -> tuple["NesoSource", ...]:
    """Make the source; nothing is asked yet."""
    endpoint = Endpoint(
        source=NAME,
        base_url=config.base_url,
        auth_fix=KEYLESS_FIX,
    )
    client = JsonClient(endpoint, context)
    return (NesoSource(client, context.clock, region=config.region),)


LATEST_SECONDS: Final = 2 * 3600
"""The mix of the latest half-hours may be missing; more than this is an answer cut short."""


class NesoSource:
    """Life-cycle intensity of Great Britain, or of one region of it, by half-hour."""

    name = NAME
    method = Method.AVERAGE
    basis = Basis.LIFECYCLE
    refresh_seconds = 900
    history_seconds = HISTORY_SECONDS

    def __init__(self, client: JsonClient, clock: Clock, *, region: int | None = None) -> None:
        self._client = client
        self._clock = clock
        self._region = region

    def covers(self, zone: str) -> bool:
        """Whether the zone is Great Britain."""
        return zone == ZONE

    def fetch(self, zones: Collection[str], start: int, end: int) -> GridReading:
        """Read the half-hours that have begun and overlap ``[start, end)`` epoch seconds.

        With them comes the forecast, where the window reaches the running half-hour.

        Raises:
            CollectorError: nothing of the window could be read.
        """
        now = int(epoch(self._clock.now()))
        until = min(end, now + 1)
        if ZONE not in zones or until <= start:
            return GridReading(points=())
        return collect(self._parts(start, until, now))

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _parts(self, start: int, until: int, now: int) -> Iterator[Callable[[], GridReading]]:
        windows = slices(start, until, step=STEP, longest=LONGEST_REQUEST)
        parts = (part for window in windows for part in _by_year(*window))
        for left, right in sorted(parts, reverse=True):
            yield partial(self._whole, left, right, now)
        following = floor_to(now, STEP) + STEP
        if until > following - STEP:
            yield partial(self._forecast, following)

    def _whole(self, start: int, end: int, now: int) -> GridReading:
        """Read a window; where the answer is cut short, what is missing is asked for again."""
        reading = self._read(start, end)
        reached = max((point.end for point in reading.points), default=end)
        if reached > min(end, now) - LATEST_SECONDS:
            return reading
        return collect([lambda: reading, partial(self._rest, reached, end, now)])

    def _rest(self, start: int, end: int, now: int) -> GridReading:
        try:
            return self._whole(start, end, now)
        except NoDataError as error:  # then the operator has no mix of these half-hours
            return GridReading(points=(), failures=(NoDataError(str(error), minor=True),))

    def _read(self, start: int, end: int) -> GridReading:
        span, now = f"{_path_time(start)}/{_path_time(end)}", epoch(self._clock.now())
        if self._region is None:
            document = self._client.get_json(f"/generation/{span}", api="generation")
            reading = parse_generation(document, now=now)
        else:
            path = f"/regional/intensity/{span}/regionid/{self._region}"
            document = self._client.get_json(path, api="regional")
            reading = parse_regional(document, self._region, now=now)
        # The API begins with the half-hour that ends at the start of the window.
        inside = tuple(p for p in reading.points if start <= p.start < end and not p.forecast)
        if not inside and not reading.failures:
            message = f"{NAME}: no half-hour between {_path_time(start)} and {_path_time(end)}"
            raise NoDataError(message)
        return GridReading(points=inside, failures=reading.failures)

    def _forecast(self, start: int) -> GridReading:
        region = GREAT_BRITAIN if self._region is None else self._region
        path = f"/regional/intensity/{_path_time(start)}/fw48h/regionid/{region}"
        document = self._client.get_json(path, api="forecast")
        reading = parse_regional(document, region, now=epoch(self._clock.now()))
        ahead = tuple(point for point in reading.points if point.forecast)
        return GridReading(points=ahead, failures=reading.failures)


def _by_year(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut a window at the New Year: the API's answers about a span end with its first year."""
    turn = int(epoch(datetime(from_epoch(start).year + 1, 1, 1, tzinfo=UTC)))
    yield start, min(turn, end)
    if turn < end:
        yield turn, end


def _path_time(seconds: int) -> str:
    return from_epoch(seconds).strftime("%Y-%m-%dT%H:%MZ")


class _Import(NamedTuple):
    gwh: float
    gco2eq_per_kwh: float


_IMPORTS: Final[Mapping[str, _Import]] = {
    "FR": _Import(gwh=15502, gco2eq_per_kwh=31),
    "NO-NO2": _Import(gwh=8945, gco2eq_per_kwh=29),
    "NL": _Import(gwh=4265, gco2eq_per_kwh=253),
    "BE": _Import(gwh=3986, gco2eq_per_kwh=180),
    "IE": _Import(gwh=239, gco2eq_per_kwh=301),
    "DK-DK2": _Import(gwh=64, gco2eq_per_kwh=144),
}
"""Gross imports of 2023 by interconnector: written answer of the Department for Energy Security
and Net Zero to the House of Commons, 2024 (National Grid and EirGrid data). Intensity of the
exporting zone: Electricity Maps yearly 2025, life cycle, flow-traced, via CO2.js (ODbL). The
imports of the first quarter of 2024, the first with a link to Denmark, give 80 g as well."""


def _imports_factor() -> float:
    total = sum(link.gwh for link in _IMPORTS.values())
    return sum(link.gwh * link.gco2eq_per_kwh for link in _IMPORTS.values()) / total


_PLANTS: Final = ("gas", "coal", "biomass", "nuclear", "hydro", "wind", "solar", "other", UNKNOWN)
_IMPORTS_WIDTH: Final = 0.4
"""Relative, assumed: who exports changes by the hour, and the zones range from 29 to 301 g."""


def _imports() -> FuelFactor:
    grams = _imports_factor()
    return FuelFactor(
        zone=ZONE,
        fuel="imports",
        gco2eq_per_kwh=grams,
        low=grams * (1 - _IMPORTS_WIDTH),
        high=grams * (1 + _IMPORTS_WIDTH),
        year="2023",
        source="import-weighted 2023 mean of the exporting zones' yearly averages",
    )


FACTORS: Final[Mapping[str, FuelFactor]] = {fuel: fuel_factors(ZONE)[fuel] for fuel in _PLANTS} | {
    "imports": _imports()
}
"""Every fuel name of the documented mix, and what stands for any other."""


def lifecycle_intensity(mix: Mapping[str, float]) -> Bounds:
    """Weighted mean of the factors; ``mix`` gives percent by fuel and adds up to about 100.

    Raises:
        ShapeError: a sum too far from 100 %.
    """
    total = sum(mix.values())
    if abs(total - PERCENT) > SUM_TOLERANCE:
        message = f"the mix adds up to {total:g} %, not 100 %"
        raise ShapeError(message)
    return priced(by_fuel(mix, {fuel: fuel for fuel in FACTORS}), FACTORS)


def parse_generation(document: object, *, now: float) -> GridReading:
    """Turn an answer of ``/generation`` or ``/generation/{from}/{to}`` into points.

    Half-hours that begin after ``now`` (epoch seconds) are left out, as are those with a null in
    their mix; of two answers for one half-hour the later one counts. Unreadable half-hours become
    one failure beside the readable ones.

    Raises:
        BadPayloadError: no half-hour is readable, or the document is none.
    """
    with shaped(NAME, scope=ZONE):
        data = as_mapping(document, "the document").get("data")
        rows = [data] if isinstance(data, dict) else as_list(data, "data")
    read = partial(_point, now=now, forecast=False)
    reading = read_rows(rows, read, source=NAME, scope=ZONE)
    begun = tuple(point for point in reading.points if point.start <= now)
    return GridReading(points=begun, failures=reading.failures)


def parse_regional(document: object, region: int, *, now: float) -> GridReading:
    """Turn an answer of ``/regional/intensity/…/regionid/{region}`` into points.

    A region has no metered values: half-hours that have begun by ``now`` (epoch seconds) are
    estimated, later ones are forecasts. ``data`` may be an object or a list of one.

    Raises:
        BadPayloadError: another region, no half-hour is readable, or the document is none.
    """
    with shaped(NAME, scope=ZONE):
        rows = _regional_rows(document, region)
    return read_rows(rows, partial(_point, now=now, forecast=True), source=NAME, scope=ZONE)


def _regional_rows(document: object, region: int) -> list[object]:
    data = as_mapping(document, "the document").get("data")
    only = data[0] if isinstance(data, list) and len(data) == 1 else data
    answer = as_mapping(only, "data")
    if answer.get("regionid") != region:
        message = f"regionid is not {region}"
        raise ShapeError(message)
    return as_list(answer.get("data"), "data of the region")


def _point(row: object, *, now: float, forecast: bool) -> IntensityPoint | None:
    half_hour = as_mapping(row, "a half-hour")
    start, end = as_instant(half_hour.get("from"), "from"), as_instant(half_hour.get("to"), "to")
    if start % STEP or end - start != STEP:
        message = "from and to are not a half-hour"
        raise ShapeError(message)
    mix = _mix(half_hour.get("generationmix", "absent"))
    if not mix:
        return None
    at = Interval(ZONE, start, STEP, forecast and start > now)
    value = widened(lifecycle_intensity(mix), ZONE, NAME)
    return mixed(at, value, now=now, estimated=forecast)


def _mix(value: object) -> dict[str, float] | None:
    """Percent by fuel; None where the operator has no value, which is not zero."""
    if value is None:
        return None
    mix: dict[str, float] = {}
    for item in as_list(value, "generationmix"):
        entry = as_mapping(item, "an entry of generationmix")
        fuel, percent = entry.get("fuel"), entry.get("perc", "absent")
        if percent is None:
            return None
        if not isinstance(fuel, str) or fuel in mix:
            message = "a fuel of generationmix is repeated or not a text"
            raise ShapeError(message)
        mix[fuel] = as_number(percent, "perc")
    return mix
