"""Tries each call that the provider makes, for the ``check`` verb. Reads, never changes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from exporter.core.errors import CollectorError
from exporter.core.model import PermissionCheck
from exporter.core.ports import Clock
from exporter.providers._shared.calls import refused
from exporter.providers.aws import (
    databases,
    gpu,
    inventory,
    metric_data,
    metrics,
    shapes,
    volumes,
)
from exporter.providers.aws.config import SERVICES, Config, Service
from exporter.providers.aws.errors import translated
from exporter.providers.aws.session import Connection

_NOBODY: Final = "i-00000000000000000"
"""An instance id that does not exist: reading its CPU answers nothing and costs $0.00001."""

_FEW: Final = 5
"""Smallest MaxResults of the EC2 calls (EC2 API reference)."""

_FEW_DATABASES: Final = 20
"""Smallest MaxRecords of DescribeDBInstances (RDS API reference)."""


Probe = Callable[[Connection, str, Clock], None]


def identity(connection: Connection) -> PermissionCheck:
    """Ask STS who we are."""
    try:
        account = connection.identify()
    except CollectorError as error:
        return refused("sts:GetCallerIdentity", error)
    return PermissionCheck(
        permission="sts:GetCallerIdentity", ok=True, message=f"account {account}"
    )


def _instances(connection: Connection, region: str, _clock: Clock) -> None:
    with translated(connection.call(inventory.PERMISSION, region)):
        connection.ec2(region).describe_instances(MaxResults=_FEW)


def _databases(connection: Connection, region: str, _clock: Clock) -> None:
    with translated(connection.call(databases.PERMISSION, region)):
        connection.rds(region).describe_db_instances(MaxRecords=_FEW_DATABASES)


def _types(connection: Connection, region: str, _clock: Clock) -> None:
    with translated(connection.call(shapes.PERMISSION, region)):
        connection.ec2(region).describe_instance_types(MaxResults=_FEW)


def _metric(connection: Connection, region: str, clock: Clock) -> None:
    end = clock.now().replace(second=0, microsecond=0)
    with translated(connection.call(metric_data.PERMISSION, region)):
        connection.cloudwatch(region).get_metric_data(
            MetricDataQueries=[
                {
                    "Id": "q0",
                    "MetricStat": {
                        "Metric": {
                            "Namespace": "AWS/EC2",
                            "MetricName": "CPUUtilization",
                            "Dimensions": [{"Name": "InstanceId", "Value": _NOBODY}],
                        },
                        "Period": metrics.BASIC_PERIOD,
                        "Stat": "Average",
                    },
                }
            ],
            StartTime=end - timedelta(seconds=metrics.BASIC_PERIOD),
            EndTime=end,
        )
    dollars = metric_data.DOLLARS_PER_METRIC
    connection.meter.count("aws", "GetMetricData", requests=0, dollars=dollars)


def _volumes(connection: Connection, region: str, _clock: Clock) -> None:
    call = connection.call(volumes.PERMISSION, region)
    volumes.try_list(connection.ec2(region), call, _FEW)


def _gpus(connection: Connection, region: str, _clock: Clock) -> None:
    gpu.try_list(connection.cloudwatch(region), connection.call(gpu.PERMISSION, region))


_PROBES: Final[tuple[tuple[str, tuple[Service, ...], Probe], ...]] = (
    (inventory.PERMISSION, ("ec2",), _instances),
    (databases.PERMISSION, ("rds",), _databases),
    (shapes.PERMISSION, SERVICES, _types),
    (metric_data.PERMISSION, SERVICES, _metric),
    (volumes.PERMISSION, ("ec2",), _volumes),
    (gpu.PERMISSION, ("ec2",), _gpus),
)


def probes(config: Config) -> list[tuple[str, Probe]]:
    """Return what a section needs in each region, and how to try it."""
    left_out = set() if config.volumes else {volumes.PERMISSION}
    return [
        (name, probe)
        for name, users, probe in _PROBES
        if set(users) & set(config.services) and name not in left_out
    ]
