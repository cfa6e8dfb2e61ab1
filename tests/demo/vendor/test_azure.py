"""The simulated Azure against the models of Microsoft's SDKs: answers, and rows of the graph."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from azure.mgmt.compute import models as compute
from azure.mgmt.resource.resources import models as resources
from azure.mgmt.resource.subscriptions import models as subscriptions
from azure.mgmt.resourcegraph import models as graph
from azure.monitor.query import models as logs_models
from azure.monitor.query.models import _models as logs
from azure.monitor.querymetrics import models as metrics_models
from azure.monitor.querymetrics.models import _models as metrics

from exporter.core.clock import epoch
from exporter.core.meter import ApiMeter
from exporter.core.model import Window
from exporter.demo._http import HttpRequest, Reply
from exporter.demo.azure import AzureFake, Limits, arm
from exporter.demo.azure.faults import Call
from exporter.demo.azure.logs import WORKSPACE
from exporter.demo.azure.tables import TABLES
from exporter.demo.azure.world import World
from exporter.demo.estate import demo_estate
from exporter.demo.lateness import PUNCTUAL
from tests.demo.azure.asking import NOON
from tests.support.clock import ManualClock
from tests.support.provider_azure import config_of, providers_of
from tests.support.provider_fakes import context_of
from tests.support.vendor_azure import differences

Asked = tuple[str, str]
Body = dict[str, Any]

ANSWERS: Mapping[Asked, tuple[Any, ModuleType]] = {
    ("arm", "subscriptions"): (list[subscriptions.Subscription], subscriptions),
    ("arm", "subscription"): (subscriptions.Subscription, subscriptions),
    ("arm", "provider"): (resources.Provider, resources),
    ("arm", "skus"): (list[compute.ResourceSku], compute),
    ("metrics", "metrics:getBatch"): (metrics.MetricResultsResponse, metrics_models),
    ("logs", "query"): (logs.QueryResults, logs_models),
}
"""What each answer is. Those of the graph have a test of their own, as their models are older."""
QUESTIONS: Mapping[Asked, tuple[Any, ModuleType]] = {
    ("metrics", "metrics:getBatch"): (metrics.ResourceIdList, metrics_models),
    ("logs", "query"): (logs.QueryBody, logs_models),
}
ROWS: Mapping[str, Any] = {
    "resources": compute.VirtualMachine,
    "computeresources": compute.VirtualMachineScaleSetVM,
}
NOT_PUBLISHED = {"resourcechanges": "no released SDK has a model of it"}
OF_THE_GRAPH = {"tenantId", "kind", "resourceGroup", "subscriptionId", "managedBy"}
"""Columns that the graph adds to what the resource's own API tells."""


class Recorder(AzureFake):
    """A fake that keeps what it was asked and what it answered."""

    calls: list[tuple[Call, bytes, bytes]]

    def reply(self, request: HttpRequest) -> Reply:
        answer = super().reply(request)
        if answer.status == 200:
            self.calls.append((self._read_call(request), request.body, answer.body))
        return answer


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    """Let the production adapter do all that it can, with its subscriptions named and found."""
    clock = ManualClock(NOON + timedelta(seconds=30))
    with Recorder(demo_estate(), clock, limits=Limits(rows=5, subscriptions=1)) as fake:
        fake.calls = []
        named = {"logs_endpoint": fake.url, "log_analytics_workspace": WORKSPACE}
        end = int(epoch(NOON)) - 600
        window = Window(start=end - 3600, end=end, resolution=300)
        for chosen in (list(fake.subscriptions), None):
            config = config_of(fake.url, fake.metrics_url, subscriptions=chosen, **named)
            for provider in providers_of(config, context_of(clock, ApiMeter())):
                provider.read(provider.discover().machines, window)
                provider.permissions()
                provider.close()
        return fake


def test_every_operation_is_held_against_a_model(recorded: Recorder) -> None:
    declared = {("arm", name) for name in arm.OPERATIONS}
    assert declared <= ANSWERS.keys()
    assert recorded.requests.keys() == ANSWERS.keys() | {("graph", "resources")}
    assert TABLES.keys() == ROWS.keys() | NOT_PUBLISHED.keys()


@pytest.mark.parametrize("asked", ANSWERS, ids=".".join)
def test_answers_are_of_the_shape_that_microsoft_publishes(
    recorded: Recorder, asked: Asked
) -> None:
    model, package = ANSWERS[asked]
    bodies = [json.loads(answer) for call, _, answer in recorded.calls if asked_of(call) == asked]
    assert bodies
    found = {line for body in bodies for line in answered(body, model, package)}
    assert sorted(found)[:20] == []


def asked_of(call: Call) -> Asked:
    return call.service, call.operation


def answered(body: Body, model: Any, package: ModuleType) -> Iterator[str]:  # noqa: ANN401 - a type
    """Yield differences; a list is told in pages, for which the SDKs have no model of their own."""
    if getattr(model, "__origin__", None) is not list:
        yield from differences(body, model, package)
        return
    yield from differences(body["value"], model, package)
    if strange := body.keys() - {"value", "nextLink", "count"}:
        yield f"a page has no {strange}"


@pytest.mark.parametrize("asked", QUESTIONS, ids=".".join)
def test_questions_are_of_the_shape_that_microsoft_publishes(
    recorded: Recorder, asked: Asked
) -> None:
    model, package = QUESTIONS[asked]
    bodies = [json.loads(body) for call, body, _ in recorded.calls if asked_of(call) == asked]
    assert bodies
    assert sorted({line for body in bodies for line in differences(body, model, package)}) == []


def test_the_graph_speaks_as_its_sdk_has_it(recorded: Recorder) -> None:
    found = [(body, answer) for call, body, answer in recorded.calls if call.service == "graph"]
    assert found
    for body, answer in found:
        asked, told = json.loads(body), json.loads(answer)
        assert not strange(asked, graph.QueryRequest)
        assert not strange(asked.get("options", {}), graph.QueryRequestOptions)
        assert not strange(told, graph.QueryResponse)
        assert told["resultTruncated"] in {"true", "false"}
        assert told["count"] == len(told["data"]) <= told["totalRecords"]


def strange(document: Body, model: Any) -> set[str]:  # noqa: ANN401 - an older kind of model
    """Return what a document has beyond a model, and what it lacks of it."""
    wire = {name: field["key"] for name, field in model._attribute_map.items()}
    required = {wire[name] for name, rule in model._validation.items() if rule.get("required")}
    return (document.keys() - set(wire.values())) | (required - document.keys())


@pytest.mark.parametrize("table", ROWS)
def test_rows_of_the_graph_are_resources_of_their_own_api(table: str) -> None:
    world = World(
        estate=demo_estate().of("azure"),
        clock=ManualClock(NOON),
        lag_seconds=180,
        lateness=PUNCTUAL,
        limits=Limits(),
    )
    rows = list(TABLES[table](world, world.listed(world.now()), world.now(), ""))
    assert rows
    found = {
        line for row in rows for line in differences(resource(dict(row)), ROWS[table], compute)
    }
    assert sorted(found)[:20] == []


def resource(row: Body) -> Body:
    """Return a row as the resource's own API has it.

    What the instance view tells stands under ``extended`` in the graph; of all its members the
    adapter reads the power state, which is one of its statuses.
    """
    left = {name: value for name, value in row.items() if name not in OF_THE_GRAPH}
    properties = dict(left["properties"])
    power = properties.pop("extended")["instanceView"]["powerState"]
    left["properties"] = {**properties, "instanceView": {"statuses": [power]}}
    return left


def test_a_message_of_another_shape_is_found() -> None:
    wrong = {
        "location": 7,
        "zones": "1",
        "properties": {"priority": "Cheap", "storageProfile": {"dataDisks": [{"lun": "0"}]}},
        "invented": 1,
    }
    assert list(differences(wrong, compute.VirtualMachine, compute)) == [
        ".location: 7 is no str",
        ".zones: '1' is no list",
        ".properties.priority: 'Cheap' is none of the values of VirtualMachinePriorityTypes",
        ".properties.storageProfile.dataDisks[0].lun: '0' is no int",
        ".properties.storageProfile.dataDisks[0].createOption: required, and missing",
        ".invented: VirtualMachine has no such member",
    ]
