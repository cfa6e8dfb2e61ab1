"""Reading documents of unknown shape, and windows in pieces that an API allows. Pure."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Final

from exporter.core.clock import epoch
from exporter.core.errors import BadPayloadError, CollectorError, NoDataError
from exporter.core.model import Basis, GridReading, IntensityPoint, Standing
from exporter.core.units import GCO2eqPerKwh
from exporter.http.documents import LeftForLaterError

MOST_INTENSE: Final = 2000.0
"""gCO2eq/kWh. The dirtiest grids reach about 1000; pounds per MWh or an error would be above."""
_DECIMAL: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?", re.ASCII)


class ShapeError(ValueError):
    """A value that does not have the documented shape; the text names the field, not its owner."""


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


def slices(start: int, end: int, *, step: int, longest: int) -> Iterator[tuple[int, int]]:
    """Cut ``[start, end)``, widened to multiples of ``step``, into windows without gap or overlap.

    All in epoch seconds, oldest first, each at most ``longest`` seconds (a multiple of ``step``).
    """
    first, last = start // step * step, -(-end // step) * step
    for left in range(first, last, longest):
        yield left, min(left + longest, last)


def gather(
    windows: Iterable[tuple[int, int]], read: Callable[[int, int], GridReading]
) -> GridReading:
    """Read several windows as one, newest first, keeping what was read when one fails.

    Raises:
        CollectorError: the first failure, when no window gave a point.
    """
    newest_first = sorted(windows, reverse=True)
    return collect(partial(read, start, end) for start, end in newest_first)


def collect(parts: Iterable[Callable[[], GridReading]]) -> GridReading:
    """Read several parts as one, in their order, keeping what was read when one fails.

    A part without usable data does not keep the others from being read; a source that refuses,
    throttles or is out of reach is not asked again. Where the request budget is spent, only parts
    that need no request are still read. Each interval is there once, by zone and time, and each
    zone has one standing.

    Raises:
        CollectorError: the first failure, when no part gave a point or a standing.
    """
    points: dict[tuple[str, int, bool], IntensityPoint] = {}
    standings: dict[str, Standing] = {}
    failures: list[CollectorError] = []
    for read in parts:
        try:
            reading = read()
        except LeftForLaterError:
            continue
        except (BadPayloadError, NoDataError) as error:
            failures.append(error)
        except CollectorError as error:
            failures.append(error)
            break
        else:
            points |= {(p.zone, p.start, p.forecast): p for p in reading.points}
            standings |= {standing.zone: standing for standing in reading.standings}
            failures.extend(reading.failures)
    if failures and not points and not standings:
        raise failures[0]
    ordered = tuple(point for _, point in sorted(points.items()))
    return GridReading(
        points=ordered, failures=tuple(failures), standings=tuple(standings.values())
    )


def within(points: Iterable[IntensityPoint], start: int, end: int) -> tuple[IntensityPoint, ...]:
    """Return the points that overlap ``[start, end)`` epoch seconds."""
    return tuple(point for point in points if point.start < end and point.end > start)
