"""Great Britain, live and without a key: the Carbon Intensity API of NESO.

Zones: ``GB``. Method: average. Basis: **life cycle**, recomputed here: the API's own intensity
counts combustion only (wind, solar, nuclear, hydro = 0), so that it would not compare with other
zones. The generation mix of each half-hour times the factors of ``_neso_mix`` gives grams per kWh
generated in, or imported into, Great Britain; losses in the grid are not added.
Step: 30 min, ``[from, to)``, UTC. Lag: none; the running half-hour is the operator's own estimate
and is marked so until it has ended. Forecast: 48 h. History: since 2018, at most 14 days a request.
Licence: CC BY 4.0, "Carbon Intensity API, National Energy System Operator (NESO)",
https://carbonintensity.org.uk.

The forecast is recomputed as well: the regional answers carry a forecast mix, for the regions 1-17
of the documentation and, under the number 18, for Great Britain (recorded since 2019, though not
documented). Where that mix is empty there is no forecast; the national forecast of ``/intensity``
counts combustion only and is not used.
``region`` in the config replaces the national mix by that of one region. A region's mix is the
operator's estimate of what is consumed there, never metered, and marked as estimated for good.

Half-hours whose mix adds up to 100 % only roughly (rounding) are scaled to 100 %. A fuel that is
not in the table is refused rather than guessed: the chain then falls back to the next source.
"""

from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Final

from pydantic import Field

from exporter.core.clock import epoch, floor_to, from_epoch
from exporter.core.errors import NoDataError
from exporter.core.model import Basis, GridReading, Method
from exporter.core.plugins import GridConfig
from exporter.core.ports import AdapterContext, Clock
from exporter.grids._facts import SourceFacts
from exporter.grids._neso_mix import NAME, STEP, ZONE, parse_generation, parse_regional
from exporter.grids._payload import collect, slices
from exporter.http.address import BaseUrl
from exporter.http.client import KEYLESS_FIX, Endpoint, JsonClient

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
    notes=(
        "Recomputed from the generation mix with life-cycle factors.",
        "The API's own intensity counts combustion only and is not used.",
        "`region` 1-17 takes the mix of one region, which is always an estimate.",
    ),
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
        for left, right in sorted(windows, reverse=True):
            yield partial(self._read, left, right)
        following = floor_to(now, STEP) + STEP
        if until > following - STEP:
            yield partial(self._forecast, following)

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


def _path_time(seconds: int) -> str:
    return from_epoch(seconds).strftime("%Y-%m-%dT%H:%MZ")
