"""What holds for every kind, whoever writes the next one: found by its file."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exporter.core.clock import from_epoch
from exporter.core.errors import UnreachableError
from exporter.core.meter import ApiMeter
from exporter.core.model import Machine, ResourceKey, RunState, UsageSeries, Window
from exporter.core.ports import AdapterContext
from exporter.demo.aws import Fault, FaultKind
from exporter.demo.estate import Estate
from exporter.providers._shared.reading import Points
from exporter.providers.aws import permissions
from exporter.providers.aws.config import Config
from exporter.providers.aws.errors import Call
from exporter.providers.aws.kind import Kind, Listing, Once, Permission, Place, Query
from exporter.providers.aws.kinds import NAMES, kind_of
from exporter.providers.aws.kinds._listing import DB_INSTANCES
from exporter.providers.aws.metrics import assembled, plan, read
from tests.support.clock import ManualClock
from tests.support.provider_aws import REGIONS, AwsHarness, database
from tests.support.provider_aws import machine as instance
from tests.support.providers import NoTypes, final_window

ROOT = Path(__file__).parents[4]
NOW = 1_772_409_600
WINDOW = Window(start=NOW - 900, end=NOW, resolution=300)
CALL = Call(permission="cloudwatch:GetMetricData", region="eu-west-1")
CONTEXT = AdapterContext(clock=ManualClock(), meter=ApiMeter(), types=NoTypes())


@pytest.fixture(params=NAMES)
def kind(request: pytest.FixtureRequest) -> Kind:
    made: Kind = kind_of(request.param)(Config(), CONTEXT)
    return made


# Every file


def test_a_kind_goes_by_the_name_of_its_file_and_has_tests_of_its_own(kind: Kind) -> None:
    assert kind.name in NAMES
    assert Path(__file__).with_name(f"test_{kind.name}.py").is_file()


def test_a_kind_says_what_it_counts(kind: Kind) -> None:
    assert kind.what
    service, _, thing = kind.resource_type.partition("_")
    assert service
    assert thing


def test_a_kind_asks_for_metrics_that_tell_of_one_machine_each_in_a_role_of_its_own(
    kind: Kind,
) -> None:
    machine = some_machine(kind.resource_type, "one")

    queries = kind.queries(machine)

    assert queries
    assert len({query.role for query in queries}) == len(queries)
    for query in queries:
        assert {value for _, value in query.dimensions} & {machine.name, machine.key.resource_id}
    point = kind.point(machine, {query.role: {} for query in queries})
    assert point.key == machine.key


def test_no_two_kinds_count_the_same_thing() -> None:
    assert len({kind_of(name).resource_type for name in NAMES}) == len(NAMES)


def test_the_policy_allows_what_the_kinds_need_and_nothing_else() -> None:
    kinds = [kind_of(name)(Config(), CONTEXT) for name in NAMES]
    policy = json.loads((ROOT / "deploy/iam/aws.json").read_text(encoding="utf-8"))
    (statement,) = policy["Statement"]

    assert set(statement["Action"]) == permissions.actions(kinds)
    assert len(set(statement["Action"])) == len(statement["Action"])


# A listing that several kinds share


def test_databases_are_listed_once_in_a_region_and_poll_for_all_kinds(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path)
    provider = harness.provider
    connection = provider._connected()
    sharing = [name for name in NAMES if kind_of(name).listing is DB_INSTANCES]
    kinds = [kind_of(name)(Config(), harness.context) for name in (*sharing, "rds")]

    for poll in (1, 2):
        for region in REGIONS:
            place = provider._place(connection, region)
            assert all(kind.list(place).machines for kind in kinds)
        assert harness.requests()["DescribeDBInstances"] == poll * len(REGIONS)
    harness.close()


def test_work_that_failed_fails_for_all_who_wait_for_it() -> None:
    once, asked = Once(), []

    def work() -> int:
        asked.append(1)
        message = "silence"
        raise UnreachableError(message)

    for _ in range(2):
        with pytest.raises(UnreachableError, match="silence"):
            once.do("list", work)

    assert len(asked) == 1
    assert once.do("another", lambda: 3) == 3


# Metrics of all kinds together


def test_metrics_of_all_kinds_of_a_region_go_into_the_same_requests(tmp_path: Path) -> None:
    fleet = (
        *(instance(n) for n in range(1, 300)),
        *(database(n) for n in range(300, 500)),
    )
    harness = AwsHarness(tmp_path, Estate(machines=fleet), regions=REGIONS[:1])

    machines = harness.provider.discover().machines
    reading = harness.provider.read(machines, final_window(harness))
    requests = harness.requests()["GetMetricData"]
    harness.close()

    assert requests == 1
    assert len(reading.series) == 499


class Farm(Kind):
    """A kind with two metrics: how many there were, and how busy; idle ones do not count."""

    what = "farms"
    resource_type = "farm_field"
    listing = Permission(name="farm:List", probe=lambda _: None)

    def list(self, place: Place) -> Listing:
        return Listing(region=place.region, machines=())

    def queries(self, machine: Machine) -> tuple[Query, ...]:
        dimensions = (("Farm", machine.name),)
        busy = Query(namespace="Farm", name="Busy", dimensions=dimensions)
        count = Query(
            namespace="Farm",
            name="Count",
            dimensions=dimensions,
            role="units",
            stat="Maximum",
            whole=1.0,
            most=1e6,
        )
        return busy, count

    def point(self, machine: Machine, answers: Mapping[str, Points]) -> UsageSeries:
        counted = {at for at, units in answers["units"].items() if units > 0}
        points = {at: ratio for at, ratio in answers["cpu"].items() if at in counted}
        return UsageSeries(key=machine.key, cpu=points)


class CloudWatch:
    """Answers each metric with its values, or as incomplete."""

    def __init__(self, values: Mapping[str, Mapping[int, float]]) -> None:
        self._values = values
        self.stats: list[str] = []

    def get_metric_data(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - as boto3 has it
        results = []
        for query in request["MetricDataQueries"]:
            values = self._values.get(query["MetricStat"]["Metric"]["MetricName"])
            self.stats.append(query["MetricStat"]["Stat"])
            results.append(
                {
                    "Id": query["Id"],
                    "StatusCode": "InternalError" if values is None else "Complete",
                    "Timestamps": [from_epoch(at) for at in values or ()],
                    "Values": list((values or {}).values()),
                }
            )
        return {"MetricDataResults": results}


def some_machine(resource_type: str, name: str) -> Machine:
    return Machine(
        key=ResourceKey("aws", "111122223333", "eu-west-1", resource_type, f"id-{name}"),
        name=name,
        instance_type="m5.large",
        state=RunState.RUNNING,
    )


def ask_farm(client: CloudWatch) -> Any:  # noqa: ANN401 - a reading
    farm = Farm(Config(), CONTEXT)
    machine = some_machine("farm_field", "one")
    wanted = [(machine.key, query) for query in farm.queries(machine)]
    (batch,) = plan(wanted, WINDOW, NOW)
    answer = read(client, batch, WINDOW, CALL, ApiMeter())  # type: ignore[arg-type] # a stand-in
    return assembled([machine], {farm.resource_type: farm}, [answer])


def test_a_kind_makes_its_point_of_several_metrics_each_with_its_statistic() -> None:
    client = CloudWatch(
        {
            "Busy": {NOW - 900: 50.0, NOW - 600: 60.0, NOW - 300: 70.0},
            "Count": {NOW - 900: 400.0, NOW - 600: 0.0},
        }
    )

    reading = ask_farm(client)

    assert [dict(series.cpu) for series in reading.series] == [{NOW - 900: 0.5}]
    assert client.stats == ["Average", "Maximum"]
    assert not reading.failures


def test_a_machine_is_unread_where_one_of_its_metrics_is() -> None:
    reading = ask_farm(CloudWatch({"Busy": {NOW - 900: 50.0}}))

    assert not reading.series
    assert {key.resource_id for key in reading.unread} == {"id-one"}


# Machines of kinds that are not watched


def test_what_is_watched_no_longer_is_read_to_its_end(tmp_path: Path) -> None:
    whole = AwsHarness(tmp_path)
    machines = whole.provider.discover().machines
    whole.close()
    less = AwsHarness(tmp_path, services=["ec2"])
    unknown = replace(machines[0], key=machines[0].key._replace(resource_type="aws_of_next_year"))

    reading = less.provider.read([*machines, unknown], final_window(less))
    less.close()

    assert {one.key for one in machines} == {series.key for series in reading.series}
    assert not reading.unread


def test_a_kind_that_may_not_be_listed_keeps_its_machines_and_the_collector_succeeds(
    tmp_path: Path,
) -> None:
    harness = AwsHarness(tmp_path)
    before = harness.provider.discover()
    harness.fake.faults.add(Fault(kind=FaultKind.MISSING_PERMISSION, service="rds"))

    denied = harness.provider.discover()
    harness.close()

    assert {one.key for one in denied.machines} == {one.key for one in before.machines}
    assert denied.failures == ()
    assert denied.unseen_regions == frozenset()
