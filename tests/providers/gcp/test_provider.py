"""Projects, metrics scopes, the fallback to monitoring alone, and what ``check`` tries."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import stamina
import yaml

from exporter.core.errors import AuthError, CollectorError, Reason, UnreachableError
from exporter.core.model import Inventory, Reading, RunState
from exporter.demo.estate import Cycle, Estate, Once
from exporter.demo.gcp import Fault, FaultKind, Limits
from exporter.power.catalogue import Types
from tests.support.clock import ManualClock
from tests.support.provider_fakes import DAY
from tests.support.provider_gcp import OTHER_PROJECT, PROJECT, REGIONS, GcpHarness, machine
from tests.support.providers import HOUR, Fleet, final_window, now, points, running

Make = Callable[..., GcpHarness]
ROLE = Path(__file__).parents[3] / "deploy" / "iam" / "gcp.yaml"
NO_COMPUTE = Fault(kind=FaultKind.MISSING_PERMISSION, service="compute")


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[GcpHarness] = []

    def build(*args: Any, **settings: Any) -> GcpHarness:  # noqa: ANN401 - passed through
        made.append(GcpHarness(*args, types=Types(), **settings))
        return made[-1]

    yield build
    for harness in made:
        harness.close()


def names(inventory: Inventory) -> set[str]:
    return {one.name for one in inventory.machines}


def truth(harness: GcpHarness, reading: Reading) -> None:
    """Assert that every point that was read is the true one."""
    assert any(points(reading).values())
    for key, values in points(reading).items():
        for bucket, value in values.items():
            assert value == pytest.approx(harness.mean(key, bucket, bucket + 300), rel=1e-12)


# Projects


def test_a_name_in_two_projects_and_two_zones_is_never_confused(make: Make) -> None:
    twins = (
        machine(1, name="web"),
        machine(2, name="web", zone=f"{REGIONS[0]}-c"),
        machine(3, name="web", region=REGIONS[1]),
        machine(4, name="web", account=OTHER_PROJECT),
    )
    harness = make(Estate(machines=twins), projects=[PROJECT, OTHER_PROJECT])

    for provider, count in zip(harness.providers, (3, 1), strict=True):
        machines = provider.discover().machines
        reading = provider.read(machines, final_window(harness))
        assert len({one.key for one in machines}) == count
        assert len(points(reading)) == count
        truth(harness, reading)


def test_projects_of_one_section_fail_alone(make: Make) -> None:
    harness = make(projects=[PROJECT, OTHER_PROJECT])
    first, second = harness.providers
    harness.fake.faults.add(Fault(kind=FaultKind.UNAVAILABLE, project=PROJECT))

    with pytest.raises(UnreachableError):
        first.discover()
    machines = second.discover().machines

    truth(harness, second.read(machines, final_window(harness)))


def test_a_project_that_is_a_scoping_project_reads_its_own_machines_only(make: Make) -> None:
    harness = make(scopes={PROJECT: (OTHER_PROJECT,)})
    machines = harness.provider.discover().machines

    harness.provider.read(machines, final_window(harness))

    with_agent = 1
    assert harness.fake.series_returned == len(machines) + with_agent


def test_a_project_that_does_not_exist_is_told_by_name(make: Make) -> None:
    harness = make(projects=["no-such-project"])

    with pytest.raises(AuthError, match=r"in project no-such-project: .*check the project id"):
        harness.provider.discover()


# Parts of an answer


def test_a_zone_without_an_answer_is_unseen_and_the_others_are_listed(make: Make) -> None:
    harness = make()
    everything = harness.provider.discover()
    zone = f"{REGIONS[1]}-b"
    harness.fake.faults.add(Fault(kind=FaultKind.UNREACHABLE_ZONE, zone=zone))

    inventory = harness.provider.discover()

    assert inventory.unseen_regions == {REGIONS[1]}
    assert not inventory.unseen_all
    lost = {one.name for one in everything.machines if one.cloud_zone == zone}
    assert names(inventory) == names(everything) - lost
    assert [failure.reason for failure in inventory.failures] == [Reason.UNREACHABLE]
    assert zone in str(inventory.failures[0])


def test_execution_errors_lose_nothing_and_advance_nothing(make: Make) -> None:
    harness = make()
    machines = harness.provider.discover().machines
    harness.fake.faults.add(Fault(kind=FaultKind.EXECUTION_ERRORS))

    with pytest.raises(UnreachableError, match="INCOMPLETE"):
        harness.provider.read(machines, final_window(harness))
    harness.heal()

    truth(harness, harness.provider.read(machines, final_window(harness)))


def test_pages_that_cut_series_in_the_middle_are_put_together(make: Make) -> None:
    harness = make(limits=Limits(points=7, instances=2))
    machines = harness.provider.discover().machines
    window = final_window(harness)

    reading = harness.provider.read(machines, window)

    assert harness.requests()["instances.aggregatedList"] == 3
    assert harness.requests()["ListTimeSeries"] > len(machines)
    assert all(set(points(reading)[m.key]) == set(window.buckets) for m in running(machines))
    truth(harness, reading)
    spent = harness.meter.usage()["gcp", "ListTimeSeries"].dollars
    assert spent == pytest.approx(harness.dollars(), rel=1e-12)


def test_a_page_that_fails_fails_the_read(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = make(limits=Limits(points=7))
    machines = harness.provider.discover().machines
    connection = harness.provider._connected()
    pages = connection._list

    def first_page_only(*args: Any) -> Any:  # noqa: ANN401 - passed through
        page = pages(*args)
        harness.fake.faults.add(Fault(kind=FaultKind.UNAVAILABLE))
        return page

    monkeypatch.setattr(connection, "_list", first_page_only)

    with pytest.raises(UnreachableError):
        harness.provider.read(machines, final_window(harness))


# Time


def test_a_listing_that_hangs_is_given_up(make: Make) -> None:
    harness = make(timeout="0.3s")
    harness.fake.faults.add(Fault(kind=FaultKind.HANG, service="compute"))

    with pytest.raises(UnreachableError):
        harness.provider.discover()
    harness.heal()

    assert not harness.provider.discover().failures


def test_a_read_that_hangs_is_given_up_and_nothing_is_lost(make: Make) -> None:
    harness = make(timeout="0.3s")
    machines = harness.provider.discover().machines
    harness.fake.faults.add(Fault(kind=FaultKind.HANG, service="monitoring"))

    with pytest.raises(UnreachableError):
        harness.provider.read(machines, final_window(harness))
    harness.heal()

    truth(harness, harness.provider.read(machines, final_window(harness)))


@pytest.mark.parametrize(
    "kind",
    [FaultKind.THROTTLING, FaultKind.UNAVAILABLE, FaultKind.INTERNAL_ERROR, FaultKind.DEADLINE],
)
def test_what_may_pass_is_tried_again_and_every_attempt_is_counted(
    make: Make, kind: FaultKind
) -> None:
    harness = make(max_attempts=3)
    with stamina.set_testing(True, attempts=3):
        harness.fake.faults.add(Fault(kind=kind, service="compute"), times=2)
        machines = harness.provider.discover().machines
        harness.fake.faults.add(Fault(kind=kind, service="monitoring"), times=2)
        reading = harness.provider.read(machines, final_window(harness))

    truth(harness, reading)  # of CPUs at the third attempt, and then of GPUs
    usage = harness.meter.usage()
    assert usage["gcp", "ListTimeSeries"].requests == harness.requests()["ListTimeSeries"] == 4
    assert usage["gcp", "instances.aggregatedList"].requests == 3


def test_compute_also_throttles_with_a_403(make: Make) -> None:
    harness = make()
    harness.fake.faults.add(Fault(kind=FaultKind.QUOTA, service="compute"))

    with pytest.raises(CollectorError) as refused:
        harness.provider.discover()

    assert refused.value.reason is Reason.THROTTLED


def test_nothing_is_asked_for_no_machines_or_no_time(make: Make) -> None:
    harness = make()
    machines = harness.provider.discover().machines
    asked = sum(harness.requests().values())

    assert harness.provider.read((), final_window(harness)).series == ()
    harness.clock.advance(60 * DAY)
    old = final_window(harness, seconds=HOUR)
    harness.clock.advance(60 * DAY)
    reading = harness.provider.read(machines, old)

    assert sum(harness.requests().values()) == asked
    assert not reading.unread
    assert not any(points(reading).values())


# Monitoring alone


def test_where_compute_refuses_monitoring_stands_in_and_it_is_told(make: Make) -> None:
    harness = make()
    harness.fake.faults.add(NO_COMPUTE)

    inventory = harness.provider.discover()

    assert [failure.reason for failure in inventory.failures] == [Reason.AUTH]
    assert "compute.instances.list in project test-shop-123456" in str(inventory.failures[0])
    assert not inventory.unseen_all
    ran = {m for m in harness.estate.machines if m.account == PROJECT and m.resource_id[-1] != "3"}
    assert {one.key.resource_id for one in inventory.machines} == {m.resource_id for m in ran}
    types = {m.resource_id: m.instance_type for m in ran}
    for one in inventory.machines:
        assert one.state is RunState.RUNNING
        assert one.instance_type == types[one.key.resource_id]
        assert one.key.cloud_region in REGIONS
        assert one.launched_at is None
    reading = harness.provider.read(inventory.machines, final_window(harness))
    truth(harness, reading)


def test_a_switched_off_api_leads_to_monitoring_too(make: Make) -> None:
    harness = make()
    harness.fake.faults.add(Fault(kind=FaultKind.API_DISABLED, service="compute"))

    inventory = harness.provider.discover()

    assert inventory.machines
    assert "gcloud services enable compute.googleapis.com" in str(inventory.failures[0])


def test_identity_is_the_same_with_and_without_compute(make: Make) -> None:
    harness = make()
    with_compute = {one.key for one in running(harness.provider.discover().machines)}
    other = make(inventory="monitoring")

    assert {one.key for one in other.provider.discover().machines} == with_compute


def test_a_right_that_is_lost_for_a_while_changes_no_machine(make: Make) -> None:
    harness = make()
    before = {one.key: one for one in running(harness.provider.discover().machines)}

    harness.fake.faults.add(NO_COMPUTE)
    for _ in range(2):
        harness.pass_time(300)
        during = {one.key: one for one in harness.provider.discover().machines}
        assert during == before
    harness.heal()

    assert not harness.provider.discover().failures


def test_without_compute_the_first_data_tell_when_a_machine_started(make: Make) -> None:
    clock = ManualClock()
    begun = now(clock) - 900
    young = machine(1, schedule=Once(start=begun + 30))
    harness = make(Estate(machines=(young, machine(2))), clock=clock, inventory="monitoring")

    first = {m.name: m.launched_at for m in harness.provider.discover().machines}
    harness.pass_time(600)
    second = {m.name: m.launched_at for m in harness.provider.discover().machines}
    harness.pass_time(HOUR)
    third = {m.name: m.launched_at for m in harness.provider.discover().machines}

    launched = first["test-0001"]
    assert launched is not None
    assert launched.timestamp() == begun
    assert first["test-0002"] is None
    assert second == first
    assert set(third.values()) == {None}


def test_without_compute_a_machine_without_data_is_gone(make: Make) -> None:
    clock = ManualClock()
    ended = machine(1, schedule=Once(start=0, end=now(clock) - 1800))
    harness = make(Estate(machines=(ended, machine(2))), clock=clock, inventory="monitoring")

    assert names(harness.provider.discover()) == {"test-0002"}


def test_monitoring_alone_by_choice_is_no_failure_and_asks_no_compute(make: Make) -> None:
    harness = make(inventory="monitoring")

    inventory = harness.provider.discover()

    assert inventory.machines
    assert not inventory.failures
    assert set(harness.requests()) == {"ListTimeSeries"}
    assert [check.permission for check in harness.provider.permissions()] == [
        "credentials",
        "monitoring.timeSeries.list",
    ]


def test_where_both_refuse_nothing_is_listed(make: Make) -> None:
    harness = make()
    harness.fake.faults.add(Fault(kind=FaultKind.MISSING_PERMISSION))

    with pytest.raises(AuthError, match=r"compute\.instances\.list"):
        harness.provider.discover()


# What check tries


def test_check_passes_where_every_permission_is_there(make: Make) -> None:
    harness = make()

    checks = harness.provider.permissions()

    assert [(check.permission, check.ok) for check in checks] == [
        ("credentials", True),
        ("monitoring.timeSeries.list", True),
        ("compute.instances.list", True),
        ("compute.machineTypes.get", True),
        ("compute.disks.list", True),
    ]
    assert harness.fake.series_returned == 0


@pytest.mark.parametrize(
    ("operation", "permission"),
    [
        ("ListTimeSeries", "monitoring.timeSeries.list"),
        ("instances.aggregatedList", "compute.instances.list"),
        ("machineTypes.get", "compute.machineTypes.get"),
        ("disks.aggregatedList", "compute.disks.list"),
    ],
)
def test_check_names_exactly_the_permission_that_is_missing(
    make: Make, operation: str, permission: str
) -> None:
    harness = make()
    harness.fake.faults.add(Fault(kind=FaultKind.MISSING_PERMISSION, operation=operation))

    missing = [check for check in harness.provider.permissions() if not check.ok]

    (check,) = missing
    assert check.permission == permission
    assert f"{permission} in project {PROJECT}" in check.message
    assert "deploy/iam/gcp.yaml" in check.message


def test_the_shipped_role_holds_exactly_what_is_tried(make: Make) -> None:
    role = yaml.safe_load(ROLE.read_text(encoding="utf-8"))

    tried = [check.permission for check in make().provider.permissions()]

    assert role["includedPermissions"] == tried[1:]


def test_an_empty_project_costs_nothing(make: Make) -> None:
    harness = make(Fleet.EMPTY)

    assert harness.provider.discover().machines == ()
    assert harness.meter.usage()["gcp", "ListTimeSeries"].dollars == 0.0


def test_a_stop_between_two_polls_is_seen_with_its_time(make: Make) -> None:
    clock = ManualClock()
    cycle = Cycle(anchor=now(clock) - 2 * DAY, period=DAY, length=DAY - HOUR)
    harness = make(Estate(machines=(machine(1, schedule=cycle),)), clock=clock)
    harness.pass_time(60)
    assert harness.provider.discover().machines[0].state is RunState.RUNNING

    harness.pass_time(DAY - HOUR + 540)
    (stopped,) = harness.provider.discover().machines

    assert stopped.state is RunState.STOPPED
    assert stopped.stopped_at is not None
    assert stopped.stopped_at.timestamp() == now(clock) - 600
