"""Questions that the tests ask a fake's Cloud Monitoring and Compute, and their answers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import grpc  # type: ignore[import-untyped] # the package ships no types
from google.cloud.monitoring_v3 import (
    Aggregation,
    ListTimeSeriesRequest,
    MetricServiceClient,
    TimeSeries,
)
from google.cloud.monitoring_v3.services.metric_service.transports.grpc import (
    MetricServiceGrpcTransport,
)

from exporter.demo.estate import Estate, EstateMachine
from exporter.demo.gcp import GcpFake

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
START = int(NOON.timestamp())
SHOP = "demo-estate-shop"
DATA = "demo-estate-data"
FILTER = (
    'metric.type="compute.googleapis.com/instance/cpu/utilization" AND resource.type="gce_instance"'
)
GROUPS = [
    "resource.label.project_id",
    "resource.label.zone",
    "resource.label.instance_id",
    "metric.label.instance_name",
    "metadata.system_labels.machine_type",
]

Get = Callable[..., Any]
"""Asks Compute for a path below /compute/v1 and returns the response."""


@contextmanager
def connected(fake: GcpFake) -> Iterator[MetricServiceClient]:
    """Lend a real client that speaks to a fake."""
    unlimited = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(fake.monitoring_address, options=unlimited) as channel:
        yield MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel))


def question(
    start: int = START - 3600,
    end: int = START,
    *,
    project: str = SHOP,
    period: int = 300,
    groups: list[str] | None = None,
    **more: Any,  # noqa: ANN401 - fields of the request
) -> ListTimeSeriesRequest:
    """Ask for means of a window; ``period`` 0 asks for points as they were measured."""
    aggregation: dict[str, Any] = {}
    if period:
        aggregation["alignment_period"] = {"seconds": period}
        aggregation["per_series_aligner"] = Aggregation.Aligner.ALIGN_MEAN
    if groups is not None:
        aggregation["cross_series_reducer"] = Aggregation.Reducer.REDUCE_MEAN
        aggregation["group_by_fields"] = groups
    return ListTimeSeriesRequest(
        {
            "name": f"projects/{project}",
            "filter": FILTER,
            "interval": {"start_time": {"seconds": start}, "end_time": {"seconds": end}},
            "aggregation": aggregation,
            **more,
        }
    )


def ask(client: MetricServiceClient, request: ListTimeSeriesRequest) -> list[TimeSeries]:
    """Return all series of all pages; nothing is tried twice."""
    return list(client.list_time_series(request=request, retry=None, timeout=5))


def points(series: TimeSeries) -> dict[int, float]:
    """Return value by end of the point."""
    return {
        int(point.interval.end_time.timestamp()): point.value.double_value
        for point in series.points
    }


def by_id(found: list[TimeSeries]) -> dict[str, dict[int, float]]:
    """Return the points of each machine."""
    return {series.resource.labels["instance_id"]: points(series) for series in found}


def named(estate: Estate, name: str) -> EstateMachine:
    return next(machine for machine in estate.machines if machine.name == name)
