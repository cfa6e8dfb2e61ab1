"""The loops around one provider and around one grid source; wrapped the same way for all.

A provider is discovered, read, accounted, committed; a grid source asked, and what it told late
reprices what was counted meanwhile. Neither waits for the other.

A provider's cycle reads from the oldest watermark to the newest final bucket, in slices, and
commits each slice. Whatever fails is counted, logged and left for the next cycle: nothing advances
that was not read, so nothing is lost.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import structlog

from exporter.core.clock import floor_to
from exporter.core.errors import CollectorError, Reason, StoreError
from exporter.core.model import Inventory, Reading, Window
from exporter.core.ports import Clock, GridSource, Provider
from exporter.engine.intensity import IntensityBook
from exporter.engine.ledger import Answer, Ledger
from exporter.engine.repricing import KEEP_SECONDS
from exporter.engine.resource_account import BucketRules
from exporter.engine.source_history import LATE_SECONDS as LATE
from exporter.engine.status import CollectorStatus, Outcome, reasons
from exporter.http.deadline import cycle

log = structlog.get_logger()

SLICE_SECONDS: Final = 6 * 3600
"""Most history read at once: bounds memory, and stays inside the clouds' quotas of points."""

GRID_CYCLE_SECONDS: Final = 120.0
"""All requests of one cycle of a grid source together. Most take a second; the first of one, for a
history of days in many parts, takes a minute. What is cut off has its turn at the next refresh."""

CLOCK_STEP_SECONDS: Final = 60.0
"""Wall and monotonic clock drifting apart by more than this between two cycles is a clock step."""


class ProviderCollector:
    """Runs the cycles of one provider account. Not re-entrant: the scheduler runs one at a time."""

    def __init__(
        self,
        *,
        provider: Provider,
        ledger: Ledger,
        rules: BucketRules,
        clock: Clock,
        store_status: CollectorStatus,
    ) -> None:
        self.provider = provider
        self.rules = rules
        self.status = CollectorStatus(provider.name, clock)
        self._ledger = ledger
        self._clock = clock
        self._store_status = store_status
        self._trust = _ClockTrust(clock, rules)
        self._generation = 0
        self.final: int | None = None
        """End of the newest final bucket of the latest complete cycle."""
        self.target: int | None = None
        """End of the newest final bucket that the present or latest cycle set out for."""

    @property
    def name(self) -> str:
        """The collector label."""
        return self.provider.name

    def run(self) -> bool:
        """Run one cycle; returns whether all of it succeeded. Never raises."""
        return self.status.attempt(self._whole_cycle)

    def _whole_cycle(self) -> Outcome:
        try:
            return self._cycle()
        finally:
            # Last, as the clock's word is weighed against what was read.
            self._ledger.close_unreachable(self.name, self._trust.unreachable(), self.rules)
            commit(self._ledger, self._store_status)  # what was seen, even if reading it failed

    def _cycle(self) -> Outcome:
        now = self._clock.now().timestamp()
        self._trust.look()
        self._generation = self._ledger.generation
        inventory, refused = self._discover()
        self._ledger.observe(self.name, inventory, now, self.rules)
        errors: list[CollectorError] = [*refused, *inventory.failures]
        final = self.target = floor_to(now - self.rules.settle, self.rules.resolution)
        newest: int | None = None
        unread: list[CollectorError] = []
        for window in self._windows(final):
            if self._ledger.generation != self._generation:
                break  # what is to be read is another now: the next cycle begins with that
            reading = self._read(window)
            unread.extend(reading.failures)
            newest = max(
                filter(None, (newest, newest_end(reading, window.resolution))), default=None
            )
        self._trust.weigh(newest, final)
        if not refused:
            self.final = final
        if not refused and not unread and commit(self._ledger, self._store_status):
            self._ledger.caught_up(self.name, self._generation)
        if not refused and not unread and self._asleep(final):
            newest = final  # nothing is younger: an account that sleeps is not late
        return reasons([*errors, *unread]), newest

    def _asleep(self, final: int) -> bool:
        """Tell whether no known machine ran in the newest final bucket."""
        resolution = self.rules.resolution
        window = Window(start=final - resolution, end=final, resolution=resolution)
        return not self._ledger.ran(self.name, window)

    def _discover(self) -> tuple[Inventory, list[CollectorError]]:
        """List the machines; where that is refused altogether, go on with those known."""
        try:
            return self.provider.discover(), []
        except CollectorError as error:
            return Inventory(machines=(), unseen_all=True), [error]

    def _windows(self, final: int) -> Iterator[Window]:
        start = max(self._ledger.earliest(self.name, final, self.rules), self._reach())
        while start < final:
            whole = final - start <= SLICE_SECONDS
            end = final if whole else start + SLICE_SECONDS
            yield Window(start=start, end=end, resolution=self.rules.resolution)
            start = end

    def _reach(self) -> int:
        """Time before which nothing is asked for."""
        oldest = self._trust.surely_past() - self.rules.settle - self.rules.max_catch_up
        return floor_to(oldest, self.rules.resolution)

    def _read(self, window: Window) -> Reading:
        machines = self._ledger.due(self.name, window)
        reading = self.provider.read(machines, window) if machines else Reading(series=())
        closing = self._trust.closing(newest_end(reading, window.resolution))
        answer = Answer(
            asked=machines,
            reading=reading,
            window=window,
            closing=closing,
            reach=self._reach(),
            generation=self._generation,
        )
        self._ledger.enter(self.name, answer, self.rules)
        commit(self._ledger, self._store_status)
        return reading


class GridCollector:
    """Asks one grid source, and has the ledger price anew what its answer changes."""

    def __init__(  # noqa: PLR0913 — the composition root names each part once
        self,
        *,
        source: GridSource,
        ledger: Ledger,
        book: IntensityBook,
        clock: Clock,
        store_status: CollectorStatus,
        look_back: int,
        shown: frozenset[str] = frozenset(),
    ) -> None:
        self.source = source
        self._ledger = ledger
        self._book = book
        self._clock = clock
        self._store_status = store_status
        self._look_back = look_back
        self._shown = shown
        self._asked = frozenset[str]()

    @property
    def unasked(self) -> frozenset[str]:
        """Zones of machines that were found since it was asked last."""
        used, _ = self._ledger.unpriced_since()
        return frozenset(filter(self.source.covers, used.keys() - self._asked))

    def run(self) -> None:
        """Ask for what prices and pages need, then reprice and commit. Never raises."""
        now = int(self._clock.now().timestamp())
        with cycle(GRID_CYCLE_SECONDS):
            self._ask(now)
        self._ledger.reprice(self._book.news(), now)
        commit(self._ledger, self._store_status)

    def _ask(self, now: int) -> None:
        begin = now - self._look_back
        used, late = self._ledger.unpriced_since()
        self._asked = self._shown | used.keys()
        # Grams first: the catch-up after a pause, then the present, then what is only shown.
        oldest = now - KEEP_SECONDS
        behind = {zone: max(since, oldest) for zone, since in used.items() if since < begin}
        self._cover(behind, now)
        for zones in (used.keys(), self._shown - used.keys()):
            self._book.refresh(self.source.name, zones, begin, now)
        self._cover({zone: max(at, oldest) for zone, at in late.items()}, now, LATE)

    def _cover(self, since: Mapping[str, int], now: int, pause: float = 0.0) -> None:
        if since:
            begin = min(since.values())
            self._book.cover(since, begin, now, only=self.source.name, pause=pause)


def commit(ledger: Ledger, status: CollectorStatus) -> bool:
    """Write the ledger's changes; a failure is reported, and counters wait. Says if it is done."""
    try:
        ledger.commit()
    except StoreError as error:
        if status.failed_in_a_row == 0:
            log.error("state is not being saved", error=str(error))  # noqa: TRY400 — no traceback
        status.finished([(Reason.UNREACHABLE, str(error))])
        return False
    status.finished([])
    return True


def newest_end(reading: Reading, resolution: int) -> int | None:
    """End of the newest bucket that a reading delivered, None if it delivered nothing."""
    newest = max((max(one.starts(), default=-1) for one in reading.series), default=-1)
    return newest + resolution if newest >= 0 else None


class _ClockTrust:
    """Keeps a stepping clock from closing buckets that have not happened yet.

    After a start and after each step, buckets close only as far as delivered data proves that time
    has come. The clock's word is enough again once data near the present was seen, or once no data
    at all came for a look-back: then nothing waits for being closed too early.
    """

    def __init__(self, clock: Clock, rules: BucketRules) -> None:
        self._clock = clock
        self._rules = rules
        self._trusted = False
        self._silent_since = clock.monotonic()
        self._last: tuple[float, float] | None = None
        self._past: float | None = None
        self._proven: int | None = None

    def look(self) -> None:
        """Compare the clock with the monotonic one, at the begin of each cycle."""
        wall, steady = self._clock.now().timestamp(), self._clock.monotonic()
        if self._last is not None:
            expected = self._last[0] + steady - self._last[1]
            if abs(wall - expected) > CLOCK_STEP_SECONDS:
                log.warning("the clock was stepped", seconds=round(wall - expected))
                self._trusted, self._silent_since, self._proven = False, steady, None
                self._past = min(expected, self._past or expected)
        self._last = (wall, steady)

    def surely_past(self) -> float:
        """Return the present, or where it was before a step that nothing has confirmed yet."""
        wall = self._clock.now().timestamp()
        return wall if self._trusted or self._past is None else min(wall, self._past)

    def weigh(self, newest: int | None, final: int) -> None:
        """Trust the clock when the cloud's newest data is about as young as it can be."""
        young = final - max(2 * self._rules.resolution, self._rules.settle)
        if newest is not None and newest >= young:
            self._trusted, self._past = True, None

    def unreachable(self) -> int:
        """Time before which buckets are too old to be asked for, whoever still waits for them.

        Where metrics are refused for good no data ever proves the time: then a whole catch-up of
        steady running has to.
        """
        wall = self._clock.now().timestamp()
        steady_for = self._clock.monotonic() - self._silent_since
        if not self._trusted and steady_for < self._rules.max_catch_up:
            wall = min(self.surely_past(), self._proven or 0)
        oldest = wall - self._rules.settle - self._rules.max_catch_up
        return floor_to(oldest, self._rules.resolution)

    def closing(self, newest: int | None) -> int:
        """Time before which buckets may close: settled, looked back at, and proven to be past."""
        steady = self._clock.monotonic()
        if newest is not None and newest > (self._proven or 0):
            self._proven, self._silent_since = newest, steady
        if steady - self._silent_since >= self._rules.look_back:
            self._trusted, self._past = True, None
        limit = self._clock.now().timestamp() - self._rules.settle
        if not self._trusted:
            limit = min(limit, self._proven or 0)
        return floor_to(limit - self._rules.look_back, self._rules.resolution)
