from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from exporter.demo.aws import AwsFake, Limits
from exporter.demo.estate import Estate, demo_estate
from tests.demo.aws.asking import Connect
from tests.support.clock import ManualClock


def instances(pages: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - boto3's answers
    return [i for page in pages for r in page["Reservations"] for i in r["Instances"]]


def listed(client: Any, **arguments: object) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - boto3
    pages = client.get_paginator("describe_instances").paginate(**arguments)
    return {
        next(tag["Value"] for tag in i["Tags"] if tag["Key"] == "Name"): i for i in instances(pages)
    }


def test_all_regions_show_those_without_opt_in(fake: AwsFake, connect: Connect) -> None:
    regions = connect(fake, "ec2").describe_regions(AllRegions=True)["Regions"]
    status = {region["RegionName"]: region["OptInStatus"] for region in regions}
    assert status["af-south-1"] == "not-opted-in"


def test_an_unknown_region_name_is_refused(fake: AwsFake, connect: Connect) -> None:
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        connect(fake, "ec2").describe_regions(RegionNames=["eu-west-99"])


def test_a_region_without_opt_in_knows_no_key(fake: AwsFake, connect: Connect) -> None:
    with pytest.raises(ClientError, match="AuthFailure"):
        connect(fake, "ec2", "af-south-1").describe_instances()


def test_pages_cut_by_instances_and_keep_everything(fake: AwsFake, connect: Connect) -> None:
    client = connect(fake, "ec2")
    pages = list(
        client.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 7})
    )
    sizes = [sum(len(r["Instances"]) for r in page["Reservations"]) for page in pages]
    ids = [i["InstanceId"] for i in instances(pages)]
    assert sizes[:-1] == [7] * (len(sizes) - 1)
    assert len(ids) == len(set(ids)) == len(listed(client))
    assert len({len(r["Instances"]) for page in pages for r in page["Reservations"]}) > 1


def test_a_list_that_has_begun_does_not_change_under_way(
    fake: AwsFake, connect: Connect, clock: ManualClock
) -> None:
    client = connect(fake, "ec2")
    whole = set(listed(client))
    pages = client.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5})
    found = []
    for page in pages:
        found += instances([page])
        clock.advance(1800)
    assert {t["Value"] for i in found for t in i["Tags"] if t["Key"] == "Name"} == whole


def test_the_fake_may_cut_pages_smaller_than_asked(
    estate: Estate, clock: ManualClock, connect: Connect
) -> None:
    with AwsFake(estate, clock, limits=Limits(instances=3)) as fake:
        answer = connect(fake, "ec2").describe_instances(MaxResults=1000)
        assert len(instances([answer])) == 3
        assert "NextToken" in answer


@pytest.mark.parametrize("size", [4, 1001])
def test_page_sizes_out_of_bounds_are_refused(fake: AwsFake, connect: Connect, size: int) -> None:
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        connect(fake, "ec2").describe_instances(MaxResults=size)


def test_a_page_size_with_ids_is_refused(fake: AwsFake, connect: Connect) -> None:
    with pytest.raises(ClientError, match="InvalidParameterCombination"):
        connect(fake, "ec2").describe_instances(MaxResults=5, InstanceIds=["i-0de30"])


def test_a_made_up_token_is_refused(fake: AwsFake, connect: Connect) -> None:
    with pytest.raises(ClientError, match="InvalidPaginationToken"):
        connect(fake, "ec2").describe_instances(MaxResults=5, NextToken="nonsense")


def test_an_instance_that_does_not_exist_is_an_error(fake: AwsFake, connect: Connect) -> None:
    with pytest.raises(ClientError, match=r"InvalidInstanceID\.NotFound"):
        connect(fake, "ec2").describe_instances(InstanceIds=["i-00000000000000000"])


def test_instances_are_found_by_id(fake: AwsFake, connect: Connect, estate: Estate) -> None:
    wanted = estate.machines[0]
    answer = connect(fake, "ec2").describe_instances(InstanceIds=[wanted.resource_id])
    assert [i["InstanceId"] for i in instances([answer])] == [wanted.resource_id]


def test_filters_leave_over_what_matches_all_of_them(fake: AwsFake, connect: Connect) -> None:
    states = {"Name": "instance-state-name", "Values": ["running", "pending"]}
    types = {"Name": "instance-type", "Values": ["c5.*"]}
    team = {"Name": "tag:team", "Values": ["shop"]}
    found = listed(connect(fake, "ec2"), Filters=[states, types, team])
    assert sorted(found) == [f"demo-api-dublin-0{n}" for n in (1, 2, 3, 4)]


def test_an_unknown_filter_is_refused(fake: AwsFake, connect: Connect) -> None:
    with pytest.raises(ClientError, match="The filter 'colour' is invalid"):
        connect(fake, "ec2").describe_instances(Filters=[{"Name": "colour", "Values": ["red"]}])


def test_a_tag_of_ten_kilobytes_arrives_as_it_is(clock: ManualClock, connect: Connect) -> None:
    text = '"\\\n\r\t<&>🌱' * 1200
    estate = demo_estate(1)
    long = replace(estate.machines[0], tags={"Name": "demo-long", "team": text})
    with AwsFake(replace(estate, machines=(long,), groups=()), clock) as fake:
        tags = listed(connect(fake, "ec2"))["demo-long"]["Tags"]
    assert {"Key": "team", "Value": text} in tags


def test_a_terminated_machine_is_listed_for_fifty_minutes(
    fake: AwsFake, connect: Connect, clock: ManualClock
) -> None:
    end = datetime(2026, 3, 4, 15, 17, 43, tzinfo=UTC)
    states = []
    for seconds in (0, 20, 2999, 3000):
        clock.set(end + timedelta(seconds=seconds))
        one = listed(connect(fake, "ec2", "us-east-1")).get("demo-trial-virginia-01")
        states.append(one and one["State"]["Name"])
    assert states == ["shutting-down", "terminated", "terminated", None]


def test_unknown_types_are_refused_by_name(fake: AwsFake, connect: Connect) -> None:
    with pytest.raises(ClientError, match=r"InvalidInstanceType.*\[y1\.demo\]"):
        connect(fake, "ec2").describe_instance_types(InstanceTypes=["m5.large", "y1.demo"])


def test_all_types_come_in_pages(fake: AwsFake, connect: Connect, estate: Estate) -> None:
    paginator = connect(fake, "ec2").get_paginator("describe_instance_types")
    pages = list(paginator.paginate(PaginationConfig={"PageSize": 10}))
    names = [t["InstanceType"] for page in pages for t in page["InstanceTypes"]]
    assert len(pages) == 3
    assert set(names) == {m.instance_type.removeprefix("db.") for m in estate.templates}
    assert len(names) == len(set(names))


def test_more_types_than_a_request_may_name_are_refused(fake: AwsFake, connect: Connect) -> None:
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        connect(fake, "ec2").describe_instance_types(InstanceTypes=["m5.large"] * 101)


def test_an_operation_that_is_not_spoken_is_refused(fake: AwsFake, connect: Connect) -> None:
    with pytest.raises(ClientError, match="InvalidAction"):
        connect(fake, "ec2").describe_snapshots()


def test_monitoring_and_lifecycle_differ_between_machines(fake: AwsFake, connect: Connect) -> None:
    found = listed(connect(fake, "ec2"))
    assert found["demo-orders-dublin-01"]["Monitoring"]["State"] == "disabled"
    burst = [one for name, one in found.items() if name.startswith("demo-burst")]
    assert {one["InstanceLifecycle"] for one in burst} == {"spot"}
    tags = {tag["Key"]: tag["Value"] for tag in burst[0]["Tags"]}
    assert tags["aws:autoscaling:groupName"] == "demo-burst-dublin"
