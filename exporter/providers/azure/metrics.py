"""CPU utilisation from Azure Monitor's metrics batch API."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from statistics import fmean
from typing import Any, Final, TypeVar

from azure.core.exceptions import DeserializationError
from azure.monitor.querymetrics import MetricAggregationType

from exporter.core.clock import floor_to, from_epoch
from exporter.core.errors import CollectorError, NoDataError
from exporter.core.model import Machine, ResourceKey, RunState, UsageSeries, Window
from exporter.core.units import Ratio, ratio_from_percent
from exporter.providers._shared.reading import BatchReading, joined
from exporter.providers.azure.errors import Call, Heard, NotFoundError, translated
from exporter.providers.azure.kind import Kind, Metric
from exporter.providers.azure.session import Connection
from exporter.providers.azure.values import moment

PERMISSION: Final = "Microsoft.Insights/metrics/read"

MAX_IDS: Final = 50
"""Resource ids of one call (Microsoft's page on migrating to the batch API)."""

MAX_GRAINS: Final = 1440
"""Grains of one machine in one call: a day of minutes, which one billed call may return."""

RETENTION: Final = timedelta(days=93)
"""How long platform metrics are kept (Azure Monitor documentation, "Retention of metrics")."""

DOLLARS_PER_CALL: Final = 0.01 / 1000
"""List price of a call; the first million of each month are free, which is not deducted here.

https://azure.microsoft.com/pricing/details/monitor/ ("Metrics queries")
"""

_GRAINS: Final = (3600, 1800, 900, 300, 60)
"""Seconds of the grains that Azure Monitor offers for platform metrics, up to an hour."""

_SUFFIX: Final = "/providers/microsoft.insights/"
_OVERSHOOT_PERCENT: Final = 200.0
"""A machine above 100 % is taken to be wholly busy; above this, it is no utilisation."""

_MONTH: Final = timedelta(days=30)

_T = TypeVar("_T")


def monthly_cost(groups: Iterable[int], poll_interval: timedelta) -> float:
    """List price in dollars of 30 days of polling, from the size of each group read together.

    The free million calls a month are not deducted: they are one allowance for all that a
    customer does.
    """
    calls = sum(math.ceil(size / MAX_IDS) for size in groups)
    return calls * (_MONTH / poll_interval) * DOLLARS_PER_CALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Machines of one subscription, region and kind that one call reads, over ``[start, end)``."""

    subscription: str
    region: str
    metric: Metric
    machines: tuple[Machine, ...]
    start: int
    end: int
    grain: int

    @property
    def call(self) -> Call:
        """What is attempted, for messages."""
        return Call(
            permission=PERMISSION,
            where=self.region,
            scope=self.region,
            subscription=self.subscription,
            role="Monitoring Reader",
        )


def plan(
    machines: Sequence[Machine], kinds: Mapping[str, Kind], window: Window, now: float
) -> Iterator[Batch]:
    """Split a read into calls: by subscription, region and kind, and by what one call may ask.

    ``kinds`` go by their resource type; machines of none of them are left out.

    Machines that are gone are asked for apart: where Azure refuses a call because of one that it
    knows no longer, nothing of the others is lost.
    """

    def kind(one: Machine) -> tuple[str, str, str, bool]:
        key = one.key
        return key.account, key.cloud_region, key.resource_type, one.state is RunState.GONE

    grain = next(size for size in _GRAINS if window.resolution % size == 0)
    for (subscription, region, resource_type, _), group in groupby(
        sorted((one for one in machines if one.key.resource_type in kinds), key=kind), key=kind
    ):
        for some in _parts(tuple(group), MAX_IDS):
            for start, end in _spans(window, grain, now):
                yield Batch(
                    subscription=subscription,
                    region=region,
                    metric=kinds[resource_type].metric,
                    machines=some,
                    start=start,
                    end=end,
                    grain=grain,
                )


def _parts(items: tuple[_T, ...], size: int) -> Iterator[tuple[_T, ...]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]


def _spans(window: Window, grain: int, now: float) -> Iterator[tuple[int, int]]:
    """Cut a window into what one call may ask for; older than the retention there is nothing."""
    oldest = floor_to(now - RETENTION.total_seconds(), window.resolution) + window.resolution
    step = floor_to(MAX_GRAINS * grain, window.resolution)
    for start in range(max(window.start, oldest), window.end, step):
        yield start, min(start + step, window.end)


def read(connection: Connection, batch: Batch, window: Window) -> BatchReading:
    """Read one batch. A call that fails leaves its machines unread.

    Where Azure does not know one of several machines that are gone, halves are asked for, so that
    the last hours of the others are not lost with it.
    """
    try:
        return _read(connection, batch, window)
    except NotFoundError as error:
        gone = all(one.state is RunState.GONE for one in batch.machines)
        if gone and len(batch.machines) == 1:
            return _forgotten(batch.machines[0].key)
        if gone:
            return _halves(connection, batch, window)
        return _unread(batch, error)
    except CollectorError as error:
        return _unread(batch, error)


def _forgotten(key: ResourceKey) -> BatchReading:
    return BatchReading(series=(UsageSeries(key=key, cpu={}),), forgotten=frozenset({key}))


def _unread(batch: Batch, error: CollectorError) -> BatchReading:
    return BatchReading(unread=frozenset(one.key for one in batch.machines), failures=(error,))


def _halves(connection: Connection, batch: Batch, window: Window) -> BatchReading:
    middle = len(batch.machines) // 2
    parts = (batch.machines[:middle], batch.machines[middle:])
    return joined([read(connection, replace(batch, machines=part), window) for part in parts])


def _read(connection: Connection, batch: Batch, window: Window) -> BatchReading:
    heard = Heard()
    with translated(batch.call, heard):
        query(connection, batch, heard)
        connection.meter.count("azure", "GetBatch", requests=0, dollars=DOLLARS_PER_CALL)
        body = heard.response.json()
        # The body is sometimes JSON within a JSON string, which the SDK reads as well.
        return _sorted_out(batch, json.loads(body) if isinstance(body, str) else body, window)


def query(connection: Connection, batch: Batch, heard: Heard) -> None:
    """Send one call; ``heard`` keeps the answer.

    The SDK's model leaves resource ids out, and one odd time ends its reading of all machines: so
    the answer is read as it came.
    """
    with suppress(DeserializationError):
        connection.metrics(batch.region).query_resources(
            resource_ids=[one.key.resource_id for one in batch.machines],
            metric_namespace=batch.metric.namespace,
            metric_names=[batch.metric.name],
            timespan=(from_epoch(batch.start), from_epoch(batch.end)),
            granularity=timedelta(seconds=batch.grain),
            aggregations=[MetricAggregationType.AVERAGE],
            raw_response_hook=heard.hear,
            **connection.options,
        )


def _outcomes(document: Mapping[str, Any]) -> dict[str, str]:
    """Each answered resource id, in lower case, with its error code; empty where it has none."""
    return {
        str(value["resourceid"]).lower(): next(filter(None, map(_error_code, value["value"])), "")
        for value in document["values"]
    }


def _error_code(metric: Mapping[str, Any]) -> str:
    code = str(metric.get("errorCode") or "Success")
    return "" if code == "Success" else code


def _sorted_out(
    batch: Batch,
    document: Mapping[str, Any],
    window: Window,
) -> BatchReading:
    outcomes, percents = _outcomes(document), _percents(batch, document)
    asked = {one.key.resource_id for one in batch.machines}
    if not (percents.keys() | outcomes.keys()) <= asked:
        batch.call.reject("the answer is about other machines")
    series: list[UsageSeries] = []
    unread: list[ResourceKey] = []
    failures: dict[str, CollectorError] = {}
    for one in batch.machines:
        found = percents.get(one.key.resource_id, {})
        if failure := _incomplete(one, batch.call, outcomes.get(one.key.resource_id)):
            unread.append(one.key)
            failures[str(failure)] = failure
            continue
        points = {at: percent for at, percent in found.items() if _plausible(at, percent, batch)}
        if found and not points and not any(_on_grid(at, batch) for at in found):
            unread.append(one.key)
            odd = batch.call.unreadable(f"stamps off the {batch.grain} s grid")
            failures[str(odd)] = odd
            continue
        if len(points) < len(found):
            meaning = batch.metric.meaning
            implausible = batch.call.left_out(f"{meaning} outside 0-100 %, or off the grid")
            failures[str(implausible)] = implausible
        series.append(UsageSeries(key=one.key, cpu=_on_buckets(points, window)))
    return BatchReading(
        series=tuple(series), unread=frozenset(unread), failures=tuple(failures.values())
    )


def _incomplete(one: Machine, call: Call, outcome: str | None) -> CollectorError | None:
    """Say why a machine was not read; None where it was, with or without data."""
    if outcome is None and one.state is not RunState.GONE:
        fix = (
            "it will be tried again; if it stays, check that Microsoft.Insights is registered in "
            "the subscription"
        )
        return NoDataError(f"{call}: the answer leaves machines out — {fix}", scope=call.scope)
    if outcome:
        return call.unreadable("the answer holds errors in place of some machines' data")
    return None


def _percents(batch: Batch, document: Mapping[str, Any]) -> dict[str, dict[float, float]]:
    """Averages by resource id and time. Results come in any order, and ids in any case."""
    found: dict[str, dict[float, float]] = {}
    for metric in (metric for value in document["values"] for metric in value["value"]):
        if metric["unit"] != batch.metric.unit:
            batch.call.reject(f"{batch.metric.meaning} in another unit than percent")
        resource_id = str(metric["id"]).lower().rsplit(_SUFFIX, 1)[0]
        found.setdefault(resource_id, {}).update(_averages(batch, metric))
    return found


def _averages(batch: Batch, metric: Mapping[str, Any]) -> dict[float, float]:
    """Averages of one machine by the start of their grain; grains without one are left out.

    What is no time is told as the time NaN, what is no number as NaN: neither is plausible.
    """
    averages: dict[float, float] = {}
    for value in (v for series in metric.get("timeseries") or () for v in series.get("data") or ()):
        average, stamp = value.get("average"), moment(value.get("timeStamp"))
        at = math.nan if stamp is None else stamp.timestamp()
        number = isinstance(average, int | float) and not isinstance(average, bool)
        if not _on_grid(at, batch):
            averages[at] = math.nan
        elif average is not None and batch.start <= at < batch.end:
            averages[at] = float(average) if number else math.nan
    return averages


def _on_grid(at: float, batch: Batch) -> bool:
    return at % batch.grain == 0


def _plausible(at: float, percent: float, batch: Batch) -> bool:
    return _on_grid(at, batch) and 0.0 <= percent <= _OVERSHOOT_PERCENT


def _on_buckets(percents: Mapping[float, float], window: Window) -> Mapping[int, Ratio]:
    """Means of the window's buckets over the grains that are there.

    A grain is absent where the machine did not run, and Azure's own longer averages leave it out
    in the same way.
    """
    buckets: dict[int, list[float]] = {}
    for at, percent in percents.items():
        buckets.setdefault(floor_to(at, window.resolution), []).append(percent)
    return {at: Ratio(min(1.0, ratio_from_percent(fmean(some)))) for at, some in buckets.items()}
