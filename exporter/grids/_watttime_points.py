"""WattTime's answers as points. Pure."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from exporter.core.model import Basis, GridReading, IntensityPoint
from exporter.core.units import GRAMS_PER_KILOGRAM, GRAMS_PER_POUND, GCO2eqPerKwh
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
    _check(as_mapping(answer.get("meta"), "meta"), region)
    rows = as_list(answer.get("data"), "data")
    read = partial(_point, region=region, forecast=forecast, now=now)
    return read_rows(rows, read, source=NAME, scope=region)


def grams_per_kwh(pounds_per_mwh: float) -> GCO2eqPerKwh:
    """Convert pounds per MWh: kilograms per MWh are grams per kWh."""
    return GCO2eqPerKwh(pounds_per_mwh * GRAMS_PER_POUND / GRAMS_PER_KILOGRAM)


def _check(meta: Mapping[str, object], region: str) -> None:
    for key, expected in (("region", region), ("signal_type", SIGNAL), ("units", UNITS)):
        if meta.get(key) != expected:
            message = f"{key} is not {expected}"
            raise ShapeError(message)
    if meta.get("data_point_period_seconds") != STEP:
        message = f"data_point_period_seconds is not {STEP}"
        raise ShapeError(message)


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
