"""A clock that is wrong for a while: the totals are those of a clean run."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from exporter.core.snapshot import Quality
from exporter.engine.resource_account import Missing
from tests.support.clock import ManualClock
from tests.support.rig import DAY, HOUR, RULES, T0, Rig, assert_true
from tests.support.sim import Judge, SimCloud, SimGrid, SimMachine, Span


def fleet() -> list[SimMachine]:
    """Return machines that run on, stop before, start and stop during, and stop after the step."""
    return [
        SimMachine(name="on", spans=[Span(T0 - 5000)]),
        SimMachine(name="stopped", spans=[Span(T0 - 5000, T0 + HOUR + 7)]),
        SimMachine(name="born", spans=[Span(T0 + 4 * HOUR + 617)], region="ie-two"),
        SimMachine(name="brief", spans=[Span(T0 + 3 * HOUR + 17, T0 + 4 * HOUR + 777)]),
        SimMachine(name="late", spans=[Span(T0 - 5000, T0 + 12 * HOUR + 1)], region="ie-two"),
    ]


class World:
    """A rig whose cloud and grid keep the right time, whatever our clock says."""

    def __init__(self, state: Path, clock: ManualClock, machines: list[SimMachine]) -> None:
        self.clock = clock
        self.machines = machines
        self.cloud = SimCloud(clock=clock, machines=machines, true_time=self.time)
        grid = SimGrid(clock=clock, true_time=self.time)
        self.rig = Rig(state, [self.cloud], [grid], clock)

    def time(self) -> float:
        return T0 + self.clock.monotonic()

    def step(self, seconds: float) -> None:
        self.clock.set(self.clock.now() + timedelta(seconds=seconds))

    def every(self, seconds: float, hours: float) -> None:
        for _ in range(int(hours * HOUR / seconds)):
            self.clock.advance(seconds)
            self.rig.run()

    def assert_true(self) -> None:
        assert_true(self.rig, self.machines, Judge(origin=T0 - 300, until=self.rig.final))


STEPS: Final = (2 * DAY, -HOUR, 600, -2 * DAY, 7 * HOUR)
WRONG_HOURS: Final = (0.2, 3, 9)
POLLS: Final = (3600, 300)
EVERY: Final = [
    (step, wrong, poll, (row + column + number) % 2 == 0)
    for row, step in enumerate(STEPS)
    for column, wrong in enumerate(WRONG_HOURS)
    for number, poll in enumerate(POLLS)
]
"""All triples, and whether one is of the half in which every pair of two values occurs."""


@pytest.mark.parametrize(
    ("step", "wrong_hours", "poll"),
    [
        pytest.param(step, wrong, poll, marks=() if of_pairs else pytest.mark.slow)
        for step, wrong, poll, of_pairs in EVERY
    ],
)
def test_a_step_and_back_changes_nothing(
    state: Path, clock: ManualClock, step: int, wrong_hours: float, poll: int
) -> None:
    world = World(state, clock, fleet())
    world.rig.run()
    world.every(poll, 3)
    world.step(step)
    world.every(min(poll, wrong_hours * HOUR), wrong_hours)
    world.step(-step)
    world.every(poll, 8)
    world.assert_true()


def test_a_step_while_metrics_are_down_changes_nothing(state: Path, clock: ManualClock) -> None:
    world = World(state, clock, fleet())
    world.cloud.outages.append((T0 + 2 * HOUR, T0 + 7 * HOUR))
    world.rig.run()
    world.every(300, 3)
    world.step(2 * DAY)
    world.every(300, 3)
    world.step(-2 * DAY)
    world.every(300, 4)
    world.assert_true()


def test_a_restart_while_the_clock_is_a_little_wrong_changes_nothing(
    state: Path, clock: ManualClock
) -> None:
    world = World(state, clock, fleet())
    world.rig.run()
    world.every(300, 3)
    world.step(7 * HOUR)
    world.rig.kill()
    world.every(300, 3)
    world.step(-7 * HOUR)
    world.every(300, 5)
    world.assert_true()


def test_a_machine_that_sleeps_with_its_clock_running_on_is_caught_up_at_once(
    state: Path, clock: ManualClock
) -> None:
    """Suspend: the wall clock goes on, the monotonic one does not, and the wall clock is right."""
    machines = fleet()
    cloud = SimCloud(clock=clock, machines=machines)
    rig = Rig(state, [cloud], [SimGrid(clock=clock)], clock)
    rig.every(300, T0 + 2 * HOUR)
    clock.set(clock.now() + timedelta(hours=8))
    rig.run()
    assert_true(rig, machines, Judge(origin=T0 - 300, until=rig.final))
    rig.every(300, rig.now + 2 * HOUR)
    assert_true(rig, machines, Judge(origin=T0 - 300, until=rig.final))
    assert rig.look().catch_up_remaining_seconds == {"sim": 0.0}


def test_under_a_policy_that_assumes_nothing_is_assumed_of_a_future_that_never_was(
    state: Path, clock: ManualClock
) -> None:
    world = World(state, clock, fleet())
    world.rig.rules = replace(RULES, missing=Missing.IDLE)
    world.rig.restart()
    world.rig.run()
    world.every(300, 3)
    world.step(2 * DAY)
    world.every(300, 3)
    world.step(-2 * DAY)
    world.every(300, 4)
    world.assert_true()
    for region in world.rig.look().regions:
        assert region.observed_seconds[Quality.ESTIMATED] == 0
