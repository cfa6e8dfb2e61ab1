"""When machines started, stopped and ended, from changes on record and from what polls saw."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.model import Machine, RunState
from exporter.providers.azure.inventory import call_for
from exporter.providers.azure.kinds._listing import machine
from exporter.providers.azure.lifecycle import REACH, Lifecycle, query
from tests.support.provider_azure import SUBSCRIPTION

ID = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg/providers/x/virtualmachines/a"
CREATED = datetime(2026, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

RUNNING = machine(
    {
        "id": ID,
        "location": "eastus",
        "subscriptionId": SUBSCRIPTION,
        "powerState": "PowerState/running",
        "timeCreated": CREATED.isoformat(),
    },
    "azure_vm",
    call_for("", [SUBSCRIPTION]),
)
STOPPED = replace(RUNNING, state=RunState.STOPPED)

Row = dict[str, str]


def power(before: str, after: str, minutes: float, target: str = ID) -> Row:
    """Make a change of power state so many minutes after noon."""
    return {
        "target": target,
        "at": (NOON + minutes * MINUTE).isoformat(),
        "changeType": "Update",
        "before": f"PowerState/{before}",
        "after": f"PowerState/{after}",
    }


def stop(minutes: float) -> Row:
    return power("deallocating", "deallocated", minutes)


def start(minutes: float) -> Row:
    return power("deallocated", "starting", minutes)


def deletion(minutes: float) -> Row:
    return power("", "", minutes) | {"changeType": "Delete"}


def told(
    life: Lifecycle, minutes: float, listed: Sequence[Machine], *records: Row
) -> Machine | None:
    """Poll so many minutes after noon; returns the machine as it is then told, if it is."""
    now = NOON + minutes * MINUTE
    life.learn(records, now)
    return next(iter(life.complete(listed, now)), None)


def after_noon(moment: datetime | None) -> float | None:
    return None if moment is None else (moment - NOON) / MINUTE


def test_without_any_record_a_machine_runs_since_it_was_made() -> None:
    found = told(Lifecycle(), 0, [RUNNING])

    assert found is not None
    assert found.launched_at == CREATED
    assert found.stopped_at is None


def test_start_and_stop_are_as_on_record() -> None:
    life = Lifecycle()

    running = told(life, 0, [RUNNING], stop(-90), start(-60), power("starting", "running", -59))
    stopped = told(life, 30, [STOPPED], power("running", "deallocating", 9), stop(10))
    again = told(life, 60, [RUNNING], start(40))

    assert running is not None
    assert (after_noon(running.launched_at), running.stopped_at) == (-60, None)
    assert stopped is not None
    assert (after_noon(stopped.launched_at), after_noon(stopped.stopped_at)) == (-60, 10)
    assert again is not None
    assert (after_noon(again.launched_at), again.stopped_at) == (40, None)


def test_a_stop_between_two_polls_moves_the_launch() -> None:
    life = Lifecycle()
    told(life, 0, [RUNNING])

    found = told(life, 30, [RUNNING], stop(10), start(20))

    assert found is not None
    assert after_noon(found.launched_at) == 20


@given(st.permutations([stop(-90), start(-60), stop(-30), start(-20)]))
def test_records_may_come_in_any_order(records: list[Row]) -> None:
    found = told(Lifecycle(), 0, [RUNNING], *records)

    assert found is not None
    assert after_noon(found.launched_at) == -20


def test_a_halt_that_keeps_the_host_is_no_stop() -> None:
    records = power("running", "stopped", -60), power("stopped", "running", -30)

    found = told(Lifecycle(), 0, [RUNNING], *records)

    assert found is not None
    assert found.launched_at == CREATED


def test_without_records_a_start_is_not_before_the_last_poll_that_saw_it_stopped() -> None:
    life = Lifecycle()

    first = life.complete([STOPPED], NOON)[0]
    second = life.complete([RUNNING], NOON + 15 * MINUTE)[0]
    third = life.complete([RUNNING], NOON + 30 * MINUTE)[0]
    stopped = life.complete([STOPPED], NOON + 45 * MINUTE)[0]

    assert first.launched_at == CREATED
    assert first.stopped_at is None
    assert after_noon(second.launched_at) == after_noon(third.launched_at) == 0
    assert after_noon(stopped.launched_at) == 0


def test_a_machine_is_not_told_to_run_before_its_start_can_be_on_record() -> None:
    life = Lifecycle()
    told(life, 0, [STOPPED], stop(-60))

    early = told(life, 5, [RUNNING])
    then = told(life, 10, [RUNNING], start(4))

    assert early is not None
    assert early.state is RunState.STOPPED
    assert after_noon(early.stopped_at) == -60
    assert then is not None
    assert then.state is RunState.RUNNING
    assert after_noon(then.launched_at) == 4


def test_a_start_that_is_never_recorded_is_not_waited_for_long() -> None:
    life = Lifecycle()
    told(life, 0, [STOPPED])

    early, late, later = (told(life, minutes, [RUNNING]) for minutes in (3, 8, 11))

    assert early is not None
    assert early.state is RunState.STOPPED
    for found in (late, later):
        assert found is not None
        assert found.state is RunState.RUNNING
        assert after_noon(found.launched_at) == 0


def test_a_listing_that_is_older_than_the_record_does_not_move_the_start() -> None:
    life = Lifecycle()

    told(life, 0, [STOPPED], stop(-60), start(-1))
    found = told(life, 5, [RUNNING])

    assert found is not None
    assert found.state is RunState.RUNNING
    assert after_noon(found.launched_at) == -1


def test_a_deleted_machine_is_told_as_gone_for_an_hour() -> None:
    life = Lifecycle()
    told(life, 0, [RUNNING])

    gone = told(life, 10, [], deletion(7))

    assert gone is not None
    assert gone.state is RunState.GONE
    assert gone.launched_at == CREATED
    assert after_noon(gone.stopped_at) == 7
    assert told(life, 60, []) == gone
    assert told(life, 70, []) is None


def test_a_deletion_that_is_on_record_late_is_told_late() -> None:
    life = Lifecycle()
    told(life, 0, [RUNNING])

    assert told(life, 10, []) is None
    gone = told(life, 15, [], deletion(7))

    assert gone is not None
    assert after_noon(gone.stopped_at) == 7


def test_a_machine_that_was_stopped_first_ended_with_its_stop() -> None:
    life = Lifecycle()
    told(life, 0, [STOPPED], stop(-20))

    gone = told(life, 10, [], deletion(7))

    assert gone is not None
    assert after_noon(gone.stopped_at) == -20


def test_a_machine_that_is_made_again_under_its_old_id_starts_anew() -> None:
    life = Lifecycle()
    told(life, 0, [RUNNING])
    told(life, 10, [], deletion(7))
    again = replace(RUNNING, launched_at=NOON + 12 * MINUTE)

    found = life.complete([again], NOON + 15 * MINUTE)

    assert len(found) == 1
    assert found[0].state is RunState.RUNNING
    assert after_noon(found[0].launched_at) == 12
    assert found[0].stopped_at is None


@pytest.mark.parametrize("row", [{}, {"at": "soon", "target": ID}, power("?", "!", -5)])
def test_a_record_that_says_nothing_changes_nothing(row: Row) -> None:
    found = told(Lifecycle(), 0, [RUNNING], row)

    assert found is not None
    assert found.launched_at == CREATED


def test_changes_are_asked_for_since_the_last_answer_and_some_more() -> None:
    life = Lifecycle()

    assert life.since(NOON) == NOON - REACH
    life.learn([], NOON)
    assert NOON - 30 * MINUTE <= life.since(NOON + 5 * MINUTE) < NOON - 5 * MINUTE
    assert life.since(NOON + 2 * REACH) == NOON + REACH


def test_the_query_asks_for_power_states_and_deletions_since_then() -> None:
    text = query(NOON)

    assert text.startswith("ResourceChanges\n")
    assert "datetime(2026-03-02T12:00:00Z)" in text
    assert "properties.extended.instanceView.powerState.code" in text
    assert "project id" in text


def test_nothing_is_remembered_of_machines_that_are_long_gone() -> None:
    life = Lifecycle()
    told(life, 0, [RUNNING], stop(-90), start(-60))

    told(life, 5, [])
    life.complete([], NOON + 2 * REACH)

    assert not life._lives
    assert not life._vanished


def numbered(number: int) -> Machine:
    return replace(RUNNING, key=RUNNING.key._replace(resource_id=f"{ID}{number}"))


@pytest.mark.parametrize("recorded", [True, False], ids=["deletion on record", "nothing on record"])
def test_what_is_known_of_vanished_machines_does_not_pile_up(*, recorded: bool) -> None:
    life = Lifecycle()
    for hour in range(80):
        row = deletion(60 * hour - 1) | {"target": f"{ID}{hour - 1}"}
        told(life, 60 * hour, [numbered(hour)], *([row] if recorded else []))
    reach = REACH / timedelta(hours=1)
    assert len(life._lives) <= (reach + 2 if recorded else reach + 3)
