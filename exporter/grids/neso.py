"""Great Britain, live and without a key: the Carbon Intensity API of NESO.

Zones: ``GB``. Method: average. Basis: **life cycle**, recomputed here: the API's own intensity
counts combustion only (wind, solar, nuclear, hydro = 0), so that it would not compare with other
zones. The generation mix of each half-hour times the factors below gives grams per kWh generated
in, or imported into, Great Britain; losses in the grid are not added.
Step: 30 min, ``[from, to)``, UTC. Lag: none; the running half-hour is the operator's own estimate
and is marked so until it has ended. History: since 2018, at most 14 days a request.
Licence: CC BY 4.0, "Carbon Intensity API, National Energy System Operator (NESO)",
https://carbonintensity.org.uk.

Half-hours whose mix adds up to 100 % only roughly (rounding) are scaled to 100 %. A fuel that is
not in the table is refused rather than guessed: the chain then falls back to the next source.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from pydantic import Field

from exporter.core.clock import epoch
from exporter.core.errors import BadPayloadError, NoDataError
from exporter.core.model import Basis, GridReading, IntensityPoint, Method
from exporter.core.plugins import GridConfig
from exporter.core.ports import AdapterContext, Clock
from exporter.core.units import PERCENT, GCO2eqPerKwh
from exporter.grids._http import BaseUrl, Endpoint, JsonClient
from exporter.grids._payload import (
    ShapeError,
    as_instant,
    as_list,
    as_mapping,
    as_number,
    gather,
    slices,
)

NAME: Final = "neso"
ZONE: Final = "GB"
STEP: Final = 1800
"""Seconds of a settlement period."""
LONGEST_REQUEST: Final = 14 * 86400
"""Seconds; the API refuses longer windows."""
SUM_TOLERANCE: Final = 2.0
"""Percentage points. Recorded mixes add up to 99.8-100.2, the documented example to 98.9."""

_IPCC: Final = "IPCC AR5 WG3 (2014), Annex III, table A.III.2, median"


@dataclass(frozen=True, slots=True, kw_only=True)
class FuelFactor:
    """Life-cycle grams of CO2eq for each kWh of a fuel, and where the number comes from."""

    gco2eq_per_kwh: float
    source: str


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


_GAS: Final = 490.0
_DIRECT_GAS: Final = 394.0
_DIRECT_OTHER: Final = 300.0
"""NESO's own combustion factors of combined-cycle gas and of "other" (`/intensity/factors`)."""

FACTORS: Final[Mapping[str, FuelFactor]] = {
    "gas": FuelFactor(gco2eq_per_kwh=_GAS, source=f"{_IPCC}: gas, combined cycle"),
    "coal": FuelFactor(gco2eq_per_kwh=820.0, source=f"{_IPCC}: coal, pulverised"),
    "biomass": FuelFactor(gco2eq_per_kwh=230.0, source=f"{_IPCC}: biomass, dedicated"),
    "nuclear": FuelFactor(gco2eq_per_kwh=12.0, source=f"{_IPCC}: nuclear"),
    "hydro": FuelFactor(gco2eq_per_kwh=24.0, source=f"{_IPCC}: hydropower"),
    "wind": FuelFactor(gco2eq_per_kwh=11.0, source=f"{_IPCC}: wind onshore (offshore 12)"),
    "solar": FuelFactor(
        gco2eq_per_kwh=45.0, source=f"{_IPCC}: between utility 48 and rooftop 41, GB has both"
    ),
    "imports": FuelFactor(
        gco2eq_per_kwh=_imports_factor(),
        source="import-weighted 2023 mean of the exporting zones' yearly averages",
    ),
    "other": FuelFactor(
        gco2eq_per_kwh=_DIRECT_OTHER * _GAS / _DIRECT_GAS,
        source="NESO's direct factor of 300 raised by gas's ratio of life cycle to direct, 490/394",
    ),
}
"""Every fuel name of the documented mix."""


class Config(GridConfig):
    """`kind: neso`: Great Britain, live, no key."""

    base_url: BaseUrl = Field(
        default="https://api.carbonintensity.org.uk",
        description="Address of the Carbon Intensity API, for a mirror or a proxy.",
    )


def build(config: Config, context: AdapterContext) -> tuple["NesoSource", ...]:
    """Make the source; nothing is asked yet."""
    endpoint = Endpoint(
        source=NAME,
        base_url=config.base_url,
        auth_fix="it needs no key but may block this address: set base_url or add another source",
    )
    return (NesoSource(JsonClient(endpoint, context), context.clock),)


class NesoSource:
    """Life-cycle intensity of Great Britain by half-hour."""

    name = NAME
    method = Method.AVERAGE
    basis = Basis.LIFECYCLE
    refresh_seconds = 900

    def __init__(self, client: JsonClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    def covers(self, zone: str) -> bool:
        """Whether the zone is Great Britain."""
        return zone == ZONE

    def fetch(self, zones: Collection[str], start: int, end: int) -> GridReading:
        """Read the half-hours that have begun and overlap ``[start, end)`` epoch seconds.

        Raises:
            CollectorError: nothing of the window could be read.
        """
        until = min(end, int(epoch(self._clock.now())) + 1)
        if ZONE not in zones or until <= start:
            return GridReading(points=())
        windows = slices(start, until, step=STEP, longest=LONGEST_REQUEST)
        return gather(windows, self._read)

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _read(self, start: int, end: int) -> GridReading:
        path = f"/generation/{_path_time(start)}/{_path_time(end)}"
        document = self._client.get_json(path, api="generation")
        reading = parse_generation(document, now=epoch(self._clock.now()))
        # The API begins with the half-hour that ends at the start of the window.
        inside = tuple(p for p in reading.points if start <= p.start < end)
        if not inside and not reading.failures:
            message = f"{NAME}: no half-hour between {_path_time(start)} and {_path_time(end)}"
            raise NoDataError(message)
        return GridReading(points=inside, failures=reading.failures)


def parse_generation(document: object, *, now: float) -> GridReading:
    """Turn an answer of ``/generation`` or ``/generation/{from}/{to}`` into points.

    Half-hours that begin after ``now`` (epoch seconds) are forecasts and left out, as are those
    with a null in their mix; of two answers for one half-hour the later one counts. Unreadable
    half-hours become one failure beside the readable ones.

    Raises:
        BadPayloadError: no half-hour is readable, or the document is none.
    """
    points: dict[int, IntensityPoint] = {}
    unreadable: list[ShapeError] = []
    for row in _rows(document):
        try:
            point = _point(as_mapping(row, "a half-hour"), now)
        except ShapeError as error:
            unreadable.append(error)
        else:
            if point is not None and point.start <= now:
                points[point.start] = point
    failures = _failures(unreadable)
    if failures and not points:
        raise failures[0] from unreadable[0]
    return GridReading(points=tuple(points.values()), failures=failures)


def lifecycle_intensity(mix: Mapping[str, float]) -> GCO2eqPerKwh:
    """Weighted mean of the factors; ``mix`` gives percent by fuel and adds up to about 100.

    Raises:
        ShapeError: an unknown fuel, or a sum too far from 100 %.
    """
    for fuel in mix:
        if fuel not in FACTORS:
            message = f"unknown fuel {fuel[:40]!a}"
            raise ShapeError(message)
    total = sum(mix.values())
    if abs(total - PERCENT) > SUM_TOLERANCE:
        message = f"the mix adds up to {total:g} %, not 100 %"
        raise ShapeError(message)
    grams = sum(percent * FACTORS[fuel].gco2eq_per_kwh for fuel, percent in mix.items())
    return GCO2eqPerKwh(grams / total)


def _rows(document: object) -> list[object]:
    try:
        data = as_mapping(document, "the document").get("data")
        return [data] if isinstance(data, dict) else as_list(data, "data")
    except ShapeError as error:
        message = f"{NAME}: {error} — the API has changed, or base_url is wrong"
        raise BadPayloadError(message) from error


def _point(row: Mapping[str, object], now: float) -> IntensityPoint | None:
    start, end = as_instant(row.get("from"), "from"), as_instant(row.get("to"), "to")
    if start % STEP or end - start != STEP:
        message = "from and to are not a half-hour"
        raise ShapeError(message)
    mix = _mix(row.get("generationmix", "absent"))
    if not mix:
        return None
    return IntensityPoint(
        zone=ZONE,
        start=start,
        end=end,
        gco2eq_per_kwh=lifecycle_intensity(mix),
        estimated=end > now,
    )


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


def _failures(unreadable: list[ShapeError]) -> tuple[BadPayloadError, ...]:
    if not unreadable:
        return ()
    message = (
        f"{NAME}: {len(unreadable)} unreadable half-hours, the first because {unreadable[0]} — "
        "they are left out; report it if it lasts"
    )
    return (BadPayloadError(message, scope=ZONE),)


def _path_time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%MZ")
