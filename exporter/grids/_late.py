"""Windows and answers of sources that publish hours late. Pure."""

from collections.abc import Collection
from typing import Final

from exporter.core.clock import from_epoch
from exporter.core.errors import CollectorError, NoDataError
from exporter.core.model import GridReading, IntensityPoint

LEAD: Final = 6 * 3600
"""Seconds asked for before a window: the hours that tell which plants usually report."""


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
