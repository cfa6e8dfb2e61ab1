"""What runs when: one job for each provider, one for each grid source, one for the snapshot.

Jobs fall due by the monotonic clock. APScheduler plans by the wall clock, and after a step of that
it would wait for a time that does not come, or run what is not due. So each job's trigger keeps its
due time on the monotonic clock, and a watch plans all of them anew when the two clocks part.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import uniform
from typing import Final

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from exporter.core.errors import Reason
from exporter.core.meter import ApiMeter
from exporter.core.ports import Clock
from exporter.core.snapshot import CollectorView, Snapshot
from exporter.core.units import GramsCO2eq
from exporter.engine.collector import (
    CLOCK_STEP_SECONDS,
    GridCollector,
    ProviderCollector,
    commit,
)
from exporter.engine.intensity import IntensityBook
from exporter.engine.ledger import Ledger
from exporter.engine.saving import RETRY_SECONDS, Saver
from exporter.engine.view import Surroundings, Viewer

log = structlog.get_logger()

SNAPSHOT_SECONDS: Final = 15
"""Between cycles only ages change; a scrape interval is seldom shorter."""

FIRST_RETRY_SECONDS: Final = 30
"""A failed collector is tried again after this, then twice as long, up to its poll interval."""

JITTER_SHARE: Final = 0.05

HANG_POLLS: Final = 3
HANG_LEAST_SECONDS: Final = 300
HANG_MOST_SECONDS: Final = 900
"""A cycle that takes three polls, but at least five and at most fifteen minutes, counts as failed
while it lasts. One takes seconds; a day of 10,000 machines is caught up in a minute of CPU time."""

CATCH_UP_SECONDS: Final = 900.0
"""Totals that were not caught up this long after a start are shown as they are: a collector may be
refused for good, and its totals are still the truth about what it counted."""

AGAIN_SECONDS: Final = 1.0
"""Until a cycle that lost its accounts to those of the state file is begun anew."""

WATCH_SECONDS: Final = 1.0
"""How often the two clocks are compared."""
_SNAPSHOT: Final = "(snapshot)"
_STATE: Final = "(state)"

PARTED_SECONDS: Final = 1.0
"""A difference that is planned for anew: a step, a leap second, or a clock that is being slewed."""


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
    saver: Saver
    publish: Callable[[Snapshot], None]
    look_back_seconds: int
    zones: frozenset[str] = frozenset()
    """Grids to be shown even where no machine stands on them."""
    budget_month: GramsCO2eq | None = None
    simulated: bool = False


class _Steady(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """An interval of the monotonic clock, told to APScheduler as times of the wall clock."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self.seconds = seconds
        self._due = self.begun = clock.monotonic()

    def get_next_fire_time(self, _previous: datetime | None, _now: datetime) -> datetime:
        """Begin the next interval now: a job that is late runs once, not for each one missed."""
        self.begun = self._clock.monotonic()
        return self.due_in(self.seconds * (1 + uniform(0, JITTER_SHARE)))  # noqa: S311 — no secret

    def due_in(self, seconds: float) -> datetime:
        """Make the job due after so many seconds; returns when that is by the wall clock."""
        self._due = self._clock.monotonic() + seconds
        return self.planned()

    def planned(self) -> datetime:
        """When the job is due by the wall clock, as that goes now."""
        return datetime.now(UTC) + timedelta(seconds=self._due - self._clock.monotonic())


@dataclass(slots=True)
class _Job:
    """What is known of a job: its trigger, when it counts as hanging, when it began, if it runs."""

    trigger: _Steady
    patience: float
    running_since: float | None = None
    hangs: int = 0
    hanging: bool = False


class Daemon:
    """Starts and stops the jobs. A job that is late runs once; one that is still running waits."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._publishing = threading.Lock()
        self._idle = threading.Condition()
        self._busy = 0
        self._stopping = threading.Event()
        self._restored = False
        self._awaits_until = 0.0
        self._jobs: dict[str, _Job] = {}
        self.grids = [
            GridCollector(
                source=source,
                ledger=parts.ledger,
                book=parts.book,
                clock=parts.clock,
                store_status=parts.saver.status,
                look_back=parts.look_back_seconds + _finality(parts.polled),
                shown=parts.zones,
            )
            for source in parts.book.sources
        ]
        workers = len(parts.polled) + len(parts.book.sources) + 1  # the state file
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={
                "default": ThreadPoolExecutor(workers),
                # One thread renders, for ever: each new one would keep 60 MB of its own.
                "snapshots": ThreadPoolExecutor(1),
            },
            job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
        )

    def start(self) -> None:
        """Start all jobs; the first cycle of each runs at once."""
        self._taken_up()
        for polled in self._parts.polled:
            self._every(polled.poll_seconds, polled.collector.name, self._cycle, polled)
        for grid in self.grids:
            source = grid.source
            self._every(source.refresh_seconds, _grid(source.name), self._refresh, grid)
        self._every(RETRY_SECONDS, _STATE, self._tend)
        self._every(SNAPSHOT_SECONDS, _SNAPSHOT, self._snapshot)
        self._scheduler.start()
        threading.Thread(target=self._watch_clock, name="clock", daemon=True).start()

    def stop(self, *, within: float) -> bool:
        """Let cycles in flight finish, then save. Returns whether all finished in time.

        A cycle that did not finish has committed nothing of its last slice: nothing is lost.
        """
        self._stopping.set()
        self._scheduler.shutdown(wait=False)
        with self._idle:
            finished = self._idle.wait_for(lambda: self._busy == 0, timeout=within)
        if finished:
            commit(self._parts.ledger, self._parts.saver.status)
        return finished

    def _every(self, seconds: int, name: str, job: Callable[..., None], *args: object) -> None:
        trigger = _Steady(self._parts.clock, seconds)
        patience = min(max(HANG_POLLS * seconds, HANG_LEAST_SECONDS), HANG_MOST_SECONDS)
        self._jobs[name] = _Job(trigger=trigger, patience=patience)
        self._scheduler.add_job(
            job,
            trigger,
            args=args,
            id=name,
            executor="snapshots" if name == _SNAPSHOT else "default",
            # One snapshot may be asked for while one is being made, which may not show the news.
            max_instances=2 if name == _SNAPSHOT else 1,
            next_run_time=datetime.now(UTC),
        )

    def _due_in(self, name: str, seconds: float) -> None:
        """Run a job so many seconds from now, and then at its interval."""
        self._plan(name, self._jobs[name].trigger.due_in(seconds))

    def _plan(self, name: str, at: datetime) -> None:
        if not self._stopping.is_set():
            with suppress(JobLookupError):  # the scheduler was shut down in between
                self._scheduler.modify_job(name, next_run_time=at)

    def _watch_clock(self) -> None:
        clock = self._parts.clock
        planned_with = _apart(clock)
        while not self._stopping.wait(WATCH_SECONDS):
            moved = _apart(clock) - planned_with
            if abs(moved) > PARTED_SECONDS:
                planned_with += moved
                self._plan_anew(at_once=abs(moved) > CLOCK_STEP_SECONDS)

    def _plan_anew(self, *, at_once: bool) -> None:
        """Tell APScheduler when jobs are due by a wall clock that was moved.

        After a step, or a suspension, which looks like one, what is shown may be of another time:
        all run at once, though no sooner after their last run than after a failure, or as they do
        anyway. So a clock that jumps to and fro makes no flood of requests.
        """
        for name, job in self._jobs.items():
            if at_once:
                since = self._parts.clock.monotonic() - job.trigger.begun
                pause = min(FIRST_RETRY_SECONDS, job.trigger.seconds)
                self._due_in(name, max(0.0, pause - since))
            else:
                self._plan(name, job.trigger.planned())
        if at_once:
            self._due_in(_SNAPSHOT, 0.0)  # which asks nobody

    @contextmanager
    def _counted(self, name: str) -> Iterator[bool]:
        """Count a job as in flight; yields False when the daemon is stopping."""
        with self._idle:
            go = not self._stopping.is_set()
            self._busy += go
        job = self._jobs.get(name)
        if job is not None and go:
            job.running_since = self._parts.clock.monotonic()
        try:
            yield go
        finally:
            if job is not None:
                job.running_since = None
            with self._idle:
                self._busy -= go
                self._idle.notify_all()

    def _cycle(self, polled: Polled) -> None:
        name = polled.collector.name
        with self._counted(name) as go:
            if not go:
                return
            before = self._parts.ledger.generation
            done = polled.collector.run()
        self._due_in(_SNAPSHOT, 0.0)
        for grid in self.grids:
            self._ask_of_new_zones(grid)
        # Last: a job is not started again while it runs.
        if before != self._parts.ledger.generation:
            self._due_in(name, AGAIN_SECONDS)
        elif not done:
            self._retry_soon(polled)

    def _retry_soon(self, polled: Polled) -> None:
        failed = polled.collector.status.failed_in_a_row
        delay = min(polled.poll_seconds, FIRST_RETRY_SECONDS * 2 ** min(failed - 1, 10))
        if delay < polled.poll_seconds:
            self._due_in(polled.collector.name, delay)

    def _refresh(self, grid: GridCollector) -> None:
        with self._counted(_grid(grid.source.name)) as go:
            if not go:
                return
            grid.run()
        self._due_in(_SNAPSHOT, 0.0)
        self._ask_of_new_zones(grid)

    def _ask_of_new_zones(self, grid: GridCollector) -> None:
        """Have the grids of machines that were just found asked at once, and not in an hour."""
        if grid.unasked:
            self._due_in(_grid(grid.source.name), 0.0)

    def _tend(self) -> None:
        saver = self._parts.saver
        with self._counted(_STATE) as go:
            if not go:
                return
            if saver.tend():
                self._taken_up()
                for polled in self._parts.polled:  # those that run begin anew when they are done
                    if self._jobs[polled.collector.name].running_since is None:
                        self._due_in(polled.collector.name, 0.0)
            self._due_in(_SNAPSHOT, 0.0)
        if saver.retry_seconds < RETRY_SECONDS:
            self._due_in(_STATE, saver.retry_seconds)

    def _taken_up(self) -> None:
        """Begin to wait for the catch-up from what the state file held."""
        with self._parts.ledger.reading() as (accounts, _):
            self._restored = bool(accounts)
        self._awaits_until = self._parts.clock.monotonic() + CATCH_UP_SECONDS

    def _snapshot(self) -> None:
        with self._counted(_SNAPSHOT) as go:
            if go:
                self._look_for_hangs()
                self._await_no_longer()
                self._publish()

    def _look_for_hangs(self) -> None:
        for name, job in self._jobs.items():
            began = job.running_since
            hangs = began is not None and self._parts.clock.monotonic() - began > job.patience
            if hangs and not job.hanging:
                job.hangs += 1
                log.warning("collector hangs", collector=name, seconds=round(job.patience))
            job.hanging = hangs

    def _await_no_longer(self) -> None:
        if self._parts.clock.monotonic() > self._awaits_until:
            generation = self._parts.ledger.generation
            for polled in self._parts.polled:
                self._parts.ledger.caught_up(polled.collector.name, generation)

    def _publish(self) -> None:
        with self._publishing:
            if self._anything_known():
                self._parts.publish(self.snapshot())

    def _anything_known(self) -> bool:
        """Whether some collector came back, or counters were restored: only then is it ready."""
        tried = (
            polled.collector.status.view().success is not None
            or self._jobs[polled.collector.name].hangs
            for polled in self._parts.polled
        )
        return self._restored or any(tried)

    def snapshot(self) -> Snapshot:
        """Build a snapshot of this moment."""
        parts = self._parts
        around = Surroundings(
            collectors=(
                *(self._polled_view(polled.collector) for polled in parts.polled),
                *(self._with_hang(s.view(), _grid(s.name)) for s in parts.book.statuses),
                parts.saver.status.view(),
            ),
            api=parts.meter.usage(),
            budget_month=parts.budget_month,
            state_trouble=parts.saver.trouble,
            simulated=parts.simulated,
        )
        return parts.viewer.snapshot(parts.clock.now().timestamp(), around)

    def _polled_view(self, collector: ProviderCollector) -> CollectorView:
        since = self._parts.ledger.counting_since(collector.name)
        view = self._with_hang(collector.status.view(), collector.name)
        return replace(view, counting_since=since)

    def _with_hang(self, view: CollectorView, job_name: str) -> CollectorView:
        """Add to what a collector says of itself what it cannot say: that it does not come back.

        Each hang counts as one failure, for good; success is what it was once it is over.
        """
        job = self._jobs.get(job_name)
        if job is None or not job.hangs:
            return view
        reason = Reason.UNREACHABLE.value
        failures = {**view.failures, reason: view.failures[reason] + job.hangs}
        if not job.hanging:
            return replace(view, failures=failures)
        error = f"no end after {job.patience:.0f} s, still waiting — check the network"
        return replace(view, success=False, failures=failures, last_error=error)


def _grid(source: str) -> str:
    """Name the job of a grid source: a provider may be called like one."""
    return f"grid {source}"


def _apart(clock: Clock) -> float:
    """Seconds between the wall clock, by which APScheduler goes, and the monotonic one."""
    return datetime.now(UTC).timestamp() - clock.monotonic()


def _finality(polled: Iterable[Polled]) -> int:
    """Seconds from the start of the newest final bucket to the present, in the slowest cloud."""
    rules = (each.collector.rules for each in polled)
    return max((each.settle + each.resolution for each in rules), default=0)
