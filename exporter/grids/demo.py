"""The simulated grid of the demo estate, asked over loopback like any other source.

Protocol: ``GET /v1/intensity?zone=FR&zone=IE&from=…&to=…``; see ``exporter/demo/grid/own.py``.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Final

import httpx
from pydantic import AfterValidator, Field

from exporter.core.clock import epoch
from exporter.core.errors import BadPayloadError, NoDataError
from exporter.core.model import Basis, GridReading, IntensityPoint, Method
from exporter.core.plugins import GridConfig
from exporter.core.ports import AdapterContext, Clock
from exporter.core.units import GCO2eqPerKwh
from exporter.grids._shared.facts import SourceFacts
from exporter.grids._shared.payload import ShapeError, as_instant, as_list, as_mapping, as_number
from exporter.grids._shared.windows import gather, slices
from exporter.http.address import BaseUrl, is_loopback
from exporter.http.client import Endpoint, JsonClient

NAME: Final = "demo"
_LONGEST_REQUEST: Final = 7 * 86400
"""Seconds; keeps the answer for all zones of the estate well below the size limit."""
HISTORY_SECONDS: Final = 14 * 86400

FACTS: Final = SourceFacts(
    kind=NAME,
    title="Simulated grid of the demo estate",
    zones="any",
    method=Method.AVERAGE,
    basis=Basis.LIFECYCLE,
    step="as the answer says (30 min in the demo)",
    lag="none",
    budget="asks once a minute for all zones, at most 7 days in one request; on this machine only",
    licence="does not apply: the numbers are invented",
    attribution="does not apply",
    url="http://127.0.0.1",
    notes=("For the demo alone; it answers on this machine only.",),
)


def _loopback(url: str) -> str:
    if not is_loopback(httpx.URL(url).host):
        message = "the simulated grid answers on this machine only: write http://127.0.0.1:PORT"
        raise ValueError(message)
    return url


class Config(GridConfig):
    """`kind: demo`: the simulated grid that `carbon-exporter demo` starts."""

    url: Annotated[BaseUrl, AfterValidator(_loopback)] = Field(
        description="Address of the simulated grid; loopback only."
    )
    except_zones: tuple[str, ...] = Field(
        default=(), description="Zones that real sources tell, so that it must not invent them."
    )


def build(config: Config, context: AdapterContext) -> tuple["DemoSource", ...]:
    """Make the source; nothing is asked yet."""
    endpoint = Endpoint(
        source=NAME,
        base_url=config.url,
        auth_fix="the simulated grid was told to refuse; clear its fault",
    )
    client = JsonClient(endpoint, context)
    return (DemoSource(client, context.clock, frozenset(config.except_zones)),)


class DemoSource:
    """Simulated life-cycle intensity of any zone."""

    name = NAME
    method = Method.AVERAGE
    basis = Basis.LIFECYCLE
    refresh_seconds = 60
    history_seconds = HISTORY_SECONDS

    def __init__(
        self, client: JsonClient, clock: Clock, except_zones: frozenset[str] = frozenset()
    ) -> None:
        self._client = client
        self._clock = clock
        self._not_told = except_zones | {"", "WORLD"}

    def covers(self, zone: str) -> bool:
        """Every grid that there is, unless another source tells it; ``WORLD`` is none."""
        return zone not in self._not_told

    def fetch(self, zones: Collection[str], start: int, end: int) -> GridReading:
        """Read the intervals that have begun and overlap ``[start, end)`` epoch seconds.

        Raises:
            CollectorError: nothing of the window could be read.
        """
        until = min(end, int(epoch(self._clock.now())) + 1)
        wanted = frozenset(zone for zone in zones if self.covers(zone))
        if not wanted or until <= start:
            return GridReading(points=())
        windows = slices(start, until, step=1, longest=_LONGEST_REQUEST)
        return gather(windows, partial(self._read, wanted))

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _read(self, zones: frozenset[str], start: int, end: int) -> GridReading:
        params = [("zone", zone) for zone in sorted(zones)]
        params += [("from", _iso(start)), ("to", _iso(end))]
        document = self._client.get_json("/v1/intensity", api="intensity", params=params)
        points = parse_intensity(document, zones)
        inside = tuple(p for p in points if p.start < end and p.end > start)
        if not inside:
            message = f"{NAME}: no interval between {_iso(start)} and {_iso(end)}"
            raise NoDataError(message)
        return GridReading(points=inside)


def parse_intensity(document: object, zones: Collection[str]) -> tuple[IntensityPoint, ...]:
    """Turn an answer of ``/v1/intensity`` into points; a null value is left out.

    Raises:
        BadPayloadError: another shape, or a zone that was not asked for.
    """
    try:
        answer = as_mapping(document, "the document")
        rows = as_list(answer.get("points"), "points")
        points = (_point(as_mapping(row, "a point"), zones) for row in rows)
        return tuple(point for point in points if point is not None)
    except ShapeError as error:
        message = f"{NAME}: {error} — url is not the simulated grid of this version"
        raise BadPayloadError(message) from error


def _point(row: Mapping[str, object], zones: Collection[str]) -> IntensityPoint | None:
    zone = row.get("zone")
    if not isinstance(zone, str) or zone not in zones:
        message = "a point is of a zone that was not asked for"
        raise ShapeError(message)
    start, end = as_instant(row.get("from"), "from"), as_instant(row.get("to"), "to")
    if end <= start:
        message = "a point ends before it begins"
        raise ShapeError(message)
    value = row.get("gco2eq_per_kwh", "absent")
    if value is None:
        return None
    intensity = GCO2eqPerKwh(as_number(value, "gco2eq_per_kwh"))
    return IntensityPoint(zone=zone, start=start, end=end, gco2eq_per_kwh=intensity)


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
