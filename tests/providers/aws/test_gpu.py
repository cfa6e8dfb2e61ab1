"""GPU utilisation from CloudWatch agents: which metrics, at what price, and without them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter.core.errors import Reason
from exporter.core.meter import ApiMeter
from exporter.core.model import Machine, Reading, ResourceKey, RunState, Window
from exporter.demo.aws import Fault, FaultKind, Limits
from exporter.demo.estate import Estate
from exporter.providers.aws.errors import Call
from exporter.providers.aws.gpu import POWER, AgentMetrics, Reader
from tests.support.clock import ManualClock
from tests.support.provider_aws import ACCOUNT, GPU, REGIONS, AwsHarness, machine
from tests.support.providers import HOUR, final_window, points, running

Make = Callable[..., AwsHarness]
FOUR = replace(GPU, name="g4dn.12xlarge", gpu_count=4)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[AwsHarness] = []

    def build(*given: Any, **settings: Any) -> AwsHarness:  # noqa: ANN401 - of the harness
        made.append(AwsHarness(tmp_path, *given, **settings))
        return made[-1]

    yield build
    for harness in made:
        harness.close()


def equipped(agents: int = 0, silent: int = 0, *, region: str = REGIONS[0]) -> Estate:
    """Machines with a GPU each, some with an agent, and one without a GPU."""
    some = (
        machine(n + 2, region=region, machine_type=GPU, gpu_agent=agent, detailed=True)
        for n, agent in enumerate([True] * agents + [False] * silent)
    )
    return Estate(machines=(machine(1), *some))


def read(harness: AwsHarness) -> Reading:
    machines = running(harness.provider.discover().machines)
    return harness.provider.read(machines, final_window(harness))


def gpus_of(reading: Reading) -> Mapping[ResourceKey, Mapping[int, float]]:
    return {one.key: one.gpu for one in reading.series if one.gpu}


def true_means(harness: AwsHarness, key: ResourceKey) -> dict[int, float | None]:
    window = final_window(harness)
    return {b: harness.gpu(key, b, b + window.resolution) for b in window.buckets}


@pytest.mark.parametrize("gpus", [GPU, FOUR])
def test_an_instance_with_an_agent_has_the_mean_of_its_gpus(make: Make, gpus: Any) -> None:  # noqa: ANN401 - a type
    harness = make(Estate(machines=(machine(1, machine_type=gpus, gpu_agent=True),)))

    reading = read(harness)

    [(key, found)] = gpus_of(reading).items()
    assert found == pytest.approx(true_means(harness, key))
    assert not reading.failures


def test_instances_without_gpus_cost_nothing_more(make: Make) -> None:
    harness = make(Estate(machines=(machine(1), machine(2))))

    reading = read(harness)

    assert gpus_of(reading) == {}
    assert harness.fake.metrics_requested == 2
    assert "ListMetrics" not in harness.requests()
    assert harness.meter.usage()["aws", "ListMetrics"].requests == 0


def test_an_instance_without_an_agent_is_looked_for_once_an_hour(make: Make) -> None:
    harness = make(equipped(silent=1))

    for _ in range(5):
        assert gpus_of(read(harness)) == {}
        harness.pass_time(600)
    often = harness.requests()["ListMetrics"]
    harness.pass_time(HOUR)
    read(harness)

    assert (often, harness.requests()["ListMetrics"]) == (2, 4)  # utilisation, and watts
    assert harness.fake.metrics_requested == 6 * 2  # their CPUs


def test_each_gpu_is_billed_like_one_more_instance(make: Make) -> None:
    harness = make(Estate(machines=(machine(1, machine_type=FOUR, gpu_agent=True), machine(2))))
    alone = harness.provider.monthly_cost(2, timedelta(minutes=5))

    read(harness)

    assert harness.fake.metrics_requested == 2 + 4
    spent = sum(used.dollars for used in harness.meter.usage().values())
    assert spent == pytest.approx(harness.dollars())
    assert harness.provider.monthly_cost(2, timedelta(minutes=5)) == pytest.approx(3 * alone)


def test_every_region_is_asked_for_its_own_in_pages(make: Make) -> None:
    here, there = equipped(3), equipped(1, region=REGIONS[1])
    moved = tuple(replace(m, resource_id=f"{m.resource_id}0") for m in there.machines[1:])
    harness = make(Estate(machines=(*here.machines, *moved)), limits=Limits(metrics=2))

    reading = read(harness)

    assert len(gpus_of(reading)) == 4
    assert harness.requests()["ListMetrics"] == 3 + 2  # of watts, one empty page a region


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (FaultKind.MISSING_PERMISSION, Reason.AUTH),
        (FaultKind.THROTTLING, Reason.THROTTLED),
        (FaultKind.UNAVAILABLE, Reason.UNREACHABLE),
        (FaultKind.HTML, Reason.BAD_PAYLOAD),
    ],
)
def test_trouble_with_gpus_is_told_and_cpus_are_read_all_the_same(
    make: Make, kind: FaultKind, reason: Reason
) -> None:
    harness = make(equipped(1))
    harness.fake.faults.add(Fault(kind=kind, operation="ListMetrics"))

    reading = read(harness)
    harness.heal()
    healed = read(harness)

    assert [failure.reason for failure in reading.failures] == [reason]
    assert str(reading.failures[0]).startswith("cloudwatch:ListMetrics in eu-west-1")
    assert not reading.unread
    assert points(reading) == points(healed)
    assert gpus_of(reading) == {}
    assert len(gpus_of(healed)) == 1


# Which of an instance's metrics are read

Metrics = list[tuple[dict[str, str], float]]
"""Dimensions, and a value in percent."""


class CloudWatch:
    """CloudWatch with some metrics of one instance, each with one value in percent."""

    def __init__(
        self, metrics: Metrics, status: str = "Complete", power: Metrics | None = None
    ) -> None:
        self.metrics = metrics
        self.power = power or []
        self.status = status
        self.asked: list[dict[str, str]] = []

    def get_paginator(self, _name: str) -> "CloudWatch":
        return self

    def paginate(self, **given: object) -> list[dict[str, Any]]:
        listed = self.power if given["MetricName"] == POWER else self.metrics
        told = [
            {"Dimensions": [{"Name": n, "Value": v} for n, v in dimensions.items()]}
            for dimensions, _ in listed
        ]
        return [{"Metrics": told}]

    def get_metric_data(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - the API's fields
        results = []
        for query in request["MetricDataQueries"]:
            named = {d["Name"]: d["Value"] for d in query["MetricStat"]["Metric"]["Dimensions"]}
            self.asked.append(named)
            is_power = query["MetricStat"]["Metric"]["MetricName"] == POWER
            listed = self.power if is_power else self.metrics
            value = next(v for dimensions, v in listed if dimensions == named)
            at = {"Timestamps": [request["StartTime"]], "Values": [value]}
            results.append({"Id": query["Id"], "StatusCode": self.status, **at})
        return {"MetricDataResults": results}


ONE = Machine(
    key=ResourceKey("aws", ACCOUNT, "eu-west-1", "ec2_instance", "i-1"),
    name="",
    instance_type="g4dn.xlarge",
    state=RunState.RUNNING,
)
WINDOW = Window(start=1_772_406_000, end=1_772_406_300, resolution=300)


def ask(client: Any) -> Any:  # noqa: ANN401 - stands for boto3's
    def call(permission: str) -> Call:
        return Call(permission=permission, region="eu-west-1", account=ACCOUNT)

    reader = Reader(
        client=client,
        listing=call("cloudwatch:ListMetrics"),
        reading=call("cloudwatch:GetMetricData"),
        metrics=AgentMetrics(ManualClock()),
        meter=ApiMeter(),
    )
    return reader.read([ONE], WINDOW, WINDOW.end + 300)


def of_gpu(index: int, **more: str) -> dict[str, str]:
    return {"InstanceId": "i-1", "index": str(index), "name": "T4", **more}


def test_values_that_are_also_there_added_up_or_regrouped_count_once() -> None:
    whole = {"InstanceId": "i-1"}
    client = CloudWatch(
        [
            (whole, 99.0),
            (of_gpu(0), 20.0),
            (of_gpu(0, host="ip-10-0-0-1"), 20.0),
            (of_gpu(1), 60.0),
            ({"InstanceId": "i-of-others", "index": "0"}, 100.0),
        ]
    )

    reading = ask(client)

    assert reading.ratios == {ONE.key: {WINDOW.start: pytest.approx(0.4)}}
    assert sorted(asked["index"] for asked in client.asked) == ["0", "1"]


def test_a_metric_of_the_whole_instance_will_do() -> None:
    reading = ask(CloudWatch([({"InstanceId": "i-1"}, 45.0)]))

    assert reading.ratios == {ONE.key: {WINDOW.start: pytest.approx(0.45)}}


def test_the_watts_of_all_gpus_are_added_up() -> None:
    power = [(of_gpu(0), 40.0), (of_gpu(1), 65.5)]

    reading = ask(CloudWatch([(of_gpu(0), 20.0), (of_gpu(1), 60.0)], power=power))

    assert reading.watts == {ONE.key: {WINDOW.start: pytest.approx(105.5)}}
    assert reading.ratios == {ONE.key: {WINDOW.start: pytest.approx(0.4)}}


def test_a_mean_of_watts_over_gpus_is_not_taken_for_their_sum() -> None:
    reading = ask(CloudWatch([], power=[({"InstanceId": "i-1"}, 45.0)]))

    assert reading.watts == {}


@pytest.mark.parametrize("watts", [-1.0, 6000.0, float("nan")])
def test_watts_that_no_gpu_draws_are_left_out_and_told(watts: float) -> None:
    reading = ask(CloudWatch([], power=[(of_gpu(0), watts)]))

    assert reading.watts == {ONE.key: {}}
    assert [failure.reason for failure in reading.failures] == [Reason.BAD_PAYLOAD]


def test_an_agent_that_tells_watts_too_is_read_with_its_error(make: Make) -> None:
    harness = make(
        Estate(machines=(machine(1, machine_type=FOUR, gpu_agent=True, gpu_power=True),))
    )

    [series] = read(harness).series

    assert series.watts
    for start, read_ in series.watts.items():
        [one] = harness.estate.machines
        assert read_.gpu == pytest.approx(harness.estate.mean_gpu_watts(one, start, start + 300))
        assert (read_.low, read_.high) == (0.9, 1.1)
        assert not read_.tells_cpu
    assert harness.fake.metrics_requested == 1 + 4 + 4


@pytest.mark.parametrize("percent", [-1.0, 201.5, float("nan"), float("inf")])
def test_what_is_no_utilisation_is_left_out_and_told(percent: float) -> None:
    reading = ask(CloudWatch([(of_gpu(0), percent)]))

    assert reading.ratios == {ONE.key: {}}
    [failure] = reading.failures
    assert failure.reason is Reason.BAD_PAYLOAD
    assert "GPU utilisation" in str(failure)


def test_a_bucket_that_one_gpu_lacks_is_not_known() -> None:
    client = CloudWatch([(of_gpu(0), 20.0), (of_gpu(1), float("nan"))])

    assert ask(client).ratios == {ONE.key: {}}


@pytest.mark.parametrize(
    ("status", "reason"),
    [("InternalError", Reason.UNREACHABLE), ("Forbidden", Reason.AUTH), ("?", Reason.BAD_PAYLOAD)],
)
def test_results_that_are_not_complete_are_not_used(status: str, reason: Reason) -> None:
    reading = ask(CloudWatch([(of_gpu(0), 20.0)], status))

    assert reading.ratios == {ONE.key: {}}
    assert [failure.reason for failure in reading.failures] == [reason]


def test_agents_that_do_not_name_their_instance_are_nobodys() -> None:
    assert ask(CloudWatch([({"host": "ip-10-0-0-1", "index": "0"}, 20.0)])).ratios == {}
