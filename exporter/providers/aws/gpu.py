"""Utilisation and watts of the GPUs of instances, as CloudWatch agents in them report them.

AWS itself measures no GPU. The agent's ``nvidia_gpu`` section writes ``nvidia_smi_utilization_gpu``
in percent and, where it is told to, ``nvidia_smi_power_draw`` in watts to the namespace
``CWAgent``, a metric for each GPU. A metric is found by all of its
dimensions only, and which there are beside ``InstanceId`` is the agent's setting: ListMetrics tells
them. ``InstanceId`` must be one (``append_dimensions``), or nobody knows whose GPU it is.

Only instances of types with GPUs are asked about; the others cost nothing. ListMetrics is asked
once an hour for each of the two, and when an instance with GPUs is new: free, within a month's
million requests. Each metric of a GPU costs as much to read as the CPU of one more instance.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from exporter.core.errors import CollectorError
from exporter.core.meter import ApiMeter
from exporter.core.model import Machine, ResourceKey, Window
from exporter.core.ports import Clock
from exporter.core.units import Ratio, Watts
from exporter.providers._shared.calls import MISREAD
from exporter.providers._shared.reading import GpuReading, Points
from exporter.providers.aws.errors import Call, paged, translated
from exporter.providers.aws.metric_data import (
    Result,
    Span,
    ask,
    incomplete,
    on_buckets,
    ratios,
    span_of,
)

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricTypeDef

PERMISSION: Final = "cloudwatch:ListMetrics"
API: Final = "ListMetrics"

NAMESPACE: Final = "CWAgent"
METRIC: Final = "nvidia_smi_utilization_gpu"
POWER: Final = "nvidia_smi_power_draw"

_IMPLAUSIBLE: Final = "GPU utilisation outside 0-100 %, or watts that none draws"

_MOST_WATTS: Final = 5000.0
"""No GPU draws more: a value above it is left out."""

INTERVAL: Final = 60
"""Seconds between an agent's values, unless it is told otherwise (CloudWatch agent reference)."""

FRESH_SECONDS: Final = 3600.0
"""How long the metrics of a region are taken to stay: what is accounted is open for an hour."""

Dimensions = frozenset[tuple[str, str]]
"""Names and values of the dimensions of one metric."""

AgentMetric = tuple[str, Dimensions]
"""Name and dimensions."""


def by_region(machines: Sequence[Machine]) -> Iterator[tuple[str, tuple[Machine, ...]]]:
    """Yield each region's part of some machines."""

    def region_of(one: Machine) -> str:
        return one.key.cloud_region

    for region, group in groupby(sorted(machines, key=region_of), key=region_of):
        yield region, tuple(group)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """Metrics of a region by instance, who was asked about, and when by the monotonic clock."""

    metrics: Mapping[str, tuple[AgentMetric, ...]]
    asked: frozenset[str]
    at: float


@dataclass(slots=True)
class AgentMetrics:
    """Remembers which GPU metrics there are. Shared by the worker threads of one account."""

    clock: Clock
    _regions: dict[str, _Listing] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many metrics are read each time."""
        return sum(len(some) for one in self._regions.values() for some in one.metrics.values())

    def find(
        self, machines: Collection[Machine], client: "CloudWatchClient", call: Call
    ) -> Mapping[str, tuple[AgentMetric, ...]]:
        """Return the metrics of some instances of the call's region, by instance id.

        Raises:
            CollectorError: they could not be listed, and were not lately.
        """
        ids = frozenset(one.key.resource_id for one in machines)
        before, now = self._regions.get(call.region), self.clock.monotonic()
        if before and ids <= before.asked and now - before.at < FRESH_SECONDS:
            return before.metrics
        found: dict[str, tuple[AgentMetric, ...]] = {}
        for name in (METRIC, POWER):
            listed: defaultdict[str, list[Dimensions]] = defaultdict(list)
            for dimensions in _listed(client, call, name):
                listed[dict(dimensions).get("InstanceId", "")].append(dimensions)
            for one in sorted(ids & listed.keys()):
                of_gpus = _each_gpu_once(listed[one])
                if name == POWER and not all("index" in dict(each) for each in of_gpus):
                    continue  # a mean over GPUs is not what they draw together
                found[one] = (*found.get(one, ()), *((name, each) for each in of_gpus))
        self._regions[call.region] = _Listing(metrics=found, asked=ids, at=now)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads the GPUs of one region's instances."""

    client: "CloudWatchClient"
    listing: Call
    reading: Call
    metrics: AgentMetrics
    meter: ApiMeter

    def read(self, machines: Sequence[Machine], window: Window, now: float) -> GpuReading:
        """Read the mean utilisation and the sum of watts of each instance's GPUs. Never raises."""
        span = span_of(window, INTERVAL, now)
        if span.is_empty:
            return GpuReading()
        found: _Found = defaultdict(list)
        errors: list[CollectorError] = []
        try:
            known = self.metrics.find(machines, self.client, self.listing)
            wanted = [(m.key, one) for m in machines for one in known.get(m.key.resource_id, ())]
            for at in range(0, len(wanted), span.most_queries):
                errors += self._part(wanted[at : at + span.most_queries], span, window, found)
        except CollectorError as error:
            errors.append(error)
        return GpuReading(
            ratios={key: _mean(some) for (key, name), some in found.items() if name == METRIC},
            watts={key: _sum(some) for (key, name), some in found.items() if name == POWER},
            failures=tuple(errors),
        )

    def _part(
        self,
        wanted: Sequence[tuple[ResourceKey, AgentMetric]],
        span: Span,
        window: Window,
        found: "_Found",
    ) -> list[CollectorError]:
        """Add the answer to one request to ``found``; returns what of it had to be left out."""
        with translated(self.reading):
            asked = [(_metric(metric), "Average") for _, metric in wanted]
            results = ask(self.client, asked, span, self.reading, self.meter)
        implausible = False
        for (key, (name, _)), result in zip(wanted, results, strict=True):
            read = _watts if name == POWER else ratios
            points = read(result.values) if result.is_complete else {}
            implausible = implausible or (result.is_complete and len(points) < len(result.values))
            found[key, name].append(on_buckets(points, span.period, window))
        errors = [incomplete(status, self.reading) for status in _unusable(results)]
        if implausible:
            errors.append(self.reading.left_out(_IMPLAUSIBLE))
        return errors


def try_list(client: "CloudWatchClient", call: Call) -> None:
    """Ask for the metrics of an instance that does not exist.

    Raises:
        CollectorError: they could not be listed.
    """
    with translated(call):
        client.list_metrics(
            Namespace=NAMESPACE,
            MetricName=METRIC,
            Dimensions=[{"Name": "InstanceId", "Value": "i-00000000000000000"}],
        )


def _listed(client: "CloudWatchClient", call: Call, name: str) -> Iterator[Dimensions]:
    metrics = paged(
        client,
        "list_metrics",
        call,
        "Metrics",
        Namespace=NAMESPACE,
        MetricName=name,
        Dimensions=[{"Name": "InstanceId"}],
    )
    for metric in metrics:
        with suppress(*MISREAD):  # an odd one does not keep the others from being read
            yield frozenset((d["Name"], d["Value"]) for d in metric["Dimensions"])


def _each_gpu_once(several: Sequence[Dimensions]) -> tuple[Dimensions, ...]:
    """Return one metric for each GPU: the same values may also be there added up, or regrouped."""
    of_gpus: dict[str, Dimensions] = {}
    for dimensions in sorted(several, key=lambda each: (-len(each), sorted(each))):
        of_gpus.setdefault(dict(dimensions).get("index", ""), dimensions)
    whole = of_gpus.pop("", None)
    return tuple(of_gpus.values()) or ((whole,) if whole else ())


def _metric(metric: AgentMetric) -> "MetricTypeDef":
    name, dimensions = metric
    told: list[Any] = [{"Name": each, "Value": value} for each, value in sorted(dimensions)]
    return {"Namespace": NAMESPACE, "MetricName": name, "Dimensions": told}


def _unusable(results: Iterable[Result]) -> list[str]:
    return sorted({result.status for result in results if not result.is_complete})


_Found = defaultdict[tuple[ResourceKey, str], list[Points]]
"""Points of each GPU, by instance and name of the metric."""


def _watts(values: Mapping[int, float]) -> dict[int, Ratio]:
    """Return watts as points, without those that no GPU draws: these are not clipped."""
    return {at: Ratio(value) for at, value in values.items() if 0.0 <= value <= _MOST_WATTS}


def _sum(several: Sequence[Points]) -> Mapping[int, Watts]:
    """Sum over the GPUs, in the buckets that all of them have."""
    return {at: Watts(mean * len(several)) for at, mean in _mean(several).items()}


def _mean(several: Sequence[Points]) -> Points:
    """Mean over the GPUs, in the buckets that all of them have."""
    buckets = set[int](several[0]).intersection(*several[1:])
    return {at: Ratio(sum(one[at] for one in several) / len(several)) for at in sorted(buckets)}
