"""A window of time: the parts in which it is asked for, and what is kept of the answers. Pure."""

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import Final

from exporter.core.clock import from_epoch
from exporter.core.errors import BadPayloadError, CollectorError, NoDataError
from exporter.core.model import GridReading, IntensityPoint, Standing
from exporter.http.documents import LeftForLaterError

LEAD: Final = 6 * 3600
"""Seconds asked for before a window: the hours that tell which plants usually report."""

Read = Callable[[], GridReading]
"""One part of a window, not yet asked for."""


def slices(start: int, end: int, *, step: int, longest: int) -> Iterator[tuple[int, int]]:
    """Cut ``[start, end)``, widened to multiples of ``step``, into windows without gap or overlap.

    All in epoch seconds, oldest first, each at most ``longest`` seconds (a multiple of ``step``).
    """
    first, last = start // step * step, -(-end // step) * step
    for left in range(first, last, longest):
        yield left, min(left + longest, last)


def spans(start: int, until: int, *, step: int, lag: int, longest: int) -> list[tuple[int, int]]:
    """Cut a window, newest part first, into requests of at most ``longest`` seconds.

    It begins at least ``lag`` seconds before its end: a late operator still has a newest value.
    """
    first = min(start, until - lag)
    return sorted(slices(first, until, step=step, longest=longest), reverse=True)


def gather(
    windows: Iterable[tuple[int, int]], read: Callable[[int, int], GridReading]
) -> GridReading:
    """Read several windows as one, newest first, keeping what was read when one fails.

    Raises:
        CollectorError: the first failure, when no window gave a point.
    """
    newest_first = sorted(windows, reverse=True)
    return collect(partial(read, start, end) for start, end in newest_first)


def collect(parts: Iterable[Read]) -> GridReading:
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


def newest_or_within(
    reading: GridReading, zones: Collection[str], start: int, end: int, *, source: str
) -> GridReading:
    """Keep the points that overlap ``[start, end)``; of a zone that has none, the earlier ones.

    So a window that is too recent for a late source still yields what the source knows last. A
    zone without any point is a failure of its own.

    Raises:
        CollectorError: no zone has a point.
    """
    points: list[IntensityPoint] = []
    failures: list[CollectorError] = list(reading.failures)
    told = {failure.scope for failure in failures}
    for zone in sorted(zones):
        known = [point for point in reading.points if point.zone == zone and point.start < end]
        points += [point for point in known if point.end > start] or known
        if not known and zone not in told:
            message = f"{source}: no value of {zone} before {from_epoch(end):%Y-%m-%dT%H:%MZ}"
            failures.append(NoDataError(f"{message} — wait, or check the zone", scope=zone))
    if failures and not points:
        raise failures[0]
    return GridReading(points=tuple(points), failures=tuple(failures))


def not_empty(reading: GridReading, source: str, start: int, end: int) -> GridReading:
    """Return the reading of ``[start, end)`` epoch seconds.

    Raises:
        NoDataError: it has neither a point nor a failure.
    """
    if reading.points or reading.failures:
        return reading
    first, last = (f"{from_epoch(seconds):%Y-%m-%dT%H:%MZ}" for seconds in (start, end))
    message = f"{source}: no value between {first} and {last} — wait"
    raise NoDataError(message)
