"""Joules and grams against the exact truth, through every disturbance that the design names."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.clock import ManualClock
from tests.support.rig import DAY, HOUR, T0, Rig, assert_true
from tests.support.sim import CALM, Judge, SimCloud, SimGrid, SimMachine, Span, Weather

WEEK = 7 * DAY
ROUGH = Weather(
    late=0.04, partial=0.03, inflated=0.03, never=0.01, start=T0, end=T0 + WEEK - 3 * HOUR
)


def estate() -> list[SimMachine]:
    """Return machines that start, stop, restart, change their type and vanish at odd seconds."""
    return [
        SimMachine(name="steady", spans=[Span(T0 - 9 * DAY + 13)]),
        SimMachine(name="big", spans=[Span(T0 - 77, kind="large")], region="ie-two"),
        SimMachine(
            name="nightly",
            spans=[
                Span(T0 + d * DAY + 3 * HOUR + 41, T0 + d * DAY + 9 * HOUR + 17) for d in range(7)
            ],
        ),
        SimMachine(
            name="resized",
            spans=[
                Span(T0 + 5 * HOUR + 7, T0 + 40 * HOUR + 59, "small"),
                Span(T0 + 40 * HOUR + 1331, T0 + 90 * HOUR + 1, "large"),
                Span(T0 + 99 * HOUR + 211, kind="odd"),
            ],
            region="ie-two",
        ),
        SimMachine(
            name="vanishing",
            spans=[Span(T0 - 100, T0 + 50 * HOUR + 123)],
            listed_until=T0 + 51 * HOUR,
        ),
        SimMachine(
            name="late-born",
            spans=[Span(T0 + 3 * DAY + 7, T0 + 3 * DAY + 1811), Span(T0 + 3 * DAY + 2711)],
            region="us-three",
        ),
    ]


def judge(rig: Rig, weather: Weather = ROUGH) -> Judge:
    return Judge(origin=T0 - 300, until=rig.final, weather=weather)


def test_a_week_with_every_trouble_at_once_is_the_truth(state: Path, clock: ManualClock) -> None:
    machines = estate()
    cloud = SimCloud(
        clock=clock,
        machines=machines,
        weather=ROUGH,
        cut_short=0.05,
        outages=[(T0 + 30 * HOUR, T0 + 35 * HOUR)],
        listing_outages=[(T0 + 60 * HOUR, T0 + 62 * HOUR)],
        region_outages={"ie-two": [(T0 + 80 * HOUR, T0 + 85 * HOUR)]},
    )
    rig = Rig(state, [cloud], [SimGrid(clock=clock)], clock)
    rig.every(900, T0 + 2 * DAY)
    rig.restart()
    rig.every(900, T0 + 4 * DAY)
    rig.store.close()
    clock.advance(7 * HOUR)
    rig.start(rig.store.open(state))
    rig.every(900, T0 + 5 * DAY)
    rig.kill()
    snapshot = rig.every(900, T0 + WEEK)
    assert (snapshot.buckets_corrected or 0) > 50
    assert_true(rig, machines, judge(rig))
    assert "vanishing" not in {view.machine.name for view in snapshot.resources}


@pytest.mark.parametrize("poll", [300, 900, 3600])
def test_the_poll_interval_changes_nothing(state: Path, clock: ManualClock, poll: int) -> None:
    machines = estate()
    weather = replace(ROUGH, end=T0 + DAY - 3 * HOUR)
    cloud = SimCloud(clock=clock, machines=machines, weather=weather)
    grid = SimGrid(clock=clock, estimate_error=1.3, estimates_until=weather.end)
    rig = Rig(state, [cloud], [grid], clock)
    rig.every(poll, T0 + DAY)
    assert_true(rig, machines, judge(rig, weather))


@pytest.mark.parametrize("cycles", [1, 2, 7])
def test_kill_at_any_cycle_changes_nothing(state: Path, clock: ManualClock, cycles: int) -> None:
    machines = estate()
    weather = replace(ROUGH, end=T0 + 10 * HOUR)
    cloud = SimCloud(clock=clock, machines=machines, weather=weather)
    rig = Rig(state, [cloud], [SimGrid(clock=clock)], clock)
    while rig.now < T0 + 13 * HOUR:
        rig.every(300, rig.now + cycles * 300)
        rig.kill()
        clock.advance(120)
    rig.run()
    assert_true(rig, machines, judge(rig, weather))


def test_a_failing_region_waits_while_the_others_go_on(state: Path, clock: ManualClock) -> None:
    machines = estate()
    outage = (T0 + HOUR, T0 + 9 * HOUR)
    cloud = SimCloud(clock=clock, machines=machines, region_outages={"ie-two": [outage]})
    rig = Rig(state, [cloud], [SimGrid(clock=clock)], clock)
    rig.every(600, T0 + 8 * HOUR)
    sums = rig.region_sums()
    until = Judge(origin=T0 - 300, until=rig.final).of(machines[0])
    assert rig.accounted()["steady"].energy == pytest.approx(until.joules, rel=1e-9)
    assert sums["ie-two"][5] == 0.0, "an outage is not missing data"
    rig.every(600, T0 + 12 * HOUR)
    assert_true(rig, machines, judge(rig, CALM))


def test_a_stop_while_the_inventory_is_down_is_not_missing_data(
    state: Path, clock: ManualClock
) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - 5000, T0 + 2 * HOUR + 77)])
    cloud = SimCloud(
        clock=clock,
        machines=[machine],
        listing_outages=[(T0 + 2 * HOUR, T0 + 6 * HOUR)],
    )
    rig = Rig(state, [cloud], [SimGrid(clock=clock)], clock)
    rig.every(300, T0 + 10 * HOUR)
    assert_true(rig, [machine], judge(rig, CALM))


def test_a_stop_while_one_regions_inventory_is_down_is_not_missing_data(
    state: Path, clock: ManualClock
) -> None:
    stops = SimMachine(name="m", spans=[Span(T0 - 5000, T0 + 2 * HOUR + 77)])
    other = SimMachine(name="o", spans=[Span(T0 - 5000)], region="ie-two")
    cloud = SimCloud(
        clock=clock,
        machines=[stops, other],
        region_listing_outages={"fr-one": [(T0 + 2 * HOUR, T0 + 6 * HOUR)]},
    )
    rig = Rig(state, [cloud], [SimGrid(clock=clock)], clock)
    rig.every(300, T0 + 10 * HOUR)
    assert_true(rig, [stops, other], judge(rig, CALM))


def test_runs_seen_during_a_metrics_outage_survive_a_kill(state: Path, clock: ManualClock) -> None:
    machine = SimMachine(
        name="m",
        spans=[
            Span(T0 - 5000, T0 + 3600 + 17),
            Span(T0 + 7200 + 29, T0 + 10800 + 31),
            Span(T0 + 14400 + 37, kind="large"),
        ],
    )
    cloud = SimCloud(clock=clock, machines=[machine], outages=[(T0 + 600, T0 + 5 * HOUR)])
    rig = Rig(state, [cloud], [SimGrid(clock=clock)], clock)
    rig.every(300, T0 + 4 * HOUR + 1800)
    rig.kill()
    rig.every(300, T0 + 8 * HOUR)
    assert_true(rig, [machine], judge(rig, CALM))


def test_clouds_with_different_settle_times_share_one_ledger(
    state: Path, clock: ManualClock
) -> None:
    first = [SimMachine(name="a", spans=[Span(T0 - 1000)])]
    second = [SimMachine(name="b", spans=[Span(T0 - 1000)], region="us-three")]
    clouds = [
        SimCloud(clock=clock, machines=first, name="one"),
        SimCloud(
            clock=clock,
            machines=second,
            name="two",
            settle=900,
            outages=[(T0 + HOUR, T0 + 4 * HOUR)],
        ),
    ]
    rig = Rig(state, clouds, [SimGrid(clock=clock)], clock)
    rig.every(300, T0 + 8 * HOUR)
    sums = rig.accounted()
    fast = Judge(origin=T0 - 300, until=rig.final).of(first[0])
    slow = Judge(origin=T0 - 900, until=rig.now - 900).of(second[0])
    assert sums["a"] == pytest.approx(fast[:3], rel=1e-9)
    assert sums["b"] == pytest.approx(slow[:3], rel=1e-9)
