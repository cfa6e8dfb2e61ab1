"""After a start, what was shown before is not shown smaller: totals wait for the catch-up."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from exporter.core.errors import UnreachableError
from exporter.core.model import Machine, Reading, Window
from exporter.core.snapshot import Snapshot
from tests.support.clock import ManualClock
from tests.support.rig import DAY, HOUR, T0, Rig, copy_database
from tests.support.sim import SimCloud, SimGrid, SimMachine, Span


def rig_of(state: Path, clock: ManualClock, *clouds: SimCloud) -> Rig:
    return Rig(state, clouds, [SimGrid(clock=clock)], clock)


def cloud_of(clock: ManualClock, name: str, **of_machine: float) -> SimCloud:
    machine = SimMachine(name=f"{name}-m", spans=[Span(T0 - 7200)], **of_machine)  # type: ignore[arg-type] # by name
    return SimCloud(clock=clock, machines=[machine], name=name)


def withheld(snapshot: Snapshot) -> dict[str, bool]:
    return {view.machine.name: view.withheld for view in snapshot.resources}


def test_a_new_state_shows_totals_at_once(state: Path, clock: ManualClock) -> None:
    rig = rig_of(state, clock, cloud_of(clock, "one"))
    snapshot = rig.run()
    assert withheld(snapshot) == {"one-m": False}
    assert [region.withheld for region in snapshot.regions] == [False]
    assert snapshot.buckets_corrected == 0


def test_a_restored_backup_shows_no_total_before_it_caught_up(
    state: Path, clock: ManualClock
) -> None:
    rig = rig_of(state, clock, cloud_of(clock, "one"))
    rig.every(300, T0 + HOUR)
    backup = state.with_name("backup.db")
    copy_database(state, backup)
    shown = rig.every(300, T0 + 3 * HOUR).resources[0].energy
    rig.store.close()
    copy_database(backup, state)
    again = rig_of(state, clock, *rig.clouds)  # type: ignore[arg-type] # as they were made
    before = again.look()
    assert before.resources[0].energy < shown
    assert withheld(before) == {"one-m": True}
    assert [region.withheld for region in before.regions] == [True]
    assert before.buckets_corrected is None
    after = again.run()
    assert withheld(after) == {"one-m": False}
    assert after.resources[0].energy >= shown


def test_each_collector_waits_for_itself_alone(state: Path, clock: ManualClock) -> None:
    one, other = cloud_of(clock, "one"), cloud_of(clock, "other")
    rig = rig_of(state, clock, one, other)
    rig.every(300, T0 + HOUR)
    rig.restart()
    rig.collectors[0].run()
    assert withheld(rig.look()) == {"one-m": False, "other-m": True}
    rig.collectors[1].run()
    assert withheld(rig.look()) == {"one-m": False, "other-m": False}


class Refused(SimCloud):
    """Lists its machines, and at times does not let them be read."""

    refuses = False

    def read(self, machines: Sequence[Machine], window: Window) -> Reading:
        if self.refuses:
            message = "no answer"
            raise UnreachableError(message)
        return super().read(machines, window)


def test_a_cycle_that_did_not_read_all_is_no_catch_up(state: Path, clock: ManualClock) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - 7200)])
    cloud = Refused(clock=clock, machines=[machine], name="one")
    rig = rig_of(state, clock, cloud)
    rig.every(300, T0 + HOUR)
    rig.restart()
    cloud.refuses = True
    clock.advance(600)
    assert withheld(rig.run()) == {"m": True}
    cloud.refuses = False
    assert withheld(rig.run()) == {"m": False}


@pytest.mark.parametrize(("gone_for", "shown"), [(600, True), (3 * HOUR, False)])
def test_ended_series_do_not_begin_anew_with_a_restart(
    state: Path, clock: ManualClock, gone_for: int, shown: bool
) -> None:
    end = T0 + HOUR
    machine = SimMachine(name="m", spans=[Span(T0 - 7200, end)], listed_until=end + 60)
    rig = rig_of(state, clock, SimCloud(clock=clock, machines=[machine], name="one"))
    rig.every(300, end + gone_for)
    assert bool(rig.look().resources) is shown
    rig.restart()
    assert bool(rig.look().resources) is shown
    assert gone_for < DAY, "the account itself is kept"
    assert bool(rig.ledger._accounts) is True
