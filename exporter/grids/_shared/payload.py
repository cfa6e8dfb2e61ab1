"""From a document of unknown shape to points: each value checked, each row on its own. Pure."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Final, NamedTuple, TypeVar

from exporter.core.clock import epoch
from exporter.core.errors import BadPayloadError
from exporter.core.model import Basis, GridReading, IntensityPoint
from exporter.core.units import GCO2eqPerKwh

MOST_INTENSE: Final = 2000.0
"""gCO2eq/kWh. The dirtiest grids reach about 1000; pounds per MWh or an error would be above."""
_DECIMAL: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?", re.ASCII)

Row = TypeVar("Row")


class ShapeError(ValueError):
    """A value that does not have the documented shape; the text names the field, not its owner."""


@contextmanager
def shaped(source: str, *, scope: str = "", told_by: str = "API") -> Iterator[None]:
    """Read a whole document inside: where it is not of the documented shape, the answer is bad.

    Raises:
        BadPayloadError: ShapeError was raised inside.
    """
    try:
        yield
    except ShapeError as error:
        message = f"{source}: {error} — the {told_by} has changed, or base_url is wrong"
        raise BadPayloadError(message, scope=scope) from error


def as_mapping(value: object, what: str) -> Mapping[str, object]:
    """Return a JSON object, or raise ShapeError."""
    if not isinstance(value, dict):
        message = f"{what} is not an object"
        raise ShapeError(message)
    return value


def as_list(value: object, what: str) -> list[object]:
    """Return a JSON array, or raise ShapeError."""
    if not isinstance(value, list):
        message = f"{what} is not a list"
        raise ShapeError(message)
    return value


def as_number(value: object, what: str) -> float:
    """Return a finite JSON number that is not negative, or raise ShapeError."""
    message = f"{what} is not a number of 0 or more"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ShapeError(message)
    try:
        number = float(value)
    except OverflowError as error:
        raise ShapeError(message) from error
    if not math.isfinite(number) or number < 0:
        raise ShapeError(message)
    return number


def as_decimal(value: object, what: str) -> float:
    """Return a number like ``as_number``, also where it is written as a JSON text."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
        return float(value)
    return as_number(value, what)


def as_intensity(value: object, what: str, basis: Basis) -> GCO2eqPerKwh:
    """Return a plausible intensity, or raise ShapeError.

    A life-cycle intensity of 0 is none: even wind and water have one.
    """
    number = as_decimal(value, what)
    if number > MOST_INTENSE or (number == 0 and basis is Basis.LIFECYCLE):
        message = f"{what} of {number:g} is no {basis} intensity in gCO2eq/kWh"
        raise ShapeError(message)
    return GCO2eqPerKwh(number)


def as_instant(value: object, what: str) -> int:
    """Return the whole epoch second of an ISO 8601 time with a zone, or raise ShapeError."""
    message = f"{what} is not an ISO 8601 time with a zone, in whole seconds"
    if not isinstance(value, str):
        raise ShapeError(message)
    try:
        seconds = epoch(datetime.fromisoformat(value))
    except (ValueError, OverflowError) as error:
        raise ShapeError(message) from error
    if seconds != int(seconds):
        raise ShapeError(message)
    return int(seconds)


def rows_at(document: object, key: str) -> list[object]:
    """Return the array under a key of a document that is a JSON object, or raise ShapeError."""
    return as_list(as_mapping(document, "the document").get(key), key)


class Interval(NamedTuple):
    """What the value of a row is about: ``[start, start + step)`` in epoch seconds, of a zone."""

    zone: str
    start: int
    step: int
    forecast: bool = False


def point_at(
    at: Interval, value: object, what: str, *, basis: Basis, now: float
) -> IntensityPoint | None:
    """Return the point of an interval; None where there is no value, or nothing observed yet.

    An observed interval that is running at ``now`` is marked as estimated.

    Raises:
        ShapeError: the value, which the document calls ``what``, is no intensity of the basis.
    """
    if value is None or (at.start > now and not at.forecast):
        return None
    end = at.start + at.step
    return IntensityPoint(
        zone=at.zone,
        start=at.start,
        end=end,
        gco2eq_per_kwh=as_intensity(value, what, basis),
        estimated=not at.forecast and end > now,
        forecast=at.forecast,
    )


def read_rows(
    rows: Iterable[Row],
    read: Callable[[Row], IntensityPoint | None],
    *,
    source: str,
    scope: str = "",
) -> GridReading:
    """Turn rows into points; unreadable ones become one failure beside the readable ones.

    ``read`` returns None for a row without a value and raises ShapeError for an unreadable one.
    Of two rows for one interval the later one counts.

    Raises:
        BadPayloadError: rows are unreadable and no other has a value.
    """
    points: dict[tuple[str, int, bool], IntensityPoint] = {}
    unreadable: list[ShapeError] = []
    for row in rows:
        try:
            point = read(row)
        except ShapeError as error:
            unreadable.append(error)
        else:
            if point is not None:
                points[point.zone, point.start, point.forecast] = point
    failures = _left_out(unreadable, source, scope, minor=bool(points))
    if failures and not points:
        raise failures[0] from unreadable[0]
    return GridReading(points=tuple(points.values()), failures=failures)


def _left_out(
    unreadable: list[ShapeError], source: str, scope: str, *, minor: bool
) -> tuple[BadPayloadError, ...]:
    if not unreadable:
        return ()
    message = (
        f"{source}: {len(unreadable)} unreadable rows, the first because {unreadable[0]} — "
        "they are left out; report it if it lasts"
    )
    return (BadPayloadError(message, scope=scope, minor=minor),)
