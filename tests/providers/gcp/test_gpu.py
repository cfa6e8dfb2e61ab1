"""GPU utilisation from the Ops Agent: of whom, at what price, and what a failure leaves."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from google.api_core.exceptions import NotFound

from exporter.core.errors import CollectorError, Reason
from exporter.core.model import Reading, ResourceKey
from exporter.demo.estate import Estate
from exporter.demo.gcp import Fault, FaultKind
from exporter.providers._shared.reading import GpuReading
from exporter.providers.gcp import gpu, metrics
from exporter.providers.gcp.errors import Call, NotFoundError, translate
from exporter.providers.gcp.kinds.gce import CPU
from exporter.providers.gcp.metrics import Question
from tests.support.gcp_series import page, series_of
from tests.support.provider_gcp import GPU, PROJECT, GcpHarness, machine
from tests.support.providers import final_window, points, running

Make = Callable[..., GcpHarness]
CALL = Call(permission=metrics.PERMISSION, project=PROJECT)
ONE = ResourceKey("gcp", PROJECT, "europe-west1", "gce_instance", "1")
START = 1_772_409_600
ASKED = Question(metric=CPU, target=PROJECT, start=START, end=START + 900, period=300)


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[GcpHarness] = []

    def build(*given: Any, **settings: Any) -> GcpHarness:  # noqa: ANN401 - of the harness
        made.append(GcpHarness(*given, **settings))
        return made[-1]

    yield build
    for harness in made:
        harness.close()


def read(harness: GcpHarness) -> Reading:
    machines = running(harness.provider.discover().machines)
    return harness.provider.read(machines, final_window(harness))


def gpus_of(reading: Reading) -> Mapping[ResourceKey, Mapping[int, float]]:
    return {one.key: one.gpu for one in reading.series if one.gpu}


def test_machines_without_gpus_cost_nothing_more(make: Make) -> None:
    harness = make(Estate(machines=(machine(1), machine(2))))

    assert gpus_of(read(harness)) == {}
    assert harness.requests()["ListTimeSeries"] == 1


def test_a_machine_that_reports_costs_one_series_more(make: Make) -> None:
    equipped = [machine(n, machine_type=GPU, gpu_agent=n == 2) for n in (2, 3)]
    harness = make(Estate(machines=(machine(1), *equipped)))

    reading = read(harness)

    window = final_window(harness)
    [(key, found)] = gpus_of(reading).items()
    assert key.resource_id == equipped[0].resource_id
    assert found == pytest.approx({b: harness.gpu(key, b, b + 300) for b in window.buckets})
    assert harness.requests()["ListTimeSeries"] == 2
    assert harness.fake.series_returned == 3 + 1
    spent = sum(used.dollars for used in harness.meter.usage().values())
    assert spent == pytest.approx(harness.dollars())


def test_the_forecast_of_the_bill_holds_the_machines_with_gpus(make: Make) -> None:
    harness = make(Estate(machines=(machine(1), machine(2, machine_type=GPU))))
    interval = timedelta(minutes=5)
    before = harness.provider.monthly_cost(2, interval)

    harness.provider.discover()

    assert harness.provider.monthly_cost(2, interval) == pytest.approx(1.5 * before)


class Pages:
    """A connection that answers one question, or fails."""

    def __init__(self, *answers: Any, error: CollectorError | None = None) -> None:  # noqa: ANN401 - protobuf's classes have no types
        self.answers = answers
        self.error = error
        self.asked: list[Any] = []

    def series_pages(self, request: Any, _call: Call) -> Iterator[Any]:  # noqa: ANN401 - protobuf's classes have no types
        self.asked.append(request)
        if self.error is not None:
            raise self.error
        yield from self.answers


def ask(connection: Any) -> GpuReading:  # noqa: ANN401 - stands for the real one
    return gpu.read(connection, ASKED, [ONE], CALL)


def test_percent_become_ratios_and_gpus_of_an_instance_become_one() -> None:
    other = ONE._replace(resource_id="2")
    connection = Pages(
        page(series_of(ONE, {START + 300: 37.5}), series_of(other, {START + 300: 9}))
    )

    reading = ask(connection)

    assert reading.ratios == {ONE: {START: 0.375}}
    [request] = connection.asked
    assert 'metric.type = "agent.googleapis.com/gpu/utilization"' in request.filter
    assert request.aggregation.cross_series_reducer.name == "REDUCE_MEAN"
    assert list(request.aggregation.group_by_fields) == [
        "resource.label.project_id",
        "resource.label.zone",
        "resource.label.instance_id",
    ]


def test_what_is_no_utilisation_is_left_out_and_told() -> None:
    reading = ask(Pages(page(series_of(ONE, {START + 300: 250.0, START + 600: 50.0}))))

    assert reading.ratios == {ONE: {START + 300: 0.5}}
    [failure] = reading.failures
    assert failure.reason is Reason.BAD_PAYLOAD
    assert "GPU utilisation" in str(failure)


def test_a_metric_that_no_agent_ever_wrote_is_no_failure() -> None:
    error = translate(NotFound("Cannot find metric(s)"), CALL)  # type: ignore[no-untyped-call] # untyped upstream

    assert isinstance(error, NotFoundError)
    assert ask(Pages(error=error)) == GpuReading()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(FaultKind.THROTTLING, Reason.THROTTLED), (FaultKind.UNAVAILABLE, Reason.UNREACHABLE)],
)
def test_trouble_with_gpus_is_told_and_cpus_are_read_all_the_same(
    make: Make, monkeypatch: pytest.MonkeyPatch, kind: FaultKind, reason: Reason
) -> None:
    harness = make()
    healthy = read(harness)
    ask_gpus = gpu.read

    def with_trouble(*given: Any) -> GpuReading:  # noqa: ANN401 - passed through
        harness.fake.faults.add(Fault(kind=kind, service="monitoring"))
        return ask_gpus(*given)

    monkeypatch.setattr(gpu, "read", with_trouble)
    reading = read(harness)

    assert [failure.reason for failure in reading.failures] == [reason]
    assert not reading.unread
    assert points(reading) == points(healthy)
    assert gpus_of(reading) == {}
