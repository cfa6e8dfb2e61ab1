"""Electricity Maps as a grid source: which zones, which hours, in which order."""

import re
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Final

import structlog

from exporter.core.clock import epoch, floor_to
from exporter.core.errors import AuthError
from exporter.core.model import Basis, GridReading, Method
from exporter.core.ports import Clock
from exporter.grids._shared.windows import collect, in_window, slices
from exporter.grids.electricity_maps.api import HISTORY_SECONDS, LONGEST_REQUEST, Api
from exporter.grids.electricity_maps.parse import NAME, STEP
from exporter.http.documents import Turns

_ZONE: Final = re.compile(r"[A-Z]{2}(-[A-Z0-9]+)*")
_NAMED: Final = 5
"""Zones that a message lists."""
_log = structlog.get_logger(__name__)


class ElectricityMapsSource:
    """Life-cycle intensity and forecast of every zone that the key may read."""

    name = NAME
    method = Method.AVERAGE
    basis = Basis.LIFECYCLE
    refresh_seconds = 900
    history_seconds = LONGEST_REQUEST

    def __init__(self, api: Api, clock: Clock, zones: Collection[str] = ()) -> None:
        self._api = api
        self._clock = clock
        self._zones = frozenset(zones)
        self._turns = Turns(clock)
        self._told: frozenset[str] = frozenset()
        self._idle = False
        """No zone in use may be read: the key's rights are asked for again when they are old."""

    def covers(self, zone: str) -> bool:
        """Whether the key may read the zone; any zone while that is not known."""
        if _ZONE.fullmatch(zone) is None or (self._zones and zone not in self._zones):
            return False
        rights = self._api.rights
        if not rights.asked or (self._idle and not rights.known):
            return True
        return rights.zone(zone)

    def fetch(self, zones: Collection[str], start: int, end: int) -> GridReading:
        """Read the hours that have begun and overlap ``[start, end)``, and the forecasts.

        Zones that the request budget does not reach are absent, which is no failure.

        Raises:
            CollectorError: nothing could be read, or the key may read none of the zones.
        """
        until = min(end, int(epoch(self._clock.now())) + 1)
        wanted = {zone for zone in zones if self.covers(zone)}
        if not wanted or until <= start:
            return GridReading(points=())
        self._api.learn_rights()
        try:
            reading = collect(self._reads(self._allowed(wanted), start, until))
        finally:
            self._idle = not any(self._api.rights.zone(zone) for zone in wanted)
        points = in_window(reading.points, start, until)
        return GridReading(points=points, failures=reading.failures)

    def close(self) -> None:
        """Release the connections."""
        self._api.close()

    def _reads(
        self, zones: Collection[str], start: int, until: int
    ) -> Iterator[Callable[[], GridReading]]:
        """List the calls, the present of all zones first."""
        now = epoch(self._clock.now())
        ordered = self._turns.ordered(zones)
        recent = floor_to(now, STEP) + STEP - HISTORY_SECONDS
        for zone in ordered:
            yield partial(self._turns.take, zone, partial(self._api.recent, zone))
        if until > now - STEP:
            for zone in ordered:
                yield partial(self._api.forecast, zone)
        windows = slices(start, min(until, recent), step=STEP, longest=LONGEST_REQUEST)
        for window in sorted(windows, reverse=True):
            for zone in ordered:
                yield partial(self._api.past, zone, *window)

    def _allowed(self, wanted: Collection[str]) -> frozenset[str]:
        """Choose the zones that the key may read; say once which it lacks."""
        allowed = frozenset(zone for zone in wanted if self._api.rights.zone(zone))
        missing = frozenset(wanted) - allowed
        if not allowed:
            named = ", ".join(self._api.rights.zones[:_NAMED]) or "none"
            message = f"{NAME}: the key may read none of the zones in use — its zones: {named}"
            raise AuthError(message)
        if missing - self._told:
            self._told |= missing
            zones = ", ".join(sorted(missing))
            _log.warning("electricity_maps_zones_missing", zones=zones, fix="see the key's plan")
        return allowed
