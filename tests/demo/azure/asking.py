"""Questions that the tests ask a fake's Resource Graph and Azure Monitor, and their answers."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.monitor.querymetrics import MetricsClient, MetricsQueryResult

from exporter.demo.estate import Estate, EstateMachine

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
START = int(NOON.timestamp())
SHOP = "de300000-0000-4000-8000-000000000001"
DATA = "de300000-0000-4000-8000-000000000002"
VM_NAMESPACE = "Microsoft.Compute/virtualMachines"
INSTANCE_NAMESPACE = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines"
VMS = """
Resources
| where type =~ 'microsoft.compute/virtualmachines'
| project id, name, location, zones, subscriptionId, tags,
    vmSize=tostring(properties.hardwareProfile.vmSize),
    powerState=tostring(properties.extended.instanceView.powerState.code),
    timeCreated=tostring(properties.timeCreated)
| order by id asc
"""
INSTANCES = """
ComputeResources
| where type =~ 'microsoft.compute/virtualmachinescalesets/virtualmachines'
| project id, name, size=tostring(sku.name),
    powerState=tostring(properties.extended.instanceView.powerState.code)
| order by id asc
"""

Ask = Callable[..., Any]
"""Runs a query: text, then subscriptions and options as wanted."""
Connect = Callable[..., MetricsClient]
"""Makes a client: region, and the fake if it is another one."""
Call = Callable[..., Any]
"""Makes a bare request: method, path, query, JSON body, headers; returns the response."""


def read(
    client: MetricsClient,
    machines: Sequence[EstateMachine | str],
    start: datetime = NOON - timedelta(hours=1),
    end: datetime = NOON,
    **more: Any,  # noqa: ANN401 - arguments of the client
) -> list[MetricsQueryResult]:
    """Ask for Percentage CPU in grains of five minutes; nothing is tried twice."""
    arguments: dict[str, Any] = {
        "metric_namespace": VM_NAMESPACE,
        "metric_names": ["Percentage CPU"],
        "timespan": (start, end),
        "granularity": timedelta(minutes=5),
        "aggregations": ["Average"],
        "enforce_https": False,
        "retry_total": 0,
        **more,
    }
    ids = [m if isinstance(m, str) else m.cloud_id for m in machines]
    return client.query_resources(resource_ids=ids, **arguments)


def grains(result: MetricsQueryResult) -> dict[int, float | None]:
    """Return the average by start of the grain, in the order told."""
    (metric,) = result.metrics
    return {
        int(point.timestamp.timestamp()): point.average
        for series in metric.timeseries
        for point in series.data
    }


def by_id(results: Sequence[MetricsQueryResult]) -> dict[str, dict[int, float | None]]:
    """Return the grains of each machine that a metric tells of, by id in lower case."""
    return {
        result.metrics[0].id.rsplit("/providers/Microsoft.Insights/", 1)[0].lower(): grains(result)
        for result in results
        if result.metrics
    }


def values(found: dict[int, float | None]) -> dict[int, float]:
    """Leave out grains without a value."""
    return {start: value for start, value in found.items() if value is not None}


def named(estate: Estate, name: str) -> EstateMachine:
    return next(machine for machine in estate.machines if machine.name == name)


def web_machines(estate: Estate) -> list[EstateMachine]:
    """Virtual machines of one subscription and region that run at noon."""
    return [
        m for m in estate.of("azure").machines if m.name.startswith(("demo-web-meer", "demo-api"))
    ]
