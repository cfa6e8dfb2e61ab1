"""GPU utilisation of instances, as the Ops Agent in them reports it.

Google itself measures no GPU. The agent writes ``agent.googleapis.com/gpu/utilization`` in percent,
a series for each GPU; Cloud Monitoring gives the mean over those of an instance. It is asked for
only where a machine has GPUs, and costs a series for each instance that reports.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from exporter.core.errors import CollectorError
from exporter.core.model import ResourceKey
from exporter.core.units import PERCENT
from exporter.providers._shared.reading import GpuReading
from exporter.providers.gcp import metrics
from exporter.providers.gcp.errors import Call, NotFoundError
from exporter.providers.gcp.kind import Metric
from exporter.providers.gcp.metrics import Question
from exporter.providers.gcp.session import Connection

_OF_AN_INSTANCE: Final = (
    "resource.label.project_id",
    "resource.label.zone",
    "resource.label.instance_id",
)


def metric_of(cpu: Metric) -> Metric:
    """Return the metric of the GPUs of the machines of which another tells the CPU."""
    return replace(
        cpu,
        type="agent.googleapis.com/gpu/utilization",
        whole=PERCENT,
        meaning="GPU utilisation",
        role="gpu",
        group_by=_OF_AN_INSTANCE,
    )


def read(
    connection: Connection, cpu: Question, equipped: Iterable[ResourceKey], call: Call
) -> GpuReading:
    """Read the GPUs of some machines over the span of the question about the CPUs. Never raises."""
    asked = replace(cpu, metric=metric_of(cpu.metric), group_by=_OF_AN_INSTANCE)
    try:
        pages = connection.series_pages(asked.request(), call)
        found, failures = metrics.read(pages, dict.fromkeys(equipped, 1.0), asked, call)
    except NotFoundError:  # no agent has ever written this metric
        return GpuReading()
    except CollectorError as error:
        return GpuReading(failures=(error,))
    return GpuReading(ratios=found, failures=failures)
