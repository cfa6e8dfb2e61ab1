"""Subscriptions and regions: each fails alone, none is confused with another, nothing is lost."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from exporter.core.clock import epoch, from_epoch
from exporter.core.errors import AuthError, CollectorError, Reason
from exporter.core.model import Inventory, Machine, Reading, ResourceKey, RunState, Window
from exporter.core.ports import Provider
from exporter.demo._http import HttpRequest, Reply
from exporter.demo.azure import EMPTY_SUBSCRIPTION, Fault, FaultKind, Limits
from exporter.demo.estate import Cycle, Estate, Once
from exporter.providers._shared.provider import WORKERS
from tests.support.clock import ManualClock
from tests.support.provider_azure import (
    OTHER_SUBSCRIPTION,
    REGIONS,
    SUBSCRIPTION,
    AzureHarness,
    machine,
    usual_fleet,
)
from tests.support.providers import HOUR, Fleet, final_window, now, one_with, points, running
from tests.support.wire_azure import Make, Wire, refused, reply

BOTH = {"subscriptions": [SUBSCRIPTION, OTHER_SUBSCRIPTION]}
TROUBLES = [
    (FaultKind.BARE_THROTTLING, Reason.THROTTLED),
    (FaultKind.UNAVAILABLE, Reason.UNREACHABLE),
    (FaultKind.RESET, Reason.UNREACHABLE),
    (FaultKind.EXPIRED_CREDENTIALS, Reason.AUTH),
    (FaultKind.MISSING_PERMISSION, Reason.AUTH),
    (FaultKind.REGISTRATION_REFUSED, Reason.AUTH),
    (FaultKind.HTML, Reason.BAD_PAYLOAD),
    (FaultKind.TRUNCATED, Reason.BAD_PAYLOAD),
    (FaultKind.NOT_REGISTERED, Reason.NO_DATA),
]


def accounts(inventory: Inventory) -> Counter[str]:
    return Counter(one.key.account for one in inventory.machines)


def all_right(harness: AzureHarness, machines: list[Machine], reading: Reading) -> bool:
    """Whether each machine that runs has its own true values."""
    for one in machines:
        for bucket, value in points(reading)[one.key].items():
            assert value == pytest.approx(harness.mean(one.key, bucket, bucket + 300), rel=1e-9)
    return {one.key for one in machines} == set(points(reading))


# Several subscriptions


def test_machines_of_the_same_name_in_two_subscriptions_are_never_confused(make: Make) -> None:
    harness = make(**BOTH)
    twins = []
    for provider in harness.providers:
        machines = running(provider.discover().machines)
        assert {one.key.account for one in machines} == {provider.name.removeprefix("azure:")}
        assert all_right(harness, machines, provider.read(machines, final_window(harness)))
        twins += [one for one in machines if one.name == "test-0006"]

    assert len({one.key for one in twins}) == 2
    assert len({one.key.resource_id.replace(one.key.account, "") for one in twins}) == 1


def test_all_that_is_visible_is_watched_in_one_collector(make: Make) -> None:
    harness = make(subscriptions=None, limits=Limits(subscriptions=1))
    (provider,) = harness.providers

    inventory = provider.discover()
    machines = running(inventory.machines)
    reading = provider.read(machines, final_window(harness))

    assert provider.name == "azure"
    assert accounts(inventory) == {SUBSCRIPTION: 6, OTHER_SUBSCRIPTION: 1}
    assert EMPTY_SUBSCRIPTION in harness.fake.subscriptions
    assert not reading.failures
    assert all_right(harness, machines, reading)


@pytest.mark.parametrize(("kind", "reason"), TROUBLES)
def test_listed_subscriptions_fail_each_alone(make: Make, kind: FaultKind, reason: Reason) -> None:
    harness = make(**BOTH)
    inventories = [provider.discover() for provider in harness.providers]
    window = final_window(harness)
    harness.fake.faults.add(Fault(kind=kind, service="metrics", subscription=SUBSCRIPTION))

    with pytest.raises(CollectorError) as failed:
        harness.providers[0].read(inventories[0].machines, window)
    other = harness.providers[1].read(inventories[1].machines, window)

    assert failed.value.reason is reason
    assert not other.failures
    assert len(other.series) == 1


@pytest.mark.parametrize(("kind", "reason"), TROUBLES)
def test_discovered_subscriptions_are_read_each_alone(
    make: Make, kind: FaultKind, reason: Reason
) -> None:
    harness = make(subscriptions=None)
    machines = harness.provider.discover().machines
    harness.fake.faults.add(Fault(kind=kind, service="metrics", subscription=SUBSCRIPTION))

    reading = harness.provider.read(machines, final_window(harness))

    assert {key.account for key in reading.unread} == {SUBSCRIPTION}
    assert [series.key.account for series in reading.series] == [OTHER_SUBSCRIPTION]
    assert {failure.reason for failure in reading.failures} == {reason}


def test_a_subscription_that_can_be_read_no_longer_keeps_its_machines_for_a_day(
    make: Make,
) -> None:
    harness = make(subscriptions=None)
    before = harness.provider.discover()
    hidden = Fault(kind=FaultKind.MISSING_PERMISSION, subscription=OTHER_SUBSCRIPTION)
    harness.fake.faults.add(hidden)

    harness.pass_time(HOUR)
    during = harness.provider.discover()
    harness.pass_time(24 * HOUR)
    after = harness.provider.discover()

    assert accounts(during) == accounts(before)
    (failure,) = during.failures
    assert failure.reason is Reason.AUTH
    assert failure.scope == OTHER_SUBSCRIPTION
    assert "assign the role Reader" in str(failure)
    assert accounts(after) == {SUBSCRIPTION: 6}
    assert not after.failures


def test_a_subscription_that_lost_its_last_machine_is_no_failure(make: Make) -> None:
    ends = now(ManualClock()) + 100
    last = machine(1, account=OTHER_SUBSCRIPTION, schedule=Once(start=0, end=ends), terminates=True)
    harness = make(Estate(machines=(machine(1), last)), subscriptions=None)
    before = harness.provider.discover()

    harness.pass_time(HOUR)
    after = harness.provider.discover()

    assert accounts(before) == {SUBSCRIPTION: 1, OTHER_SUBSCRIPTION: 1}
    assert accounts(after) == {SUBSCRIPTION: 1}
    assert not after.failures


def test_who_sees_no_subscription_is_told_what_to_assign(make: Make) -> None:
    harness = make(subscriptions=None)
    harness.fake.faults.add(Fault(kind=FaultKind.MISSING_PERMISSION))

    with pytest.raises(AuthError, match=r"sees no subscription — assign the role Reader"):
        harness.provider.discover()


def test_an_empty_subscription_that_may_not_be_read_is_no_empty_one(wire: Wire) -> None:
    empty = reply({"data": []})
    wire.answers = [empty, empty, refused("AuthorizationFailed", 403)]

    with pytest.raises(AuthError, match=r"Microsoft.Resources/subscriptions/read .* — assign"):
        wire.provider().discover()


def test_disabled_subscriptions_are_not_watched(wire: Wire) -> None:
    ids = {"Enabled": SUBSCRIPTION, "Disabled": OTHER_SUBSCRIPTION}
    listed = [{"subscriptionId": one, "state": state} for state, one in ids.items()]
    wire.answers = [reply({"value": listed}), reply({"data": []})]

    assert wire.provider(subscriptions=None).discover() == Inventory(machines=())
    assert all(body["subscriptions"] == [SUBSCRIPTION] for body in wire.bodies())


# Regions


@pytest.mark.parametrize(("kind", "reason"), TROUBLES)
def test_one_region_is_read_alone(harness: AzureHarness, kind: FaultKind, reason: Reason) -> None:
    machines = harness.provider.discover().machines
    window = final_window(harness)
    healthy = points(harness.provider.read(machines, window))
    harness.fake.faults.add(Fault(kind=kind, region=REGIONS[1]))

    reading = harness.provider.read(machines, window)
    harness.heal()

    assert reading.unread == {m.key for m in machines if m.key.cloud_region == REGIONS[1]}
    assert [failure.reason for failure in reading.failures] == [reason]
    kept = {key: values for key, values in healthy.items() if key not in reading.unread}
    assert points(reading) == kept
    assert points(harness.provider.read(machines, window)) == healthy


def test_a_region_that_hangs_is_not_waited_for_by_every_call(make: Make) -> None:
    estate = Estate(machines=tuple(machine(n, REGIONS[n == 0]) for n in range(10 * 50 + 1)))
    harness = make(estate, timeout="1.5s")
    machines = harness.provider.discover().machines
    harness.fake.faults.add(Fault(kind=FaultKind.HANG, region=REGIONS[0]))

    reading = harness.provider.read(machines, final_window(harness))

    assert len(reading.unread) == 500
    assert [series.key.cloud_region for series in reading.series] == [REGIONS[1]]
    assert [failure.reason for failure in reading.failures] == [Reason.UNREACHABLE]
    assert harness.requests()["GetBatch"] < 2 * WORKERS + 1


def test_single_calls_that_fail_do_not_keep_others_from_being_made(make: Make) -> None:
    estate = Estate(machines=tuple(machine(n) for n in range(10 * 50)))
    harness = make(estate)
    machines = harness.provider.discover().machines
    harness.fake.faults.add(Fault(kind=FaultKind.INTERNAL_ERROR), times=3)

    reading = harness.provider.read(machines, final_window(harness))

    assert len(reading.unread) == 150
    assert len(reading.series) == 350


# Kinds of machines


def test_instances_of_scale_sets_are_read_in_their_own_namespace(harness: AzureHarness) -> None:
    machines = harness.provider.discover().machines
    instance = next(one for one in machines if one.key.resource_type == "azure_vmss_vm")

    reading = harness.provider.read([instance], final_window(harness))

    assert instance.key.resource_id.endswith("/virtualmachinescalesets/pool/virtualmachines/4")
    assert all_right(harness, [instance], reading)
    assert len(points(reading)[instance.key]) == 12


def test_a_halted_machine_that_keeps_its_host_is_not_stopped(make: Make) -> None:
    clock = AzureHarness.unstable_seconds
    moment = 1_772_409_600  # the manual clock's start
    often = Cycle(anchor=moment - 25 * HOUR - clock, period=2 * HOUR, length=HOUR)
    held = machine(1, schedule=often, keeps_hardware=True)
    freed = machine(2, schedule=often)
    harness = make(Estate(machines=(held, freed)))

    states = {one.name: one.state for one in harness.provider.discover().machines}

    assert states == {"test-0001": RunState.RUNNING, "test-0002": RunState.STOPPED}


def test_starts_and_stops_are_known_to_the_second(make: Make) -> None:
    harness = make()
    stopped = one_with(harness.provider.discover().machines, RunState.STOPPED)
    truth = next(m for m in harness.estate.machines if m.resource_id == stopped.key.resource_id)

    harness.pass_time(7 * 60)  # by then a change is on record
    for _ in range(6):
        harness.pass_time(20 * 60)
        found = next(m for m in harness.provider.discover().machines if m.key == stopped.key)
        moment = now(harness.clock)
        assert found.launched_at == from_epoch(harness.estate.launched_at(truth, moment) or 0)
        ended = harness.estate.stopped_at(truth, moment)
        assert found.stopped_at == (None if ended is None else from_epoch(ended))


def test_without_the_record_of_changes_machines_are_listed_all_the_same(wire: Wire) -> None:
    row = {
        "id": f"/subscriptions/{SUBSCRIPTION}/vm",
        "location": "eastus",
        "subscriptionId": SUBSCRIPTION,
        "powerState": "PowerState/deallocated",
        "timeCreated": "2026-01-01T00:00:00Z",
    }

    def answer(request: HttpRequest) -> Reply:
        query = request.body.decode()
        if "ResourceChanges" in query:
            return refused("AuthorizationFailed", 403)
        return reply({"data": [] if "ComputeResources" in query else [row]})

    wire.answers = [answer]
    provider = wire.provider()
    with capture_logs() as lines:
        inventories = [provider.discover() for _ in range(3)]
        row["powerState"] = "PowerState/running"
        wire.clock.advance(300)
        running_again = provider.discover().machines[0]

    assert all(not inventory.failures for inventory in inventories)
    assert running_again.state is RunState.RUNNING
    assert running_again.launched_at == from_epoch(epoch(wire.clock.now()) - 300)
    assert [line["event"] for line in lines] == ["starts and stops are known to the poll only"]


def test_a_machine_that_azure_has_forgotten_is_asked_for_once(wire: Wire) -> None:
    wire.answers = [refused("ResourceNotFound", 404)]
    key = ResourceKey(
        "azure", SUBSCRIPTION, "eastus", "azure_vm", f"/subscriptions/{SUBSCRIPTION}/a"
    )
    gone = Machine(key=key, name="", instance_type="x", state=RunState.GONE)
    provider, window = wire.provider(), Window(start=0, end=300, resolution=300)
    window = replace(window, start=1_772_409_000, end=1_772_409_300)

    first, second = (provider.read([gone], window) for _ in range(2))
    assert len(wire.asked) == 1
    assert not first.unread
    assert not second.unread
    with pytest.raises(CollectorError):
        provider.read([replace(gone, state=RunState.RUNNING)], window)


# Cost


def test_calls_are_the_documented_minimum(make: Make) -> None:
    estate = Estate(machines=tuple(machine(n, REGIONS[n % 2]) for n in range(120)))
    harness = make(estate)

    machines = harness.provider.discover().machines
    harness.provider.read(machines, final_window(harness))

    assert harness.requests() == {"ResourceGraph": 3, "ListSkus": 2, "GetBatch": 4}


def test_a_month_is_priced_by_the_calls_that_the_listed_machines_take(make: Make) -> None:
    harness = make(usual_fleet(1_772_409_600))
    provider, month = harness.provider, timedelta(minutes=5)
    polls = 8640 * 0.00001

    unknown = provider.monthly_cost(51, month)
    provider.discover()

    assert unknown == pytest.approx(2 * polls)
    assert provider.monthly_cost(5, month) == pytest.approx(3 * polls)


def test_it_is_a_provider(make: Make) -> None:
    provider: Provider = make(Fleet.EMPTY).provider

    assert provider.kind == "azure"
    assert provider.settle == 300
    assert provider.discover().machines == ()
