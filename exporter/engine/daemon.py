"""What runs when: one job for each provider, one for each grid source, one for the snapshot."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from exporter.core.meter import ApiMeter
from exporter.core.ports import Clock
from exporter.core.snapshot import CollectorView, Snapshot
from exporter.core.units import GramsCO2eq
from exporter.engine.collector import ProviderCollector, commit
from exporter.engine.intensity import IntensityBook
from exporter.engine.ledger import Ledger
from exporter.engine.status import CollectorStatus
from exporter.engine.view import Surroundings, Viewer

log = structlog.get_logger()

SNAPSHOT_SECONDS: Final = 15
"""Between cycles only ages change; a scrape interval is seldom shorter."""

FIRST_RETRY_SECONDS: Final = 30
"""A failed collector is tried again after this, then twice as long, up to its poll interval."""

STOP_SECONDS: Final = 8.0
"""How long a stop waits for cycles in flight: 10 s are allowed, 2 are for the rest."""

JITTER_SHARE: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """A collector and how often it runs."""

    collector: ProviderCollector
    poll_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the daemon drives."""

    polled: Sequence[Polled]
    book: IntensityBook
    ledger: Ledger
    viewer: Viewer
    meter: ApiMeter
    clock: Clock
    store_status: CollectorStatus
    publish: Callable[[Snapshot], None]
    look_back_seconds: int
    zones: frozenset[str] = frozenset()
    """Grids to be shown even where no machine stands on them."""
    budget_month: GramsCO2eq | None = None
    simulated: bool = False


class Daemon:
    """Starts and stops the jobs. A job that is late runs once; one that is still running waits."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._publishing = threading.Lock()
        self._idle = threading.Condition()
        self._busy = 0
        self._stopping = False
        self._restored = False
        workers = len(parts.polled) + len(parts.book.sources) + 1
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(workers)},
            job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
        )

    def start(self) -> None:
        """Start all jobs; the first cycle of each runs at once."""
        with self._parts.ledger.reading() as (accounts, _):
            self._restored = bool(accounts)
        for polled in self._parts.polled:
            self._every(polled.poll_seconds, polled.collector.name, self._cycle, polled)
        for source in self._parts.book.sources:
            self._every(source.refresh_seconds, f"grid {source.name}", self._refresh, source.name)
        self._every(SNAPSHOT_SECONDS, "snapshot", self._snapshot)
        self._scheduler.start()

    def stop(self) -> bool:
        """Let cycles in flight finish, then save. Returns whether all finished in time.

        A cycle that did not finish has committed nothing of its last slice: nothing is lost.
        """
        self._stopping = True
        self._scheduler.shutdown(wait=False)
        with self._idle:
            finished = self._idle.wait_for(lambda: self._busy == 0, timeout=STOP_SECONDS)
        if finished:
            commit(self._parts.ledger, self._parts.store_status)
        return finished

    def _every(self, seconds: int, name: str, job: Callable[..., None], *args: object) -> None:
        self._scheduler.add_job(
            job,
            "interval",
            args=args,
            seconds=seconds,
            jitter=int(seconds * JITTER_SHARE) or None,
            id=name,
            next_run_time=datetime.now(UTC),
        )

    @contextmanager
    def _counted(self) -> Iterator[bool]:
        """Count a job as in flight; yields False when the daemon is stopping."""
        with self._idle:
            go = not self._stopping
            self._busy += go
        try:
            yield go
        finally:
            with self._idle:
                self._busy -= go
                self._idle.notify_all()

    def _cycle(self, polled: Polled) -> None:
        with self._counted() as go:
            if not go:
                return
            done = polled.collector.run()
            self._publish()
            if not done:  # last: a job is not started again while it runs
                self._retry_soon(polled)

    def _retry_soon(self, polled: Polled) -> None:
        failed = polled.collector.status.failed_in_a_row
        delay = min(polled.poll_seconds, FIRST_RETRY_SECONDS * 2 ** min(failed - 1, 10))
        if not self._stopping and delay < polled.poll_seconds:
            at = datetime.now(UTC) + timedelta(seconds=delay)
            self._scheduler.modify_job(polled.collector.name, next_run_time=at)

    def _refresh(self, source: str) -> None:
        with self._counted() as go:
            if not go:
                return
            used = frozenset[str]().union(
                *(self._parts.ledger.zones(p.collector.name) for p in self._parts.polled)
            )
            now = int(self._parts.clock.now().timestamp())
            begin = now - self._parts.look_back_seconds
            for zones in (used, self._parts.zones - used):  # grams first, then what is only shown
                self._parts.book.refresh(source, zones, begin, now)
            self._publish()

    def _snapshot(self) -> None:
        with self._counted() as go:
            if go:
                self._publish()

    def _publish(self) -> None:
        with self._publishing:
            if self._anything_known():
                self._parts.publish(self.snapshot())

    def _anything_known(self) -> bool:
        """Whether some collector came back, or counters were restored: only then is it ready."""
        tried = (polled.collector.status.view().success for polled in self._parts.polled)
        return self._restored or any(success is not None for success in tried)

    def snapshot(self) -> Snapshot:
        """Build a snapshot of this moment."""
        parts = self._parts
        around = Surroundings(
            collectors=(
                *(self._polled_view(polled.collector) for polled in parts.polled),
                *(status.view() for status in parts.book.statuses),
                parts.store_status.view(),
            ),
            api=parts.meter.usage(),
            budget_month=parts.budget_month,
            simulated=parts.simulated,
        )
        return parts.viewer.snapshot(parts.clock.now().timestamp(), around)

    def _polled_view(self, collector: ProviderCollector) -> CollectorView:
        since = self._parts.ledger.counting_since(collector.name)
        return replace(collector.status.view(), counting_since=since)
