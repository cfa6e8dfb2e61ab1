"""WattTime's answers as points and standings. Pure."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from exporter.core.errors import NoDataError
from exporter.core.model import Basis, GridReading, IntensityPoint, Standing
from exporter.core.units import GRAMS_PER_KILOGRAM, GRAMS_PER_POUND, PERCENT, GCO2eqPerKwh
from exporter.grids._payload import (
    ShapeError,
    as_instant,
    as_intensity,
    as_list,
    as_mapping,
    as_number,
)
from exporter.grids._points import read_rows

NAME: Final = "watttime"
SIGNAL: Final = "co2_moer"
UNITS: Final = "lbs_co2_per_mwh"
PERCENTILE: Final = "percentile"
"""Units of ``/v3/signal-index``."""
STEP: Final = 300
"""Seconds."""


def parse_points(document: object, region: str, *, forecast: bool, now: float) -> GridReading:
    """Turn an answer of ``/v3/historical`` or ``/v3/forecast`` into points; region is their zone.

    Observed intervals that begin after ``now`` (epoch seconds) are left out, and forecast ones that
    have ended. Imputed values and the running interval are estimated.

    Raises:
        ShapeError: another region, signal, unit or step, or no such document.
        BadPayloadError: there are values, and none is readable.
    """
    answer = as_mapping(document, "the document")
    meta = as_mapping(answer.get("meta"), "meta")
    _check(meta, region, UNITS)
    if meta.get("data_point_period_seconds") != STEP:
        message = f"data_point_period_seconds is not {STEP}"
        raise ShapeError(message)
    rows = as_list(answer.get("data"), "data")
    read = partial(_point, region=region, forecast=forecast, now=now)
    return read_rows(rows, read, source=NAME, scope=region)


def parse_standing(document: object, region: str, *, now: float) -> GridReading:
    """Turn an answer of ``/v3/signal-index`` into the standing of a region, which is its zone.

    Raises:
        ShapeError: another region, signal or unit, no percentile, a time to come (``now`` is epoch
            seconds, and one step is allowed to clocks), several values, or no such document.
        NoDataError: there is no value.
    """
    answer = as_mapping(document, "the document")
    _check(as_mapping(answer.get("meta"), "meta"), region, PERCENTILE)
    rows = [as_mapping(row, "an entry of data") for row in as_list(answer.get("data"), "data")]
    if not rows or rows[0].get("value", "absent") is None:
        message = f"{NAME}: no percentile of {region} — wait"
        raise NoDataError(message, scope=region)
    if len(rows) > 1:
        message = "data has more than one entry"
        raise ShapeError(message)
    return GridReading(points=(), standings=(_standing(rows[0], region, now),))


def grams_per_kwh(pounds_per_mwh: float) -> GCO2eqPerKwh:
    """Convert pounds per MWh: kilograms per MWh are grams per kWh."""
    return GCO2eqPerKwh(pounds_per_mwh * GRAMS_PER_POUND / GRAMS_PER_KILOGRAM)


def _check(meta: Mapping[str, object], region: str, units: str) -> None:
    for key, expected in (("region", region), ("signal_type", SIGNAL), ("units", units)):
        if meta.get(key) != expected:
            message = f"{key} is not {expected}"
            raise ShapeError(message)


def _standing(row: Mapping[str, object], region: str, now: float) -> Standing:
    moment = as_instant(row.get("point_time"), "point_time")
    if moment > now + STEP:
        message = "point_time is still to come"
        raise ShapeError(message)
    percentile = as_number(row.get("value"), "value")
    if percentile > PERCENT:
        message = f"value of {percentile:g} is no percentile"
        raise ShapeError(message)
    return Standing(zone=region, source=NAME, moment=moment, percentile=percentile)


def _point(row: object, *, region: str, forecast: bool, now: float) -> IntensityPoint | None:
    entry = as_mapping(row, "an entry of data")
    start = as_instant(entry.get("point_time"), "point_time")
    if start % STEP:
        message = "point_time is not the start of an interval"
        raise ShapeError(message)
    value, end = entry.get("value", "absent"), start + STEP
    if value is None or (end <= now if forecast else start > now):
        return None
    grams = grams_per_kwh(as_number(value, "value"))
    return IntensityPoint(
        zone=region,
        start=start,
        end=end,
        gco2eq_per_kwh=as_intensity(grams, "value", Basis.DIRECT),
        estimated=not forecast and (end > now or entry.get("imputed_data_used") is True),
        forecast=forecast,
    )
