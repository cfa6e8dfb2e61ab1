"""All projects of a metrics scope in one collector."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import grpc  # type: ignore[import-untyped] # the package ships no types
import pytest
from google.cloud.monitoring_v3 import ListTimeSeriesResponse

from exporter.core.errors import AuthError, BadPayloadError, Reason, UnreachableError
from exporter.core.model import ResourceKey
from exporter.demo.gcp import Fault, FaultKind
from tests.support.gcp_series import page, series_of, series_server
from tests.support.provider_gcp import OTHER_PROJECT, PROJECT, SCOPE, GcpHarness, build
from tests.support.providers import final_window, points

METHOD = "/google.monitoring.v3.MetricService/ListTimeSeries"
BOTH = (PROJECT, OTHER_PROJECT)


class Scope:
    """The usual fleet behind a scoping project.

    The fake keeps instances apart; the question for the projects is answered in front of it.
    """

    def __init__(self, stack: ExitStack) -> None:
        self.projects: tuple[str, ...] = BOTH
        self.questions: list[Any] = []
        self.answers: Callable[[Any], Any] = self.answer
        self.fleet = GcpHarness()
        stack.callback(self.fleet.close)
        channel = stack.enter_context(grpc.insecure_channel(self.fleet.fake.monitoring_address))
        self._forward = channel.unary_unary(
            METHOD,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=ListTimeSeriesResponse.pb().FromString,
        )
        address = stack.enter_context(series_server(self._reply))
        (self.provider,) = build(
            self.fleet.context, self.fleet.fake, metrics_scope=SCOPE, monitoring_endpoint=address
        )
        stack.callback(self.provider.close)

    def _reply(self, request: Any) -> Any:  # noqa: ANN401 - protobuf's classes have no types
        return self.answers(request)

    def answer(self, request: Any) -> Any:  # noqa: ANN401 - protobuf's classes have no types
        self.questions.append(request)
        if list(request.aggregation.group_by_fields) != ["resource.label.project_id"]:
            return self._forward(request)
        end = request.interval.end_time.seconds
        keys = [ResourceKey("gcp", p, "", "gce_instance", "") for p in self.projects]
        return page(*(series_of(key, {end - 300: 0.1}) for key in keys))


@pytest.fixture
def scope() -> Iterator[Scope]:
    with ExitStack() as stack:
        yield Scope(stack)


def accounts(keys: Any) -> list[str]:  # noqa: ANN401 - any iterable of keys
    return sorted(key.account for key in keys)


def test_every_project_of_the_scope_is_watched_under_its_own_name(scope: Scope) -> None:
    machines = scope.provider.discover().machines
    window = final_window(scope.fleet)

    reading = scope.provider.read(machines, window)

    assert scope.provider.name == f"gcp:{SCOPE}"
    assert set(accounts(one.key for one in machines)) == set(BOTH)
    same_name = [one for one in machines if one.name == "test-0006"]
    assert accounts(one.key for one in same_name) == sorted(BOTH)
    assert set(points(reading)) == {one.key for one in machines}
    for one in same_name:
        for bucket, value in points(reading)[one.key].items():
            assert value == pytest.approx(scope.fleet.mean(one.key, bucket, bucket + 300))


def test_one_question_each_reads_all_cpus_and_gpus_and_few_series_find_projects(
    scope: Scope,
) -> None:
    machines = scope.provider.discover().machines
    asked = len(scope.questions)
    found = scope.fleet.meter.usage()["gcp", "ListTimeSeries"].dollars
    scope.provider.read(machines, final_window(scope.fleet))

    assert asked == 1
    assert [q.filter.split('"')[1] for q in scope.questions[1:]] == [
        "compute.googleapis.com/instance/cpu/utilization",
        "agent.googleapis.com/gpu/utilization",
    ]
    assert {question.name for question in scope.questions} == {f"projects/{SCOPE}"}
    assert found == pytest.approx(len(BOTH) * 0.50 / 1_000_000)


def test_a_project_that_joins_is_watched_and_one_that_leaves_is_not(scope: Scope) -> None:
    scope.projects = (PROJECT,)
    first = scope.provider.discover().machines
    scope.projects = BOTH
    second = scope.provider.discover().machines

    assert set(accounts(one.key for one in first)) == {PROJECT}
    assert set(accounts(one.key for one in second)) == set(BOTH)


def test_a_project_that_cannot_be_listed_stays_as_it_was(scope: Scope) -> None:
    scope.fleet.fake.faults.add(Fault(kind=FaultKind.UNAVAILABLE, project=OTHER_PROJECT))

    inventory = scope.provider.discover()

    assert set(accounts(one.key for one in inventory.machines)) == {PROJECT}
    assert inventory.unseen_all
    assert [failure.reason for failure in inventory.failures] == [Reason.UNREACHABLE]


def test_a_project_that_refuses_is_known_by_its_data(scope: Scope) -> None:
    refused = Fault(kind=FaultKind.MISSING_PERMISSION, service="compute", project=OTHER_PROJECT)
    scope.fleet.fake.faults.add(refused)

    inventory = scope.provider.discover()

    by_account = {one.key.account: one for one in inventory.machines}
    assert set(by_account) == set(BOTH)
    assert by_account[OTHER_PROJECT].cpu_platform == ""
    assert by_account[PROJECT].cpu_platform
    assert not inventory.unseen_all
    assert [failure.scope for failure in inventory.failures] == [OTHER_PROJECT]


def test_projects_known_last_are_listed_while_the_scope_cannot_be_asked(scope: Scope) -> None:
    before = scope.provider.discover().machines
    scope.answers = lambda _request: page(errors=[13])

    inventory = scope.provider.discover()

    assert inventory.machines == before
    assert [failure.reason for failure in inventory.failures] == [Reason.UNREACHABLE]


def test_a_scope_that_was_never_seen_is_an_error(scope: Scope) -> None:
    scope.answers = lambda _request: page(errors=[7])

    with pytest.raises(AuthError, match=f"monitoring.timeSeries.list in project {SCOPE}"):
        scope.provider.discover()


def test_a_scope_without_machines_is_empty(scope: Scope) -> None:
    scope.projects = ()

    inventory = scope.provider.discover()

    assert inventory.machines == ()
    assert not inventory.failures


def test_pages_that_never_end_are_given_up(scope: Scope) -> None:
    machines = scope.provider.discover().machines
    scope.answers = lambda _request: page(token="again")

    with pytest.raises(BadPayloadError, match="the pages do not end"):
        scope.provider.read(machines, final_window(scope.fleet))


def test_check_asks_compute_in_every_project(scope: Scope) -> None:
    refused = Fault(kind=FaultKind.MISSING_PERMISSION, service="compute", project=OTHER_PROJECT)
    scope.fleet.fake.faults.add(refused)

    checks = {check.permission: check for check in scope.provider.permissions()}

    assert checks["monitoring.timeSeries.list"].ok
    assert not checks["compute.instances.list"].ok
    assert OTHER_PROJECT in checks["compute.instances.list"].message


def test_a_scope_that_is_not_there_is_unreachable(scope: Scope) -> None:
    (provider,) = build(
        scope.fleet.context,
        scope.fleet.fake,
        metrics_scope=SCOPE,
        monitoring_endpoint="http://127.0.0.1:1",
    )

    with pytest.raises(UnreachableError):
        provider.discover()
    provider.close()
