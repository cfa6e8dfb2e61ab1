"""One cycle: what is counted as failed, what is logged, and what goes on all the same."""

from pathlib import Path
from typing import Any

import pytest

from exporter.core.errors import AuthError, CollectorError, ThrottledError
from exporter.core.model import Inventory, Reading
from exporter.core.snapshot import CollectorView
from tests.support.clock import ManualClock
from tests.support.rig import HOUR, T0, Rig, assert_true
from tests.support.sim import Judge, SimCloud, SimGrid, SimMachine, Span


def fleet() -> list[SimMachine]:
    return [
        SimMachine(name="a", spans=[Span(T0 - 5000)]),
        SimMachine(name="b", spans=[Span(T0 - 5000)], region="ie-two"),
    ]


def rig_of(state: Path, clock: ManualClock, cloud: SimCloud) -> Rig:
    return Rig(state, [cloud], [SimGrid(clock=clock)], clock)


def view(rig: Rig) -> CollectorView:
    return rig.collectors[0].status.view()


def test_a_good_cycle_says_so(state: Path, clock: ManualClock, logs: list[Any]) -> None:
    rig = rig_of(state, clock, SimCloud(clock=clock, machines=fleet()))
    assert view(rig).success is None, "before the first attempt nothing is known"
    assert rig.collectors[0].run() is True
    told = view(rig)
    assert (told.success, told.last_success, told.last_error) == (True, T0, "")
    assert told.data_timestamp == T0 - 300
    assert set(told.failures.values()) == {0}
    assert logs == []


@pytest.mark.parametrize("error", [AuthError("no ec2:Describe"), ThrottledError("slow down")])
def test_a_refused_inventory_fails_the_cycle_and_the_known_machines_are_read_on(
    state: Path, clock: ManualClock, error: CollectorError, logs: list[Any]
) -> None:
    machines = fleet()
    cloud = SimCloud(clock=clock, machines=machines)
    rig = rig_of(state, clock, cloud)
    rig.every(300, T0 + HOUR)
    discover = cloud.discover

    def refuse() -> Inventory:
        raise error

    cloud.discover = refuse  # type: ignore[method-assign]
    clock.advance(300)
    assert rig.collectors[0].run() is False
    assert view(rig).failures[error.reason] == 1
    assert view(rig).last_error == str(error)
    assert view(rig).last_success == T0 + HOUR
    assert_true(rig, machines, Judge(origin=T0 - 300, until=rig.final))
    cloud.discover = discover  # type: ignore[method-assign]
    clock.advance(300)
    assert rig.collectors[0].run() is True, "it recovers without a restart"
    warned = [line for line in logs if line["log_level"] == "warning"]
    assert [(line["collector"], line["error"]) for line in warned] == [("sim", str(error))]


def test_a_part_that_fails_fails_the_cycle_and_the_rest_is_counted(
    state: Path, clock: ManualClock
) -> None:
    cloud = SimCloud(
        clock=clock, machines=fleet(), region_outages={"ie-two": [(T0 + HOUR, T0 + 2 * HOUR)]}
    )
    rig = rig_of(state, clock, cloud)
    rig.every(300, T0 + HOUR)
    told = view(rig)
    assert told.success is False
    assert told.failures["unreachable"] == 1
    assert told.failures["no_data"] == 1
    assert told.data_timestamp == rig.final


def test_a_defect_in_an_adapter_ends_neither_the_loop_nor_the_counting(
    state: Path, clock: ManualClock, logs: list[Any]
) -> None:
    machines = fleet()
    cloud = SimCloud(clock=clock, machines=machines)
    rig = rig_of(state, clock, cloud)
    rig.every(300, T0 + HOUR)
    read = cloud.read

    def broken(_machines: object, _window: object) -> Reading:
        raise KeyError

    cloud.read = broken  # type: ignore[assignment,method-assign]
    clock.advance(300)
    assert rig.collectors[0].run() is False
    assert view(rig).last_error == "unexpected KeyError, see the log"
    assert [line["event"] for line in logs if line.get("exc_info")] == [
        "collector failed unexpectedly"
    ]
    cloud.read = read  # type: ignore[method-assign]
    rig.every(300, rig.now + HOUR)
    assert_true(rig, machines, Judge(origin=T0 - 300, until=rig.final))


def test_nothing_is_asked_when_nothing_runs(state: Path, clock: ManualClock) -> None:
    stopped = SimMachine(name="m", spans=[Span(T0 - 9000, T0 - 5000)])
    cloud = SimCloud(clock=clock, machines=[stopped])
    rig = rig_of(state, clock, cloud)
    rig.every(300, T0 + 3 * HOUR)
    assert cloud.windows == []
    assert view(rig).success is True


def test_an_account_that_sleeps_is_not_late(state: Path, clock: ManualClock) -> None:
    night = SimMachine(name="m", spans=[Span(T0 - 5000, T0 + HOUR), Span(T0 + 9 * HOUR)])
    rig = rig_of(state, clock, SimCloud(clock=clock, machines=[night]))
    rig.every(300, T0 + 8 * HOUR)
    assert view(rig).data_timestamp == rig.final


def test_an_account_whose_machines_run_without_data_is_late(
    state: Path, clock: ManualClock
) -> None:
    cloud = SimCloud(clock=clock, machines=fleet())
    rig = rig_of(state, clock, cloud)
    rig.every(300, T0 + HOUR)
    delivered = view(rig).data_timestamp
    cloud.read = lambda machines, window: Reading(series=())  # type: ignore[method-assign] # noqa: ARG005
    rig.every(300, T0 + 4 * HOUR)
    assert view(rig).data_timestamp == delivered


def test_only_machines_that_still_have_open_buckets_are_asked(
    state: Path, clock: ManualClock
) -> None:
    stops = SimMachine(name="a", spans=[Span(T0 - 5000, T0 + 100)])
    cloud = SimCloud(clock=clock, machines=[stops, SimMachine(name="b", spans=[Span(T0 - 5000)])])
    rig = rig_of(state, clock, cloud)
    rig.every(300, T0 + 2 * HOUR)
    assert cloud.asked[0] == 2
    assert cloud.asked[-1] == 1


def test_a_region_that_waits_does_not_have_the_others_read_again(
    state: Path, clock: ManualClock
) -> None:
    cloud = SimCloud(
        clock=clock, machines=fleet(), region_outages={"ie-two": [(T0 + HOUR, T0 + 99 * HOUR)]}
    )
    rig = rig_of(state, clock, cloud)
    rig.every(300, T0 + 20 * HOUR)
    cloud.windows.clear()
    cloud.asked.clear()
    clock.advance(300)
    rig.run()
    asked = dict(zip(((w.start, w.end) for w in cloud.windows), cloud.asked, strict=True))
    assert [count for (_, end), count in asked.items() if end < rig.final - 2 * HOUR] == [1] * 3
    assert max(asked.values()) == 2


def test_a_store_that_fails_is_logged_once_and_said_as_long_as_it_lasts(
    state: Path, clock: ManualClock, logs: list[Any]
) -> None:
    rig = rig_of(state, clock, SimCloud(clock=clock, machines=fleet()))
    rig.run()
    rig.store.give_up("state file x: disk full — free space on the disk")
    rig.every(300, T0 + HOUR)
    assert rig.store_status.view().success is False
    assert rig.store_status.view().last_error.endswith("free space on the disk")
    assert [line["event"] for line in logs] == ["state is not being saved"]
    assert view(rig).success is True, "the cloud is well"
