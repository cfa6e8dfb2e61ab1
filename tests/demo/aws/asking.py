"""Questions that the tests ask a fake's CloudWatch through boto3, and their answers."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from exporter.demo.estate import Estate, EstateMachine

Connect = Callable[..., Any]
"""Makes a client: fake, service, region, then credentials and options as wanted."""

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
START = int(NOON.timestamp())


def query(instance_id: str, name: str = "q0", period: int = 300, **more: object) -> dict[str, Any]:
    metric = {
        "Namespace": "AWS/EC2",
        "MetricName": "CPUUtilization",
        "Dimensions": [{"Name": "InstanceId", "Value": instance_id}],
    }
    return {
        "Id": name,
        "MetricStat": {"Metric": metric, "Period": period, "Stat": "Average"},
        **more,
    }


def read(
    client: Any,  # noqa: ANN401 - boto3 makes its classes at run time
    queries: Sequence[dict[str, Any]],
    start: datetime = NOON - timedelta(hours=1),
    end: datetime = NOON,
    **more: object,
) -> Any:  # noqa: ANN401 - boto3's answer
    return client.get_metric_data(
        MetricDataQueries=queries, StartTime=start, EndTime=end, ScanBy="TimestampAscending", **more
    )


def points(result: dict[str, Any]) -> dict[int, float]:
    stamps = (int(stamp.timestamp()) for stamp in result["Timestamps"])
    return dict(zip(stamps, result["Values"], strict=True))


def named(estate: Estate, name: str) -> EstateMachine:
    return next(machine for machine in estate.machines if machine.name == name)
