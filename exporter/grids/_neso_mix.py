"""NESO's generation mixes as life-cycle intensities. Pure."""

from collections.abc import Mapping
from functools import partial
from typing import Final, NamedTuple

from exporter.core.errors import BadPayloadError
from exporter.core.model import GridReading, IntensityPoint
from exporter.core.units import PERCENT, GCO2eqPerKwh
from exporter.grids._mix import FACTORS as SHARED_FACTORS
from exporter.grids._mix import FuelFactor, weighted_mean
from exporter.grids._payload import ShapeError, as_instant, as_list, as_mapping, as_number
from exporter.grids._points import read_rows

NAME: Final = "neso"
ZONE: Final = "GB"
STEP: Final = 1800
"""Seconds of a settlement period."""
SUM_TOLERANCE: Final = 2.0
"""Percentage points. Recorded mixes add up to 99.8-100.2, the documented example to 98.9."""


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


_PLANTS: Final = ("gas", "coal", "biomass", "nuclear", "hydro", "wind", "solar", "other")
FACTORS: Final[Mapping[str, FuelFactor]] = {fuel: SHARED_FACTORS[fuel] for fuel in _PLANTS} | {
    "imports": FuelFactor(
        gco2eq_per_kwh=_imports_factor(),
        source="import-weighted 2023 mean of the exporting zones' yearly averages",
    ),
}
"""Every fuel name of the documented mix."""


def lifecycle_intensity(mix: Mapping[str, float]) -> GCO2eqPerKwh:
    """Weighted mean of the factors; ``mix`` gives percent by fuel and adds up to about 100.

    Raises:
        ShapeError: an unknown fuel, or a sum too far from 100 %.
    """
    total = sum(mix.values())
    if FACTORS.keys() >= mix.keys() and abs(total - PERCENT) > SUM_TOLERANCE:
        message = f"the mix adds up to {total:g} %, not 100 %"
        raise ShapeError(message)
    return weighted_mean(mix, FACTORS)


def parse_generation(document: object, *, now: float) -> GridReading:
    """Turn an answer of ``/generation`` or ``/generation/{from}/{to}`` into points.

    Half-hours that begin after ``now`` (epoch seconds) are left out, as are those with a null in
    their mix; of two answers for one half-hour the later one counts. Unreadable half-hours become
    one failure beside the readable ones.

    Raises:
        BadPayloadError: no half-hour is readable, or the document is none.
    """
    try:
        data = as_mapping(document, "the document").get("data")
        rows = [data] if isinstance(data, dict) else as_list(data, "data")
    except ShapeError as error:
        raise _changed(error) from error
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
    try:
        rows = _regional_rows(document, region)
    except ShapeError as error:
        raise _changed(error) from error
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
    begun = start <= now
    return IntensityPoint(
        zone=ZONE,
        start=start,
        end=end,
        gco2eq_per_kwh=lifecycle_intensity(mix),
        estimated=begun and (forecast or end > now),
        forecast=forecast and not begun,
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


def _changed(error: ShapeError) -> BadPayloadError:
    message = f"{NAME}: {error} — the API has changed, or base_url is wrong"
    return BadPayloadError(message, scope=ZONE)
