"""What a snapshot says: fresh values, absent ones, states, sums and the chart's points."""

import math
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from exporter.core.model import Inventory, Machine, RunState
from exporter.core.snapshot import Quality, ResourceState, ResourceView, Snapshot
from exporter.engine.resource_account import Missing
from tests.support.clock import ManualClock
from tests.support.rig import DAY, HOUR, RULES, T0, Rig, same
from tests.support.sim import (
    JOULES_PER_KWH,
    KINDS,
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


def rig_of(state: Path, clock: ManualClock, *machines: SimMachine, **cloud: object) -> Rig:
    made = SimCloud(clock=clock, machines=list(machines), **cloud)  # type: ignore[arg-type]
    return Rig(state, [made], [SimGrid(clock=clock)], clock)


def view_of(snapshot: Snapshot, name: str) -> ResourceView:
    return next(view for view in snapshot.resources if view.machine.name == name)


def test_a_measured_machine_shows_its_newest_final_bucket(state: Path, clock: ManualClock) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - DAY)])
    rig = rig_of(state, clock, machine)
    snapshot = rig.every(300, T0 + HOUR)
    view = view_of(snapshot, "m")
    start = rig.final - 300
    value = machine.utilization(start, 300)
    assert value is not None
    assert view.now is not None
    assert (view.now.bucket_start, view.now.bucket_end) == (start, rig.final)
    assert view.now.utilization == value
    it_watts = watts_of("small", value)
    assert view.now.power.it + view.now.overhead == pytest.approx(it_watts * PUE)
    price = grid_value("FR", start // 1800 * 1800)
    assert view.now.rate.operational == pytest.approx(it_watts * PUE / 1000 * price)
    assert view.now.rate.embodied == KINDS["small"].embodied
    low, central, high = view.now.power_bounds
    assert (low, high) == pytest.approx((0.8 * central, 1.5 * central))
    assert view.now.rate_bounds.central == pytest.approx(sum(vars_of(view)))
    assert view.grid_zone == "FR"


def vars_of(view: ResourceView) -> tuple[float, float]:
    assert view.now is not None
    return view.now.rate.operational, view.now.rate.embodied


def test_each_machine_is_in_exactly_one_state(state: Path, clock: ManualClock) -> None:
    silent = Weather(never=1.0)
    machines = [
        SimMachine(name="fine", spans=[Span(T0 - DAY)]),
        SimMachine(name="odd", spans=[Span(T0 - DAY, kind="odd")]),
        SimMachine(name="stopped", spans=[Span(T0 - DAY, T0 - HOUR)]),
        SimMachine(name="gone", spans=[Span(T0 - DAY, T0 + 100)], listed_until=T0 + 200),
        SimMachine(name="fresh", spans=[Span(T0 + HOUR - 10)]),
    ]
    rig = rig_of(state, clock, *machines)
    snapshot = rig.every(300, T0 + HOUR)
    states = {view.machine.name: view.state for view in snapshot.resources}
    assert states == {
        "fine": ResourceState.MEASURED,
        "odd": ResourceState.UNMODELLED,
        "stopped": ResourceState.STOPPED,
        "gone": ResourceState.STOPPED,
        "fresh": ResourceState.SILENT,
    }
    assert snapshot.regions[0].states == dict.fromkeys(ResourceState, 1)
    rig.clouds[0].weather = silent  # type: ignore[attr-defined]
    rig.every(300, T0 + 2 * HOUR)
    assert rig.region("fr-one").states[ResourceState.SILENT] == 3


def test_a_stopped_machine_has_no_gauges_and_keeps_its_counters(
    state: Path, clock: ManualClock
) -> None:
    rig = rig_of(state, clock, SimMachine(name="m", spans=[Span(T0 - DAY, T0 + HOUR + 1)]))
    running = view_of(rig.every(300, T0 + HOUR), "m")
    assert running.now is not None
    clock.advance(300)
    stopped = view_of(rig.run(), "m")
    assert (stopped.state, stopped.now) == (ResourceState.STOPPED, None)
    assert stopped.energy >= running.energy


def test_stale_gauges_are_withdrawn_and_come_back(state: Path, clock: ManualClock) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - DAY)])
    rig = rig_of(state, clock, machine, outages=[(T0 + HOUR, T0 + 3 * HOUR)])
    rig.every(300, T0 + HOUR - 300)
    newest = rig.final
    rig.every(300, newest + int(rig.stale_after))
    snapshot = rig.look()
    assert view_of(snapshot, "m").now is not None, "not yet"
    counted = view_of(snapshot, "m").energy
    clock.advance(1)
    snapshot = rig.look()
    view = view_of(snapshot, "m")
    assert (view.state, view.now, view.energy) == (ResourceState.SILENT, None, counted)
    assert (snapshot.regions[0].power, snapshot.regions[0].rate) == (None, None)
    rig.every(300, T0 + 3 * HOUR + 300)
    assert view_of(rig.look(), "m").state is ResourceState.MEASURED


def test_gauges_from_after_the_present_of_a_clock_put_back_are_withdrawn(
    state: Path, clock: ManualClock
) -> None:
    rig = rig_of(state, clock, SimMachine(name="m", spans=[Span(T0 - DAY)]))
    rig.every(300, T0 + 3 * HOUR)
    before = clock.now()
    clock.set(before - timedelta(hours=2))
    for _ in range(3):
        view = view_of(rig.look(), "m")
        assert (view.state, view.now) == (ResourceState.SILENT, None)
        clock.advance(60)
    clock.set(before)
    assert view_of(rig.look(), "m").now is not None


def test_after_a_restart_nothing_old_is_shown_until_it_is_read_again(
    state: Path, clock: ManualClock
) -> None:
    rig = rig_of(state, clock, SimMachine(name="m", spans=[Span(T0 - DAY)]))
    before = view_of(rig.every(300, T0 + HOUR), "m")
    rig.restart()
    view = view_of(rig.look(), "m")
    assert (view.state, view.now) == (ResourceState.SILENT, None)
    assert view.energy == before.energy
    assert view_of(rig.run(), "m").state is ResourceState.MEASURED


def test_a_restarted_machine_does_not_show_its_former_self(state: Path, clock: ManualClock) -> None:
    spans = [Span(T0 - DAY, T0 + HOUR), Span(T0 + HOUR + 400, kind="large")]
    rig = rig_of(state, clock, SimMachine(name="m", spans=spans))
    view = view_of(rig.every(300, T0 + HOUR + 600), "m")
    assert (view.state, view.now) == (ResourceState.SILENT, None)
    view = view_of(rig.every(300, T0 + 2 * HOUR), "m")
    assert view.now is not None
    assert view.now.power.it > KINDS["large"].idle


def test_a_region_is_the_sum_of_its_machines_with_bounds(state: Path, clock: ManualClock) -> None:
    machines = [SimMachine(name=f"m{i}", spans=[Span(T0 - DAY)]) for i in range(3)]
    rig = rig_of(state, clock, *machines)
    snapshot = rig.every(300, T0 + HOUR)
    region = snapshot.regions[0]
    present = [view.now for view in snapshot.resources if view.now is not None]
    assert len(present) == 3
    # Three machines of one type, on one grid: every cause is common to them, nearly end by end.
    assert region.power == pytest.approx(
        [math.fsum(column) for column in zip(*(n.power_bounds for n in present), strict=True)],
        rel=1e-9,
    )
    ends = [math.fsum(column) for column in zip(*(n.rate_bounds for n in present), strict=True)]
    assert region.rate == pytest.approx(ends, rel=1e-3)
    assert same(region.energy, math.fsum(view.energy for view in snapshot.resources))
    assert region.observed_seconds[Quality.MEASURED] == 3 * (rig.final - (T0 - 300))


def test_a_region_without_a_current_value_has_none_and_not_zero(
    state: Path, clock: ManualClock
) -> None:
    rig = rig_of(state, clock, SimMachine(name="m", spans=[Span(T0 - DAY, T0 - HOUR)]))
    region = rig.run().regions[0]
    assert (region.power, region.rate, region.energy) == (None, None, 0.0)


def test_the_ranking_key_of_a_region_is_grid_times_pue(state: Path, clock: ManualClock) -> None:
    clock.advance(60)
    machine = SimMachine(name="m", spans=[Span(T0 - DAY)], region="ie-two")
    snapshot = rig_of(state, clock, machine).run()
    (ranked,) = snapshot.region_intensities
    pue = region_of("sim", "ie-two").pue
    assert (ranked.region.grid_zone, ranked.region.pue) == ("IE", pue)
    assert ranked.it_gco2eq_per_kwh == pytest.approx(grid_value("IE", T0) * pue)
    assert [grid.gco2eq_per_kwh for grid in snapshot.grids] == [grid_value("IE", T0)]


# --- the chart ------------------------------------------------------------------------------------


def _points(machines: list[SimMachine], start: int) -> tuple[float, float]:
    """Mean watts and grams per hour of a five-minute step, without the engine."""
    watts = grams = 0.0
    for machine in machines:
        value = machine.utilization(start, 300)
        if value is None:
            continue
        share = math.fsum(span.overlap(start, start + 300) for span in machine.spans) / 300
        drawn = watts_of("small", value) * PUE * share
        watts += drawn
        grams += drawn * HOUR / JOULES_PER_KWH * grid_value("FR", start // 1800 * 1800)
        grams += KINDS["small"].embodied * share
    return watts, grams


@pytest.mark.parametrize("end", ["run on", "restart", "kill"])
def test_the_chart_shows_each_whole_step_once_and_ends_where_data_ends(
    state: Path, clock: ManualClock, end: str
) -> None:
    machines = [
        SimMachine(name="a", spans=[Span(T0 - DAY)]),
        SimMachine(name="b", spans=[Span(T0 + 700, T0 + HOUR + 900)]),
    ]
    weather = Weather(inflated=0.2, partial=0.2, start=T0, end=T0 + 2 * HOUR)
    rig = rig_of(state, clock, *machines, weather=weather)
    rig.every(300, T0 + 2 * HOUR)
    if end != "run on":
        getattr(rig, end)()
    history = rig.every(300, T0 + 2 * HOUR + 1800).history
    assert history[-1].end == rig.final
    assert all(a.end == b.start for a, b in pairwise(history))
    assert history[0].start == {"run on": T0 - 300 - HOUR}.get(end, T0 + HOUR - 300)
    for point in history:
        assert (point.watts, point.grams_per_hour) == pytest.approx(_points(machines, point.start))


def test_a_step_that_not_every_collector_has_delivered_is_not_shown(
    state: Path, clock: ManualClock
) -> None:
    a = SimMachine(name="a", spans=[Span(T0 - DAY)])
    b = SimMachine(name="b", spans=[Span(T0 - DAY)], region="ie-two")
    down = (T0 + HOUR, T0 + 3 * HOUR)
    clouds = [
        SimCloud(clock=clock, machines=[a], name="one"),
        SimCloud(clock=clock, machines=[b], name="two", outages=[down]),
    ]
    rig = Rig(state, clouds, [SimGrid(clock=clock)], clock)
    rig.every(300, T0 + HOUR + 900)
    assert rig.look().history[-1].end == T0 + HOUR - 600, "it waits for the one that is late"
    rig.every(300, T0 + 2 * HOUR)
    assert rig.look().history[-1].end == rig.final, "but not for one that is down"


def test_the_chart_keeps_a_day(state: Path, clock: ManualClock) -> None:
    rig = rig_of(state, clock, SimMachine(name="a", spans=[Span(T0 - DAY)]))
    history = rig.every(1800, T0 + 30 * HOUR).history
    assert len(history) == DAY // 300


def test_the_chart_holds_what_was_assumed(state: Path, clock: ManualClock) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - DAY)])
    weather = Weather(never=1.0, start=T0 + 600, end=T0 + 900)
    cloud = SimCloud(clock=clock, machines=[machine], weather=weather)
    rules = replace(RULES, missing=Missing.IDLE)
    rig = Rig(state, [cloud], [SimGrid(clock=clock)], clock, rules=rules)
    history = rig.every(300, T0 + 3 * HOUR).history
    point = next(point for point in history if point.start == T0 + 600)
    assert point.watts == pytest.approx(KINDS["small"].idle * PUE)


def test_a_machine_that_never_ran_has_the_grid_of_its_region(
    state: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = SimMachine(name="m", spans=[]).key("sim")
    asleep = Machine(key=key, name="m", instance_type="small", state=RunState.STOPPED)
    monkeypatch.setattr(SimCloud, "discover", lambda _: Inventory(machines=(asleep,)))
    rig = rig_of(state, clock)
    view = view_of(rig.every(300, T0 + HOUR), "m")
    assert (view.state, view.grid_zone) == (ResourceState.STOPPED, "FR")
    assert view.confidence is None, "nothing was modelled: its type is not called unknown"
    assert [grid.zone for grid in rig.look().grids] == ["FR"]
