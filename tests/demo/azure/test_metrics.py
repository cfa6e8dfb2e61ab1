from datetime import timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.monitor.querymetrics import MetricsClient

from exporter.demo.azure import AzureFake, Limits
from exporter.demo.estate import Estate, EstateMachine
from tests.demo.azure.asking import (
    INSTANCE_NAMESPACE,
    NOON,
    SHOP,
    START,
    Call,
    Connect,
    by_id,
    grains,
    named,
    read,
    values,
    web_machines,
)
from tests.support.clock import ManualClock

BATCH = f"/metrics/westeurope/subscriptions/{SHOP}/metrics:getBatch"
QUERY = {
    "api-version": "2024-02-01",
    "starttime": "2026-03-02T11:00:00Z",
    "endtime": "2026-03-02T12:00:00Z",
    "interval": "PT5M",
    "metricnamespace": "Microsoft.Compute/virtualMachines",
    "metricnames": "Percentage CPU",
    "aggregation": "Average",
}


def percent(estate: Estate, machine: EstateMachine, start: int, end: int) -> float:
    mean = estate.mean_utilization(machine, start, end)
    assert mean is not None
    return 100 * mean


def test_grains_come_oldest_first_and_begin_with_the_whole_one(
    client: MetricsClient, clock: ManualClock, web: EstateMachine
) -> None:
    clock.set(NOON + timedelta(hours=1))
    odd = timedelta(seconds=77)
    (result,) = read(client, [web], NOON - timedelta(hours=1) + odd, NOON + odd)
    assert list(grains(result)) == list(range(START - 3600, START + 1, 300))


@pytest.mark.parametrize("minutes", [1, 15, 60])
def test_other_grains_are_to_be_had(
    client: MetricsClient, estate: Estate, clock: ManualClock, web: EstateMachine, minutes: int
) -> None:
    clock.set(NOON + timedelta(hours=2))
    (result,) = read(client, [web], granularity=timedelta(minutes=minutes))
    step = minutes * 60
    assert grains(result) == {
        start: pytest.approx(percent(estate, web, start, start + step), rel=1e-15)
        for start in range(START - 3600, START, step)
    }


def test_the_newest_grains_are_there_without_a_value(
    client: MetricsClient, clock: ManualClock, web: EstateMachine
) -> None:
    shown = []
    for seconds in (179, 180):
        clock.set(NOON + timedelta(seconds=seconds))
        (result,) = read(client, [web], end=NOON + timedelta(hours=1))
        found = grains(result)
        assert max(found) == START
        assert found[START] is None
        shown.append(found[START - 300] is not None)
    assert shown == [False, True]


def test_the_lag_is_a_parameter(
    estate: Estate, clock: ManualClock, connect: Connect, web: EstateMachine
) -> None:
    with AzureFake(estate, clock, lag_seconds=20) as fast:
        (result,) = read(connect(of=fast), [web])
    assert grains(result)[START - 300] is not None


def test_results_come_in_an_order_of_their_own_some_with_ids_in_lower_case(
    client: MetricsClient, estate: Estate
) -> None:
    machines = web_machines(estate)
    results = read(client, machines)
    told = [r.metrics[0].id.rsplit("/providers/Microsoft.Insights/", 1)[0] for r in results]
    assert [one.lower() for one in told] != [m.resource_id for m in machines]
    assert {one.lower() for one in told} == {m.resource_id for m in machines}
    lowered = [one == one.lower() for one in told]
    assert any(lowered)
    assert not all(lowered)


def test_ids_are_found_whatever_their_case(client: MetricsClient, web: EstateMachine) -> None:
    upper = web.cloud_id.replace("Demo-RG-shop", "DEMO-RG-SHOP")
    assert values(by_id(read(client, [upper]))[web.resource_id])


def test_a_deleted_instance_keeps_its_data(
    client: MetricsClient, estate: Estate, clock: ManualClock
) -> None:
    azure = estate.of("azure")
    machine = azure.members_between(START - 3600, START - 3000)[0]
    (run,) = azure.runs(machine, START - 7200, START + 7200)
    clock.set(NOON + timedelta(hours=6))
    begin = NOON - timedelta(hours=2)
    (result,) = read(client, [machine], begin, metric_namespace=INSTANCE_NAMESPACE)
    inside = range(max(run.start, START - 7200), min(run.end or START, START), 300)
    assert list(values(grains(result))) == list(inside)


def test_a_batch_holds_fifty_machines_and_no_more(
    client: MetricsClient, web: EstateMachine
) -> None:
    ids = [web.cloud_id.replace("web-meer-01", f"web-meer-{n:02d}") for n in range(1, 52)]
    assert len(read(client, ids[:50])) == 50
    with pytest.raises(HttpResponseError, match="between 1 and 50") as caught:
        read(client, ids)
    assert caught.value.status_code == 400


def test_the_size_of_a_batch_is_a_parameter(
    estate: Estate, clock: ManualClock, connect: Connect
) -> None:
    machines = web_machines(estate)[:3]
    with AzureFake(estate, clock, limits=Limits(batch=2)) as small:
        with pytest.raises(HttpResponseError, match="between 1 and 2"):
            read(connect(of=small), machines)
        assert len(read(connect(of=small), machines[:2])) == 2


def test_a_batch_is_of_one_subscription_one_region_and_one_type(
    client: MetricsClient, estate: Estate, web: EstateMachine
) -> None:
    elsewhere = named(estate, "demo-web-gavle-01")
    of_others = named(estate, "demo-vault-gavle-01")
    instance = next(m for m in estate.machines if m.resource_type == "azure_vmss_vm")
    for other, text in (
        (elsewhere, "not in region"),
        (of_others, "not of subscription"),
        (instance, "not of type"),
    ):
        with pytest.raises(HttpResponseError, match=text) as caught:
            read(client, [web, other])
        assert caught.value.status_code == 400


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"api-version": "2018-01-01"}, "api-version"),
        ({"metricnamespace": "Microsoft.Sql/servers"}, "not supported"),
        ({"metricnames": "Colour"}, "Valid metrics: Percentage CPU"),
        ({"aggregation": "Total"}, "Average only"),
        ({"interval": "PT7M"}, "time grain"),
        ({"interval": "often"}, "time grain"),
        ({"starttime": "soon"}, "starttime is not a time"),
        ({"endtime": "2026-03-02T11:00:00Z"}, "before the end time"),
    ],
)
def test_what_azure_would_not_understand_is_refused(
    call: Call, web: EstateMachine, changes: dict[str, str], text: str
) -> None:
    answer = call("POST", BATCH, QUERY | changes, {"resourceids": [web.cloud_id]})
    assert answer.status_code == 400
    assert text in answer.json()["error"]["message"]


@pytest.mark.parametrize("body", [{}, {"resourceids": []}, ["x"]])
def test_a_batch_without_ids_is_refused(call: Call, body: Any) -> None:  # noqa: ANN401 - JSON
    assert call("POST", BATCH, QUERY, body).status_code == 400


def test_names_of_parameters_have_no_case(call: Call, web: EstateMachine) -> None:
    query = {name.upper(): value for name, value in QUERY.items()}
    answer = call("POST", BATCH, query, {"resourceids": [web.cloud_id]})
    (result,) = answer.json()["values"]
    assert result["resourceid"].lower() == web.resource_id
    assert result["resourceregion"] == "westeurope"
    assert result["value"][0]["errorCode"] == "Success"


def test_a_subscription_of_nobody_is_refused(client: MetricsClient, web: EstateMachine) -> None:
    strange = web.cloud_id.replace(SHOP, "00000000-0000-4000-8000-000000000000")
    with pytest.raises(HttpResponseError, match=r"Microsoft\.Insights/Metrics/Read") as caught:
        read(client, [strange])
    assert caught.value.status_code == 403


def test_what_is_older_than_three_months_is_forgotten(
    client: MetricsClient, web: EstateMachine
) -> None:
    old = NOON - timedelta(days=93)
    (result,) = read(client, [web], old - timedelta(hours=1), old + timedelta(hours=1))
    assert min(grains(result)) >= old.timestamp()
