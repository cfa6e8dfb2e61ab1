"""The simulated Google Cloud against the discovery documents and protobufs of the real one."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from google.cloud.monitoring_v3 import ListTimeSeriesRequest, ListTimeSeriesResponse
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped] # no types
from google.protobuf.unknown_fields import UnknownFieldSet  # type: ignore[import-untyped] # no types

from exporter.core.clock import epoch
from exporter.core.errors import UnreachableError
from exporter.core.meter import ApiMeter
from exporter.core.model import Window
from exporter.demo._faults import FaultKind
from exporter.demo._http import HttpRequest, Reply
from exporter.demo.estate import demo_estate
from exporter.demo.gcp import Fault, GcpFake, Limits
from exporter.demo.gcp.compute import OPERATIONS, read_call
from tests.demo.gcp.asking import DATA, NOON, SHOP
from tests.support.clock import ManualClock
from tests.support.provider_fakes import context_of
from tests.support.provider_gcp import build
from tests.support.vendor_gcp import differences, document, method, parameters

COMPUTE, MONITORING = document("compute.v1"), document("monitoring.v3")

ZONE = next(m.zone for m in demo_estate().of("gcp").machines)


class Recorder(GcpFake):
    """A fake that keeps what it was asked and what it answered."""

    def __init__(self, *given: Any, **options: Any) -> None:  # noqa: ANN401 - handed on
        super().__init__(*given, **options)
        self.rest: list[tuple[str, dict[str, str], bytes]] = []
        self.series: list[tuple[Any, bytes]] = []

    def reply(self, request: HttpRequest) -> Reply:
        answer = super().reply(request)
        if answer.status == 200 and (operation := read_call(request.path).operation):
            query = dict(parse_qsl(urlsplit(request.target).query))
            self.rest.append((operation, query, answer.body))
        return answer

    def _list_time_series(self, request: Any, context: Any) -> bytes:  # noqa: ANN401 - as inherited
        answer = super()._list_time_series(request, context)
        self.series.append((request, answer))
        return answer


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    """Let the production adapter do all that it can, and once with an unreachable zone."""
    clock = ManualClock(NOON + timedelta(seconds=30))
    few = Limits(instances=5)
    with Recorder(demo_estate(), clock, limits=few) as fake:
        providers = build(context_of(clock, ApiMeter()), fake, projects=[SHOP, DATA])
        end = int(epoch(NOON)) - 600
        window = Window(start=end - 3600, end=end, resolution=300)
        for provider in providers:
            provider.read(provider.discover().machines, window)
            provider.permissions()
        fake.faults.add(Fault(kind=FaultKind.UNREACHABLE_ZONE, zone=ZONE))
        machines = {provider: provider.discover().machines for provider in providers}
        fake.faults.add(Fault(kind=FaultKind.EXECUTION_ERRORS))
        for provider, found in machines.items():
            with pytest.raises(UnreachableError, match="INCOMPLETE"):
                provider.read(found, window)
            provider.close()
        return fake


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_answers_of_compute_are_of_the_shape_that_google_publishes(
    recorded: Recorder, operation: str
) -> None:
    called = method(COMPUTE, operation)
    bodies = [(query, body) for name, query, body in recorded.rest if name == operation]
    assert bodies, "the adapter never asks it: ask it here, or drop it from the fake"
    found = {
        line
        for _, body in bodies
        for line in differences(json.loads(body), called["response"], COMPUTE["schemas"])
    }
    found |= {line for query, _ in bodies for line in parameters(COMPUTE, called, query)}
    assert sorted(found)[:20] == []


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_compute_has_the_operation_at_this_path(operation: str) -> None:
    called = method(COMPUTE, operation)
    path = called["flatPath"].replace("{", "").replace("}", "")
    assert OPERATIONS[operation].fullmatch(f"/{COMPUTE['servicePath']}{path}")
    assert called["httpMethod"] == "GET"


def test_whole_answers_of_compute_are_of_that_shape_too() -> None:
    """The adapter asks for some fields only: here come all that the fake has."""
    clock = ManualClock(NOON)
    with Recorder(demo_estate(), clock) as fake:
        found = set[str]()
        for operation in ("instances.aggregatedList", "disks.aggregatedList"):
            path = f"/compute/v1/projects/{DATA}/aggregated/{operation.partition('.')[0]}"
            answer = fake.reply(asking(path))
            schema = method(COMPUTE, operation)["response"]
            found |= set(differences(json.loads(answer.body), schema, COMPUTE["schemas"]))
    assert sorted(found) == []


def asking(path: str) -> HttpRequest:
    return HttpRequest(method="GET", target=path, path=path, query={}, headers={}, body=b"")


def test_time_series_are_of_the_shape_that_google_publishes(recorded: Recorder) -> None:
    assert recorded.series
    found = set[str]()
    for request, body in recorded.series:
        answer = ListTimeSeriesResponse.pb().FromString(body)
        assert len(UnknownFieldSet(answer)) == 0
        schema = {"$ref": "ListTimeSeriesResponse"}
        found |= set(differences(MessageToDict(answer), schema, MONITORING["schemas"]))
        assert isinstance(request, ListTimeSeriesRequest.pb())
        assert len(UnknownFieldSet(request)) == 0
    assert sorted(found)[:20] == []


def test_all_that_the_fake_was_asked_is_held_against_something_published(
    recorded: Recorder,
) -> None:
    """Tokens have no document: google-auth reads them in the tests of OAuth."""
    held = {("compute", name) for name in OPERATIONS} | {("monitoring", "ListTimeSeries")}
    assert {asked for asked in recorded.requests if asked[0] != "oauth"} == held


def test_a_message_of_another_shape_is_found() -> None:
    wrong = {
        "kind": "compute#instances",
        "items": {"zones/a": {"instances": [{"id": 7, "status": "ASLEEP", "invented": 1}]}},
        "unreachables": "all",
    }
    schema = {"$ref": "InstanceAggregatedList"}
    assert list(differences(wrong, schema, COMPUTE["schemas"])) == [
        ".kind: 'compute#instances' is not 'compute#instanceAggregatedList'",
        ".items.zones/a.instances[0].id: 7 is no uint64",
        ".items.zones/a.instances[0].status: 'ASLEEP' is none of the published values",
        ".items.zones/a.instances[0].invented: Instance has no such field",
        ".unreachables: 'all' is no list",
    ]
    called = method(COMPUTE, "instances.aggregatedList")
    query = {"maxResults": "many", "zone": "a", "fields": "items"}
    assert list(parameters(COMPUTE, called, query)) == [
        "maxResults: 'many' is no uint32",
        "zone: compute.instances.aggregatedList has no such parameter",
    ]
