"""The calls of Electricity Maps, and what the key may do with them."""

from collections.abc import Collection, Iterable, Mapping
from http import HTTPStatus
from typing import Final

from exporter.core.clock import epoch, from_epoch
from exporter.core.errors import AuthError, NoDataError
from exporter.core.model import GridReading
from exporter.core.ports import Clock
from exporter.grids.electricity_maps.parse import (
    ANY_ENDPOINT,
    NAME,
    no_data,
    parse_values,
    parse_zones,
)
from exporter.http.client import Params, RefusedError, StatusError
from exporter.http.documents import Documents, LeftForLaterError
from exporter.http.secret import Secret

HISTORY_SECONDS: Final = 86400
"""What ``history`` spans."""
LONGEST_REQUEST: Final = 10 * 86400
"""What ``past-range`` gives at hourly steps."""
FORECAST_HOURS: Final = 24
KEEP_FORECAST_SECONDS: Final = 3000.0
"""The hourly forecast is asked for once an hour."""
KEEP_RIGHTS_SECONDS: Final = 6 * 3600.0
"""A plan rarely changes; what it refused is tried again after this."""
_PREFIX: Final = "carbon-intensity/"
_QUERY: Final = (
    ("disableCallerLookup", "true"),
    ("emissionFactorType", "lifecycle"),
    ("temporalGranularity", "hourly"),
)
_LATEST, _HISTORY, _FORECAST, _PAST = "latest", "history", "forecast", "past-range"


class Rights:
    """What the key was last seen to be allowed; unknown at first and after some hours."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = float("-inf")
        self._zones: Mapping[str, frozenset[str]] = {}
        self._refused: frozenset[tuple[str, str]] = frozenset()

    @property
    def asked(self) -> bool:
        """Whether there ever was a list of zones."""
        return self._until > float("-inf")

    @property
    def known(self) -> bool:
        """Whether the list of zones is recent."""
        return self._clock.monotonic() < self._until

    @property
    def zones(self) -> tuple[str, ...]:
        """Zones whose present value the key may read."""
        return tuple(zone for zone in sorted(self._zones) if self.zone(zone))

    def learn(self, zones: Mapping[str, frozenset[str]]) -> None:
        """Take over a new list; earlier refusals are forgotten."""
        self._zones = zones
        self._refused = frozenset()
        self._until = self._clock.monotonic() + KEEP_RIGHTS_SECONDS

    def refuse(self, zone: str, endpoint: str) -> None:
        """Remember that the API refused a call in spite of the list."""
        self._refused |= {(zone, endpoint)}

    def zone(self, zone: str) -> bool:
        """Whether the present value of a zone may be read."""
        return self.allow(zone, _LATEST) or self.allow(zone, _HISTORY)

    def allow(self, zone: str, endpoint: str) -> bool:
        """Whether one call may be made for a zone."""
        granted = self._zones.get(zone, frozenset())
        named = ANY_ENDPOINT in granted or _PREFIX + endpoint in granted
        return named and (zone, endpoint) not in self._refused


class Api:
    """The calls that this product makes. Used by one thread at a time, but for ``rights``."""

    def __init__(self, documents: Documents, secret: Secret, clock: Clock) -> None:
        self._documents = documents
        self._secret = secret
        self._clock = clock
        self.rights = Rights(clock)

    def learn_rights(self) -> None:
        """Ask what the key may do, if that is not known.

        Raises:
            CollectorError: the list of zones could not be read.
        """
        if not self.rights.known:
            document = self._documents.get("/zones", api="zones", headers=self._key())
            self.rights.learn(parse_zones(document))

    def recent(self, zone: str) -> GridReading:
        """Read the last 24 hours with the running one, or what the plan has of them.

        Raises:
            CollectorError: nothing could be read.
        """
        parts: list[GridReading] = []
        for endpoint in (_HISTORY, _LATEST):
            if self.rights.allow(zone, endpoint) and not self._has_running_hour(parts):
                try:
                    parts.append(self._present(zone, endpoint))
                except LeftForLaterError:
                    if not parts:
                        raise
        points = tuple(point for part in parts for point in part.points)
        failures = tuple(failure for part in parts for failure in part.failures)
        if not points and not failures:
            raise NoDataError(no_data(zone), scope=zone)
        return GridReading(points=points, failures=failures)

    def past(self, zone: str, start: int, end: int) -> GridReading:
        """Read hours that lie before those of ``recent``; nothing where the plan lacks them.

        Raises:
            CollectorError: nothing could be read.
        """
        window = (("start", _iso(start)), ("end", _iso(end)))
        return self._extra(zone, _PAST, {HTTPStatus.FORBIDDEN}, window)

    def forecast(self, zone: str) -> GridReading:
        """Read the coming hours; nothing where the plan lacks them.

        Raises:
            CollectorError: nothing could be read.
        """
        lacks = {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
        return self._extra(zone, _FORECAST, lacks, (("horizonHours", str(FORECAST_HOURS)),))

    def close(self) -> None:
        """Release the connections."""
        self._documents.close()

    def _has_running_hour(self, parts: Iterable[GridReading]) -> bool:
        now = epoch(self._clock.now())
        return any(point.end > now for part in parts for point in part.points)

    def _present(self, zone: str, endpoint: str) -> GridReading:
        """Read what every plan has; a refusal concerns this zone alone."""
        try:
            return self._values(zone, endpoint)
        except RefusedError as error:
            if error.status != HTTPStatus.FORBIDDEN and not _is_about_a_zone(error):
                raise
            self.rights.refuse(zone, endpoint)
            message = f"{NAME}: the key may not read {endpoint} of zone {zone} — check its plan"
            return GridReading(points=(), failures=(AuthError(message, scope=zone),))

    def _extra(
        self, zone: str, endpoint: str, lacks: Collection[int], params: Params
    ) -> GridReading:
        """Make a call that not every plan has: a refusal is remembered and is no failure."""
        if not self.rights.allow(zone, endpoint):
            return GridReading(points=())
        try:
            return self._values(zone, endpoint, params)
        except (RefusedError, _NotFoundError) as error:
            if error.status not in lacks:
                raise
        self.rights.refuse(zone, endpoint)
        return GridReading(points=())

    def _values(self, zone: str, endpoint: str, params: Params = ()) -> GridReading:
        query = [("zone", zone), *_QUERY, *params]
        keep = KEEP_FORECAST_SECONDS if endpoint == _FORECAST else None
        path = f"/{_PREFIX}{endpoint}"
        try:
            document = self._documents.get(
                path, api=endpoint, params=query, headers=self._key(), keep_seconds=keep
            )
        except StatusError as error:
            if error.status == HTTPStatus.NOT_FOUND and isinstance(error.document, dict):
                raise _NotFoundError(no_data(zone), scope=zone) from error
            raise
        now = epoch(self._clock.now())
        return parse_values(document, zone, now=now, forecast=endpoint == _FORECAST)

    def _key(self) -> Mapping[str, str]:
        return {"auth-token": self._secret.reveal()}


def _is_about_a_zone(error: RefusedError) -> bool:
    """Whether a 401 says that the key is good for other zones, not that it is no key."""
    return isinstance(error.document, dict) and any(
        "zone" in str(text).lower() for text in error.document.values()
    )


class _NotFoundError(NoDataError):
    """A 404 in the API's own words, not one of a wrong address."""

    status = HTTPStatus.NOT_FOUND


def _iso(seconds: int) -> str:
    return from_epoch(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")
