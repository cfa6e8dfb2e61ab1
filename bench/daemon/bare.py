"""A process of its own that makes the calls of a cycle with the SDK alone, and nothing of them.

Single-threaded, as few requests as the APIs allow: the least that any program pays that watches
these machines. ``exposition`` is the other anchor: prometheus_client over the series that the
daemon serves. The task comes as a line of JSON on standard input, the figures go back as one.
"""

import gzip
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, Final

_ROUNDS: Final = 3
PERIOD: Final = 60
POINTS: Final = 12
"""Buckets that a cycle looks back at, and their length; an hour of five minutes in real life."""
_LAG: Final = timedelta(seconds=300)
"""Buckets younger than this are not asked for: clouds are not done with them."""
_QUERIES: Final = 500
_AZURE_IDS: Final = 50
_AZURE_ROWS: Final = 1000

Cycle = Callable[[], tuple[int, int]]
"""Makes the calls once; returns how many machines and points came back."""


def _window() -> tuple[datetime, datetime]:
    now = int((datetime.now(UTC) - _LAG).timestamp())
    end = datetime.fromtimestamp(now - now % PERIOD, UTC)
    return end - timedelta(seconds=POINTS * PERIOD), end


def aws(task: Mapping[str, Any]) -> Cycle:
    """DescribeInstances, a thousand a page, and GetMetricData, five hundred a call."""
    import boto3  # noqa: PLC0415 - only the SDK that is asked for counts
    from botocore.config import Config  # noqa: PLC0415

    def client(service: str, region: str) -> Any:  # noqa: ANN401 - stubs are for literals
        config = Config(region_name=region, proxies={})
        make: Any = boto3.client
        return make(service, endpoint_url=task["provider"]["endpoint_url"], config=config)

    clients = [(client("ec2", r), client("cloudwatch", r)) for r in task["regions"]]

    def cycle() -> tuple[int, int]:
        machines = points = 0
        start, end = _window()
        for ec2, cloudwatch in clients:
            pages = ec2.get_paginator("describe_instances").paginate(
                PaginationConfig={"PageSize": 1000}
            )
            ids = [
                instance["InstanceId"]
                for page in pages
                for reservation in page["Reservations"]
                for instance in reservation["Instances"]
            ]
            machines += len(ids)
            for at in range(0, len(ids), _QUERIES):
                answer = cloudwatch.get_metric_data(
                    MetricDataQueries=[
                        _query(f"q{n}", one) for n, one in enumerate(ids[at : at + _QUERIES])
                    ],
                    StartTime=start,
                    EndTime=end,
                )
                points += sum(len(result["Values"]) for result in answer["MetricDataResults"])
        return machines, points

    return cycle


def _query(name: str, instance: str) -> Mapping[str, object]:
    metric = {
        "Namespace": "AWS/EC2",
        "MetricName": "CPUUtilization",
        "Dimensions": [{"Name": "InstanceId", "Value": instance}],
    }
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": PERIOD, "Stat": "Average"}}


def gcp(task: Mapping[str, Any]) -> Cycle:
    """One aggregated list, 500 a page, and one ListTimeSeries, as raw protobuf."""
    import grpc  # type: ignore[import-untyped] # noqa: PLC0415 - see above
    import requests  # noqa: PLC0415
    from google.cloud.monitoring_v3 import (  # noqa: PLC0415
        Aggregation,
        ListTimeSeriesRequest,
        MetricServiceClient,
    )
    from google.cloud.monitoring_v3.services.metric_service.transports.grpc import (  # noqa: PLC0415
        MetricServiceGrpcTransport,
    )

    setting, project = task["provider"], task["account"]
    http = requests.Session()
    http.trust_env = False
    options = [("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0)]
    address = setting["monitoring_endpoint"].removeprefix("http://")
    channel = grpc.insecure_channel(address, options=options)
    client = MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel))
    listing = f"{setting['compute_endpoint']}/compute/v1/projects/{project}/aggregated/instances"

    def pages() -> Iterator[Mapping[str, Any]]:
        parameters = {"maxResults": "500"}
        while True:
            page = http.get(listing, params=parameters, timeout=60).json()
            yield page
            if not page.get("nextPageToken"):
                return
            parameters["pageToken"] = page["nextPageToken"]

    def cycle() -> tuple[int, int]:
        machines = sum(
            len(zone.get("instances", ())) for page in pages() for zone in page["items"].values()
        )
        start, end = _window()
        request = ListTimeSeriesRequest(
            name=f"projects/{project}",
            filter='metric.type = "compute.googleapis.com/instance/cpu/utilization"'
            ' AND resource.type = "gce_instance"',
            interval={"start_time": start, "end_time": end},
            aggregation=Aggregation(
                alignment_period={"seconds": PERIOD},
                per_series_aligner=Aggregation.Aligner.ALIGN_MEAN,
            ),
        )
        points = 0
        for page in client.list_time_series(request=request).pages:
            raw = type(page).pb(page)
            points += sum(len(series.points) for series in raw.time_series)
        return machines, points

    return cycle


def azure(task: Mapping[str, Any]) -> Cycle:
    """Resource Graph, a thousand rows a page, and getBatch, fifty ids a call."""
    from azure.core import PipelineClient  # noqa: PLC0415 - see above
    from azure.core.rest import HttpRequest  # noqa: PLC0415
    from azure.monitor.querymetrics import MetricAggregationType, MetricsClient  # noqa: PLC0415

    from exporter.demo.azure.credential import DemoCredential, token_for  # noqa: PLC0415

    setting = task["provider"]
    arm: Any = PipelineClient(setting["management_endpoint"])
    metrics: dict[str, Any] = {}
    graph = "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01"
    headers = {"Authorization": f"Bearer {token_for('https://management.azure.com')}"}
    query = (
        "Resources | where type =~ 'microsoft.compute/virtualmachines'"
        " | project id, name, location, zones, subscriptionId, tags, properties"
        " | order by id asc"
    )

    def rows() -> Iterator[Mapping[str, Any]]:
        options: dict[str, Any] = {"$top": _AZURE_ROWS, "resultFormat": "objectArray"}
        while True:
            body = {"subscriptions": [task["account"]], "query": query, "options": options}
            url = arm.format_url(graph)
            request = HttpRequest("POST", url, json=body, headers=headers)
            response = arm.send_request(request)
            response.raise_for_status()
            answer = response.json()
            yield from answer["data"]
            if not answer.get("$skipToken"):
                return
            options["$skipToken"] = answer["$skipToken"]

    def client(region: str) -> Any:  # noqa: ANN401 - the SDK is only imported here
        if region not in metrics:
            endpoint = setting["metrics_endpoint"].replace("{region}", region)
            audience = "https://metrics.monitor.azure.com"
            metrics[region] = MetricsClient(endpoint, DemoCredential(), audience=audience)
        return metrics[region]

    def cycle() -> tuple[int, int]:
        by_region: dict[str, list[str]] = {}
        for row in rows():
            by_region.setdefault(row["location"], []).append(row["id"])
        points = 0
        for region, ids in by_region.items():
            for at in range(0, len(ids), _AZURE_IDS):
                results = client(region).query_resources(
                    resource_ids=ids[at : at + _AZURE_IDS],
                    metric_namespace="Microsoft.Compute/virtualMachines",
                    metric_names=["Percentage CPU"],
                    timespan=_window(),
                    granularity=timedelta(seconds=PERIOD),
                    aggregations=[MetricAggregationType.AVERAGE],
                    enforce_https=False,
                )
                points += sum(
                    len(series.data)
                    for result in results
                    for metric in result.metrics
                    for series in metric.timeseries
                )
        return sum(map(len, by_region.values())), points

    return cycle


def exposition(task: Mapping[str, Any]) -> Mapping[str, float]:
    """Time prometheus_client over the same series, in the classic text format."""
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - see above
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415
    from prometheus_client.registry import Collector  # noqa: PLC0415

    families = list(text_string_to_metric_families(task["text"]))

    class Held(Collector):
        def collect(self) -> Any:  # noqa: ANN401 - an iterable of families
            return families

    registry = CollectorRegistry()
    registry.register(Held())
    generated, packed = [], []
    for _ in range(_ROUNDS):
        before = time.perf_counter()
        body = generate_latest(registry)
        generated.append(time.perf_counter() - before)
        gzip.compress(body)  # what its server does for each request that accepts it
        packed.append(time.perf_counter() - before)
    return {
        "series": sum(len(family.samples) for family in families),
        "generate_seconds": median(generated),
        "generate_and_gzip_seconds": median(packed),
    }


def calls(task: Mapping[str, Any]) -> Mapping[str, float]:
    """Time some cycles of calls, after one that makes the connections."""
    cycle = {"aws": aws, "gcp": gcp, "azure": azure}[task["cloud"]](task)
    cycle()
    cpu, wall = [], []
    machines = points = 0
    for _ in range(_ROUNDS):
        used, began = time.process_time(), time.perf_counter()
        machines, points = cycle()
        cpu.append(time.process_time() - used)
        wall.append(time.perf_counter() - began)
    return {
        "machines": machines,
        "points": points,
        "rounds": _ROUNDS + 1,
        "cpu_seconds": median(cpu),
        "wall_seconds": median(wall),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Do one task."""
    task = json.loads(sys.stdin.readline())
    figures = exposition(task) if "text" in task else calls(task)
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
