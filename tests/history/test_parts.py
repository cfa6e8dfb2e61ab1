"""Parts of a backfill: runs told and inferred, slices read again, budgets of grids."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.clock import epoch, from_epoch
from exporter.core.errors import (
    CollectorError,
    NoDataError,
    ThrottledError,
    UnreachableError,
)
from exporter.core.meter import ApiMeter
from exporter.core.model import (
    Basis,
    GridReading,
    IntensityPoint,
    Inventory,
    Machine,
    Method,
    Reading,
    ResourceKey,
    RunState,
    UsageSeries,
    Window,
)
from exporter.core.units import GCO2eqPerKwh, Ratio
from exporter.history.grid_past import Deps, PastSource, Wanted, gather
from exporter.history.handover import WINDOW_SECONDS, sample_spacing, within
from exporter.history.inferred_runs import InferredRuns
from exporter.history.plan import AccountPlan, slice_seconds
from exporter.history.replay import PAUSES, ReplayClock, ReplayedProvider
from tests.support.clock import ManualClock
from tests.support.providers import Plain

STEP = 300
HOUR = 3600
DAY = 24 * HOUR
T0 = 1_772_409_600
NOW = T0 + 10 * DAY
REACH = 26 * HOUR


def machine(  # noqa: PLR0913 — what tells machines apart
    state: RunState,
    launched: float | None = None,
    stopped: float | None = None,
    *,
    provider: str = "aws",
    kind: str = "ec2_instance",
    ident: str = "i-1",
) -> Machine:
    return Machine(
        key=ResourceKey(provider, "acct", "eu-west-3", kind, ident),
        name=ident,
        instance_type="m5.large",
        state=state,
        launched_at=None if launched is None else from_epoch(launched),
        stopped_at=None if stopped is None else from_epoch(stopped),
    )


def seen(runs: InferredRuns, moment: float, read_until: float = NOW) -> tuple[object, ...] | None:
    """State, start and end that an inventory of that time shows."""
    shown = runs.at(moment, read_until, STEP)
    if shown is None:
        return None
    assert shown.launched_at is not None
    end = None if shown.stopped_at is None else epoch(shown.stopped_at)
    return shown.state, epoch(shown.launched_at), end


# --- lives ----------------------------------------------------------------------------------------


def test_the_latest_run_is_as_it_was_told() -> None:
    runs = InferredRuns.of(machine(RunState.STOPPED, T0 + 77, T0 + 1000), -inf, HOUR)
    assert seen(runs, T0 + 76) is None
    assert seen(runs, T0 + 77) == (RunState.RUNNING, T0 + 77, None)
    assert seen(runs, T0 + 1000) == (RunState.STOPPED, T0 + 77, T0 + 1000)
    assert not runs.may_have_run(T0 + 1000)


def test_a_machine_that_is_gone_is_listed_for_a_while() -> None:
    runs = InferredRuns.of(machine(RunState.GONE, T0, T0 + 1000), -inf, HOUR)
    assert seen(runs, T0 + 1000) == (RunState.GONE, T0, T0 + 1000)
    assert seen(runs, T0 + 1000 + HOUR) is None


def test_runs_before_the_latest_are_those_that_have_data() -> None:
    launched = T0 + DAY + 123
    runs = InferredRuns.of(machine(RunState.RUNNING, launched), -inf, HOUR)
    runs.learn([T0, T0 + 300, T0 + 900, T0 + DAY, T0 + DAY + 300], STEP)
    assert runs.runs == [[T0, T0 + 600], [T0 + 900, T0 + 1200]]
    assert seen(runs, T0 + 599) == (RunState.RUNNING, T0, None)
    assert seen(runs, T0 + 600) == (RunState.STOPPED, T0, T0 + 600)
    assert seen(runs, T0 + 900) == (RunState.RUNNING, T0 + 900, None)
    assert seen(runs, launched) == (RunState.RUNNING, launched, None)


def test_a_run_up_to_the_end_of_the_data_goes_on() -> None:
    runs = InferredRuns.of(machine(RunState.RUNNING, T0 + DAY), -inf, HOUR)
    runs.learn([T0, T0 + 300], STEP)
    assert seen(runs, T0 + 600, read_until=T0 + 600) == (RunState.RUNNING, T0, None)
    runs.learn([T0 + 600], STEP)
    assert seen(runs, T0 + 800, read_until=T0 + 7200) == (RunState.RUNNING, T0, None)


def test_a_stop_at_a_time_that_nobody_tells_is_where_the_data_ends() -> None:
    runs = InferredRuns.of(machine(RunState.STOPPED, T0), -inf, HOUR)
    runs.learn([T0, T0 + 300], STEP)
    assert seen(runs, T0 + 700) == (RunState.STOPPED, T0, T0 + 600)


def test_a_machine_that_nobody_saw_running_is_stopped() -> None:
    shown = InferredRuns.of(machine(RunState.STOPPED), -inf, HOUR).at(T0, NOW, STEP)
    assert shown is not None
    assert (shown.state, shown.launched_at, shown.stopped_at) == (RunState.STOPPED, None, None)


def test_where_starts_are_known_for_a_day_the_data_tells_before_that() -> None:
    created = T0 + 100
    runs = InferredRuns.of(machine(RunState.RUNNING, created), NOW - REACH, HOUR)
    known = NOW - REACH
    at = known // STEP * STEP
    runs.learn([T0, T0 + 300, T0 + DAY, *range(at - 600, NOW, STEP)], STEP)
    assert runs.runs[0] == [created, T0 + 600]
    assert seen(runs, T0 + HOUR) == (RunState.STOPPED, created, T0 + 600)
    assert seen(runs, at - 400) == (RunState.RUNNING, at - 600, None)
    assert seen(runs, NOW) == (RunState.RUNNING, at - 600, None)


def test_where_starts_are_never_told_only_the_data_tells() -> None:
    runs = InferredRuns.of(machine(RunState.RUNNING, T0), NOW, HOUR)
    runs.learn([T0 + 300, T0 + 600], STEP)
    assert seen(runs, T0 + HOUR) == (RunState.STOPPED, T0 + 300, T0 + 900)


@given(
    st.sets(st.integers(0, 200)),
    st.lists(st.integers(1, 50), min_size=1, max_size=8),
    st.sampled_from([RunState.RUNNING, RunState.STOPPED]),
)
def test_every_bucket_with_data_lies_in_a_run_however_it_was_sliced(
    buckets: set[int], slices: list[int], state: RunState
) -> None:
    starts = sorted(T0 + STEP * number for number in buckets)
    runs, at = InferredRuns.of(machine(state), -inf, HOUR), T0
    for length in [*slices, 1000]:
        runs.learn([one for one in starts if at <= one < at + STEP * length], STEP)
        at += STEP * length
    covered = [one for run in runs.runs for one in range(int(run[0]), int(run[1]), STEP)]
    assert covered == starts
    assert all(b[0] > a[1] for a, b in pairwise(runs.runs))


# --- slices ---------------------------------------------------------------------------------------


@dataclass
class Cloud(Plain):
    """Delivers 0.25 in each bucket; fails as often as it is told to."""

    fail: list[CollectorError] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    windows: list[tuple[int, int]] = field(default_factory=list)
    name = "aws"
    kind = "aws"
    settle = 300

    def discover(self) -> Inventory:
        raise AssertionError

    def read(self, machines: Sequence[Machine], window: Window) -> Reading:
        self.windows.append((window.start, window.end))
        if self.fail:
            raise self.fail.pop(0)
        points = dict.fromkeys(window.buckets, Ratio(0.25))
        unread = frozenset(m.key for m in machines if m.name in self.unread)
        self.unread.clear()
        series = [UsageSeries(key=m.key, cpu=points) for m in machines if m.key not in unread]
        lost = UnreachableError("half of it is lost — wait")
        return Reading(series=tuple(series), unread=unread, failures=(lost,) if unread else ())

    def close(self) -> None:
        raise AssertionError


def replayed(cloud: Cloud, hours: int) -> tuple[ReplayedProvider, ReplayClock, list[float]]:
    listed = Inventory(
        machines=tuple(machine(RunState.RUNNING, T0 - DAY, ident=f"i-{n}") for n in range(2))
    )
    account = AccountPlan(
        provider=cloud,
        inventory=listed,
        asked_at=NOW,
        start=T0,
        until=T0 + hours * HOUR,
        resolution=STEP,
    )
    clock, slept = ReplayClock(T0 + 300.0), list[float]()
    return ReplayedProvider(account, clock, slept.append), clock, slept


def read_all(provider: ReplayedProvider, clock: ReplayClock, hours: int) -> list[Reading]:
    """Step through the time as the engine does, a bucket at a time."""
    readings = []
    for start in range(T0, T0 + hours * HOUR, STEP):
        clock.time = start + STEP + provider.settle
        found = provider.discover().machines
        window = Window(start=start, end=start + STEP, resolution=STEP)
        readings.append(provider.read(found, window))
    return readings


def test_the_cloud_is_asked_in_long_slices_and_the_engine_is_answered_in_short_ones() -> None:
    cloud = Cloud()
    hours = 6 * DAY // HOUR
    provider, clock, _ = replayed(cloud, hours)
    readings = read_all(provider, clock, hours)
    assert cloud.windows == [(T0, T0 + 5 * DAY), (T0 + 5 * DAY, T0 + 6 * DAY)]
    told = [{at: v for s in r.series for at, v in s.cpu.items()} for r in readings]
    assert told == [{at: 0.25} for at in range(T0, T0 + hours * HOUR, STEP)]
    assert provider.gaps == []


def test_machines_that_were_not_read_are_asked_for_again() -> None:
    cloud = Cloud(unread={"i-1"})
    provider, clock, slept = replayed(cloud, 1)
    readings = read_all(provider, clock, 1)
    assert all(len(reading.series) == 2 for reading in readings)
    assert (len(cloud.windows), sum(slept), provider.gaps) == (2, PAUSES[0], [])


def test_a_read_that_goes_on_failing_is_a_gap_and_what_follows_is_read() -> None:
    errors: list[CollectorError] = [ThrottledError("slow down — wait") for _ in (0, *PAUSES)]
    cloud = Cloud(fail=errors)
    hours = 6 * DAY // HOUR
    provider, clock, _ = replayed(cloud, hours)
    readings = read_all(provider, clock, hours)
    (gap,) = provider.gaps
    assert (gap.start, gap.end, gap.cause) == (T0, T0 + 5 * DAY, "slow down — wait")
    assert sum(all(s.cpu for s in r.series) for r in readings if r.series) == DAY // STEP


def test_slices_are_longer_the_fewer_machines_there_are() -> None:
    lengths = [slice_seconds(machines, STEP) for machines in (0, 10, 1000, 5000, 100_000)]
    assert lengths == [5 * DAY, 5 * DAY, 36 * HOUR, 6 * HOUR, 6 * HOUR]


# --- grids ----------------------------------------------------------------------------------------


class Grid:
    """Answers so many zones a question, then none until it is waited for."""

    name = "breeze"
    method = Method.AVERAGE
    basis = Basis.LIFECYCLE
    refresh_seconds = 120
    history_seconds = 14 * DAY

    def __init__(self, meter: ApiMeter, at_once: int = 100, knows: str = "") -> None:
        self.meter, self.at_once, self.knows = meter, at_once, knows
        self.left = at_once
        self.spans: list[tuple[int, int]] = []
        self.failure: CollectorError | None = None

    def covers(self, zone: str) -> bool:
        return zone != "WORLD"

    def fetch(self, zones: Collection[str], start: int, end: int) -> GridReading:
        self.spans.append((start, end))
        if self.failure is not None:
            self.meter.count(self.name, "x")
            raise self.failure
        asked = sorted(zones)[: self.left]
        self.left -= len(asked)
        if asked:
            self.meter.count(self.name, "x", requests=len(asked))
        told = [zone for zone in asked if not self.knows or zone in self.knows]
        if asked and not told:
            message = "nothing of that time"
            raise NoDataError(message)
        return GridReading(points=tuple(point(zone, start, end) for zone in told))

    def close(self) -> None:
        raise AssertionError

    def rest(self, _seconds: float) -> None:
        self.left = self.at_once


def point(zone: str, start: int, end: int) -> IntensityPoint:
    return IntensityPoint(zone=zone, start=start, end=end, gco2eq_per_kwh=GCO2eqPerKwh(50.0))


WANTED = Wanted(
    used=frozenset({"FR", "GB"}), others=frozenset({"SE", "WORLD"}), start=T0, end=T0 + 20 * DAY
)


def deps(grid: Grid, clock: ManualClock | None = None) -> tuple[Deps, list[tuple[int, int]]]:
    clock, told = clock or ManualClock(), list[tuple[int, int]]()

    def sleep(seconds: float) -> None:
        clock.advance(seconds)
        grid.rest(seconds)

    def tell(done: int, total: int) -> None:
        told.append((done, total))

    return Deps(clock=clock, meter=grid.meter, sleep=sleep, tell=tell), told


def test_all_of_the_span_comes_newest_first_in_as_few_questions_as_can_be() -> None:
    grid = Grid(ApiMeter())
    how, told = deps(grid)
    past = gather([grid], WANTED, how)
    assert grid.spans == [(T0 + 6 * DAY, T0 + 20 * DAY), (T0, T0 + 6 * DAY)]
    assert {one.zone for one in past.points["breeze"]} == {"FR", "GB", "SE"}
    assert past.gaps == []
    assert (told[0], told[-1]) == ((0, 6), (6, 6))


def test_a_source_with_a_small_budget_is_waited_for() -> None:
    grid = Grid(ApiMeter(), at_once=1)
    how, told = deps(grid)
    past = gather([grid], WANTED, how)
    assert len(past.points["breeze"]) == 6
    assert past.gaps == []
    assert told[-1] == (6, 6)


def test_waiting_ends_and_what_is_lacking_is_told_for_zones_in_use_only() -> None:
    grid = Grid(ApiMeter(), at_once=1)
    how, told = deps(grid)
    grid.rest = lambda _seconds: None  # type: ignore[method-assign] # its budget stays spent
    past = gather([grid], WANTED, how)
    assert [gap.what for gap in past.gaps] == ["the grid of GB", "the grid of FR, GB"]
    assert told[-1] == (6, 6)


def test_a_zone_that_has_no_history_is_told_and_the_others_are_had() -> None:
    grid = Grid(ApiMeter(), knows="FR SE")
    how, _ = deps(grid)
    past = gather([grid], WANTED, how)
    assert {one.zone for one in past.points["breeze"]} == {"FR", "SE"}
    assert {gap.what for gap in past.gaps} == {"the grid of GB"}


def test_a_source_that_is_out_of_reach_is_not_asked_for_older_times() -> None:
    grid = Grid(ApiMeter())
    grid.failure = UnreachableError("breeze: no answer — check the network")
    how, told = deps(grid)
    past = gather([grid], WANTED, how)
    assert len(grid.spans) == 1
    assert {gap.cause for gap in past.gaps} == {str(grid.failure)}
    assert told[-1] == (6, 6)


def test_signals_that_are_missing_are_no_gap_of_grams() -> None:
    grid = Grid(ApiMeter())
    grid.failure = UnreachableError("no answer")
    grid.basis = Basis.DIRECT
    how, _ = deps(grid)
    assert gather([grid], WANTED, how).gaps == []


def test_the_engine_asks_a_source_in_vain_once_all_was_told() -> None:
    stand_in = PastSource(Grid(ApiMeter()))
    assert stand_in.covers("FR")
    assert stand_in.fetch({"FR"}, T0, T0 + DAY) == GridReading(points=())


# --- the seam -------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [60, 300, 900])
def test_distances_shrink_so_slowly_that_no_window_of_rate_loses_its_begin(step: int) -> None:
    times = sample_spacing(T0, T0 + DAY, step)
    assert T0 + DAY - times[-1] == 15
    times = (*range(times[0] - 10 * step, times[0], step), *times, T0 + DAY)
    for number, (left, right) in enumerate(pairwise(times)):
        inside = [at for at in times[number + 1 :] if at <= left + WINDOW_SECONDS]
        if len(inside) > 1 and right - left <= WINDOW_SECONDS / 3:
            mean = (inside[-1] - inside[0]) / (len(inside) - 1)
            assert right - left < 1.1 * mean + 2


def test_a_short_history_fades_from_its_begin() -> None:
    times = sample_spacing(T0, T0 + HOUR, 300)
    assert T0 < times[0] < T0 + 300
    assert sorted(times) == list(times)


def test_the_last_usual_sample_stays_before_the_closer_ones() -> None:
    closer = (T0 + 420, T0 + 500, T0 + 650)
    assert list(within(closer, T0, T0 + 300)) == []
    assert list(within(closer, T0 + 300, T0 + 600)) == [T0 + 300, T0 + 420, T0 + 500]
    assert list(within(closer, T0 + 600, T0 + 900)) == [T0 + 650]


def test_an_inventory_shows_one_record_for_one_state() -> None:
    """The engine compares machines at each step: the same record is the same at once."""
    runs = InferredRuns.of(machine(RunState.RUNNING, T0), -inf, HOUR)
    assert runs.at(T0 + 1, NOW, STEP) is runs.at(T0 + 2, NOW, STEP)
    assert replace(runs.machine, launched_at=from_epoch(T0)) == runs.at(T0 + 1, NOW, STEP)
