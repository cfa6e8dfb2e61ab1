"""Databases of DescribeDBInstances become machines, and fail without harm to instances."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter.core.clock import epoch, floor_to
from exporter.core.errors import AuthError, BadPayloadError, Reason
from exporter.core.meter import ApiMeter
from exporter.core.model import Inventory, Machine, ResourceKey, RunState
from exporter.demo.aws import Fault, FaultKind
from exporter.demo.estate import Cycle, Estate, Once
from exporter.engine.migrations import checksum
from exporter.engine.store import Changes, ProgressRow, ResourceRow, Store, TallyRow
from exporter.providers.aws.config import Config
from exporter.providers.aws.errors import Call
from exporter.providers.aws.kinds import NAMES, kind_of
from exporter.providers.aws.kinds._listing import DB_INSTANCES
from exporter.providers.aws.kinds.rds import KIND
from exporter.providers.aws.shapes import TypeFacts
from tests.support.clock import ManualClock
from tests.support.contracts import resource_types
from tests.support.machines import machine as any_machine
from tests.support.provider_aws import DB_LARGE, REGIONS, AwsHarness, database
from tests.support.provider_aws import machine as instance
from tests.support.provider_fakes import context_of
from tests.support.providers import HOUR, NoTypes, final_window, points

CALL = Call(permission="rds:DescribeDBInstances", region="eu-west-1", account="111122223333")
MADE = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
RDS = "rds_instance"
DATABASES = {kind_of(name).resource_type for name in NAMES if kind_of(name).listing is DB_INSTANCES}
"""Of all kinds that are listed with those of RDS."""
NO_DATABASES = Fault(kind=FaultKind.MISSING_PERMISSION, service="rds")


def item(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of the answer
    plain = {
        "DbiResourceId": "db-ABC",
        "DBInstanceIdentifier": "orders",
        "DBInstanceClass": "db.m5.large",
        "DBInstanceStatus": "available",
        "Engine": "postgres",
        "InstanceCreateTime": MADE,
        "AvailabilityZone": "eu-west-1b",
        "TagList": [{"Key": "team", "Value": "shop"}],
    }
    return plain | changes


def read(**changes: Any) -> Machine:  # noqa: ANN401 - fields of the answer
    kind = KIND(Config(), context_of(ManualClock(), ApiMeter(), NoTypes()))
    return kind.machine(item(**changes), CALL, TypeFacts(NoTypes()))


def kinds(machines: Iterable[Machine]) -> set[str]:
    return {one.key.resource_type for one in machines}


def databases(inventory: Inventory) -> dict[str, Machine]:
    return {one.name: one for one in inventory.machines if one.key.resource_type == RDS}


# What is read


def test_starts_of_instances_are_told_and_those_of_databases_are_not(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path)

    since = {
        one.key.resource_type: harness.provider.told_since(one, 1e9)
        for one in harness.provider.discover().machines
    }
    harness.close()

    assert since == {"ec2_instance": -inf} | dict.fromkeys(DATABASES, 1e9)


def test_a_database_is_a_machine_known_by_its_lasting_id() -> None:
    found = read()

    assert found.key == ResourceKey("aws", "111122223333", "eu-west-1", RDS, "db-ABC")
    assert (found.name, found.instance_type, found.cloud_zone) == (
        "orders",
        "db.m5.large",
        "eu-west-1b",
    )
    assert (found.launched_at, found.stopped_at) == (MADE, None)
    assert (found.tags, found.lifecycle) == ({"team": "shop"}, "on_demand")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("available", RunState.RUNNING),
        ("backing-up", RunState.RUNNING),
        ("modifying", RunState.RUNNING),
        ("rebooting", RunState.RUNNING),
        ("starting", RunState.RUNNING),
        ("stopping", RunState.RUNNING),
        ("deleting", RunState.RUNNING),
        ("a-state-of-next-year", RunState.RUNNING),
        ("stopped", RunState.STOPPED),
        ("creating", RunState.STOPPED),
        ("failed", RunState.STOPPED),
        ("insufficient-capacity", RunState.STOPPED),
    ],
)
def test_every_status_has_a_meaning(status: str, state: RunState) -> None:
    assert read(DBInstanceStatus=status).state is state


def test_a_database_that_is_being_made_has_not_started() -> None:
    assert read(DBInstanceStatus="creating").launched_at is None


@pytest.mark.parametrize("key", ["DbiResourceId", "DBInstanceIdentifier", "DBInstanceStatus"])
def test_a_database_that_cannot_be_understood_is_an_error(key: str) -> None:
    with pytest.raises(BadPayloadError, match="without id, name or state"):
        read(**{key: None})


def test_the_shape_is_that_of_the_type_behind_the_class(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path, Estate(machines=(database(1),)))

    (found,) = harness.provider.discover().machines
    harness.close()

    assert found.instance_type == "db.m5.large"
    assert found.shape is not None
    assert (found.shape.vcpus, found.shape.memory_gib) == (2.0, 8.0)


# What is not counted


@pytest.mark.parametrize(
    ("engine", "counted", "told"),
    [
        ("postgres", True, False),
        ("aurora-mysql", True, False),
        ("sqlserver-ee", True, False),
        ("custom-oracle-ee", False, False),  # listed by EC2 too
        ("graphs-of-next-year", False, True),
    ],
)
def test_engines_that_are_not_of_rds_are_left_out_and_strange_ones_told_once(
    tmp_path: Path, engine: str, counted: bool, told: bool
) -> None:
    odd = database(2, facts={"engine": engine})
    estate = Estate(machines=(database(1), odd))
    harness = AwsHarness(tmp_path, estate, regions=REGIONS[:1])

    with capture_logs() as logs:
        found = [set(databases(harness.provider.discover())) for _ in range(2)]
    asked = harness.requests()["DescribeDBInstances"]
    harness.close()

    assert found == [{"test-db-0001", "test-db-0002"} if counted else {"test-db-0001"}] * 2
    warnings = [(log["databases"], engine in log["reason"]) for log in logs if "reason" in log]
    assert warnings == ([(["test-db-0002"], True)] if told else [])
    assert asked == 2  # polls: to look for strange ones costs no further call


def test_a_serverless_database_is_named_once_and_not_counted(tmp_path: Path) -> None:
    serverless = database(2, machine_type=replace(DB_LARGE, name="db.serverless"))
    estate = Estate(machines=(database(1), serverless))
    harness = AwsHarness(tmp_path, estate, regions=REGIONS[:1])

    with capture_logs() as logs:
        first = harness.provider.discover()
        second = harness.provider.discover()
    harness.close()

    assert [log["databases"] for log in logs if "serverless" in log.get("reason", "")] == [
        ["test-db-0002"]
    ]
    assert set(databases(first)) == set(databases(second)) == {"test-db-0001"}
    assert not first.failures


# Pages, and what is asked


def test_databases_come_in_pages_and_are_read_with_the_instances(tmp_path: Path) -> None:
    fleet = (instance(1), *(database(n) for n in range(2, 252)))
    harness = AwsHarness(tmp_path, Estate(machines=fleet), regions=REGIONS[:1])

    machines = harness.provider.discover().machines
    reading = harness.provider.read(machines, final_window(harness))
    requests = harness.requests()
    harness.close()

    assert len({one.key for one in machines}) == 251
    assert requests["DescribeDBInstances"] == 3
    assert requests["GetMetricData"] == 1
    assert all(len(found) == 12 for found in points(reading).values())
    assert not reading.unread


def test_a_database_has_a_point_every_minute(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path, Estate(machines=(database(1),)))
    (found,) = harness.provider.discover().machines
    window = final_window(harness, resolution=60)

    values = points(harness.provider.read((found,), window))[found.key]
    true = {start: harness.mean(found.key, start, start + 60) for start in window.buckets}
    harness.close()

    assert values == pytest.approx(true, rel=1e-12)


def test_databases_and_instances_of_one_name_are_not_confused(tmp_path: Path) -> None:
    twin = instance(1)
    fleet = (twin, database(2, name=twin.resource_id))
    harness = AwsHarness(tmp_path, Estate(machines=fleet))
    machines = harness.provider.discover().machines
    window = final_window(harness)

    found = points(harness.provider.read(machines, window))
    true = {
        one.key: {at: harness.mean(one.key, at, at + 300) for at in window.buckets}
        for one in machines
    }
    harness.close()

    assert len(machines) == 2
    assert found == {key: pytest.approx(values, rel=1e-12) for key, values in true.items()}


@pytest.mark.parametrize(
    ("services", "asked", "found"),
    [
        (["ec2"], {"DescribeInstances"}, {"ec2_instance"}),
        (["rds"], {"DescribeDBInstances"}, {RDS}),
        (["rds", "ec2"], {"DescribeInstances", "DescribeDBInstances"}, {"ec2_instance", RDS}),
    ],
)
def test_only_the_services_that_are_named_are_asked(
    tmp_path: Path, services: list[str], asked: set[str], found: set[str]
) -> None:
    harness = AwsHarness(tmp_path, services=services)

    inventory = harness.provider.discover()
    listing = {"DescribeInstances", "DescribeDBInstances"} & set(harness.requests())
    counted = {api for _, api in harness.meter.usage()}
    harness.close()

    assert listing == asked
    assert kinds(inventory.machines) == found
    assert {"DescribeInstances", "DescribeDBInstances"} & counted == asked


def test_check_asks_for_the_permissions_of_the_services_that_are_named(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path, services=["rds"])

    checks = harness.provider.permissions()
    harness.close()

    assert [(check.permission, check.ok) for check in checks[2:]] == [
        ("rds:DescribeDBInstances", True),
        ("ec2:DescribeInstanceTypes", True),
        ("cloudwatch:GetMetricData", True),
    ]


# When it ran


def test_a_restart_is_seen_between_two_polls(tmp_path: Path) -> None:
    clock = ManualClock()
    start = floor_to(epoch(clock.now()), 300)
    life = Cycle(anchor=start - 10 * HOUR, period=12 * HOUR, length=11 * HOUR)
    harness = AwsHarness(tmp_path, Estate(machines=(database(1, schedule=life),)), clock=clock)
    seen = []
    for _ in range(5):
        (found,) = harness.provider.discover().machines
        assert found.launched_at is not None
        seen.append((found.state.value, epoch(found.launched_at) - start))
        harness.pass_time(HOUR - 600)
    harness.close()

    made, again = -10 * HOUR, 2 * (HOUR - 600)
    assert seen == [
        ("running", made),
        ("running", made),
        ("stopped", made),
        ("running", again),
        ("running", again),
    ]


def test_a_new_database_has_run_since_it_was_made(tmp_path: Path) -> None:
    clock = ManualClock()
    made = int(epoch(clock.now())) - 100
    harness = AwsHarness(
        tmp_path, Estate(machines=(database(1, schedule=Once(start=made)),)), clock=clock
    )

    (creating,) = harness.provider.discover().machines
    harness.pass_time(300)
    (running,) = harness.provider.discover().machines
    harness.close()

    assert (creating.state, creating.launched_at) == (RunState.STOPPED, None)
    assert running.state is RunState.RUNNING
    assert running.launched_at is not None
    assert epoch(running.launched_at) == made


def test_a_deleted_database_is_listed_no_more(tmp_path: Path) -> None:
    clock = ManualClock()
    end = int(epoch(clock.now())) + 60
    gone = database(1, schedule=Once(start=0, end=end), terminates=True)
    harness = AwsHarness(tmp_path, Estate(machines=(gone, database(2))), clock=clock)
    counts = []
    for _ in range(3):
        counts.append(len(databases(harness.provider.discover())))
        harness.pass_time(180)
    harness.close()

    assert counts == [2, 2, 1]


# Failures


def test_a_missing_permission_does_not_hurt_instances(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path)
    harness.fake.faults.add(NO_DATABASES)

    with capture_logs() as logs:
        inventory = harness.provider.discover()
        reading = harness.provider.read(inventory.machines, final_window(harness))
        harness.provider.discover()
        identified = harness.requests()["GetCallerIdentity"]
    harness.close()

    (warning,) = [log for log in logs if log["log_level"] == "warning"]  # once, and not each time
    assert [kind_of(name).resource_type for name in warning["kinds"]] == sorted(DATABASES)
    assert "rds:DescribeDBInstances" in warning["error"]
    assert warning["error"].endswith(
        f"attach the policy in deploy/iam/aws.json, or take {' and '.join(warning['kinds'])} "
        "out of services"
    )
    assert not inventory.failures  # the collector succeeds without it
    assert kinds(inventory.machines) == {"ec2_instance"}
    assert not inventory.unseen_regions  # or instances that vanish would be kept for ever
    assert not reading.unread
    assert identified == 1  # the credentials are good and are kept


def test_databases_once_known_stay_while_they_may_not_be_listed(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path)
    before = databases(harness.provider.discover())
    harness.fake.faults.add(NO_DATABASES)

    denied = harness.provider.discover()
    reading = harness.provider.read(denied.machines, final_window(harness))
    harness.heal()
    after = databases(harness.provider.discover())
    harness.close()

    assert databases(denied) == before == after
    assert not reading.unread


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (FaultKind.THROTTLING, Reason.THROTTLED),
        (FaultKind.UNAVAILABLE, Reason.UNREACHABLE),
        (FaultKind.RESET, Reason.UNREACHABLE),
        (FaultKind.HTML, Reason.BAD_PAYLOAD),
        (FaultKind.TRUNCATED, Reason.BAD_PAYLOAD),
    ],
)
@pytest.mark.parametrize("service", ["ec2", "rds"])
def test_one_service_of_a_region_fails_alone_and_its_machines_have_not_vanished(
    tmp_path: Path, kind: FaultKind, reason: Reason, service: str
) -> None:
    harness = AwsHarness(tmp_path)
    all_machines = harness.provider.discover().machines
    operation = {"ec2": "DescribeInstances", "rds": "DescribeDBInstances"}[service]
    harness.fake.faults.add(Fault(kind=kind, operation=operation, region=REGIONS[1]))

    inventory = harness.provider.discover()
    harness.close()

    lost = {"ec2": {"ec2_instance"}, "rds": DATABASES}[service]
    assert [failure.reason for failure in inventory.failures] == [reason]
    assert inventory.unseen_regions == {REGIONS[1]}
    assert {one.key for one in all_machines} - {one.key for one in inventory.machines} == {
        one.key
        for one in all_machines
        if one.key.cloud_region == REGIONS[1] and one.key.resource_type in lost
    }


def test_instances_that_may_not_be_listed_do_not_hurt_databases(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path)
    harness.fake.faults.add(Fault(kind=FaultKind.MISSING_PERMISSION, operation="DescribeInstances"))

    inventory = harness.provider.discover()
    harness.close()

    assert [str(failure).split()[0] for failure in inventory.failures] == ["ec2:DescribeInstances"]
    assert kinds(inventory.machines) == set(resource_types("aws").values()) - {"ec2_instance"}
    assert inventory.unseen_regions == set(REGIONS)


def test_where_databases_are_all_that_is_watched_their_failure_is_that_of_the_collector(
    tmp_path: Path,
) -> None:
    harness = AwsHarness(tmp_path, services=["rds"])
    harness.fake.faults.add(NO_DATABASES)

    with pytest.raises(AuthError, match="rds:DescribeDBInstances"):
        harness.provider.discover()
    harness.close()


# State files of earlier versions


def test_a_state_file_from_before_these_labels_is_read(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    old = any_machine("aws", "m5.large")
    other = old.key._replace(resource_id="i-other")
    new = replace(old, key=other, group="web", cluster="prod", node_pool="workers")
    new = replace(new, lifecycle="spot")
    store = Store.open(path)
    store.commit(
        Changes(
            resources={n: ResourceRow("aws", one, []) for n, one in enumerate((old, new), 1)},
            progress={n: ProgressRow(0, 0.0, None, TallyRow([0.0] * 3, [0.0] * 3)) for n in (1, 2)},
            regions={old.region_key: TallyRow([0.0] * 6, [0.0] * 6)},
        )
    )
    store.close()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "UPDATE resource SET machine = json_remove(machine, '$.group', '$.cluster', "
            "'$.node_pool', '$.lifecycle') WHERE id = 1"
        )
        (*row, _) = database.execute("SELECT * FROM resource WHERE id = 1").fetchone()
        database.execute("UPDATE resource SET crc = ? WHERE id = 1", (checksum(row),))

    store = Store.open(path)
    found = {number: row.machine for number, row in store.load().resources.items()}
    store.close()

    assert found == {1: old, 2: new}
