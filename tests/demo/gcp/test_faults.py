import pytest
from google.api_core import exceptions as errors
from google.cloud.monitoring_v3 import MetricServiceClient

from exporter.demo.estate import Estate
from exporter.demo.gcp import Fault, FaultKind, GcpFake
from tests.demo.gcp.asking import DATA, SHOP, Get, ask, question
from tests.support.clock import ManualClock

LIST = f"projects/{SHOP}/aggregated/instances"
WORDS: dict[FaultKind, tuple[type[Exception], int, str]] = {
    FaultKind.THROTTLING: (errors.ResourceExhausted, 429, "rateLimitExceeded"),
    FaultKind.QUOTA: (errors.ResourceExhausted, 403, "rateLimitExceeded"),
    FaultKind.UNAVAILABLE: (errors.ServiceUnavailable, 503, "backendError"),
    FaultKind.INTERNAL_ERROR: (errors.InternalServerError, 500, "internalError"),
    FaultKind.DEADLINE: (errors.DeadlineExceeded, 504, "backendError"),
    FaultKind.EXPIRED_CREDENTIALS: (errors.Unauthenticated, 401, "authError"),
    FaultKind.INVALID_CREDENTIALS: (errors.Unauthenticated, 401, "authError"),
    FaultKind.MISSING_PERMISSION: (errors.PermissionDenied, 403, "forbidden"),
    FaultKind.API_DISABLED: (errors.PermissionDenied, 403, "accessNotConfigured"),
}


@pytest.mark.parametrize("kind", WORDS)
def test_each_service_refuses_in_its_own_words(
    fake: GcpFake, client: MetricServiceClient, get: Get, kind: FaultKind
) -> None:
    fake.faults.add(Fault(kind=kind))
    error, status, reason = WORDS[kind]
    with pytest.raises(error):
        ask(client, question())
    answer = get(LIST)
    assert answer.status_code == status
    assert answer.json()["error"]["errors"][0]["reason"] == reason


def test_a_missing_permission_is_named_as_google_names_it(
    fake: GcpFake, client: MetricServiceClient, get: Get
) -> None:
    fake.faults.add(Fault(kind=FaultKind.MISSING_PERMISSION))
    with pytest.raises(errors.PermissionDenied, match=r"monitoring\.timeSeries\.list"):
        ask(client, question())
    told = get(LIST).json()["error"]["message"]
    assert told == f"Required 'compute.instances.list' permission for 'projects/{SHOP}'"


@pytest.mark.parametrize(
    "scope",
    [{"service": "compute"}, {"project": DATA}, {"operation": "instances.aggregatedList"}],
)
def test_a_fault_meets_its_scope_only(
    fake: GcpFake, client: MetricServiceClient, get: Get, scope: dict[str, str]
) -> None:
    fake.faults.add(Fault(kind=FaultKind.UNAVAILABLE, **scope))  # type: ignore[arg-type]
    assert ask(client, question())
    project = scope.get("project", SHOP)
    assert get(f"projects/{project}/aggregated/instances").status_code == 503
    assert (get(LIST).status_code == 200) is ("project" in scope)


def test_execution_errors_come_with_part_of_the_series(
    fake: GcpFake, client: MetricServiceClient
) -> None:
    whole = len(ask(client, question()))
    fake.faults.add(Fault(kind=FaultKind.EXECUTION_ERRORS))
    page = next(iter(client.list_time_series(request=question(), retry=None).pages))
    assert len(page.time_series) == whole // 2
    assert [error.code for error in page.execution_errors] == [13]


def test_an_unreachable_zone_fails_the_list_of_who_wants_all_or_nothing(
    fake: GcpFake, get: Get
) -> None:
    fake.faults.add(Fault(kind=FaultKind.UNREACHABLE_ZONE, zone="europe-west1-c"))
    assert get(LIST).status_code == 503


def test_a_fake_that_was_not_started_has_no_address(estate: Estate, clock: ManualClock) -> None:
    fake = GcpFake(estate, clock)
    with pytest.raises(RuntimeError, match="not been started"):
        _ = fake.url
    with pytest.raises(RuntimeError, match="not been started"):
        _ = fake.monitoring_url
    fake.close()
