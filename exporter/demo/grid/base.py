"""What the documents of the simulated grid share in every protocol: zones, values, time axis."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from math import fsum
from typing import Any, Final

from exporter.core.clock import epoch, floor_to
from exporter.core.ports import Clock
from exporter.demo.grid.faults import Fault
from exporter.demo.grid.forecast import forecast_error

HOUR: Final = 3600
DAY: Final = 24 * HOUR
OTHER_ZONE: Final = "XX-OTHER"
"""The zone of ``Fault.WRONG_ZONE``."""

Document = dict[str, Any]


class BadQueryError(ValueError):
    """The query cannot be answered: why, and the status and the body that say so."""

    def __init__(
        self,
        message: str,
        *,
        status: HTTPStatus = HTTPStatus.BAD_REQUEST,
        document: Document | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        code = f"{status.value} {status.phrase}"
        self.document = document or {"error": {"code": code, "message": message}}


@dataclass(frozen=True, slots=True, kw_only=True)
class GridValues:
    """What the grid is like: ``intensity(zone, start)`` of each interval of ``step`` seconds.

    ``zones`` None means that it knows all.
    """

    intensity: Callable[[str, int], float]
    clock: Clock
    zones: Collection[str] | None
    step: int

    def knows(self, zone: str) -> bool:
        """Whether the zone is simulated."""
        return zone != "" and (self.zones is None or zone in self.zones)

    def now(self) -> int:
        """Return the present epoch second."""
        return int(epoch(self.clock.now()))

    def running(self, step: int) -> int:
        """Return the start of the running interval of ``step`` seconds."""
        return floor_to(self.now(), step)

    def intervals(self, start: int, end: int, step: int, fault: Fault | None) -> Iterator[int]:
        """Yield the starts of the intervals that overlap a window and have begun."""
        if fault is Fault.EMPTY:
            return
        last = end if fault is Fault.FUTURE else min(end, self.running(step) + 1)
        yield from range(floor_to(start, step), last, step)

    def mean(self, zone: str, start: int, length: int) -> float:
        """Return the mean over an interval of a protocol, shorter or longer than ``step``."""
        parts = range(start, start + length, min(length, self.step))
        return fsum(self.intensity(zone, floor_to(at, self.step)) for at in parts) / len(parts)

    def expected(self, zone: str, start: int, length: int, *, issued: int) -> float:
        """Return the mean over an interval as a forecast of the time ``issued`` gave it."""
        return self.mean(zone, start, length) * (1 + forecast_error(zone, issued, start))


def seconds(text: str) -> int:
    """Read an ISO 8601 time with a zone.

    Raises:
        BadQueryError: the text is none.
    """
    try:
        return int(epoch(datetime.fromisoformat(text)))
    except ValueError as error:
        message = "Please enter a valid date in ISO8601 format YYYY-MM-DDThh:mmZ"
        raise BadQueryError(message) from error


def iso(moment: int) -> str:
    """Write a time as NESO does, with seconds only where a step needs them."""
    time = datetime.fromtimestamp(moment, UTC)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ" if time.second else "%Y-%m-%dT%H:%MZ")
