"""Reading documents of unknown shape, and windows in pieces that an API allows. Pure."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from exporter.core.clock import epoch
from exporter.core.errors import BadPayloadError, CollectorError, NoDataError
from exporter.core.model import GridReading, IntensityPoint


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

    A window without usable data does not keep the others from being read; a source that refuses,
    throttles or is out of reach is not asked again. Each interval is there once, by zone and time.

    Raises:
        CollectorError: the first failure, when no window gave a point.
    """
    points: dict[tuple[str, int], IntensityPoint] = {}
    failures: list[CollectorError] = []
    for start, end in sorted(windows, reverse=True):
        try:
            reading = read(start, end)
        except (BadPayloadError, NoDataError) as error:
            failures.append(error)
        except CollectorError as error:
            failures.append(error)
            break
        else:
            points |= {(point.zone, point.start): point for point in reading.points}
            failures.extend(reading.failures)
    if failures and not points:
        raise failures[0]
    ordered = tuple(point for _, point in sorted(points.items()))
    return GridReading(points=ordered, failures=tuple(failures))
