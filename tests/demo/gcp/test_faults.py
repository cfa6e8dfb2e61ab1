import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from google.api_core import exceptions as errors
from google.cloud.monitoring_v3 import MetricServiceClient

from exporter.demo.estate import Estate
from exporter.demo.gcp import Fault, FaultKind, GcpFake
from tests.demo.gcp.asking import DATA, SHOP, Get, ask, connected, question
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


def test_a_fault_happens_so_many_times(fake: GcpFake, client: MetricServiceClient) -> None:
    fake.faults.add(Fault(kind=FaultKind.UNAVAILABLE), times=2)
    for _ in range(2):
        with pytest.raises(errors.ServiceUnavailable):
            ask(client, question())
    assert ask(client, question())
    assert fake.requests["monitoring", "ListTimeSeries"] == 3


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


def test_a_web_page_is_no_answer(fake: GcpFake, client: MetricServiceClient, get: Get) -> None:
    fake.faults.add(Fault(kind=FaultKind.HTML))
    answer = get(LIST)
    assert answer.status_code == 200
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()
    with pytest.raises(errors.InternalServerError, match="deserializing"):
        ask(client, question())


def test_half_an_answer_is_no_answer(fake: GcpFake, client: MetricServiceClient, get: Get) -> None:
    fake.faults.add(Fault(kind=FaultKind.TRUNCATED))
    with pytest.raises(requests.exceptions.JSONDecodeError):
        get(LIST).json()
    with pytest.raises(errors.InternalServerError, match="deserializing"):
        ask(client, question())


def test_a_connection_can_be_torn_down(
    fake: GcpFake, client: MetricServiceClient, get: Get
) -> None:
    fake.faults.add(Fault(kind=FaultKind.RESET), times=2)
    with pytest.raises(requests.exceptions.ConnectionError):
        get(LIST)
    with pytest.raises(errors.ServiceUnavailable, match="reset"):
        ask(client, question())
    assert get(LIST).status_code == 200
    assert ask(client, question())


@pytest.mark.parametrize(
    "fault", [Fault(kind=FaultKind.HANG), Fault(kind=FaultKind.LATENCY, seconds=600)]
)
def test_a_client_gives_up_on_a_request_that_hangs(
    fake: GcpFake, client: MetricServiceClient, get: Get, fault: Fault
) -> None:
    fake.faults.add(fault)
    with pytest.raises(requests.exceptions.ReadTimeout):
        get(LIST, timeout=0.2)
    with pytest.raises(errors.DeadlineExceeded):
        client.list_time_series(request=question(), retry=None, timeout=0.2)


def test_one_project_may_hang_while_the_other_answers(
    fake: GcpFake, client: MetricServiceClient, get: Get
) -> None:
    fake.faults.add(Fault(kind=FaultKind.HANG, project=DATA))
    with pytest.raises(errors.DeadlineExceeded):
        client.list_time_series(request=question(project=DATA), retry=None, timeout=0.2)
    assert ask(client, question())
    assert get(LIST).status_code == 200


def test_a_request_that_hangs_is_answered_when_the_fault_is_cleared(
    fake: GcpFake, client: MetricServiceClient, get: Get
) -> None:
    fake.faults.add(Fault(kind=FaultKind.HANG))
    with ThreadPoolExecutor() as threads:
        answers = [threads.submit(get, LIST), threads.submit(ask, client, question())]
        while len(fake.requests) < 2:
            threading.Event().wait(0.01)
        assert not any(answer.done() for answer in answers)
        fake.faults.clear()
        assert all(answer.result(timeout=5) for answer in answers)


def test_closing_ends_requests_that_hang(estate: Estate, clock: ManualClock) -> None:
    fake = GcpFake(estate, clock).start()
    fake.faults.add(Fault(kind=FaultKind.HANG))
    with connected(fake) as client, ThreadPoolExecutor() as threads:
        series = threads.submit(ask, client, question())
        listing = threads.submit(requests.get, f"{fake.url}/compute/v1/{LIST}", timeout=5)
        while len(fake.requests) < 2:
            threading.Event().wait(0.01)
        fake.close()
        assert isinstance(series.exception(timeout=5), errors.GoogleAPICallError)
        assert isinstance(listing.exception(timeout=5), requests.exceptions.ConnectionError)


def test_execution_errors_come_with_part_of_the_series(
    fake: GcpFake, client: MetricServiceClient
) -> None:
    whole = len(ask(client, question()))
    fake.faults.add(Fault(kind=FaultKind.EXECUTION_ERRORS))
    page = next(iter(client.list_time_series(request=question(), retry=None).pages))
    assert len(page.time_series) == whole // 2
    assert [error.code for error in page.execution_errors] == [13]


def test_an_unreachable_zone_is_left_out_and_named(fake: GcpFake, get: Get) -> None:
    zone = "europe-west1-c"
    whole = get(LIST).json()["items"]
    assert whole[f"zones/{zone}"]["instances"]
    fake.faults.add(Fault(kind=FaultKind.UNREACHABLE_ZONE, zone=zone))
    document = get(LIST, returnPartialSuccess="true").json()
    assert document["unreachables"] == [
        f"https://www.googleapis.com/compute/v1/projects/{SHOP}/zones/{zone}"
    ]
    assert document["items"].pop(f"zones/{zone}")["warning"]["code"] == "UNREACHABLE"
    del whole[f"zones/{zone}"]
    assert document["items"] == whole


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


def test_a_fake_may_be_started_again(estate: Estate, clock: ManualClock) -> None:
    fake = GcpFake(estate, clock)
    for _ in range(2):
        with fake, connected(fake) as client:
            assert ask(client, question())
