from typing import Any

import pytest
from botocore.exceptions import ClientError

from exporter.demo.aws import AwsFake, Limits
from exporter.demo.estate import Estate
from tests.demo.aws.asking import Connect, named
from tests.support.clock import ManualClock

IN_USE = [{"Name": "status", "Values": ["in-use"]}]


def volumes(client: Any, **arguments: object) -> list[dict[str, Any]]:  # noqa: ANN401 - boto3
    pages = client.get_paginator("describe_volumes").paginate(**arguments)
    return [volume for page in pages for volume in page["Volumes"]]


def instance(client: Any, instance_id: str) -> dict[str, Any]:  # noqa: ANN401 - boto3
    (found,) = client.describe_instances(InstanceIds=[instance_id])["Reservations"]
    (one,) = found["Instances"]
    return dict(one)


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
