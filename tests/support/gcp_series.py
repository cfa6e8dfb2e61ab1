"""A MetricService on loopback that answers ListTimeSeries as a test says."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import grpc  # type: ignore[import-untyped] # the package ships no types
from google.cloud.monitoring_v3 import ListTimeSeriesRequest, ListTimeSeriesResponse, TimeSeries

from exporter.core.model import ResourceKey

Answer = Callable[[Any], Any]
"""From the message of a request to that of a response."""

_DOUBLE: Final = 3
_SERVICE: Final = "google.monitoring.v3.MetricService"


@contextmanager
def series_server(answer: Answer) -> Iterator[str]:
    """Serve until the block ends; gives the address."""

    def reply(request: Any, _context: Any) -> Any:  # noqa: ANN401 - protobuf's classes have no types
        return answer(request)

    method = grpc.unary_unary_rpc_method_handler(
        reply,
        request_deserializer=ListTimeSeriesRequest.pb().FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )
    handler = grpc.method_handlers_generic_handler(_SERVICE, {"ListTimeSeries": method})
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def page(*series: Any, token: str = "", errors: Sequence[int] = ()) -> Any:  # noqa: ANN401 - protobuf's classes have no types
    """Return a response; ``errors`` are canonical codes of execution errors."""
    message = ListTimeSeriesResponse.pb()(next_page_token=token, unit="10^2.%")
    message.time_series.extend(series)
    for code in errors:
        message.execution_errors.add(code=code, message="told by the server")
    return message


def series_of(
    key: ResourceKey,
    ends: dict[int, float],
    *,
    zone_letter: str = "b",
    name: str = "machine",
    machine_type: str = "",
) -> Any:  # noqa: ANN401 - protobuf's classes have no types
    """Return a series with points by the end of their period, newest first."""
    message = TimeSeries.pb()(value_type=_DOUBLE)
    message.resource.type = "gce_instance"
    message.resource.labels["project_id"] = key.account
    message.resource.labels["zone"] = f"{key.cloud_region}-{zone_letter}"
    message.resource.labels["instance_id"] = key.resource_id
    message.metric.labels["instance_name"] = name
    if machine_type:
        message.metadata.system_labels["machine_type"] = machine_type
    for end in sorted(ends, reverse=True):
        point = message.points.add()
        point.interval.end_time.seconds = end
        point.value.double_value = ends[end]
    return message
