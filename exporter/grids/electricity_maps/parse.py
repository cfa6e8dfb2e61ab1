"""Documents of Electricity Maps: which key, which zones, which values. Pure."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from exporter.core.errors import BadPayloadError, NoDataError
from exporter.core.model import Basis, GridReading, IntensityPoint
from exporter.grids._shared.payload import (
    ShapeError,
    as_instant,
    as_intensity,
    as_list,
    as_mapping,
    read_rows,
    shaped,
)

NAME: Final = "electricity_maps"
STEP: Final = 3600
ANY_ENDPOINT: Final = "*"
_SANDBOX: Final = "SANDBOX_MODE_DATA"
_ROWS: Final = ("history", "data", "forecast")
_GRANULARITY: Final = "hourly"


def parse_zones(document: object) -> Mapping[str, frozenset[str]]:
    """Return the endpoints that a key may use, by zone.

    A list without access rights, as given to no key in particular, allows everything in it.

    Raises:
        BadPayloadError: the document is no list of zones.
    """
    with shaped(NAME):
        zones = as_mapping(document, "the list of zones").items()
        return {zone: _access(as_mapping(entry, "a zone")) for zone, entry in zones}


def _access(entry: Mapping[str, object]) -> frozenset[str]:
    access = as_list(entry.get("access", [ANY_ENDPOINT]), "access")
    return frozenset(text for text in access if isinstance(text, str))


def parse_values(document: object, zone: str, *, now: float, forecast: bool) -> GridReading:
    """Turn an answer of ``latest``, ``history``, ``past-range`` or ``forecast`` into points.

    Observed hours that begin after ``now`` (epoch seconds) are left out, as are nulls; the running
    hour is marked as estimated, as are those that the operator calls so.

    Raises:
        NoDataError: the operator says in words that it has none.
        BadPayloadError: invented numbers, another zone, basis or step, or nothing readable.
    """
    with shaped(NAME, scope=zone):
        answer = as_mapping(document, "the document")
        if answer.get("status") == "error":
            raise NoDataError(no_data(zone), scope=zone)
        _check(answer, zone)
        rows = _rows(answer)
    read = partial(_point, zone=zone, now=now, forecast=forecast)
    return read_rows(rows, read, source=NAME, scope=zone)


def no_data(zone: str) -> str:
    """Say that there is no value now."""
    return f"{NAME}: no recent data for zone {zone} — wait, or add another source"


def _rows(answer: Mapping[str, object]) -> list[object]:
    for key in _ROWS:
        if key in answer:
            return as_list(answer[key], key)
    return [answer]


def _check(answer: Mapping[str, object], zone: str) -> None:
    """Refuse what would be another thing's number. Rows name the zone only in some answers."""
    if answer.get("estimationMethod") == _SANDBOX or "_disclaimer" in answer:
        message = f"{NAME}: a sandbox key gives invented numbers — use a production key"
        raise BadPayloadError(message, scope=zone)
    if answer.get("zone") != zone:
        message = f"{NAME}: the answer is not for zone {zone} — check that the zone exists"
        raise BadPayloadError(message, scope=zone)
    if answer.get("emissionFactorType", Basis.LIFECYCLE) != Basis.LIFECYCLE:
        message = "emissionFactorType is not lifecycle"
        raise ShapeError(message)
    if answer.get("temporalGranularity", _GRANULARITY) != _GRANULARITY:
        message = "temporalGranularity is not hourly"
        raise ShapeError(message)


def _point(item: object, *, zone: str, now: float, forecast: bool) -> IntensityPoint | None:
    row = as_mapping(item, "a row")
    _check({"zone": zone, **row}, zone)
    start = as_instant(row.get("datetime"), "datetime")
    value = row.get("carbonIntensity", "absent")
    if start % STEP:
        message = "datetime is not a full hour"
        raise ShapeError(message)
    if value is None or (start > now and not forecast):
        return None
    return IntensityPoint(
        zone=zone,
        start=start,
        end=start + STEP,
        gco2eq_per_kwh=as_intensity(value, "carbonIntensity", Basis.LIFECYCLE),
        estimated=not forecast and (row.get("isEstimated") is True or start + STEP > now),
        forecast=forecast,
    )
