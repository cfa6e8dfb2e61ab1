from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from exporter.demo.aws import AwsFake
from exporter.demo.aws.services.rds import TRANSITION_SECONDS
from exporter.demo.estate import Estate
from tests.demo.aws.asking import NOON, Connect, named
from tests.support.clock import ManualClock

OFFICE = "demo-staging-db-01"
"""Off at night, in Paris."""


def found(client: Any, **how: object) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - boto3's client
    pages = client.get_paginator("describe_db_instances").paginate(**how)
    return {one["DBInstanceIdentifier"]: one for page in pages for one in page["DBInstances"]}


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


def test_one_database_is_found_by_name(fake: AwsFake, connect: Connect) -> None:
    client = connect(fake, "rds")

    assert set(found(client, DBInstanceIdentifier="demo-orders-db-01")) == {"demo-orders-db-01"}
    with pytest.raises(ClientError, match="DBInstanceNotFound"):
        client.describe_db_instances(DBInstanceIdentifier="nobody")


@pytest.mark.parametrize("asked", [{"MaxRecords": 19}, {"MaxRecords": 101}, {"Marker": "bm9uZQ=="}])
def test_questions_that_rds_refuses(fake: AwsFake, connect: Connect, asked: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        connect(fake, "rds").describe_db_instances(**asked)


def test_databases_run_on_types_that_ec2_knows(fake: AwsFake, connect: Connect) -> None:
    client = connect(fake, "ec2")
    (told,) = client.describe_instance_types(InstanceTypes=["t4g.medium"])["InstanceTypes"]
    assert (told["VCpuInfo"]["DefaultVCpus"], told["MemoryInfo"]["SizeInMiB"]) == (2, 4096)
    with pytest.raises(ClientError, match="InvalidInstanceType"):
        client.describe_instance_types(InstanceTypes=["db.t4g.medium"])
