from typing import Any

import pytest
from botocore.exceptions import ClientError

from exporter.demo.aws import AwsFake, Limits
from exporter.demo.estate import Estate
from tests.demo.aws.asking import Connect, named, points, read
from tests.support.clock import ManualClock

NAMES: dict[str, Any] = {"Namespace": "CWAgent", "MetricName": "nvidia_smi_utilization_gpu"}
PARIS = "eu-west-3"


def listed(client: Any, **arguments: object) -> list[dict[str, str]]:  # noqa: ANN401 - boto3
    pages = client.get_paginator("list_metrics").paginate(**NAMES, **arguments)
    return [
        {d["Name"]: d["Value"] for d in metric["Dimensions"]}
        for page in pages
        for metric in page["Metrics"]
    ]


def query(dimensions: dict[str, str], period: int = 300) -> dict[str, Any]:
    told = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    stat = {"Metric": {**NAMES, "Dimensions": told}, "Period": period, "Stat": "Average"}
    return {"Id": "q0", "MetricStat": stat}


def test_agents_have_a_metric_for_each_gpu_under_all_their_dimensions(
    fake: AwsFake, connect: Connect, estate: Estate
) -> None:
    found = listed(connect(fake, "cloudwatch", PARIS))

    with_agent = [named(estate, f"demo-recommend-paris-0{n}") for n in (1, 2)]
    assert {one["InstanceId"] for one in found} == {m.resource_id for m in with_agent}
    assert all(set(one) > {"InstanceId", "index", "name"} for one in found)


@pytest.mark.parametrize("less", ["index", "name", "InstanceType"])
def test_a_metric_is_found_by_all_of_its_dimensions_only(
    fake: AwsFake, connect: Connect, less: str
) -> None:
    client = connect(fake, "cloudwatch", PARIS)
    dimensions = {n: v for n, v in listed(client)[0].items() if n != less}

    (result,) = read(client, [query(dimensions)])["MetricDataResults"]

    assert (result["StatusCode"], points(result)) == ("Complete", {})


def test_pages_add_up(estate: Estate, clock: ManualClock, connect: Connect) -> None:
    with AwsFake(estate, clock, limits=Limits(metrics=1)) as small:
        client = connect(small, "cloudwatch", PARIS)
        assert len(client.list_metrics(**NAMES)["Metrics"]) == 1
        assert len(listed(client)) == 2


def test_other_metrics_are_not_listed(fake: AwsFake, connect: Connect) -> None:
    with pytest.raises(ClientError, match="ValidationError"):
        connect(fake, "cloudwatch").list_metrics(Namespace="AWS/EC2", MetricName="CPUUtilization")
