"""The list of machines: filters, order, limit, and what a wrong question is told."""

import math
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from exporter.core.model import ResourceKey
from exporter.core.snapshot import ResourceState, Snapshot
from exporter.exposition.publisher import Publisher
from exporter.exposition.render import Renderer
from tests.support.exposition import running
from tests.support.snapshots import AWKWARD, TIME, a_machine, a_now, a_view


def host() -> ResourceKey:
    return ResourceKey("host", "laptop", "local", "host", "laptop")


@pytest.fixture(scope="module")
def publisher() -> Publisher:
    return Publisher(Renderer(version="1"))


@pytest.fixture(scope="module")
def client(publisher: Publisher) -> Iterator[httpx.Client]:
    with running(publisher) as client:
        yield client


@pytest.fixture
def api(publisher: Publisher, client: httpx.Client) -> httpx.Client:
    stopped = replace(a_view(3, grams=900.0), now=None, state=ResourceState.STOPPED)
    publisher.publish(
        Snapshot(
            time=TIME,
            resources=(
                a_view(1, machine=a_machine(1, name="bravo"), now=a_now(watts=10.0)),
                a_view(2, machine=a_machine(2, name="alpha", tags={"team": "data"})),
                stopped,
                a_view(4, machine=a_machine(4, key=host(), name="zulu", tags={"secret": "x"})),
            ),
        )
    )
    return client


def names(client: httpx.Client, query: str) -> list[str]:
    answer = client.get(f"/api/v1/resources{query}")
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["resources"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["alpha", "zulu", "bravo", "web-3"]),
        ("?provider=host", ["zulu"]),
        ("?provider=host&provider=aws&state=stopped", ["web-3"]),
        ("?region=eu-west-3&state=measured", ["alpha", "bravo"]),
        ("?account=laptop", ["zulu"]),
        ("?tag=team%3Ddata", ["alpha"]),
        ("?tag=team=shop", ["bravo", "web-3"]),
        ("?tag=team", ["alpha", "bravo", "web-3"]),
        ("?tag=team&tag=cost-center", []),
        ("?provider=gcp", []),
        ("?sort=name", ["alpha", "bravo", "web-3", "zulu"]),
        ("?sort=-name&limit=2", ["zulu", "web-3"]),
        ("?sort=-emissions&limit=1", ["web-3"]),
        ("?sort=rate", ["web-3", "bravo", "alpha", "zulu"]),
    ],
)
def test_filters_order_and_limit(api: httpx.Client, query: str, expected: list[str]) -> None:
    assert names(api, query) == expected


def test_limit_does_not_change_the_number_of_matches(api: httpx.Client) -> None:
    shown = api.get("/api/v1/resources?limit=1").json()
    assert (shown["matched"], len(shown["resources"])) == (4, 1)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?colour=red", "unknown parameter 'colour'"),
        ("?state=asleep", "unknown state 'asleep' — use one of: measured, stopped,"),
        ("?sort=size", "unknown sort 'size' — use one of: rate,"),
        ("?tag=secret", "unknown tag 'secret' — use one of: team, cost-center"),
        ("?limit=0", "limit '0' — write a whole number from 1 to 10000"),
        ("?limit=-1", "limit '-1'"),
        ("?limit=10001", "limit '10001'"),
        ("?limit=%D9%A3", "limit '٣'"),
        (f"?limit={'9' * 5000}", "limit '999"),
    ],
)
def test_wrong_question_is_400_and_says_what_would_be_right(
    api: httpx.Client, query: str, message: str
) -> None:
    answer = api.get(f"/api/v1/resources{query}")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(message)


def test_machine_is_shown_with_units_in_the_names(api: httpx.Client) -> None:
    (shown,) = api.get("/api/v1/resources?tag=team=data").json()["resources"]
    assert shown["tags"] == {"team": "data"}
    assert shown["energy_joules"] == 1_080_000.25
    assert shown["emissions_gco2eq"] == {"operational": 12.5, "embodied": 0.5}
    now = shown["now"]
    assert now["cpu_utilization_ratio"] == 0.25
    assert now["power_watts"] == {"low": 24.0, "central": 30.0, "high": 39.0}
    assert now["power_components_watts"] == {
        "cpu": 20.0,
        "memory": 5.0,
        "gpu": 0.0,
        "storage": 0.0,
        "network": 0.0,
        "overhead": 5.0,
    }
    assert now["intensity"]["gco2eq_per_kwh"] == 38.5


def test_tags_that_are_not_allowed_stay_hidden(api: httpx.Client) -> None:
    (shown,) = api.get("/api/v1/resources?provider=host").json()["resources"]
    assert shown["tags"] == {}


def test_machine_without_current_values_has_null(api: httpx.Client) -> None:
    (shown,) = api.get("/api/v1/resources?state=stopped").json()["resources"]
    assert shown["now"] is None


def test_awkward_text_and_numbers_are_valid_json(
    publisher: Publisher, client: httpx.Client
) -> None:
    view = a_view(machine=a_machine(name=AWKWARD), energy=math.nan)
    publisher.publish(Snapshot(time=TIME, resources=(view,)))
    (shown,) = client.get("/api/v1/resources").json()["resources"]
    assert shown["name"] == AWKWARD.replace("\udc80", "?")
    assert shown["energy_joules"] is None
