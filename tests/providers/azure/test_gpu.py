"""GPU utilisation from Log Analytics, against the simulated workspace and scripted answers."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from exporter.core.errors import Reason
from exporter.core.model import Reading, ResourceKey, Shape, Window
from exporter.demo._http import Reply
from exporter.demo.azure import Fault, FaultKind
from exporter.demo.azure.logs import WORKSPACE, gpu_utilization
from exporter.providers._shared.reading import GpuReading, having_gpus
from exporter.providers.azure import gpu
from tests.support.provider_azure import GPU, SUBSCRIPTION, AzureHarness
from tests.support.providers import SECRET, final_window, running
from tests.support.wire_azure import Make, Wire, page, refused, reply

COLUMNS = ("Machine", "Bucket", "Percent")
WINDOW = Window(start=1_772_406_000, end=1_772_406_600, resolution=300)
FIRST = "2026-03-01T23:00:00Z"
FINE = Shape(vcpus=4, memory_gib=28, gpu_model="NVIDIA T4", gpu_count=1)


@pytest.fixture
def watched(make: Make) -> AzureHarness:
    """A fleet with one GPU machine, of which the provider is told by a workspace."""
    return with_workspace(make)


def with_workspace(make: Make, **settings: Any) -> AzureHarness:  # noqa: ANN401 - config keys
    harness: AzureHarness = make(log_analytics_workspace=WORKSPACE, **settings)
    return harness


def read(harness: AzureHarness) -> Reading:
    machines = running(harness.provider.discover().machines)
    return harness.provider.read(machines, final_window(harness))


def gpus_of(reading: Reading) -> Mapping[ResourceKey, Mapping[int, float]]:
    return {one.key: one.gpu for one in reading.series if one.gpu}


def test_the_machines_with_gpus_get_their_means(watched: AzureHarness) -> None:
    reading = read(watched)

    [(key, found)] = gpus_of(reading).items()
    machine = watched._machine(key)
    assert machine.machine_type is GPU
    window = final_window(watched)
    assert found == pytest.approx(
        {
            start: gpu_utilization(watched.estate, machine, start, start + window.resolution)
            for start in window.buckets
        }
    )
    assert reading.failures == ()
    assert reading.unread == frozenset()


def test_only_machines_with_gpus_are_asked_for_in_one_query(watched: AzureHarness) -> None:
    read(watched)

    assert watched.fake.requests["logs", "query"] == 1
    assert watched.meter.usage()["azure", "LogsQuery"].requests == 1


def test_without_a_workspace_none_is_asked(harness: AzureHarness) -> None:
    reading = read(harness)

    assert gpus_of(reading) == {}
    assert ("logs", "query") not in harness.fake.requests
    assert ("azure", "LogsQuery") not in harness.meter.usage()


def test_without_a_workspace_its_package_is_not_loaded(
    harness: AzureHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "azure.monitor.query", None)  # an import would fail

    assert read(harness).failures == ()


@pytest.mark.parametrize(
    ("kind", "reason", "words"),
    [
        (FaultKind.MISSING_PERMISSION, Reason.AUTH, "assign the role Log Analytics Reader"),
        (FaultKind.NOT_FOUND, Reason.AUTH, "set log_analytics_workspace to its id"),
        (FaultKind.EXPIRED_CREDENTIALS, Reason.AUTH, "renew them"),
        (FaultKind.BARE_THROTTLING, Reason.THROTTLED, "throttles us"),
        (FaultKind.UNAVAILABLE, Reason.UNREACHABLE, "is failing"),
        (FaultKind.RESET, Reason.UNREACHABLE, "no answer"),
        (FaultKind.HTML, Reason.BAD_PAYLOAD, "unreadable answer"),
        (FaultKind.TRUNCATED, Reason.BAD_PAYLOAD, "unreadable answer"),
        (FaultKind.RESULT_ERROR, Reason.NO_DATA, "only a part"),
    ],
)
def test_trouble_with_the_workspace_is_told_and_the_cpu_is_read_all_the_same(
    watched: AzureHarness, kind: FaultKind, reason: Reason, words: str
) -> None:
    healthy = read(watched)
    watched.fake.faults.add(Fault(kind=kind, service="logs"))

    reading = read(watched)

    [failure] = reading.failures
    assert failure.reason is reason
    assert words in str(failure)
    assert gpu.PERMISSION in str(failure)
    assert WORKSPACE in str(failure)
    assert SECRET not in str(failure)
    assert "\n" not in str(failure)
    assert reading.unread == frozenset()
    assert gpus_of(reading) == {}
    assert [one.cpu for one in reading.series] == [one.cpu for one in healthy.series]


def test_a_workspace_without_rows_is_no_failure(watched: AzureHarness) -> None:
    watched.fake.faults.add(Fault(kind=FaultKind.RESULT_EMPTY, service="logs"))

    reading = read(watched)

    assert reading.failures == ()
    assert gpus_of(reading) == {}


def test_another_workspace_is_not_found(make: Make) -> None:
    harness = make(log_analytics_workspace=SUBSCRIPTION)

    [failure] = read(harness).failures

    assert SUBSCRIPTION in str(failure)
    assert "no such workspace" in str(failure)


# --- single answers -------------------------------------------------------------------------------


def rows(*found: tuple[object, object, object], columns: tuple[str, ...] = COLUMNS) -> Reply:
    kinds = ("string", "datetime", "real")
    described = [{"name": n, "type": k} for n, k in zip(columns, kinds, strict=True)]
    table = {"name": "PrimaryResult", "columns": described, "rows": [list(one) for one in found]}
    return reply({"tables": [table]})


def ask(wire: Wire, make: Make, answer: Reply) -> tuple[GpuReading, ResourceKey]:
    """Read the GPU of one machine of the usual fleet from a scripted workspace."""
    some = make().provider.discover().machines[0]
    wire.answers = [answer]
    connection = wire.connection(log_analytics_workspace=WORKSPACE, logs_endpoint=wire.url)
    return gpu.read(connection, WORKSPACE, [some], WINDOW), some.key


def test_percent_become_ratios_on_their_buckets(wire: Wire, make: Make) -> None:
    some = make().provider.discover().machines[0].key.resource_id
    answer = rows(
        (some, FIRST, 62.5),
        (some, "2026-03-01T23:05:00Z", 100.4),
        (some, "2026-03-01T23:10:00Z", 50.0),
    )

    reading, key = ask(wire, make, answer)

    assert reading.ratios == {key: {WINDOW.start: 0.625, WINDOW.start + 300: 1.0}}
    assert reading.failures == ()


@pytest.mark.parametrize("percent", [-1.0, 230.0, "NaN", "Infinity"])
def test_a_value_that_is_no_utilisation_is_left_out_and_told(
    wire: Wire, make: Make, percent: object
) -> None:
    some = make().provider.discover().machines[0].key.resource_id

    reading, _ = ask(wire, make, rows((some, FIRST, percent)))

    assert reading.ratios == {}
    assert "outside 0-100 %" in str(reading.failures[0])


def test_no_value_is_no_zero(wire: Wire, make: Make) -> None:
    some = make().provider.discover().machines[0].key.resource_id

    reading, _ = ask(wire, make, rows((some, FIRST, None)))

    assert reading.ratios == {}
    assert reading.failures == ()


@pytest.mark.parametrize(
    "answer",
    [
        rows(("/subscriptions/other", FIRST, 5.0)),
        rows(("x", "yesterday", 5.0)),
        rows(("x", FIRST, "much")),
        rows(("x", FIRST, 5.0), columns=("a", "b", "c")),
        reply({}),
        reply([]),
        reply({"tables": []}),
        reply({"tables": [{"name": "x"}]}),
        reply({"tables": 3}),
        page("<html>"),
        refused("BadArgumentError", 400),
    ],
)
def test_an_answer_of_another_shape_is_refused(wire: Wire, make: Make, answer: Reply) -> None:
    reading, _ = ask(wire, make, answer)

    assert reading.ratios == {}
    assert [failure.reason for failure in reading.failures] == [Reason.BAD_PAYLOAD]


def test_the_query_asks_for_the_window_in_its_own_buckets(wire: Wire, make: Make) -> None:
    _, key = ask(wire, make, rows())

    [body] = wire.bodies()
    assert wire.asked[0].path == f"/v1/workspaces/{WORKSPACE}/query"
    assert f'"{key.resource_id}"' in body["query"]
    assert "bin_at(TimeGenerated, 300s, datetime(1970-01-01))" in body["query"]
    assert body["timespan"].startswith("2026-03-01T23:00:00")


def test_many_machines_are_asked_for_in_parts(
    wire: Wire, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "MAX_IDS", 2)
    machines = make().provider.discover().machines[:5]
    wire.answers = [rows()]
    connection = wire.connection(log_analytics_workspace=WORKSPACE, logs_endpoint=wire.url)

    gpu.read(connection, WORKSPACE, machines, WINDOW)

    assert len(wire.asked) == 3


def test_what_azure_told_of_a_size_says_whether_it_has_gpus(make: Make) -> None:
    harness = make()
    bare, *_ = harness.provider.discover().machines
    types = harness.provider._types

    assert having_gpus([replace(bare, shape=None)], types) == ()
    assert having_gpus([replace(bare, shape=FINE)], types) == (replace(bare, shape=FINE),)
