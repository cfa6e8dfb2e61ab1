"""The jobs, in real threads: retried, independent, and stopped in time with nothing lost."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import exporter.engine.daemon as daemon_module
from exporter.core.clock import SystemClock, epoch
from exporter.core.errors import UnreachableError
from exporter.core.meter import ApiMeter
from exporter.core.model import Inventory
from exporter.core.snapshot import ResourceState, Snapshot
from exporter.engine.collector import ProviderCollector
from exporter.engine.daemon import Daemon, Parts, Polled
from exporter.engine.grid_view import GridViewer
from exporter.engine.intensity import IntensityBook
from exporter.engine.ledger import Ledger
from exporter.engine.saving import Saver
from exporter.engine.status import CollectorStatus
from exporter.engine.store import Store
from exporter.engine.view import Viewer
from tests.support.rig import HOUR, RULES, model_of
from tests.support.sim import (
    SimAnnual,
    SimCloud,
    SimForecaster,
    SimGrid,
    SimMachine,
    Span,
    hanging,
    region_of,
)

PATIENCE = 10.0
"""Seconds that a test waits for something that should happen at once."""


class Stage:
    """A daemon on real time over simulated clouds; ``seen`` waits for a snapshot."""

    def __init__(self, state: Path, clouds: list[SimCloud], grids: list[SimGrid]) -> None:
        self.clock = SystemClock()
        self.store = Store.open(state)
        self.store_status = CollectorStatus("store", self.clock)
        self.book = IntensityBook(grids, SimAnnual(), self.store, self.clock, SimForecaster())
        self.ledger = Ledger(self.store, model_of, self.book.over)
        keep_gone = dict.fromkeys((cloud.name for cloud in clouds), RULES.keep_gone)
        self.saver = Saver(
            store=self.store,
            ledger=self.ledger,
            book=self.book,
            status=self.store_status,
            clock=self.clock,
            keep_gone=keep_gone,
        )
        self.saver.take_up()
        self.snapshots: list[Snapshot] = []
        self.published = threading.Condition()
        self.polled = [Polled(collector=self.collector(c), poll_seconds=HOUR) for c in clouds]
        self.daemon = Daemon(self.parts())

    def collector(self, cloud: SimCloud) -> ProviderCollector:
        return ProviderCollector(
            provider=cloud,
            ledger=self.ledger,
            rules=RULES,
            clock=self.clock,
            store_status=self.store_status,
        )

    def parts(self) -> Parts:
        collectors = [polled.collector for polled in self.polled]
        limits = dict.fromkeys((collector.name for collector in collectors), 1500.0)
        return Parts(
            polled=self.polled,
            book=self.book,
            ledger=self.ledger,
            viewer=Viewer(
                self.ledger,
                GridViewer(self.book, SimAnnual(), ()),
                region_of,
                collectors,
                limits,
            ),
            meter=ApiMeter(),
            clock=self.clock,
            saver=self.saver,
            publish=self.publish,
            look_back_seconds=HOUR,
        )

    def publish(self, snapshot: Snapshot) -> None:
        with self.published:
            self.snapshots.append(snapshot)
            self.published.notify_all()

    def seen(self, what: Callable[[Snapshot], bool]) -> Snapshot:
        """Return the first snapshot of a kind."""
        with self.published:
            assert self.published.wait_for(lambda: any(map(what, self.snapshots)), PATIENCE)
            return next(filter(what, self.snapshots))

    def idle(self) -> None:
        """Wait until no job runs."""
        with self.daemon._idle:
            assert self.daemon._idle.wait_for(lambda: self.daemon._busy == 0, PATIENCE)


@pytest.fixture
def make(state: Path) -> Iterator[Callable[..., Stage]]:
    stages: list[Stage] = []

    def start(*clouds: SimCloud, grids: list[SimGrid] | None = None) -> Stage:
        clock = SystemClock()
        stage = Stage(state, list(clouds), [SimGrid(clock=clock)] if grids is None else grids)
        stages.append(stage)
        return stage

    yield start
    for stage in stages:
        if stage.daemon._scheduler.running:
            stage.daemon.stop(within=0.1)
        stage.idle()
        stage.store.close()


def cloud_of(name: str = "one") -> SimCloud:
    clock = SystemClock()
    machine = SimMachine(name=f"{name}-m", spans=[Span(epoch(clock.now()) - 7200)])
    return SimCloud(clock=clock, machines=[machine], name=name)


def listings(cloud: SimCloud) -> list[int]:
    """Return a list that grows by each time that a cloud's machines are listed."""
    discover, asked = cloud.discover, list[int]()

    def counted() -> Inventory:
        asked.append(1)
        return discover()

    cloud.discover = counted  # type: ignore[method-assign]
    return asked


def measured(name: str) -> Callable[[Snapshot], bool]:
    def of(snapshot: Snapshot) -> bool:
        return any(
            view.machine.name == f"{name}-m" and view.state is ResourceState.MEASURED
            for view in snapshot.resources
        )

    return of


def test_every_job_runs_at_once(make: Callable[..., Stage]) -> None:
    stage = make(cloud_of("one"), cloud_of("two"))
    stage.daemon.start()
    snapshot = stage.seen(lambda s: measured("one")(s) and measured("two")(s))
    assert [view.name for view in snapshot.collectors] == ["one", "two", "simgrid", "store"]
    stage.seen(lambda s: all(view.success for view in s.collectors))
    stage.seen(lambda s: any(grid.live for grid in s.grids))  # asked as soon as zones are known


def test_nothing_is_published_before_a_collector_came_back(make: Callable[..., Stage]) -> None:
    cloud = cloud_of()
    stage = make(cloud)
    with hanging(cloud):
        stage.daemon.start()
        assert cloud.hanging.wait(PATIENCE)
        stage.daemon._snapshot()
        assert stage.snapshots == []
    stage.seen(measured("one"))


def test_restored_counters_are_published_before_any_collector_came_back(
    make: Callable[..., Stage],
) -> None:
    cloud = cloud_of()
    first = make(cloud)
    first.daemon.start()
    first.seen(measured("one"))
    assert first.daemon.stop(within=PATIENCE)
    first.store.close()
    with hanging(cloud):
        second = make(cloud)
        second.daemon.start()
        restored = second.seen(lambda _: True)
    assert [view.machine.name for view in restored.resources] == ["one-m"]
    assert restored.resources[0].now is None


def test_a_failing_collector_is_retried_until_it_succeeds(
    make: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon_module, "FIRST_RETRY_SECONDS", 0.02)
    cloud = cloud_of()
    discover, attempts = cloud.discover, []

    def flaky() -> Inventory:
        attempts.append(1)
        if len(attempts) < 4:
            message = "no answer"
            raise UnreachableError(message)
        return discover()

    cloud.discover = flaky  # type: ignore[method-assign]
    stage = make(cloud)
    stage.daemon.start()
    snapshot = stage.seen(measured("one"))
    assert snapshot.collectors[0].failures["unreachable"] == 3
    assert snapshot.collectors[0].success is True


def test_retries_back_off_up_to_the_poll_interval(make: Callable[..., Stage]) -> None:
    cloud = cloud_of()
    cloud.outages.append((0.0, 1e12))
    stage = make(cloud)
    stage.daemon.start()
    stage.seen(lambda s: s.collectors[0].success is False)
    stage.idle()
    waits = []
    for _ in range(9):
        stage.daemon._cycle(stage.polled[0])
        planned = stage.daemon._scheduler.get_job("one").next_run_time
        waits.append((planned - datetime.now(UTC)).total_seconds())
    doubled = [60, 120, 240, 480, 960, 1920]
    assert waits[:6] == pytest.approx(doubled, abs=5)
    assert all(wait <= HOUR * 1.1 for wait in waits[6:])
    stage.seen(lambda s: s.collectors[0].failures["unreachable"] == 10)


def test_a_collector_that_hangs_holds_up_no_other(make: Callable[..., Stage]) -> None:
    stuck, fine = cloud_of("stuck"), cloud_of("fine")
    stage = make(stuck, fine)
    with hanging(stuck):
        stage.daemon.start()
        snapshot = stage.seen(measured("fine"))
        assert snapshot.collectors[0].success is None
    stage.seen(measured("stuck"))


def test_a_collector_that_hangs_is_shown_as_failed_until_it_comes_back(
    make: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon_module, "HANG_MOST_SECONDS", 0.0)
    monkeypatch.setattr(daemon_module, "SNAPSHOT_SECONDS", 0.05)
    stuck, fine = cloud_of("stuck"), cloud_of("fine")
    stage = make(stuck, fine)
    with hanging(stuck):
        stage.daemon.start()
        assert stuck.hanging.wait(PATIENCE)
        shown = stage.seen(lambda s: [one.success for one in s.collectors[:2]] == [False, True])
        hung = shown.collectors[0]
        assert (hung.failures["unreachable"], hung.last_success) == (1, None)
        assert "no end after" in hung.last_error
        later = len(stage.snapshots) + 3
        stage.seen(lambda _: len(stage.snapshots) > later)
        assert stage.snapshots[-1].collectors[0].failures["unreachable"] == 1, (
            "one hang, one failure"
        )
    back = stage.seen(measured("stuck")).collectors[0]
    assert (back.success, back.last_error, back.failures["unreachable"]) == (True, "", 1)


def test_the_only_collector_hanging_from_the_start_is_told(
    make: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon_module, "HANG_MOST_SECONDS", 0.0)
    monkeypatch.setattr(daemon_module, "SNAPSHOT_SECONDS", 0.05)
    cloud = cloud_of()
    stage = make(cloud)
    with hanging(cloud):
        stage.daemon.start()
        assert stage.seen(lambda _: True).collectors[0].success is False


@pytest.mark.parametrize("seconds", [7200.0, -7200.0])
def test_a_step_of_the_clock_runs_every_job_at_once_and_keeps_their_intervals(
    make: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(daemon_module, "WATCH_SECONDS", 0.01)
    monkeypatch.setattr(daemon_module, "FIRST_RETRY_SECONDS", 0.0)
    apart, moved = daemon_module._apart, [0.0]
    monkeypatch.setattr(daemon_module, "_apart", lambda clock: apart(clock) + moved[0])
    cloud = cloud_of()
    asked = listings(cloud)
    stage = make(cloud)
    stage.daemon.start()
    stage.seen(measured("one"))
    stage.idle()
    assert len(asked) == 1
    moved[0] = seconds
    with stage.published:
        assert stage.published.wait_for(lambda: len(asked) > 1, PATIENCE)
    stage.idle()
    planned = stage.daemon._scheduler.get_job("one").next_run_time - datetime.now(UTC)
    assert HOUR - 60 <= planned.total_seconds() <= HOUR * 1.06


def test_a_clock_that_jumps_to_and_fro_makes_no_flood_of_requests(
    make: Callable[..., Stage],
) -> None:
    cloud = cloud_of()
    asked = listings(cloud)
    stage = make(cloud)
    stage.daemon.start()
    stage.seen(measured("one"))
    stage.idle()
    for _ in range(50):
        stage.daemon._plan_anew(at_once=True)
    planned = stage.daemon._scheduler.get_job("one").next_run_time - datetime.now(UTC)
    assert 0 < planned.total_seconds() <= daemon_module.FIRST_RETRY_SECONDS
    assert len(asked) == 1


def test_a_slewed_clock_moves_no_job(make: Callable[..., Stage]) -> None:
    stage = make(cloud_of())
    stage.daemon.start()
    stage.seen(measured("one"))
    stage.idle()
    before = stage.daemon._scheduler.get_job("one").next_run_time
    stage.daemon._plan_anew(at_once=False)
    after = stage.daemon._scheduler.get_job("one").next_run_time
    assert abs((after - before).total_seconds()) < 1


def test_a_grid_that_fails_by_a_defect_holds_up_no_provider(make: Callable[..., Stage]) -> None:
    cloud = cloud_of()
    stage = make(cloud, grids=[SimGrid(clock=cloud.clock, defect=ZeroDivisionError())])
    stage.daemon.start()
    snapshot = stage.seen(measured("one"))
    assert int(snapshot.grids[0].level) == 4


def test_a_stop_saves_everything(make: Callable[..., Stage], state: Path) -> None:
    stage = make(cloud_of())
    stage.daemon.start()
    stage.seen(measured("one"))
    assert stage.daemon.stop(within=PATIENCE) is True
    stage.store.close()
    store = Store.open(state)
    assert [row.machine.name for row in store.load().resources.values()] == ["one-m"]
    store.close()


def test_a_stop_lets_the_cycle_in_flight_finish(make: Callable[..., Stage]) -> None:
    cloud = cloud_of()
    stage = make(cloud)
    with hanging(cloud) as release:
        stage.daemon.start()
        assert cloud.hanging.wait(PATIENCE)
        timer = threading.Timer(0.05, release.set)
        timer.start()
        assert stage.daemon.stop(within=PATIENCE) is True
        timer.join()
    assert stage.polled[0].collector.status.view().success is True


def test_a_stop_does_not_wait_for_a_provider_that_hangs(
    make: Callable[..., Stage], state: Path
) -> None:
    stuck, fine = cloud_of("stuck"), cloud_of("fine")
    stage = make(stuck, fine)
    with hanging(stuck):
        stage.daemon.start()
        stage.seen(measured("fine"))
        assert stage.daemon.stop(within=0.1) is False
        stage.store.close()
        store = Store.open(state)
        saved = {row.machine.name for row in store.load().resources.values()}
        store.close()
    assert "fine-m" in saved
    stage.idle()


def test_after_a_stop_no_cycle_begins_and_none_is_retried(make: Callable[..., Stage]) -> None:
    cloud = cloud_of()
    stage = make(cloud)
    stage.daemon.start()
    stage.seen(measured("one"))
    assert stage.daemon.stop(within=PATIENCE)
    reads = len(cloud.windows)
    stage.daemon._cycle(stage.polled[0])
    stage.daemon._refresh(stage.daemon.grids[0])
    stage.daemon._retry_soon(stage.polled[0])
    assert len(cloud.windows) == reads


def test_totals_are_awaited_for_a_quarter_of_an_hour_at_most(
    make: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make(cloud_of())
    first.daemon.start()
    first.seen(measured("one"))
    first.daemon.stop(within=PATIENCE)
    first.store.close()
    monkeypatch.setattr(daemon_module, "SNAPSHOT_SECONDS", 0.05)
    monkeypatch.setattr(daemon_module, "CATCH_UP_SECONDS", 0.3)
    stuck = cloud_of()
    second = make(stuck)
    with hanging(stuck):
        second.daemon.start()
        second.seen(lambda snapshot: any(view.withheld for view in snapshot.resources))
        second.seen(lambda snapshot: not any(view.withheld for view in snapshot.resources))
