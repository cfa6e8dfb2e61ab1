"""GPU utilisation of virtual machines, as agents inside them wrote it to a Log Analytics workspace.

Azure itself measures no GPU. Two tables may hold what the guest's own tools say, in percent and one
row for each GPU and sample:

* ``InsightsMetrics``: ``utilization_gpu`` of Telegraf's nvidia_smi input, and
  ``DCGM_FI_DEV_GPU_UTIL`` of NVIDIA's DCGM exporter;
* ``Perf``: the counter ``% GPU Usage`` of the object ``NVIDIA GPU``, which NVIDIA's driver brings
  to Windows.

Windows' own ``GPU Engine`` counters are not read: they have a row for each process and engine, also
of adapters that are drawn in software, and do not add up to how busy a chip was.
"""

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from azure.core.exceptions import AzureError, HttpResponseError

from exporter.core.clock import epoch, from_epoch
from exporter.core.errors import AuthError, CollectorError, NoDataError
from exporter.core.model import Machine, ResourceKey, Window
from exporter.core.units import Ratio, ratio_from_percent
from exporter.providers._shared.reading import GpuReading
from exporter.providers.azure.errors import Call, NotFoundError, translate, translated
from exporter.providers.azure.session import Connection

if TYPE_CHECKING:
    from azure.monitor.query import LogsTable

PERMISSION: Final = "Microsoft.OperationalInsights/workspaces/query/*/read"
"""The role in deploy/iam/ allows it for the two tables only."""

MAX_IDS: Final = 1000
"""Machines of one query: keeps its text far below what Kusto takes, 2 million characters."""

_METRICS: Final = '"utilization_gpu", "DCGM_FI_DEV_GPU_UTIL"'
_OVERSHOOT_PERCENT: Final = 200.0
"""As of CPUs: above 100 % a GPU is wholly busy, above this it is no utilisation."""

_QUERY: Final = """\
let machines = dynamic({ids});
union isfuzzy=true
    (InsightsMetrics
    | where Name in~ ({metrics})
    | project TimeGenerated, Machine = tolower(_ResourceId), Percent = Val),
    (Perf
    | where ObjectName =~ "NVIDIA GPU" and CounterName =~ "% GPU Usage"
    | project TimeGenerated, Machine = tolower(_ResourceId), Percent = CounterValue)
| where Machine in (machines)
| summarize Percent = avg(Percent)
    by Machine, Bucket = bin_at(TimeGenerated, {resolution}s, datetime(1970-01-01))
"""

Ratios = dict[ResourceKey, dict[int, Ratio]]
"""Mean GPU utilisation of each machine by the start of its bucket."""


def call_for(workspace: str) -> Call:
    """Describe the call for error messages."""
    return Call(
        permission=PERMISSION,
        where=f"Log Analytics workspace {workspace}",
        scope=f"workspace {workspace}",
        role="Log Analytics Reader",
        level="workspace",
    )


def read(
    connection: Connection, workspace: str, machines: Sequence[Machine], window: Window
) -> GpuReading:
    """Read the machines' GPUs over a window, in one query for each thousand. Never raises."""
    ratios: Ratios = {}
    failures: list[CollectorError] = []
    for at in range(0, len(machines), MAX_IDS):
        try:
            failures += _read(connection, workspace, machines[at : at + MAX_IDS], window, ratios)
        except CollectorError as error:
            failures.append(error)
            break  # the rest would run into the same
    return GpuReading(ratios=ratios, failures=tuple(failures))


def probe(connection: Connection, workspace: str, window: Window) -> None:
    """Ask about no machine at all.

    Raises:
        CollectorError: the workspace cannot be queried.
    """
    _queried(connection, workspace, (), window)


def _read(
    connection: Connection,
    workspace: str,
    machines: Sequence[Machine],
    window: Window,
    ratios: Ratios,
) -> list[CollectorError]:
    """Add one query's answer to ``ratios``; returns what of it had to be left out."""
    call = call_for(workspace)
    keys = {one.key.resource_id: one.key for one in machines}
    implausible = False
    table = _queried(connection, workspace, sorted(keys), window)
    with translated(call):
        for row in table.rows:
            percent, bucket = float(row["Percent"] or 0.0), int(epoch(row["Bucket"]))
            if row["Machine"] not in keys or bucket % window.resolution:
                call.reject("the answer is about other machines or times")
            if row["Percent"] is None or not window.start <= bucket < window.end:
                continue
            if math.isfinite(percent) and 0.0 <= percent <= _OVERSHOOT_PERCENT:
                ratio = Ratio(min(1.0, ratio_from_percent(percent)))
                ratios.setdefault(keys[row["Machine"]], {})[bucket] = ratio
            else:
                implausible = True
    return [call.left_out("GPU utilisation outside 0-100 %")] if implausible else []


def _queried(
    connection: Connection, workspace: str, ids: Sequence[str], window: Window
) -> "LogsTable":
    """Send a query; returns its only table."""
    call = call_for(workspace)
    text = _QUERY.format(ids=json.dumps(ids), metrics=_METRICS, resolution=window.resolution)
    timespan = (from_epoch(window.start), from_epoch(window.end))
    try:
        with translated(call):
            result = _sent(connection, workspace, text, timespan)
            if getattr(result, "partial_error", None) is not None:
                raise _partial(call)
            table: LogsTable
            [table] = result
    except NotFoundError as error:
        fix = "set log_analytics_workspace to its id, and tenant_id to its tenant"
        message = f"{call}: there is no such workspace for this identity — {fix}"
        raise AuthError(message, scope=call.scope) from error
    return table


def _sent(connection: Connection, workspace: str, text: str, timespan: Any) -> Any:  # noqa: ANN401 - as the SDK has it
    try:
        return connection.logs().query_workspace(
            workspace, text, timespan=timespan, **connection.options
        )
    except HttpResponseError as error:
        first = error.__context__  # the SDK puts a plain error in place of the telling one
        known = first if isinstance(first, AzureError) else error
        raise translate(known, call_for(workspace)) from error


def _partial(call: Call) -> NoDataError:
    """Make the error of an answer over a part of the rows: its means are not those of the whole."""
    fix = "it will be tried again; if it stays, ask for less with a shorter poll_interval"
    message = f"{call}: Log Analytics read only a part, which is not used — {fix}"
    return NoDataError(message, scope=call.scope)
