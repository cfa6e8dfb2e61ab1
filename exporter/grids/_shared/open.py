"""What the sources have in common that need no key and answer for a window of time."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from typing import ClassVar, Self

from exporter.core.clock import epoch
from exporter.core.model import Basis, GridReading, Method
from exporter.core.ports import AdapterContext, Clock
from exporter.grids._shared.facts import SourceFacts
from exporter.grids._shared.windows import Read, collect, in_window, not_empty
from exporter.http.client import KEYLESS_FIX, Endpoint, JsonClient
from exporter.http.documents import Documents


class OpenSource(ABC):
    """A source without a key. A subclass says what it is and how it reads a window.

    ``keep_seconds`` is how long an answer stands for a new one: less than ``refresh_seconds``, so
    that questions of one refresh are one request and the next refresh asks anew.
    """

    facts: ClassVar[SourceFacts]
    refresh_seconds: int
    history_seconds: int
    keep_seconds: ClassVar[float]

    def __init__(self, documents: Documents, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock

    @classmethod
    def at(cls, base_url: str, context: AdapterContext) -> Self:
        """Make the source; nothing is asked yet."""
        endpoint = Endpoint(source=cls.facts.kind, base_url=base_url, auth_fix=KEYLESS_FIX)
        client = JsonClient(endpoint, context)
        documents = Documents(client, context.clock, keep_seconds=cls.keep_seconds)
        return cls(documents, context.clock)

    @property
    def name(self) -> str:
        """The kind, which names the collector as well."""
        return self.facts.kind

    @property
    def method(self) -> Method:
        """The method that the facts declare."""
        return self.facts.method

    @property
    def basis(self) -> Basis:
        """The basis that the facts declare."""
        return self.facts.basis

    def covers(self, zone: str) -> bool:
        """Whether the facts list the zone."""
        return zone in self.facts.listed

    def fetch(self, zones: Collection[str], start: int, end: int) -> GridReading:
        """Read the intervals that have begun and overlap ``[start, end)`` epoch seconds.

        With them come the forecast, where there is one, and the newest value before the window of
        a zone that has none inside.

        Raises:
            CollectorError: nothing could be read.
        """
        now = epoch(self._clock.now())
        until = min(end, int(now) + 1)
        wanted = self.facts.listed & set(zones)
        if not wanted or until <= start:
            return GridReading(points=())
        reading = collect(self._reads(start, until, now))
        points = in_window([p for p in reading.points if p.zone in wanted], start, until)
        inside = GridReading(points=points, failures=reading.failures)
        return not_empty(inside, self.name, start, until)

    def close(self) -> None:
        """Release the connections."""
        self._documents.close()

    @abstractmethod
    def _reads(self, start: int, until: int, now: float) -> Iterable[Read]:
        """List the parts of ``[start, until)``, the newest first."""
