from datetime import timedelta

import pytest

from exporter.demo.aws import AwsFake
from exporter.demo.estate import Estate, EstateMachine
from tests.demo.aws.asking import NOON, START, Connect, named, points, query, read
from tests.support.clock import ManualClock


def test_the_newest_point_comes_first_unless_asked_otherwise(
    fake: AwsFake, connect: Connect, web: EstateMachine
) -> None:
    client = connect(fake, "cloudwatch")
    (result,) = client.get_metric_data(
        MetricDataQueries=[query(web.resource_id)],
        StartTime=NOON - timedelta(hours=1),
        EndTime=NOON,
    )["MetricDataResults"]
    assert result["Timestamps"] == sorted(result["Timestamps"], reverse=True)
    assert len(result["Timestamps"]) > 2


def test_a_bucket_is_hidden_until_the_lag_after_its_end(
    fake: AwsFake, connect: Connect, clock: ManualClock, web: EstateMachine
) -> None:
    client, seen = connect(fake, "cloudwatch"), []
    for seconds in (119, 120):
        clock.set(NOON + timedelta(seconds=seconds))
        (result,) = read(client, [query(web.resource_id)])["MetricDataResults"]
        seen.append(max(points(result)))
    assert seen == [START - 600, START - 300]


def test_buckets_are_anchored_on_the_start_floored_to_the_minute(
    fake: AwsFake, connect: Connect, estate: Estate, web: EstateMachine
) -> None:
    start = NOON - timedelta(minutes=57, seconds=-42)
    (result,) = read(connect(fake, "cloudwatch"), [query(web.resource_id)], start)[
        "MetricDataResults"
    ]
    assert {stamp % 300 for stamp in points(result)} == {180}
    first = min(points(result))
    mean = estate.mean_utilization(web, first, first + 300)
    assert first == START - 57 * 60
    assert points(result)[first] / 100 == pytest.approx(mean, rel=1e-15)


def test_basic_monitoring_has_one_point_in_five(
    fake: AwsFake, connect: Connect, estate: Estate
) -> None:
    basic = named(estate, "demo-orders-dublin-01")
    (result,) = read(
        connect(fake, "cloudwatch"),
        [query(basic.resource_id, period=60)],
        end=NOON - timedelta(minutes=30),
    )["MetricDataResults"]
    assert list(points(result)) == list(range(START - 3600, START - 1800, 300))
    for bucket, percent in points(result).items():
        mean = estate.mean_utilization(basic, bucket, bucket + 300)
        assert percent / 100 == pytest.approx(mean, rel=1e-15)


@pytest.mark.parametrize(
    "changes",
    [
        {"Namespace": "AWS/RDS"},
        {"MetricName": "NetworkIn"},
        {"Dimensions": []},
        {"Dimensions": [{"Name": "InstanceId", "Value": "i-00000000000000000"}]},
        {"Dimensions": [{"Name": "ImageId", "Value": "ami-0de30000000000001"}]},
    ],
)
def test_what_is_not_measured_is_empty_and_complete(
    fake: AwsFake, connect: Connect, web: EstateMachine, changes: dict[str, object]
) -> None:
    asked = query(web.resource_id)
    asked["MetricStat"]["Metric"] |= changes
    (result,) = read(connect(fake, "cloudwatch"), [asked])["MetricDataResults"]
    assert (result["Values"], result["StatusCode"]) == ([], "Complete")
