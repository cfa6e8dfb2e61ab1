from datetime import UTC, datetime, timedelta

import pytest

from exporter.demo.aws import AwsFake, access_key_id
from exporter.demo.estate import Estate, EstateMachine
from tests.demo.aws.asking import NOON, START, Connect, named, points, query, read
from tests.support.clock import ManualClock


def test_values_are_the_mean_utilization_in_percent(
    fake: AwsFake, connect: Connect, estate: Estate, clock: ManualClock
) -> None:
    clock.advance(600)
    machines = [
        m
        for m in estate.machines
        if (m.account, m.region, m.resource_type) == ("111122223333", "eu-west-1", "ec2_instance")
    ]
    queries = [query(m.resource_id, f"q{i}") for i, m in enumerate(machines)]
    results = read(connect(fake, "cloudwatch"), queries)["MetricDataResults"]
    assert [result["Id"] for result in results] == [asked["Id"] for asked in queries]
    for machine, result in zip(machines, results, strict=True):
        assert result["StatusCode"] == "Complete"
        assert len(points(result)) == 12
        for bucket, percent in points(result).items():
            mean = estate.mean_utilization(machine, bucket, bucket + 300)
            assert mean is not None
            assert abs(percent / 100 - mean) <= 1e-15 * mean


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


def test_the_end_is_exclusive(fake: AwsFake, connect: Connect, web: EstateMachine) -> None:
    end = NOON - timedelta(minutes=30)
    (result,) = read(connect(fake, "cloudwatch"), [query(web.resource_id)], end=end)[
        "MetricDataResults"
    ]
    assert max(points(result)) == START - 1800 - 300
    assert min(points(result)) == START - 3600


def test_detailed_monitoring_has_a_point_each_minute(
    fake: AwsFake, connect: Connect, estate: Estate, web: EstateMachine
) -> None:
    (result,) = read(
        connect(fake, "cloudwatch"),
        [query(web.resource_id, period=60)],
        end=NOON - timedelta(minutes=30),
    )["MetricDataResults"]
    assert list(points(result)) == list(range(START - 3600, START - 1800, 60))
    assert points(result)[START - 3600] / 100 == pytest.approx(
        estate.utilization(web, START // 60 - 60), rel=1e-15
    )


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


def test_a_machine_has_points_only_for_buckets_in_which_it_ran(
    fake: AwsFake, connect: Connect, estate: Estate, clock: ManualClock
) -> None:
    machine = named(estate, "demo-search-virginia-01")
    stop = datetime(2026, 3, 4, 10, 2, 37, tzinfo=UTC)
    clock.set(stop + timedelta(hours=1))
    (result,) = read(
        connect(fake, "cloudwatch", "us-east-1"),
        [query(machine.resource_id)],
        stop.replace(minute=0, second=0),
        stop.replace(minute=30, second=0),
    )["MetricDataResults"]
    minutes = [datetime.fromtimestamp(stamp, UTC).minute for stamp in points(result)]
    assert minutes == [0, 10, 15, 20, 25]
    start = int(stop.replace(minute=0, second=0).timestamp())
    assert points(result)[start] / 100 == pytest.approx(
        estate.mean_utilization(machine, start, start + 300), rel=1e-15
    )


def test_burst_machines_are_measured_after_they_are_gone(
    fake: AwsFake, connect: Connect, estate: Estate, clock: ManualClock
) -> None:
    burst = estate.groups[0].generation(START // 3600 - 2)
    queries = [query(m.resource_id, f"q{i}") for i, m in enumerate(burst)]
    results = read(connect(fake, "cloudwatch"), queries, NOON - timedelta(hours=2))
    assert all(len(result["Values"]) >= 3 for result in results["MetricDataResults"])
    assert clock.now() > NOON


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


def test_machines_are_measured_in_their_own_account_and_region_only(
    fake: AwsFake, connect: Connect, web: EstateMachine
) -> None:
    other = access_key_id(fake.accounts[1])
    for client in (
        connect(fake, "cloudwatch", "us-east-1"),
        connect(fake, "cloudwatch", aws_access_key_id=other),
    ):
        (result,) = read(client, [query(web.resource_id)])["MetricDataResults"]
        assert result["Values"] == []


def test_requests_and_metrics_are_counted(
    fake: AwsFake, connect: Connect, web: EstateMachine
) -> None:
    client = connect(fake, "cloudwatch")
    for _ in range(2):
        read(client, [query(web.resource_id), query(web.resource_id, "q1")])
    connect(fake, "ec2").describe_regions()
    assert fake.requests == {("monitoring", "GetMetricData"): 2, ("ec2", "DescribeRegions"): 1}
    assert fake.metrics_requested == 4
