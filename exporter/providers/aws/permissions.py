"""What an account must allow, and how to try it. The kinds say most; this is what all need."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from exporter.core.errors import CollectorError
from exporter.core.model import PermissionCheck
from exporter.providers._shared.calls import refused
from exporter.providers.aws import metric_data, regions, shapes
from exporter.providers.aws.errors import translated
from exporter.providers.aws.kind import Kind, Permission, Place
from exporter.providers.aws.session import Connection

IDENTITY: Final = "sts:GetCallerIdentity"
"""Needs no permission; nobody can be denied it."""

_NOBODY: Final = "i-00000000000000000"
"""An instance id that does not exist: reading its CPU answers nothing and costs $0.00001."""

_PERIOD: Final = 300
_FEW: Final = 5
"""Smallest MaxResults of the EC2 calls (EC2 API reference)."""


def identity(connection: Connection) -> PermissionCheck:
    """Ask STS who we are."""
    try:
        account = connection.identify()
    except CollectorError as error:
        return refused(IDENTITY, error)
    return PermissionCheck(permission=IDENTITY, ok=True, message=f"account {account}")


def _types(place: Place) -> None:
    with translated(place.call(shapes.PERMISSION)):
        place.connection.ec2(place.region).describe_instance_types(MaxResults=_FEW)


def _metric(place: Place) -> None:
    end = place.clock.now().replace(second=0, microsecond=0)
    with translated(place.call(metric_data.PERMISSION)):
        place.connection.cloudwatch(place.region).get_metric_data(
            MetricDataQueries=[
                {
                    "Id": "q0",
                    "MetricStat": {
                        "Metric": {
                            "Namespace": "AWS/EC2",
                            "MetricName": "CPUUtilization",
                            "Dimensions": [{"Name": "InstanceId", "Value": _NOBODY}],
                        },
                        "Period": _PERIOD,
                        "Stat": "Average",
                    },
                }
            ],
            StartTime=end - timedelta(seconds=_PERIOD),
            EndTime=end,
        )
    dollars = metric_data.DOLLARS_PER_METRIC
    place.connection.meter.count("aws", "GetMetricData", requests=0, dollars=dollars)


_OF_ALL: Final = (
    Permission(name=shapes.PERMISSION, probe=_types),
    Permission(name=metric_data.PERMISSION, probe=_metric),
)


def needed(kinds: Sequence[Kind]) -> tuple[Permission, ...]:
    """Return what some kinds need in each region, each permission once.

    Where all kinds are optional, some of them is what was wanted: it must be there.
    """
    some_are_not = any(not kind.optional for kind in kinds)
    listings = [replace(kind.listing, optional=kind.optional and some_are_not) for kind in kinds]
    further = [one for kind in kinds for one in kind.further]
    return _once_each((*listings, *_OF_ALL, *further))


def actions(kinds: Sequence[Kind]) -> frozenset[str]:
    """Return the IAM actions that a policy must allow for some kinds."""
    return frozenset({regions.PERMISSION, *(one.name for one in needed(kinds))})


def _once_each(permissions: Iterable[Permission]) -> tuple[Permission, ...]:
    told: dict[str, Permission] = {}
    for one in permissions:
        told.setdefault(one.name, one)
    return tuple(told.values())
