"""Buckets: partial, missing, corrected, caught up; and what counters show of them."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.core.model import Machine, Reading, Window
from exporter.core.snapshot import Quality, ResourceState, Snapshot
from exporter.engine.resource_account import Missing
from tests.support.clock import ManualClock
from tests.support.rig import DAY, HOUR, RULES, T0, Rig, assert_true
from tests.support.sim import (
    CALM,
    JOULES_PER_KWH,
    KINDS,
    Judge,
    SimCloud,
    SimGrid,
    SimMachine,
    Span,
    Weather,
    grid_value,
    region_of,
    watts_of,
)

PUE = region_of("sim", "fr-one").pue
LOSSY = Weather(never=0.1, start=T0, end=T0 + 6 * HOUR)


def rig_of(state: Path, clock: ManualClock, cloud: SimCloud, **rules: object) -> Rig:
    changed = replace(RULES, **rules)  # type: ignore[arg-type] # fields by name
    return Rig(state, [cloud], [SimGrid(clock=clock)], clock, rules=changed)


def machine_of(snapshot: Snapshot, name: str = "m"):  # type: ignore[no-untyped-def] # noqa: ANN201 — a view
    return next(view for view in snapshot.resources if view.machine.name == name)


def judge(rig: Rig, weather: Weather = CALM) -> Judge:
    return Judge(origin=T0 - 300, until=rig.final, weather=weather)


def test_a_bucket_counts_for_the_seconds_that_the_machine_ran(
    state: Path, clock: ManualClock
) -> None:
    launch, stop = T0 + 617, T0 + 2413
    machine = SimMachine(name="m", spans=[Span(launch, stop)], busy=0.5)
    rig = rig_of(state, clock, SimCloud(clock=clock, machines=[machine]))
    rig.every(300, T0 + 3 * HOUR)
    joules = watts_of("small", 0.5) * PUE * (stop - launch)
    assert rig.accounted()["m"].energy == pytest.approx(joules, rel=1e-9)
    seconds = rig.region_sums()["fr-one"][3:]
    assert seconds == pytest.approx((stop - launch, 0, 0))


def test_counting_starts_when_the_collector_first_runs(state: Path, clock: ManualClock) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - 3 * DAY)], busy=0.5)
    rig = rig_of(state, clock, SimCloud(clock=clock, machines=[machine]))
    first = rig.run()
    assert machine_of(first).energy == 0.0, "counters are seen at 0 before their first increment"
    assert first.regions[0].energy == 0.0
    assert machine_of(first).state is ResourceState.MEASURED, "gauges are served from the start"
    clock.advance(300)
    rig.run()
    joules = watts_of("small", 0.5) * PUE * 300
    assert rig.accounted()["m"].energy == pytest.approx(joules, rel=1e-9)


def test_a_machine_of_a_region_added_later_is_counted_no_further_back_than_a_catch_up(
    state: Path, clock: ManualClock
) -> None:
    early = SimMachine(name="early", spans=[Span(T0 - DAY)])
    added = SimMachine(name="added", spans=[Span(T0 - DAY)], region="ie-two")
    cloud = SimCloud(clock=clock, machines=[early])
    rig = rig_of(state, clock, cloud, max_catch_up=2 * HOUR)
    rig.every(300, T0 + 5 * HOUR)
    cloud.machines.append(added)
    rig.run()
    begin = T0 + 3 * HOUR
    sums = rig.region_sums()["ie-two"]
    truth = Judge(origin=begin, until=rig.final).of(added)
    assert sums[0] == pytest.approx(truth.joules, rel=1e-6)
    assert sums[3] == truth.measured


def test_a_higher_value_adds_and_a_lower_one_is_a_debt(state: Path, clock: ManualClock) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - DAY)], busy=1.0)
    cloud = SimCloud(clock=clock, machines=[machine])
    rig = rig_of(state, clock, cloud)
    rig.every(300, T0 + 600)
    high = machine_of(rig.look()).energy
    machine.busy = 0.0
    clock.advance(300)
    in_debt = rig.run()
    assert machine_of(in_debt).energy == high, "a counter never falls"
    assert rig.accounted()["m"].energy < high, "the sum does"
    assert in_debt.buckets_corrected == 2
    rig.every(300, T0 + 2 * HOUR)
    sum_now, shown = rig.accounted()["m"].energy, machine_of(rig.look()).energy
    assert shown == pytest.approx(sum_now, rel=1e-9), "later increments pay the debt"
    joules = watts_of("small", 0.0) * PUE * (rig.final - (T0 - 300))
    assert sum_now == pytest.approx(joules, rel=1e-9)


def test_a_region_in_debt_pays_with_the_increments_of_its_machines(
    state: Path, clock: ManualClock
) -> None:
    falls = SimMachine(name="falls", spans=[Span(T0 - DAY, T0 + 617)], busy=1.0)
    goes_on = SimMachine(name="goes-on", spans=[Span(T0 - DAY)], busy=0.5)
    cloud = SimCloud(clock=clock, machines=[falls, goes_on])
    rig = rig_of(state, clock, cloud)
    rig.every(300, T0 + 1200)
    falls.busy = 0.0
    snapshot = rig.every(300, T0 + 3 * HOUR)
    sums = rig.region_sums()["fr-one"]
    assert snapshot.regions[0].energy == pytest.approx(sums[0], rel=1e-9)
    assert machine_of(snapshot, "falls").energy > rig.accounted()["falls"].energy, "for ever"
    assert_true(rig, [falls, goes_on], judge(rig))


@pytest.mark.parametrize("poll", [300, 900, 3600])
@pytest.mark.parametrize("policy", list(Missing))
def test_a_bucket_without_a_value_counts_by_policy_whatever_the_poll(
    state: Path, clock: ManualClock, policy: Missing, poll: int
) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - 5000)])
    cloud = SimCloud(clock=clock, machines=[machine], weather=LOSSY)
    rig = rig_of(state, clock, cloud, missing=policy)
    rig.every(poll, T0 + 8 * HOUR)
    joules = grams = 0.0
    last: float | None = None
    seconds = dict.fromkeys(Quality, 0)
    for start in range(T0 - 300, rig.final, 300):
        value = machine.utilization(start, 300)
        quality = Quality.MEASURED
        if LOSSY.lost("m", start):
            value = {Missing.SKIP: None, Missing.IDLE: 0.0, Missing.LAST: last}[policy]
            quality = Quality.MISSING if value is None else Quality.ESTIMATED
        last = value
        seconds[quality] += 300
        if value is not None:
            part = watts_of("small", value) * PUE * 300
            joules += part
            grams += part / JOULES_PER_KWH * grid_value("FR", start // 1800 * 1800)
    assert seconds[Quality.MEASURED] < rig.final - T0, "some buckets were lost"
    assert rig.accounted()["m"][:2] == pytest.approx((joules, grams), rel=1e-9)
    assert rig.region("fr-one").observed_seconds == seconds
    hours = (rig.final - T0 + 300) / HOUR
    assert rig.accounted()["m"].embodied == pytest.approx(KINDS["small"].embodied * hours)


def test_last_without_any_value_before_counts_as_missing(state: Path, clock: ManualClock) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 + 10)])
    weather = Weather(never=1.0, start=T0)
    cloud = SimCloud(clock=clock, machines=[machine], weather=weather)
    rig = rig_of(state, clock, cloud, missing=Missing.LAST)
    rig.every(300, T0 + 3 * HOUR)
    seen = rig.region("fr-one")
    assert seen.energy == 0.0
    assert seen.observed_seconds[Quality.MISSING] > HOUR
    assert seen.observed_seconds[Quality.ESTIMATED] == 0


def test_a_bucket_is_missing_only_after_the_look_back(state: Path, clock: ManualClock) -> None:
    lost = T0 + 600
    machine = SimMachine(name="m", spans=[Span(T0 - 5000)])
    weather = Weather(never=1.0, start=lost, end=lost + 300)
    rig = rig_of(state, clock, SimCloud(clock=clock, machines=[machine], weather=weather))
    closes = lost + 300 + RULES.settle + RULES.look_back
    rig.every(300, closes - 300)
    assert rig.region("fr-one").observed_seconds[Quality.MISSING] == 0
    clock.advance(300)
    rig.run()
    assert rig.region("fr-one").observed_seconds[Quality.MISSING] == 300


@pytest.mark.parametrize("policy", list(Missing))
def test_without_a_stop_time_nothing_is_assumed_of_the_time_in_doubt(
    state: Path, clock: ManualClock, policy: Missing
) -> None:
    stop = T0 + HOUR + 901
    machine = SimMachine(name="m", spans=[Span(T0 - 5000, stop)], tells_stop=False, busy=0.5)
    cloud = SimCloud(clock=clock, machines=[machine])
    rig = rig_of(state, clock, cloud, missing=policy)
    rig.every(1800, T0 + 4 * HOUR)
    seconds = rig.region("fr-one").observed_seconds
    assert seconds[Quality.MISSING] == seconds[Quality.ESTIMATED] == 0
    counted = stop // 300 * 300 + 300 - (T0 - 300)
    assert seconds[Quality.MEASURED] == counted, "its last bucket has data and counts"
    assert rig.accounted()["m"].energy == pytest.approx(
        watts_of("small", 0.5) * PUE * counted, rel=1e-9
    )


def test_each_run_of_a_resized_machine_has_its_own_embodied_share_even_without_data(
    state: Path, clock: ManualClock
) -> None:
    machine = SimMachine(
        name="m",
        spans=[Span(T0 - 5000, T0 + HOUR, "small"), Span(T0 + HOUR + 1200, kind="large")],
    )
    weather = Weather(never=1.0, start=T0 - 300, end=T0 + 2 * HOUR)
    rig = rig_of(state, clock, SimCloud(clock=clock, machines=[machine], weather=weather))
    rig.every(300, T0 + 5 * HOUR)
    assert_true(rig, [machine], judge(rig, weather))


@pytest.mark.parametrize("policy", [Missing.SKIP, Missing.IDLE])
def test_a_long_stop_is_caught_up_in_slices(
    state: Path, clock: ManualClock, policy: Missing
) -> None:
    machines = [
        SimMachine(name="m", spans=[Span(T0 - 5000)]),
        SimMachine(name="n", spans=[Span(T0 + 4 * HOUR + 7, T0 + 9 * HOUR + 11)]),
    ]
    cloud = SimCloud(clock=clock, machines=machines)
    rig = rig_of(state, clock, cloud, missing=policy)
    rig.every(300, T0 + 2 * HOUR)
    rig.store.close()
    cloud.windows.clear()
    clock.advance(20 * HOUR)
    rig.start(rig.store.open(state))
    rig.run()
    assert max(w.end - w.start for w in cloud.windows) <= 6 * HOUR
    assert len(cloud.windows) == 4
    assert_true(rig, machines, judge(rig))


def test_after_three_days_what_is_out_of_reach_counts_as_missing(
    state: Path, clock: ManualClock
) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - 5000)])
    cloud = SimCloud(clock=clock, machines=[machine])
    rig = rig_of(state, clock, cloud)
    rig.every(300, T0 + 2 * HOUR)
    read_until, seen = rig.final, int(rig.now)
    rig.store.close()
    cloud.windows.clear()
    clock.advance(3 * DAY)
    rig.start(rig.store.open(state))
    rig.every(300, rig.now + 2 * HOUR)
    reach = read_until + 3 * DAY - DAY
    assert min(window.start for window in cloud.windows) == reach
    lost = Weather(never=1.0, start=read_until, end=reach)
    assert_true(rig, [machine], replace(judge(rig, lost), unwatched=range(seen, reach)))


@pytest.mark.parametrize("policy", list(Missing))
def test_what_is_out_of_reach_is_missing_under_every_policy(
    state: Path, clock: ManualClock, policy: Missing
) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - 5000)])
    cloud = SimCloud(clock=clock, machines=[machine])
    rig = rig_of(state, clock, cloud, missing=policy, max_catch_up=6 * HOUR)
    rig.every(300, T0 + 2 * HOUR)
    rig.store.close()
    clock.advance(DAY)
    rig.start(rig.store.open(state))
    rig.every(300, rig.now + 2 * HOUR)
    seconds = rig.region("fr-one").observed_seconds
    assert seconds[Quality.MISSING] == DAY - 6 * HOUR
    assert seconds[Quality.ESTIMATED] == 0


def test_catch_up_remaining_shows_the_way_and_ends_at_zero(state: Path, clock: ManualClock) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - 5000)])
    cloud = SimCloud(clock=clock, machines=[machine])
    rig = rig_of(state, clock, cloud)
    assert rig.every(300, T0 + 2 * HOUR).catch_up_remaining_seconds == {"sim": 0.0}
    cloud.outages.append((T0 + 2 * HOUR + 1, T0 + 5 * HOUR))
    waiting = rig.every(300, T0 + 4 * HOUR)
    assert waiting.catch_up_remaining_seconds == {"sim": 2 * HOUR}
    remaining: list[float] = []
    read = cloud.read

    def watched(machines: Sequence[Machine], window: Window) -> Reading:
        remaining.append(rig.look().catch_up_remaining_seconds["sim"])
        return read(machines, window)

    cloud.read = watched  # type: ignore[method-assign]
    clock.advance(16 * HOUR)
    done = rig.run()
    assert remaining == [18 * HOUR, 13 * HOUR, 7 * HOUR, HOUR]
    assert done.catch_up_remaining_seconds == {"sim": 0.0}


@pytest.mark.parametrize("steps", [(300, 60, 300), (60, 300, 60), (300, 900, 60)])
def test_a_change_of_resolution_counts_every_second_once(
    state: Path, clock: ManualClock, steps: tuple[int, ...]
) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - 5000)], busy=0.5)
    rig = rig_of(state, clock, SimCloud(clock=clock, machines=[machine]))
    for hours, resolution in enumerate(steps):
        rig.rules = replace(RULES, resolution=resolution)
        rig.restart()
        rig.every(420, T0 + (3 * hours + 3) * HOUR)
    seconds = rig.region("fr-one").observed_seconds
    first = T0 - 300
    assert sum(seconds.values()) == pytest.approx(rig.final - first)
    assert seconds[Quality.MISSING] <= 2 * max(steps)
    joules = watts_of("small", 0.5) * PUE * seconds[Quality.MEASURED]
    assert rig.accounted()["m"].energy == pytest.approx(joules, rel=1e-9)


def test_a_vanished_machine_keeps_its_counters_then_ends_and_its_region_keeps_its_grams(
    state: Path, clock: ManualClock
) -> None:
    leaves = SimMachine(
        name="m", spans=[Span(T0 - 5000, T0 + HOUR)], listed_until=T0 + HOUR, tells_stop=False
    )
    stays = SimMachine(name="stays", spans=[Span(T0 - 5000)])
    rig = rig_of(state, clock, SimCloud(clock=clock, machines=[leaves, stays]))
    snapshot = rig.every(300, T0 + HOUR)
    assert machine_of(snapshot).state is ResourceState.STOPPED
    assert machine_of(snapshot).now is None
    snapshot = rig.every(300, T0 + HOUR + RULES.keep_gone)
    final = machine_of(snapshot)
    assert final.energy > 0
    assert sum(snapshot.regions[0].states.values()) == 1, "the gone are not counted as machines"
    clock.advance(600)
    snapshot = rig.run()
    assert [view.machine.name for view in snapshot.resources] == ["stays"]
    assert rig.region_sums()["fr-one"][0] == pytest.approx(
        rig.accounted()["stays"].energy + final.energy, rel=1e-9
    )


@pytest.mark.parametrize("hours_away", [0.5, 3, 30])
def test_a_machine_that_comes_back_into_the_inventory_is_not_counted_again(
    state: Path, clock: ManualClock, hours_away: float
) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - 5000)], busy=0.5)
    other = SimMachine(name="o", spans=[Span(T0 - 5000)], busy=0.5)
    cloud = SimCloud(clock=clock, machines=[machine, other])
    rig = rig_of(state, clock, cloud)
    rig.every(300, T0 + 4 * HOUR)
    cloud.machines.remove(machine)
    rig.every(300, T0 + (4 + hours_away) * HOUR)
    cloud.machines.append(machine)
    rig.every(300, rig.now + 3 * HOUR)
    counted = rig.region_sums()["fr-one"]
    most = 2 * watts_of("small", 0.5) * PUE * (rig.final - (T0 - 300))
    assert counted[0] <= most * (1 + 1e-9)
    assert sum(counted[3:]) <= 2 * (rig.final - (T0 - 300))
    if hours_away < 1:
        assert counted[0] == pytest.approx(most, rel=1e-9), "a flicker costs nothing"


def test_machines_of_a_provider_that_is_no_longer_configured_show_no_series(
    state: Path, clock: ManualClock
) -> None:
    kept = SimMachine(name="kept", spans=[Span(T0 - 5000)])
    dropped = SimMachine(name="dropped", spans=[Span(T0 - 5000)], region="ie-two")
    clouds = [
        SimCloud(clock=clock, machines=[kept], name="one"),
        SimCloud(clock=clock, machines=[dropped], name="two"),
    ]
    rig = Rig(state, clouds, [SimGrid(clock=clock)], clock)
    rig.every(300, T0 + HOUR)
    grams = rig.region_sums()["ie-two"]
    rig.clouds = clouds[:1]
    rig.restart()
    clock.advance(300)
    snapshot = rig.run()
    assert [view.machine.name for view in snapshot.resources] == ["kept"]
    assert rig.region_sums()["ie-two"] == grams, "the totals keep what it emitted"
    assert sum(rig.region("ie-two").states.values()) == 0
    rig.clouds = clouds
    rig.restart()
    rig.every(300, T0 + 3 * HOUR)
    assert_true(rig, [kept, dropped], judge(rig))


@pytest.mark.parametrize("garbage", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_is_no_data(
    state: Path, clock: ManualClock, garbage: float
) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - 5000)])
    bad = T0 + 900

    class Garbled(Weather):
        def shown(self, name: str, start: int, end: int, now: float, value: float) -> float | None:
            seen = Weather.shown(self, name, start, end, now, value)
            return garbage if start == bad and seen is not None else seen

    rig = rig_of(state, clock, SimCloud(clock=clock, machines=[machine], weather=Garbled()))
    rig.every(300, T0 + 3 * HOUR)
    lost = Weather(never=1.0, start=bad, end=bad + 300)
    assert_true(rig, [machine], judge(rig, lost))


def test_accounts_of_vanished_machines_do_not_pile_up(state: Path, clock: ManualClock) -> None:
    machines = [
        SimMachine(
            name=f"m{i}",
            spans=[Span(T0 + i * HOUR, T0 + i * HOUR + 1000)],
            listed_until=T0 + i * HOUR + 2000,
        )
        for i in range(60)
    ]
    rig = rig_of(state, clock, SimCloud(clock=clock, machines=machines))
    rig.every(1800, T0 + 60 * HOUR)
    assert len(rig.ledger._accounts) <= 27
    assert len(rig.look().resources) <= 2
    rig.restart()
    assert len(rig.ledger._accounts) <= 27
    assert_true(rig, machines, judge(rig))
