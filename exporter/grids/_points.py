"""From the rows of an answer to the points of a window. Pure."""

from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from exporter.core.errors import BadPayloadError
from exporter.core.model import GridReading, IntensityPoint
from exporter.grids._payload import ShapeError

Row = TypeVar("Row")


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
    failures = _left_out(unreadable, source, scope)
    if failures and not points:
        raise failures[0] from unreadable[0]
    return GridReading(points=tuple(points.values()), failures=failures)


def _left_out(unreadable: list[ShapeError], source: str, scope: str) -> tuple[BadPayloadError, ...]:
    if not unreadable:
        return ()
    message = (
        f"{source}: {len(unreadable)} unreadable rows, the first because {unreadable[0]} — "
        "they are left out; report it if it lasts"
    )
    return (BadPayloadError(message, scope=scope),)


def in_window(
    points: Collection[IntensityPoint], start: int, end: int
) -> tuple[IntensityPoint, ...]:
    """Choose the points that a window of epoch seconds asks for, and what helps beside them.

    That is every forecast that ends after ``start`` and, for a zone whose operator is too late to
    have a value in the window, its newest value before it. Sorted by zone and time.
    """
    observed = [p for p in points if not p.forecast]
    inside = [p for p in observed if p.start < end and p.end > start]
    late = _newest([p for p in observed if p.end <= start], {p.zone for p in inside})
    ahead = [p for p in points if p.forecast and p.end > start]
    return tuple(sorted((*late, *inside, *ahead), key=lambda p: (p.zone, p.start, p.forecast)))


def _newest(points: Iterable[IntensityPoint], but: Collection[str]) -> tuple[IntensityPoint, ...]:
    newest: dict[str, IntensityPoint] = {}
    for point in points:
        known = newest.get(point.zone, point)
        if point.zone not in but and point.start >= known.start:
            newest[point.zone] = point
    return tuple(newest.values())
