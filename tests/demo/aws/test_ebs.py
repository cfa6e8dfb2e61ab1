from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from exporter.demo.aws import AwsFake, Limits
from exporter.demo.estate import Estate
from tests.demo.aws.asking import NOON, START, Connect, named
from tests.support.clock import ManualClock

IN_USE = [{"Name": "status", "Values": ["in-use"]}]


def volumes(client: Any, **arguments: object) -> list[dict[str, Any]]:  # noqa: ANN401 - boto3
    pages = client.get_paginator("describe_volumes").paginate(**arguments)
    return [volume for page in pages for volume in page["Volumes"]]


def instance(client: Any, instance_id: str) -> dict[str, Any]:  # noqa: ANN401 - boto3
    (found,) = client.describe_instances(InstanceIds=[instance_id])["Reservations"]
    (one,) = found["Instances"]
    return dict(one)


def test_an_instance_names_its_volumes_and_they_tell_size_and_type(
    fake: AwsFake, connect: Connect, estate: Estate
) -> None:
    client, machine = connect(fake, "ec2"), named(estate, "demo-orders-dublin-01")

    mappings = instance(client, machine.resource_id)["BlockDeviceMappings"]
    ids = [mapping["Ebs"]["VolumeId"] for mapping in mappings]
    found = {one["VolumeId"]: one for one in volumes(client)}

    assert [(found[one]["Size"], found[one]["VolumeType"]) for one in ids] == [
        (disk.size_gib, disk.type) for disk in machine.disks
    ]
    for one in ids:
        assert found[one]["State"] == "in-use"
        assert found[one]["Attachments"][0]["InstanceId"] == machine.resource_id


def test_a_terminated_instance_has_no_volumes_and_a_stopped_one_keeps_them(
    fake: AwsFake, connect: Connect, estate: Estate, clock: ManualClock
) -> None:
    stopped = named(estate, "demo-migrated-paris-01")
    paris = connect(fake, "ec2", "eu-west-3")
    member = next(m for m in estate.members_between(START, START + 60) if m.region == "eu-west-1")
    (run,) = estate.runs(member, START - 7200, START + 7200)
    assert run.end is not None
    clock.set(NOON + timedelta(seconds=run.end + 60 - START))

    assert instance(paris, stopped.resource_id)["BlockDeviceMappings"]
    dublin = connect(fake, "ec2")
    gone = instance(dublin, member.resource_id)
    assert gone["State"]["Name"] == "terminated"
    assert gone["BlockDeviceMappings"] == []
    attached = {v["Attachments"][0]["InstanceId"] for v in volumes(dublin)}
    assert member.resource_id not in attached


def test_pages_add_up_and_show_one_time(
    estate: Estate, clock: ManualClock, connect: Connect
) -> None:
    with AwsFake(estate, clock, limits=Limits(volumes=7)) as small:
        client = connect(small, "ec2")
        pages = client.get_paginator("describe_volumes").paginate(Filters=IN_USE)
        sizes = [len(page["Volumes"]) for page in pages]
        whole = volumes(client)

    assert set(sizes[:-1]) == {7}
    assert sum(sizes) == len(whole) > 7
    assert len({one["VolumeId"] for one in whole}) == len(whole)


def test_filters_narrow_the_list(fake: AwsFake, connect: Connect, estate: Estate) -> None:
    client, machine = connect(fake, "ec2"), named(estate, "demo-orders-dublin-01")
    mine = [{"Name": "attachment.instance-id", "Values": [machine.resource_id]}]

    assert volumes(client, Filters=IN_USE) == volumes(client)
    assert [one["VolumeType"] for one in volumes(client, Filters=mine)] == ["gp3", "io2"]
    assert volumes(client, Filters=[{"Name": "status", "Values": ["available"]}]) == []
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        volumes(client, Filters=[{"Name": "bicycle", "Values": ["red"]}])


def test_pages_that_are_too_small_are_refused(fake: AwsFake, connect: Connect) -> None:
    client = connect(fake, "ec2")

    assert len(client.describe_volumes(MaxResults=5)["Volumes"]) == 5
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        client.describe_volumes(MaxResults=4)


def test_a_database_tells_its_storage(fake: AwsFake, connect: Connect, estate: Estate) -> None:
    listed = connect(fake, "rds").describe_db_instances()["DBInstances"]

    told = {one["DBInstanceIdentifier"]: one for one in listed}
    [disk] = named(estate, "demo-orders-db-01").disks
    orders = told["demo-orders-db-01"]
    assert (orders["AllocatedStorage"], orders["StorageType"]) == (disk.size_gib, disk.type)
