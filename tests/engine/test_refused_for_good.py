"""Where listing or reading is refused for days, memory, series and requests stay bounded."""

from pathlib import Path

import pytest

from exporter.core.snapshot import Quality
from exporter.engine.resource_account import ResourceAccount
from tests.support.clock import ManualClock
from tests.support.rig import DAY, HOUR, T0, Rig, assert_true
from tests.support.sim import Judge, SimCloud, SimGrid, SimMachine, Span, hourly_visitors

FOR_EVER = [(float(T0 + HOUR), float(T0 + 99 * DAY))]
STEP = 300


def rig_of(state: Path, clock: ManualClock, cloud: SimCloud) -> Rig:
    return Rig(state, [cloud], [SimGrid(clock=clock)], clock)


def pair() -> list[SimMachine]:
    return [
        SimMachine(name="seen", spans=[Span(T0 - 5000)]),
        SimMachine(name="blind", spans=[Span(T0 - 5000)], region="ie-two"),
    ]


def account(rig: Rig, name: str) -> ResourceAccount:
    with rig.ledger.reading() as (accounts, _):
        return next(one for one in accounts if one.machine.name == name)


@pytest.mark.parametrize("whole", [False, True], ids=["one region", "the whole account"])
def test_a_machine_that_is_not_listed_for_days_is_counted_on_and_keeps_a_day_of_buckets(
    state: Path, clock: ManualClock, whole: bool
) -> None:
    machines = pair()
    cloud = SimCloud(clock=clock, machines=machines)
    if whole:
        cloud.listing_outages = FOR_EVER
    else:
        cloud.region_listing_outages = {"ie-two": FOR_EVER}
    rig = rig_of(state, clock, cloud)
    rig.every(900, T0 + 4 * DAY)
    blind = account(rig, "blind")
    assert len(blind.buckets) <= (DAY + 900) / STEP + 1
    rig.restart()
    rig.run()
    assert account(rig, "blind").buckets.keys() == blind.buckets.keys()
    assert_true(rig, machines, Judge(origin=T0 - STEP, until=rig.final))
    assert len(rig.store.load().buckets[blind.ident]) == len(blind.buckets)


def test_a_machine_that_is_not_listed_is_asked_for_the_look_back_only(
    state: Path, clock: ManualClock
) -> None:
    cloud = SimCloud(clock=clock, machines=pair(), region_listing_outages={"ie-two": FOR_EVER})
    rig = rig_of(state, clock, cloud)
    rig.every(900, T0 + 2 * DAY)
    cloud.windows.clear()
    rig.every(900, rig.now + 2 * HOUR)
    assert len(cloud.windows) == 9, "one read a poll, after the one that is repeated"
    assert {window.end - window.start for window in cloud.windows} <= {4500, 3600}


def test_a_machine_that_stopped_while_it_was_not_listed_for_days_is_not_missing(
    state: Path, clock: ManualClock
) -> None:
    back = T0 + 3 * DAY
    machine = SimMachine(name="m", spans=[Span(T0 - 5000, T0 + 5 * HOUR)])
    cloud = SimCloud(
        clock=clock,
        machines=[machine],
        region_listing_outages={"fr-one": [(T0 + 2 * HOUR, back)]},
    )
    rig = rig_of(state, clock, cloud)
    rig.every(900, back - 900)
    assert account(rig, "m").buckets == {}
    rig.every(900, back + 3 * HOUR)
    assert_true(rig, [machine], Judge(origin=T0 - STEP, until=rig.final))


def test_machines_whose_metrics_are_refused_for_good_are_missing_and_expire(
    state: Path, clock: ManualClock
) -> None:
    machines = hourly_visitors(T0, 96)
    steady = SimMachine(name="steady", spans=[Span(T0 - 5000)])
    cloud = SimCloud(clock=clock, machines=[*machines, steady], outages=[(T0, T0 + 99 * DAY)])
    rig = rig_of(state, clock, cloud)
    rig.every(1800, T0 + 2 * DAY)
    count, series = len(rig.ledger._accounts), len(rig.look().resources)
    rig.every(1800, T0 + 4 * DAY)
    assert len(rig.ledger._accounts) <= count < 30
    assert len(rig.look().resources) <= series
    assert len(rig.store.load().resources) <= count
    missing = rig.region("fr-one").observed_seconds[Quality.MISSING]
    reach = rig.final - DAY
    truth = Judge(origin=T0 - STEP, until=reach)
    assert missing == pytest.approx(sum(truth.of(m).measured for m in [*machines, steady]))


def test_metrics_that_are_back_after_days_are_counted_from_a_day_back(
    state: Path, clock: ManualClock
) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - 5000)])
    back = T0 + 3 * DAY
    cloud = SimCloud(clock=clock, machines=[machine], outages=[(T0 + HOUR, back)])
    rig = rig_of(state, clock, cloud)
    rig.every(900, back + 2 * HOUR)
    measured = rig.region("fr-one").observed_seconds
    assert measured[Quality.MISSING] == 2 * DAY - HOUR + 900
    assert sum(measured.values()) == rig.final - (T0 - STEP)
