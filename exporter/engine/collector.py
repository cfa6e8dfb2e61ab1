"""The loop around one provider: discover, read, account, commit; wrapped the same way for all.

A cycle reads from the oldest watermark to the newest final bucket, in slices, and commits each
slice. Whatever fails is counted, logged and left for the next cycle: nothing advances that was not
read, so nothing is lost.
"""

from collections.abc import Iterable
from typing import Final

import structlog

from exporter.core.clock import floor_to
from exporter.core.errors import CollectorError, Reason, StoreError
from exporter.core.model import CpuReading, Inventory, Window
from exporter.core.ports import Clock, Provider
from exporter.engine.account import Terms
from exporter.engine.intensity import IntensityBook
from exporter.engine.ledger import Answer, Ledger
from exporter.engine.status import CollectorStatus, reasons

log = structlog.get_logger()

SLICE_SECONDS: Final = 6 * 3600
"""Most history read at once: bounds memory, and stays inside the clouds' quotas of points."""

CLOCK_STEP_SECONDS: Final = 60.0
"""Wall and monotonic clock drifting apart by more than this between two cycles is a clock step."""


class ProviderCollector:
    """Runs the cycles of one provider account. Not re-entrant: the scheduler runs one at a time."""

    def __init__(  # noqa: PLR0913 — the composition root names each part once
        self,
        *,
        provider: Provider,
        ledger: Ledger,
        book: IntensityBook,
        terms: Terms,
        clock: Clock,
        store_status: CollectorStatus,
    ) -> None:
        self.provider = provider
        self.terms = terms
        self.status = CollectorStatus(provider.name, clock)
        self._ledger = ledger
        self._book = book
        self._clock = clock
        self._store_status = store_status
        self._trust = _ClockTrust(clock, terms)
        self.final: int | None = None
        """End of the newest final bucket of the latest complete cycle."""

    @property
    def name(self) -> str:
        """The collector label."""
        return self.provider.name

    def run(self) -> bool:
        """Run one cycle; returns whether all of it succeeded. Never raises."""
        began = self._clock.monotonic()
        newest: int | None = None
        try:
            failures, newest = self._cycle()
        except CollectorError as error:
            failures = reasons([error])
        except Exception as error:  # the one broad except: a defect must not end the loop
            log.exception("collector failed unexpectedly", collector=self.name)
            failures = [(Reason.BAD_PAYLOAD, f"unexpected {type(error).__name__}, see the log")]
        self._report(failures)
        self.status.finished(
            failures, duration=self._clock.monotonic() - began, data_timestamp=newest
        )
        return not failures

    def _report(self, failures: Iterable[tuple[Reason, str]]) -> None:
        for reason, message in failures:
            log.warning("collector failed", collector=self.name, reason=reason.value, error=message)

    def _cycle(self) -> tuple[list[tuple[Reason, str]], int | None]:
        now = self._clock.now().timestamp()
        self._trust.look()
        inventory, refused = self._discover()
        self._ledger.observe(self.name, inventory, now, self.terms)
        errors: list[CollectorError] = [*refused, *inventory.failures]
        final = floor_to(now - self.terms.settle, self.terms.resolution)
        newest: int | None = None
        for window in self._windows(final):
            reading = self._read(window)
            errors.extend(reading.failures)
            newest = max(
                filter(None, (newest, newest_end(reading, window.resolution))), default=None
            )
        self._trust.weigh(newest, final)
        if not refused:
            self.final = final
        return reasons(errors), newest

    def _discover(self) -> tuple[Inventory, list[CollectorError]]:
        """List the machines; where that is refused altogether, go on with those known."""
        try:
            return self.provider.discover(), []
        except CollectorError as error:
            return Inventory(machines=(), unseen_all=True), [error]

    def _windows(self, final: int) -> Iterable[Window]:
        start = self._ledger.earliest(self.name, final, self.terms)
        while start < final:
            whole = final - start <= SLICE_SECONDS
            end = final if whole else start + SLICE_SECONDS
            yield Window(start=start, end=end, resolution=self.terms.resolution)
            start = end

    def _read(self, window: Window) -> CpuReading:
        machines = self._ledger.due(self.name, window)
        self._book.cover(self._ledger.zones(self.name), window.start, window.end)
        reading = self.provider.read_cpu(machines, window) if machines else CpuReading(series=())
        closing = self._trust.closing(newest_end(reading, window.resolution))
        answer = Answer(asked=machines, reading=reading, window=window, closing=closing)
        self._ledger.account(self.name, answer, self.terms)
        commit(self._ledger, self._store_status)
        return reading


def commit(ledger: Ledger, status: CollectorStatus) -> None:
    """Write the ledger's changes; a failure is reported, and memory serves on."""
    try:
        ledger.commit()
    except StoreError as error:
        if status.failed_in_a_row == 0:
            log.error("state is not being saved", error=str(error))  # noqa: TRY400 — no traceback
        status.finished([(Reason.UNREACHABLE, str(error))])
    else:
        status.finished([])


def newest_end(reading: CpuReading, resolution: int) -> int | None:
    """End of the newest bucket that a reading delivered, None if it delivered nothing."""
    starts = [max(series.points) for series in reading.series if series.points]
    return max(starts) + resolution if starts else None


class _ClockTrust:
    """Keeps a stepping clock from closing buckets that have not happened yet.

    After a start and after each forward step, buckets close only as far as delivered data proves
    that time has come; once data near the present was seen, or the clock ran evenly for a
    look-back, its word is enough.
    """

    def __init__(self, clock: Clock, terms: Terms) -> None:
        self._clock = clock
        self._terms = terms
        self._trusted = False
        self._steady_since = clock.monotonic()
        self._last: tuple[float, float] | None = None
        self._proven: int | None = None

    def look(self) -> None:
        wall, steady = self._clock.now().timestamp(), self._clock.monotonic()
        if self._last is not None:
            drift = (wall - self._last[0]) - (steady - self._last[1])
            if abs(drift) > CLOCK_STEP_SECONDS:
                log.warning("the clock was stepped", seconds=round(drift))
                self._trusted, self._steady_since, self._proven = False, steady, None
        self._last = (wall, steady)
        if steady - self._steady_since >= self._terms.look_back:
            self._trusted = True

    def weigh(self, newest: int | None, final: int) -> None:
        """Trust the clock when the cloud's newest data is about as young as it can be."""
        young = final - max(2 * self._terms.resolution, self._terms.settle)
        if newest is not None and newest >= young:
            self._trusted = True

    def closing(self, newest: int | None) -> int:
        """Time before which buckets may close: settled, looked back at, and proven to be past."""
        if newest is not None:
            self._proven = max(newest, self._proven or 0)
        limit = self._clock.now().timestamp() - self._terms.settle
        if not self._trusted:
            limit = min(limit, self._proven or 0)
        return floor_to(limit - self._terms.look_back, self._terms.resolution)
