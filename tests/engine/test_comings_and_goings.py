"""Machines that vanish, come back, or were watched by nobody for a while: each second once."""

from pathlib import Path
from typing import Any

import pytest

from exporter.core.errors import StoreError
from exporter.engine.store import Changes
from tests.support.clock import ManualClock
from tests.support.rig import DAY, HOUR, T0, Rig
from tests.support.sim import Judge, SimCloud, SimGrid, SimMachine, Span, hourly_visitors

STEP = 300


def rig_of(state: Path, clock: ManualClock, cloud: SimCloud) -> Rig:
    return Rig(state, [cloud], [SimGrid(clock=clock)], clock)


@pytest.mark.parametrize("restarted", [True, False])
def test_a_machine_that_was_found_gone_after_a_blind_time_and_is_back_a_day_later_counts_once(
    state: Path, clock: ManualClock, *, restarted: bool
) -> None:
    """Its run was held to end when it was found gone, hours after it was last seen."""
    machine = SimMachine(name="m", spans=[Span(T0 - 5000)], busy=0.5)
    other = SimMachine(name="o", spans=[Span(T0 - 5000)], busy=0.5, region="ie-two")
    blind = {"fr-one": [(float(T0 + 6 * HOUR), float(T0 + 12 * HOUR))]}
    cloud = SimCloud(clock=clock, machines=[machine, other], region_listing_outages=blind)
    rig = rig_of(state, clock, cloud)
    rig.every(900, T0 + 11 * HOUR)
    machine.listed_until = T0
    rig.every(900, T0 + 13 * HOUR)
    if restarted:
        rig.restart()
    rig.every(900, T0 + 30 * HOUR + 1440)
    machine.listed_until = T0 + 99 * DAY
    rig.every(900, T0 + 36 * HOUR)
    assert sum(rig.region_sums()["fr-one"][3:]) <= rig.final - (T0 - STEP)


def test_while_nothing_can_be_saved_what_comes_and_goes_leaves_nothing_behind(
    state: Path, clock: ManualClock
) -> None:
    machines = hourly_visitors(T0, 96)
    rig = rig_of(state, clock, SimCloud(clock=clock, machines=machines))
    rig.every(1800, T0 + HOUR)
    saved = len(rig.store.load().resources)
    commit = rig.store.commit

    def refuse(_changes: Changes) -> None:
        message = "disk full"
        raise StoreError(message)

    rig.store.commit = refuse  # type: ignore[method-assign, assignment]
    rig.every(1800, T0 + 96 * HOUR)
    ledger = rig.ledger
    assert len(ledger._dirty) <= len(ledger._accounts) <= 28
    assert len(ledger._changes.removed) == saved
    rig.store.commit = commit  # type: ignore[method-assign]
    rig.run()
    assert len(rig.store.load().resources) == len(ledger._accounts)


@pytest.mark.parametrize("restarted", [True, False])
@pytest.mark.parametrize("hours", [0.5, 3, 20])
def test_a_machine_that_ran_on_while_it_was_not_listed_is_counted_in_full(
    state: Path, clock: ManualClock, hours: float, *, restarted: bool
) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - 5000)])
    other = SimMachine(name="o", spans=[Span(T0 - 5000)])
    cloud = SimCloud(clock=clock, machines=[machine, other])
    rig = rig_of(state, clock, cloud)
    rig.every(900, T0 + 4 * HOUR)
    cloud.machines.remove(machine)
    rig.every(900, T0 + (4 + hours) * HOUR - 417)
    if restarted:
        rig.restart()
    cloud.machines.append(machine)
    rig.every(900, rig.now + 3 * HOUR)
    truth = Judge(origin=T0 - STEP, until=rig.final)
    counted, missing = rig.region_sums()["fr-one"][3:6:2]
    assert counted + missing == pytest.approx(2 * truth.of(machine).measured, rel=1e-9)
    assert missing <= STEP, "the rest of the bucket in which it was held to have ended"
    said = rig.accounted()["m"].energy
    assert said == pytest.approx(truth.of(machine).joules, rel=1e-9 if missing == 0 else 1e-2)


def test_a_machine_that_is_gone_is_not_written_again(state: Path, clock: ManualClock) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - 5000)], listed_until=T0 + HOUR)
    never = SimMachine(name="n", spans=[Span(T0 - 9000, T0 - 8000)], listed_until=T0 + HOUR)
    rig = rig_of(state, clock, SimCloud(clock=clock, machines=[machine, never]))
    rig.every(900, T0 + 4 * HOUR)
    rig.restart()
    rig.run()
    written: list[Changes] = []
    commit = rig.store.commit

    def watched(changes: Changes) -> None:
        written.append(changes)
        commit(changes)

    rig.store.commit = watched  # type: ignore[method-assign]
    rig.every(900, T0 + 8 * HOUR)
    assert len(rig.ledger._accounts) == 2
    assert not any(one.progress or one.resources or one.closed_before for one in written)


# --- nobody watched -------------------------------------------------------------------------------

BACK = T0 + 12 * DAY


def left_alone(state: Path, clock: ManualClock, how: str, machines: list[SimMachine]) -> Rig:
    """Watch machines for hours, not for days, and be back for the first look."""
    cloud = SimCloud(clock=clock, machines=machines)
    rig = rig_of(state, clock, cloud)
    rig.every(900, T0 + 4 * HOUR)
    if how == "refused":
        cloud.outages = cloud.listing_outages = [(T0 + 4 * HOUR + 1, BACK - 450)]
        rig.every(3600, BACK - 900)
    elif how == "not configured":
        rig.store.close()
        other = SimCloud(clock=clock, machines=[], name="other")
        without = rig_of(state, clock, other)
        without.every(3600, BACK - 900)
        without.store.close()
        rig = rig_of(state, clock, cloud)
    else:
        clock.advance(BACK - 900 - rig.now)
        rig.restart()
    clock.advance(BACK - rig.now)
    return rig


@pytest.mark.parametrize("how", ["down", "not configured", "refused"])
def test_what_nobody_watched_for_days_is_missing_and_costs_no_grams(
    state: Path, clock: ManualClock, logs: list[Any], how: str
) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - 5000)])
    rig = left_alone(state, clock, how, [machine])
    logs.clear()
    rig.every(900, BACK + 3 * HOUR)
    counted = rig.region_sums()["fr-one"]
    before, after = T0 + 4 * HOUR, BACK - 300 - DAY
    watched = [
        Judge(origin=T0 - STEP, until=before).of(machine),
        Judge(origin=after, until=rig.final).of(machine),
    ]
    assert counted[2] == pytest.approx(sum(one.embodied for one in watched), rel=0.01)
    assert counted[0] == pytest.approx(sum(one.joules for one in watched), rel=0.05)
    assert sum(counted[3:]) == rig.final - (T0 - STEP), "each second is in a class"
    assert counted[5] == pytest.approx(after - before, abs=HOUR)
    told = [line for line in logs if "nobody watched" in line["event"]]
    assert [(line["collector"], line["machines"]) for line in told] == [("sim", 1)]


def test_a_crash_at_the_first_look_after_days_books_nothing_later(
    state: Path, clock: ManualClock
) -> None:
    """What was seen is saved before the gap is closed; the next process must know of the gap."""
    machine = SimMachine(name="m", spans=[Span(T0 - 5000)])
    rig = left_alone(state, clock, "down", [machine])
    (collector,) = rig.collectors
    rig.ledger.observe("sim", collector.provider.discover(), rig.now, collector.rules)
    rig.ledger.commit()
    rig.kill()
    rig.every(900, BACK + 3 * HOUR)
    embodied, missing = rig.region_sums()["fr-one"][2:6:3]
    hours = (rig.final - (T0 - STEP) - missing) / HOUR
    assert embodied == pytest.approx(1.25 * hours, rel=0.05)


def test_a_machine_that_was_stopped_while_nobody_watched_is_not_missing(
    state: Path, clock: ManualClock, logs: list[Any]
) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - 5000, T0 + 2 * HOUR)])
    rig = left_alone(state, clock, "down", [machine])
    logs.clear()
    rig.every(900, BACK + 3 * HOUR)
    truth = Judge(origin=T0 - STEP, until=rig.final).of(machine)
    assert rig.region_sums()["fr-one"][3:] == pytest.approx((truth.measured, 0.0, 0.0))
    assert not any("nobody watched" in line["event"] for line in logs)
