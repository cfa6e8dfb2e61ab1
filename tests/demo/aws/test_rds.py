from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from exporter.demo.aws import AwsFake, Fault, FaultKind, access_key_id
from exporter.demo.aws.services.rds import TRANSITION_SECONDS
from exporter.demo.estate import Estate
from tests.demo.aws.asking import NOON, Connect, named, query, read
from tests.demo.aws.asking import points as points_of
from tests.support.clock import ManualClock

OFFICE = "demo-staging-db-01"
"""Off at night, in Paris."""


def found(client: Any, **how: object) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - boto3's client
    pages = client.get_paginator("describe_db_instances").paginate(**how)
    return {one["DBInstanceIdentifier"]: one for page in pages for one in page["DBInstances"]}


def test_each_account_and_region_lists_its_own_databases(
    fake: AwsFake, connect: Connect, estate: Estate
) -> None:
    databases = [m for m in estate.machines if m.resource_type == "rds_instance"]
    assert len(databases) == 6
    for account in fake.accounts:
        for region in ("eu-west-1", "eu-west-3", "us-east-1", "ap-south-1", "eu-north-1"):
            client = connect(fake, "rds", region, aws_access_key_id=access_key_id(account))
            wanted = {m.name for m in databases if (m.account, m.region) == (account, region)}
            assert set(found(client)) == wanted


def test_a_database_tells_what_it_is(fake: AwsFake, connect: Connect, estate: Estate) -> None:
    machine = named(estate, "demo-orders-db-01")
    told = found(connect(fake, "rds"))[machine.name]

    assert told["DbiResourceId"] == machine.resource_id
    assert told["DBInstanceClass"] == "db.m5.large"
    assert told["DBInstanceStatus"] == "available"
    assert told["InstanceCreateTime"].timestamp() == estate.created_at(machine)
    assert {tag["Key"]: tag["Value"] for tag in told["TagList"]} == machine.tags


def test_ids_look_like_those_of_rds(estate: Estate) -> None:
    databases = [m for m in estate.machines if m.resource_type == "rds_instance"]
    ids = {m.resource_id for m in databases}
    assert len(ids) == len(databases)
    assert all(one.startswith("db-") and len(one) == 29 and one[3:].isalnum() for one in ids)


def test_a_stop_and_a_start_take_some_minutes(
    fake: AwsFake, connect: Connect, estate: Estate, clock: ManualClock
) -> None:
    machine = named(estate, OFFICE)
    client = connect(fake, "rds", "eu-west-3")
    run = estate.runs(machine, NOON.timestamp(), NOON.timestamp() + 1)[0]
    assert run.end is not None

    def status(moment: float) -> str:
        clock.set(NOON + timedelta(seconds=moment - NOON.timestamp()))
        return str(found(client)[OFFICE]["DBInstanceStatus"])

    seen = [
        status(moment)
        for moment in (
            run.start - 1,
            run.start,
            run.start + TRANSITION_SECONDS,
            run.end - 1,
            run.end,
            run.end + TRANSITION_SECONDS,
        )
    ]
    assert seen == ["stopped", "starting", "available", "available", "stopping", "stopped"]


def test_databases_are_measured_by_name_in_a_namespace_of_their_own(
    fake: AwsFake, connect: Connect, estate: Estate, clock: ManualClock
) -> None:
    clock.advance(600)
    machine = named(estate, "demo-orders-db-01")
    asked = [query(machine.name, f"q{number}", period=60) for number in range(3)]
    metrics = [one["MetricStat"]["Metric"] for one in asked]
    for metric in metrics[:2]:
        metric["Namespace"] = "AWS/RDS"
    for metric in (metrics[0], metrics[2]):
        metric["Dimensions"][0]["Name"] = "DBInstanceIdentifier"
    results = read(connect(fake, "cloudwatch"), asked)["MetricDataResults"]

    right, wrong_dimension, wrong_namespace = (points_of(result) for result in results)
    assert len(right) == 60
    for minute, percent in right.items():
        mean = estate.mean_utilization(machine, minute, minute + 60)
        assert percent / 100 == pytest.approx(mean, rel=1e-15)
    assert wrong_dimension == wrong_namespace == {}


def test_one_database_is_found_by_name(fake: AwsFake, connect: Connect) -> None:
    client = connect(fake, "rds")

    assert set(found(client, DBInstanceIdentifier="demo-orders-db-01")) == {"demo-orders-db-01"}
    with pytest.raises(ClientError, match="DBInstanceNotFound"):
        client.describe_db_instances(DBInstanceIdentifier="nobody")


@pytest.mark.parametrize("asked", [{"MaxRecords": 19}, {"MaxRecords": 101}, {"Marker": "bm9uZQ=="}])
def test_questions_that_rds_refuses(fake: AwsFake, connect: Connect, asked: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        connect(fake, "rds").describe_db_instances(**asked)


def test_a_missing_permission_is_told_in_the_words_of_the_query_protocol(
    fake: AwsFake, connect: Connect
) -> None:
    fake.faults.add(Fault(kind=FaultKind.MISSING_PERMISSION, service="rds"))
    with pytest.raises(ClientError, match="allows the rds:DescribeDBInstances action") as caught:
        connect(fake, "rds").describe_db_instances()
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    assert connect(fake, "ec2").describe_regions()["Regions"]


def test_databases_run_on_types_that_ec2_knows(fake: AwsFake, connect: Connect) -> None:
    client = connect(fake, "ec2")
    (told,) = client.describe_instance_types(InstanceTypes=["t4g.medium"])["InstanceTypes"]
    assert (told["VCpuInfo"]["DefaultVCpus"], told["MemoryInfo"]["SizeInMiB"]) == (2, 4096)
    with pytest.raises(ClientError, match="InvalidInstanceType"):
        client.describe_instance_types(InstanceTypes=["db.t4g.medium"])
