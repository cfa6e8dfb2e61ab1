from collections.abc import Callable
from typing import Any

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
)
from azure.monitor.querymetrics import MetricsClient

from exporter.demo.azure import AzureFake, Fault, FaultKind
from exporter.demo.estate import Estate, EstateMachine
from tests.demo.azure.asking import (
    SHOP,
    VMS,
    Ask,
    Call,
    by_id,
    read,
    values,
    web_machines,
)

WORDS = {
    FaultKind.THROTTLING: (429, "TooManyRequests"),
    FaultKind.BARE_THROTTLING: (429, "TooManyRequests"),
    FaultKind.UNAVAILABLE: (503, "ServiceUnavailable"),
    FaultKind.INTERNAL_ERROR: (500, "InternalServerError"),
    FaultKind.EXPIRED_CREDENTIALS: (401, "ExpiredAuthenticationToken"),
    FaultKind.INVALID_CREDENTIALS: (401, "InvalidAuthenticationToken"),
    FaultKind.MISSING_PERMISSION: (403, "AuthorizationFailed"),
    FaultKind.NOT_FOUND: (404, "SubscriptionNotFound"),
    FaultKind.REGISTRATION_REFUSED: (409, "MissingSubscriptionRegistration"),
}


@pytest.mark.parametrize("kind", WORDS)
def test_azure_monitor_refuses_in_its_own_words(
    fake: AzureFake, client: MetricsClient, web: EstateMachine, kind: FaultKind
) -> None:
    fake.faults.add(Fault(kind=kind))
    with pytest.raises(HttpResponseError) as caught:
        read(client, [web])
    assert caught.value.error is not None
    assert (caught.value.status_code, caught.value.error.code) == WORDS[kind]


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (FaultKind.THROTTLING, 429, "RateLimiting"),
        (FaultKind.BARE_THROTTLING, 429, "RateLimiting"),
        (FaultKind.UNAVAILABLE, 503, "ServiceUnavailable"),
        (FaultKind.MISSING_PERMISSION, 403, "AccessDenied"),
    ],
)
def test_the_graph_tells_the_cause_among_the_details(
    fake: AzureFake, ask: Ask, kind: FaultKind, status: int, code: str
) -> None:
    fake.faults.add(Fault(kind=kind))
    with pytest.raises(HttpResponseError, match="Please provide below info") as caught:
        ask(VMS)
    error = caught.value.error
    assert error is not None
    assert (caught.value.status_code, error.code) == (status, code)
    assert [detail.code for detail in error.details] == [code]


def test_refused_credentials_are_known_as_such(
    fake: AzureFake, ask: Ask, client: MetricsClient, web: EstateMachine
) -> None:
    fake.faults.add(Fault(kind=FaultKind.EXPIRED_CREDENTIALS))
    with pytest.raises(ClientAuthenticationError):
        ask(VMS)
    with pytest.raises(ClientAuthenticationError):
        read(client, [web])


@pytest.mark.parametrize(
    ("kind", "seconds", "expected"),
    [
        (FaultKind.THROTTLING, 0, "1"),
        (FaultKind.THROTTLING, 17, "17"),
        (FaultKind.BARE_THROTTLING, 0, None),
    ],
)
def test_throttling_tells_when_to_come_back_or_does_not(
    fake: AzureFake, call: Call, kind: FaultKind, seconds: float, expected: str | None
) -> None:
    fake.faults.add(Fault(kind=kind, seconds=seconds))
    graph = call("POST", "/providers/Microsoft.ResourceGraph/resources", body={"query": VMS})
    batch = call("POST", f"/metrics/westeurope/subscriptions/{SHOP}/metrics:getBatch")
    for answer in (graph, batch):
        assert answer.status_code == 429
        assert answer.headers.get("Retry-After") == expected
    assert graph.headers["x-ms-user-quota-remaining"] == "0"
    assert graph.headers["x-ms-user-quota-resets-after"] == "00:00:05"
    assert "x-ms-user-quota-remaining" not in batch.headers


def test_a_missing_role_is_named_as_azure_names_it(
    fake: AzureFake, client: MetricsClient, web: EstateMachine
) -> None:
    fake.faults.add(Fault(kind=FaultKind.MISSING_PERMISSION))
    with pytest.raises(
        HttpResponseError,
        match=f"'Microsoft.Insights/Metrics/Read' over scope '/subscriptions/{SHOP}",
    ):
        read(client, [web])


def test_an_unregistered_provider_gives_nothing(
    fake: AzureFake, client: MetricsClient, ask: Ask, web: EstateMachine
) -> None:
    fake.faults.add(Fault(kind=FaultKind.NOT_REGISTERED))
    assert read(client, [web]) == []
    assert ask(VMS).data


@pytest.mark.parametrize(
    "scope",
    [{"service": "graph"}, {"operation": "resources"}],
)
def test_a_fault_meets_its_scope_only(
    fake: AzureFake, ask: Ask, client: MetricsClient, web: EstateMachine, scope: dict[str, str]
) -> None:
    fake.faults.add(Fault(kind=FaultKind.UNAVAILABLE, **scope))  # type: ignore[arg-type]
    assert read(client, [web])
    with pytest.raises(HttpResponseError):
        ask(VMS)


def _empty(found: dict[str, Any], one: str, count: int) -> bool:
    return one not in found and count == 2


def _silent(found: dict[str, Any], one: str, count: int) -> bool:
    return found[one] == {} and count == 2


def _missing(found: dict[str, Any], one: str, count: int) -> bool:
    return one not in found and count == 1


@pytest.mark.parametrize(
    ("kind", "spoiled"),
    [
        (FaultKind.RESULT_EMPTY, _empty),
        (FaultKind.RESULT_ERROR, _silent),
        (FaultKind.RESULT_MISSING, _missing),
    ],
)
def test_single_results_can_fail_in_an_answer_that_succeeds(
    fake: AzureFake,
    client: MetricsClient,
    estate: Estate,
    kind: FaultKind,
    spoiled: Callable[[dict[str, Any], str, int], bool],
) -> None:
    one, other = web_machines(estate)[:2]
    fake.faults.add(Fault(kind=kind, resource_ids=frozenset({one.resource_id})))
    results = read(client, [one, other])
    found = by_id(results)
    assert spoiled(found, one.resource_id, len(results))
    assert values(found[other.resource_id])


def test_a_result_that_failed_says_so_in_its_error_code(
    fake: AzureFake, call: Call, web: EstateMachine
) -> None:
    fake.faults.add(Fault(kind=FaultKind.RESULT_ERROR))
    query = {
        "api-version": "2024-02-01",
        "starttime": "2026-03-02T11:00:00Z",
        "endtime": "2026-03-02T12:00:00Z",
        "metricnamespace": "Microsoft.Compute/virtualMachines",
        "metricnames": "Percentage CPU",
    }
    path = f"/metrics/westeurope/subscriptions/{SHOP}/metrics:getBatch"
    (result,) = call("POST", path, query, {"resourceids": [web.cloud_id]}).json()["values"]
    assert result["value"][0]["errorCode"] == "InternalServerError"


def test_requests_without_a_token_or_with_one_for_another_service_are_refused(
    call: Call,
) -> None:
    path, query = f"/subscriptions/{SHOP}", {"api-version": "2022-12-01"}
    wrong = "Bearer demo-token.metrics.monitor.azure.com"
    codes = [
        call("GET", path, query, Authorization=header).json()["error"]["code"]
        for header in ("", wrong)
    ]
    assert codes == ["AuthenticationFailed", "InvalidAuthenticationTokenAudience"]
    assert call("GET", path, query, Authorization=wrong).headers["WWW-Authenticate"]
