"""The grids' past, asked for once before it is needed; the budgets of the sources are kept."""

import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from exporter.core.errors import AuthError, CollectorError, ThrottledError, UnreachableError
from exporter.core.meter import ApiMeter
from exporter.core.model import Basis, GridReading, IntensityPoint, Method
from exporter.core.ports import Clock, GridSource
from exporter.history.plan import Gap

SHORTEST_CHUNK: Final = 7 * 86_400
"""Seconds asked for at once, unless more comes cheap; sources cut it to what an answer may hold."""

PATIENCE_SECONDS: Final = 20 * 60.0
"""How long sources are waited for that answer a few questions a minute."""
ASK_AGAIN_SECONDS: Final = 10.0
_STRIKES: Final = 2
"""Questions that bring nothing new, after which a source has nothing more of a time."""

_HOPELESS: Final = (AuthError, UnreachableError)
"""Adapters try these again themselves; what is left of them lasts."""

Count = Callable[[int, int], None]
"""Hears how much is done, and of how much."""


class PastSource:
    """Stands in the engine for a source that has been asked already: it tells nothing more."""

    def __init__(self, real: GridSource) -> None:
        self.name = real.name
        self.method = real.method
        self.basis = real.basis
        self.refresh_seconds = real.refresh_seconds
        self.history_seconds = 0
        self.covers = real.covers

    def fetch(self, _zones: Collection[str], _start: int, _end: int) -> GridReading:
        """Tell nothing: all that there is has been told before."""
        return GridReading(points=())

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Zones and the span in epoch seconds for which their past is asked."""

    used: frozenset[str]
    """Zones that machines stand on: lacking them is told."""
    others: frozenset[str]
    start: int
    end: int


@dataclass(slots=True)
class GridPast:
    """What the sources told, by their name, and what of the used zones they do not know."""

    points: dict[str, list[IntensityPoint]] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """What asking takes. ``clock`` is the adapters', ``meter`` counts their requests."""

    clock: Clock
    meter: ApiMeter
    sleep: Callable[[float], None]
    tell: Count


def gather(sources: Sequence[GridSource], wanted: Wanted, deps: Deps) -> GridPast:
    """Ask all sources side by side, each within its budget; never raises for a failure."""
    zones = wanted.used | wanted.others
    asked = [source for source in sources if any(map(source.covers, zones))]
    if not asked:
        return GridPast()
    count = _Counter(deps.tell)
    jobs = [_Job(source, wanted, deps, count) for source in asked]
    count.start()
    with ThreadPoolExecutor(len(jobs)) as pool:
        list(pool.map(_Job.run, jobs))
    past = GridPast()
    for job in jobs:
        past.points.setdefault(job.name, []).extend(job.points)
        past.gaps.extend(job.gaps)
    return past


class _Counter:
    """Adds up what the threads have done."""

    def __init__(self, tell: Count) -> None:
        self._lock = threading.Lock()
        self._tell = tell
        self._done = 0
        self._total = 0

    def expect(self, parts: int) -> None:
        self._total += parts

    def start(self) -> None:
        self._tell(0, self._total)

    def did(self, parts: int) -> None:
        with self._lock:
            self._done += parts
            self._tell(self._done, self._total)


class _Job:
    """One source being asked, newest first: what is near is likelier to be kept."""

    def __init__(self, source: GridSource, wanted: Wanted, deps: Deps, count: _Counter) -> None:
        self.name = source.name
        self.points: list[IntensityPoint] = []
        self.gaps: list[Gap] = []
        self._source = source
        self._used = wanted.used
        self._zones = sorted(filter(source.covers, wanted.used | wanted.others))
        self._chunks = _chunks(wanted.start, wanted.end, source.history_seconds)
        self._deps = deps
        self._count = count
        self._deadline = deps.clock.monotonic() + PATIENCE_SECONDS
        count.expect(len(self._zones) * len(self._chunks))

    def run(self) -> None:
        """Ask until all is there, or the source has no more."""
        given_up = ""
        for start, end in self._chunks:
            missing, cause = (self._zones, given_up) if given_up else self._chunk(start, end)
            if cause and len(missing) == len(self._zones):
                given_up = cause
            self._note(missing, cause, start, end)
            self._count.did(len(missing))

    def _chunk(self, start: int, end: int) -> tuple[list[str], str]:
        """Return the zones of which nothing came, and why."""
        missing, cause, strikes = list(self._zones), "", 0
        while missing and strikes < _STRIKES:
            before = self._requests()
            reading = self._asked(missing, start, end)
            news = self._take(reading, missing)
            missing = [zone for zone in missing if zone not in news]
            cause = str(reading.failures[-1]) if reading.failures else cause
            if any(isinstance(error, _HOPELESS) for error in reading.failures):
                return missing, cause
            throttled = all(isinstance(error, ThrottledError) for error in reading.failures)
            held = throttled and self._requests() == before
            strikes += not news and not held
            if missing and held and not self._wait():
                return missing, cause or "its turn did not come in time"
        return missing, cause

    def _asked(self, zones: list[str], start: int, end: int) -> GridReading:
        try:
            return self._source.fetch(zones, start, end)
        except CollectorError as error:
            return GridReading(points=(), failures=(error,))

    def _take(self, reading: GridReading, asked: Iterable[str]) -> set[str]:
        self.points.extend(reading.points)
        news = {point.zone for point in reading.points if not point.forecast}.intersection(asked)
        self._count.did(len(news))
        return news

    def _wait(self) -> bool:
        """Wait for the source's budget; returns whether there was time to."""
        if self._deps.clock.monotonic() >= self._deadline:
            return False
        self._deps.sleep(ASK_AGAIN_SECONDS)
        return True

    def _requests(self) -> int:
        return sum(
            u.requests for (name, _), u in self._deps.meter.usage().items() if name == self.name
        )

    def _note(self, missing: Sequence[str], cause: str, start: int, end: int) -> None:
        """Remember what grams would have needed; signals and other regions are extras."""
        used = sorted(self._used.intersection(missing))
        prices = (self._source.method, self._source.basis) == (Method.AVERAGE, Basis.LIFECYCLE)
        if used and prices:
            what = f"the grid of {', '.join(used)}"
            cause = cause or "the source has nothing of that time"
            self.gaps.append(Gap(collector=self.name, what=what, cause=cause, start=start, end=end))


def _chunks(start: int, end: int, history_seconds: int) -> list[tuple[int, int]]:
    """Cut a span from its end backwards."""
    length = max(SHORTEST_CHUNK, history_seconds)
    ends = range(end, start, -length)
    return [(max(start, right - length), right) for right in ends]
