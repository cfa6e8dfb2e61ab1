"""What holds for every kind of DescribeDBInstances, and what botocore's models say of them.

The fake's answers are ours: that they are like those of AWS is told by the service models in
botocore, which AWS writes. What they cannot tell is the name of a namespace in CloudWatch.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import botocore.session
import pytest
from structlog.testing import capture_logs

from exporter.core.clock import from_epoch
from exporter.core.meter import ApiMeter
from exporter.core.model import RunState
from exporter.core.ports import AdapterContext
from exporter.demo.aws import AwsFake, access_key_id
from exporter.demo.estate import Cycle, Estate, EstateMachine, demo_estate
from exporter.providers.aws.config import Config
from exporter.providers.aws.errors import Call
from exporter.providers.aws.kinds import NAMES, kind_of
from exporter.providers.aws.kinds._listing import DbInstances
from exporter.providers.aws.shapes import TypeFacts
from tests.support.clock import ManualClock
from tests.support.provider_aws import ACCOUNT, DB_LARGE, REGIONS, AwsHarness, database
from tests.support.providers import HOUR, NoTypes, final_window, points

CONTEXT = AdapterContext(clock=ManualClock(), meter=ApiMeter(), types=NoTypes())
CALL = Call(permission="rds:DescribeDBInstances", region="eu-west-1", account=ACCOUNT)
SHARING = [name for name in NAMES if issubclass(kind_of(name), DbInstances)]
CUSTOM = "custom-"
"""Engines of RDS whose machines EC2 lists."""


@pytest.fixture(params=SHARING)
def kind(request: pytest.FixtureRequest) -> DbInstances:
    made = kind_of(request.param)(Config(), CONTEXT)
    assert isinstance(made, DbInstances)
    return made


def model(service: str) -> Any:  # noqa: ANN401 - botocore has no types
    return botocore.session.get_session().get_service_model(service)


def members() -> Mapping[str, Any]:
    found: Mapping[str, Any] = model("rds").shape_for("DBInstance").members
    return found


def taken(kind: DbInstances, engine: str) -> bool:
    return engine.startswith(kind.engines)


def like_it(kind: DbInstances, number: int, **changes: Any) -> EstateMachine:  # noqa: ANN401 - fields of the record
    """Make a database of a kind for the test fleet, with an engine of its own."""
    (engine, *_) = kind.engines
    facts = {"engine": engine}
    return database(number, resource_type=kind.resource_type, facts=facts, **changes)


# Who takes what


def test_every_engine_that_can_be_made_with_its_api_is_taken_by_one_kind(kind: DbInstances) -> None:
    told = model(kind.name).shape_for("CreateDBInstanceMessage").members["Engine"].documentation
    engines = re.findall(r"<code>([\w-]+)</code>", told)

    assert engines
    for engine in engines:
        takers = [name for name in SHARING if taken(kind_of(name)(Config(), CONTEXT), engine)]  # type: ignore[arg-type] # of SHARING
        assert takers == ([] if engine.startswith(CUSTOM) else [kind.name]), engine


def test_its_metrics_are_in_a_namespace_of_its_own() -> None:
    assert len({kind_of(name).namespace for name in SHARING}) == len(SHARING)  # type: ignore[attr-defined] # of SHARING


def test_machines_of_one_kind_are_not_counted_by_another(kind: DbInstances, tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path, services=[kind.name])

    machines = harness.provider.discover().machines
    harness.close()

    assert machines
    assert {one.key.resource_type for one in machines} == {kind.resource_type}


# What is read


class Noting(dict[str, Any]):
    """An entry of an answer that notes which of its members are read."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        super().__init__(entry)
        self.read: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - as dict has it
        self.read.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - as dict has it
        self.read.add(key)
        return super().__getitem__(key)


class Answers:
    """What the fake answers for a region of the demo, as bytes and as botocore reads them."""

    def __init__(self, fake: AwsFake, account: str, region: str) -> None:
        client: Any = botocore.session.get_session().create_client(
            "rds",
            region,
            endpoint_url=fake.url,
            aws_access_key_id=access_key_id(account),
            aws_secret_access_key="demo",
        )
        bodies: list[bytes] = []
        client.meta.events.register(
            "before-parse.rds.DescribeDBInstances",
            lambda response_dict, **_: bodies.append(response_dict["body"]),
        )
        self.read: list[Mapping[str, Any]] = client.describe_db_instances()["DBInstances"]
        client.close()
        (body,) = bodies
        self.written = [
            {child.tag.rpartition("}")[2] for child in entry}
            for entry in ET.fromstring(body).iter()  # noqa: S314 - of our own fake
            if entry.tag.rpartition("}")[2] == "DBInstance"
        ]


@pytest.fixture
def answers(kind: DbInstances) -> Iterator[Answers]:
    """What a region of the demo that has machines of the kind answers."""
    estate = demo_estate().of("aws")
    one = next(m for m in estate.machines if m.resource_type == kind.resource_type)
    with AwsFake(estate, ManualClock()) as fake:
        yield Answers(fake, one.account, one.region)


def test_what_the_fake_answers_is_in_the_model_of_botocore(answers: Answers) -> None:
    assert answers.written
    assert len(answers.written) == len(answers.read)
    for written, read in zip(answers.written, answers.read, strict=True):
        assert written == set(read) <= set(members())


def test_what_a_kind_reads_is_in_the_model_of_botocore_and_in_the_answer(
    kind: DbInstances, answers: Answers
) -> None:
    entries = [Noting(entry) for entry in answers.read if taken(kind, entry["Engine"])]

    machines = [kind.machine(entry, CALL, TypeFacts(NoTypes())) for entry in entries]

    assert machines
    for entry in entries:
        assert {"DbiResourceId", "DBInstanceClass"} < entry.read
        assert entry.read <= set(members())
        assert entry.read <= set(entry)


def test_what_is_read_has_the_type_that_the_model_says() -> None:
    types = {
        "DBInstanceIdentifier": "string",
        "DBInstanceClass": "string",
        "Engine": "string",
        "DBInstanceStatus": "string",
        "InstanceCreateTime": "timestamp",
        "AvailabilityZone": "string",
        "DbiResourceId": "string",
        "StorageType": "string",
        "AllocatedStorage": "integer",
        "TagList": "list",
    }
    assert {name: members()[name].type_name for name in types} == types


def test_cpu_comes_from_its_own_namespace_and_a_stop_is_seen(
    kind: DbInstances, tmp_path: Path
) -> None:
    clock = ManualClock()
    start = int(clock.now().timestamp()) // 300 * 300
    life = Cycle(anchor=start - 10 * HOUR, period=12 * HOUR, length=11 * HOUR)
    estate = Estate(machines=(like_it(kind, 1, schedule=life), database(2, region=REGIONS[1])))
    harness = AwsHarness(tmp_path, estate, clock=clock, services=[kind.name], regions=REGIONS[:1])

    (found,) = harness.provider.discover().machines
    window = final_window(harness)
    values = points(harness.provider.read((found,), window))[found.key]
    true = {at: harness.mean(found.key, at, at + 300) for at in window.buckets}
    harness.pass_time(2 * HOUR - 600)
    (later,) = harness.provider.discover().machines
    harness.close()

    assert values == pytest.approx(true, rel=1e-12)
    assert (found.state, found.launched_at) == (RunState.RUNNING, from_epoch(start - 10 * HOUR))
    assert later.state is RunState.STOPPED
    assert found.shape is not None
    assert found.shape.vcpus == 2


def test_serverless_ones_are_named_once_and_not_counted(kind: DbInstances, tmp_path: Path) -> None:
    plain = like_it(kind, 2)
    serverless = like_it(kind, 1, machine_type=replace(DB_LARGE, name="db.serverless"))
    estate = Estate(machines=(plain, serverless))
    harness = AwsHarness(tmp_path, estate, regions=REGIONS[:1])

    with capture_logs() as logs:
        inventories = [harness.provider.discover() for _ in range(2)]
    harness.close()

    (warning,) = [log for log in logs if "reason" in log]
    assert (warning["kind"], warning["databases"]) == (kind.name, ["test-db-0001"])
    for inventory in inventories:
        assert [one.name for one in inventory.machines] == ["test-db-0002"]
        assert not inventory.failures
