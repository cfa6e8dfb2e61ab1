"""GetMetricData: what is asked, and how answers become buckets."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.clock import from_epoch
from exporter.core.errors import Reason
from exporter.core.meter import ApiMeter
from exporter.core.model import Machine, ResourceKey, RunState, Window
from exporter.demo.aws import Fault, FaultKind, Limits
from exporter.demo.estate import Estate, Once
from exporter.providers.aws.errors import Call
from exporter.providers.aws.kind import Query
from exporter.providers.aws.metrics import Answer, Batch, Wanted, monthly_cost, plan, read
from tests.support.provider_aws import AwsHarness, machine
from tests.support.providers import HOUR, final_window, points, running

DAY = 24 * HOUR
NOW = 1_772_409_600
CALL = Call(permission="cloudwatch:GetMetricData", region="eu-west-1", account="111122223333")


def machines(count: int, region: str = "eu-west-1") -> list[Machine]:
    return [
        Machine(
            key=ResourceKey("aws", "111122223333", region, "ec2_instance", f"i-{region}-{n}"),
            name="",
            instance_type="m5.large",
            state=RunState.RUNNING,
        )
        for n in range(count)
    ]


def window(seconds: int, resolution: int = 300, ago: int = 0) -> Window:
    end = (NOW - ago) // resolution * resolution
    return Window(start=end - seconds, end=end, resolution=resolution)


def cpu(fleet: Sequence[Machine], finest: int = 300) -> list[Wanted]:
    return [
        (
            one.key,
            Query(
                namespace="AWS/EC2",
                name="CPUUtilization",
                dimensions=(("InstanceId", one.key.resource_id),),
                finest=finest,
            ),
        )
        for one in fleet
    ]


def planned(fleet: Sequence[Machine], over: Window, finest: int = 300) -> list[Batch]:
    return list(plan(cpu(fleet, finest), over, NOW))


# What is asked


def test_five_hundred_machines_go_into_one_request_and_regions_apart() -> None:
    fleet = [*machines(1001), *machines(3, "us-east-1")]

    batches = planned(fleet, window(HOUR))

    sizes = [(batch.region, len(batch.wanted)) for batch in batches]
    assert sizes == [("eu-west-1", 500), ("eu-west-1", 500), ("eu-west-1", 1), ("us-east-1", 3)]
    assert {key for batch in batches for key, _ in batch.wanted} == {one.key for one in fleet}


def test_a_long_catch_up_asks_for_as_many_points_as_one_answer_holds() -> None:
    batches = planned(machines(1000), window(DAY))

    assert max(len(batch.wanted) for batch in batches) == 350
    assert all(len(b.wanted) * (b.end - b.start) // b.period <= 100_800 for b in batches)


@pytest.mark.parametrize(
    ("resolution", "detailed", "ago", "period"),
    [
        (300, False, 0, 300),
        (300, True, 0, 300),
        (900, False, 0, 900),
        (60, True, 0, 60),
        (120, True, 0, 120),
        (60, False, 0, 300),
        (60, True, 14 * DAY, 60),
        (60, True, 15 * DAY, 300),
        (300, True, 62 * DAY, 300),
        (300, False, 63 * DAY, 3600),
        (7200, False, 63 * DAY, 7200),
    ],
)
def test_the_period_is_one_that_the_machine_has_and_cloudwatch_still_keeps(
    resolution: int, detailed: bool, ago: int, period: int
) -> None:
    fleet = machines(1)

    (batch,) = planned(fleet, window(2 * HOUR, resolution, ago), 60 if detailed else 300)

    assert batch.period == period
    assert batch.start % period == 0
    assert batch.end % period == 0


def test_nothing_is_asked_from_before_what_is_kept() -> None:
    old = Window(start=NOW - 500 * DAY, end=NOW, resolution=300)

    (batch,) = planned(machines(1), old)

    assert batch.start == NOW - 455 * DAY


def test_a_period_that_has_not_ended_is_not_asked_for() -> None:
    short = Window(start=NOW - 300, end=NOW - 60, resolution=60)
    (batch,) = planned(machines(1), short)

    reading = read(_Never(), batch, short, CALL, ApiMeter())  # type: ignore[arg-type] # a stand-in

    assert list(reading.points.values()) == [{}]
    assert not reading.unread


def test_the_bill_depends_on_machines_and_interval_only() -> None:
    # The three figures of CloudWatch's price list for 1,000 machines over 30 days.
    assert monthly_cost(1000, timedelta(minutes=5)) == pytest.approx(86.40)
    assert monthly_cost(1000, timedelta(minutes=15)) == pytest.approx(28.80)
    assert monthly_cost(1000, timedelta(hours=1)) == pytest.approx(7.20)


# What answers become


class _Never:
    """A client that must not be asked."""

    def get_metric_data(self, **_: object) -> object:
        raise AssertionError


class _Says:
    """A client that gives one answer for ever."""

    def __init__(self, *results: dict[str, Any], token: str | None = None) -> None:
        self._answer = {"MetricDataResults": list(results)} | (
            {"NextToken": token} if token else {}
        )

    def get_metric_data(self, **_: object) -> object:
        return self._answer


def result(
    number: int,
    values: dict[int, float],
    status: str = "Complete",
    **changes: Any,  # noqa: ANN401
) -> dict[str, Any]:
    stamps: list[datetime] = [from_epoch(at) for at in values]
    return {
        "Id": f"q{number}",
        "Timestamps": stamps,
        "Values": list(values.values()),
        "StatusCode": status,
    } | changes


def ask(client: object, count: int = 1, over: Window | None = None) -> Answer:
    asked = over or window(900)
    (batch,) = planned(machines(count), asked)
    return read(client, batch, asked, CALL, ApiMeter())  # type: ignore[arg-type] # a stand-in


START = window(900).start


def test_results_belong_to_machines_by_id_and_not_by_order() -> None:
    reading = ask(_Says(result(1, {START: 20.0}), result(0, {START: 10.0})), count=2)

    values = {key.resource_id: points for (key, _), points in reading.points.items()}
    assert values == {"i-eu-west-1-0": {START: 0.1}, "i-eu-west-1-1": {START: 0.2}}


def test_points_outside_the_window_are_left_out() -> None:
    beyond = {START - 300: 1.0, START: 2.0, START + 900: 3.0}

    (points,) = ask(_Says(result(0, beyond))).points.values()

    assert points == {START: 0.02}


@pytest.mark.parametrize("percent", [float("nan"), float("inf"), -0.1, 201.5, 1e9])
def test_a_value_that_is_no_utilisation_is_left_out_and_reported(percent: float) -> None:
    reading = ask(_Says(result(0, {START: percent, START + 300: 50.0})))

    assert list(reading.points.values()) == [{START + 300: 0.5}]
    assert [failure.reason for failure in reading.failures] == [Reason.BAD_PAYLOAD]
    assert not reading.unread


@pytest.mark.parametrize(
    "changes",
    [
        {"Timestamps": [None, from_epoch(START)]},  # what the SDK makes of the year 10000
        {"Timestamps": [from_epoch(START + 61), from_epoch(START)]},
        {"Values": [None, 50.0]},
        {"Values": ["many", 50.0]},
        {"Values": [True, 50.0]},
    ],
)
def test_an_odd_point_is_left_out_and_told_while_its_neighbours_count(
    changes: dict[str, Any],
) -> None:
    pair = {"Timestamps": [from_epoch(START + 300), from_epoch(START)], "Values": [1.0, 50.0]}
    odd = result(0, {}) | pair | changes
    reading = ask(_Says(odd, result(1, {START: 20.0})), count=2)

    assert list(reading.points.values()) == [{START: 0.5}, {START: 0.2}]
    assert [failure.minor for failure in reading.failures] == [True]
    assert not reading.unread


@pytest.mark.parametrize("changes", [{"Values": []}, {"Timestamps": ["noon"]}, {"Values": ["x"]}])
def test_a_series_that_cannot_be_read_leaves_its_own_machine_unread(
    changes: dict[str, Any],
) -> None:
    odd = result(0, {START: 1.0}, **changes)
    reading = ask(_Says(odd, result(1, {START: 20.0})), count=2)

    assert list(reading.points.values()) == [{START: 0.2}]
    assert {key.resource_id for key in reading.unread} == {"i-eu-west-1-0"}
    assert [failure.reason for failure in reading.failures] == [Reason.BAD_PAYLOAD]


def test_a_little_over_a_hundred_percent_is_a_hundred() -> None:
    (points,) = ask(_Says(result(0, {START: 100.4}))).points.values()

    assert points == {START: 1.0}


@pytest.mark.parametrize(
    "client",
    [
        _Says(result(7, {})),
        _Says(result(0, {START: 1.0}, Values=[])),
        _Says(result(0, {START: 1.0}, Values=["many"])),
        _Says(result(0, {START + 60: 1.0})),
        _Says(result(0, {START: 1.0}, Timestamps=["noon"])),
        _Says(),
        _Says(result(0, {START: 1.0}, "Surprising")),
        _Says(result(0, {START: 1.0}, "PartialData"), token="again"),
    ],
)
def test_an_answer_of_another_shape_leaves_all_unread(client: _Says) -> None:
    reading = ask(client)

    assert not reading.points
    assert {key.resource_id for key in reading.unread} == {"i-eu-west-1-0"}
    assert [failure.reason for failure in reading.failures] == [Reason.BAD_PAYLOAD]


@given(
    st.lists(st.floats(0, 100), min_size=4, max_size=4),
    st.sampled_from([60, 100, 120, 150]),
)
def test_spreading_five_minutes_over_finer_buckets_keeps_the_mean(
    percents: list[float], resolution: int
) -> None:
    over = Window(start=NOW, end=NOW + 1200, resolution=resolution)
    client = _Says(result(0, {NOW + 300 * n: value for n, value in enumerate(percents)}))
    (batch,) = plan(cpu(machines(1)), over, NOW + 1200)
    reading = read(client, batch, over, CALL, ApiMeter())  # type: ignore[arg-type] # a stand-in

    (points,) = reading.points.values()
    assert set(points) == set(over.buckets)
    mean = sum(points.values()) / len(over.buckets)
    assert mean == pytest.approx(sum(percents) / 400, abs=1e-12)


def test_a_bucket_over_a_missing_point_is_absent() -> None:
    over = Window(start=NOW, end=NOW + 600, resolution=120)
    client = _Says(result(0, {NOW: 10.0}))
    (batch,) = plan(cpu(machines(1)), over, NOW + 600)

    (points,) = read(client, batch, over, CALL, ApiMeter()).points.values()  # type: ignore[arg-type] # a stand-in

    assert set(points) == {NOW, NOW + 120}


# Against the simulated CloudWatch


def test_pages_are_put_together(tmp_path: Path) -> None:
    whole, paged = (
        AwsHarness(tmp_path, limits=limits) for limits in (Limits(), Limits(datapoints=7))
    )

    readings = []
    for harness in (whole, paged):
        fleet = harness.provider.discover().machines
        readings.append(harness.provider.read(fleet, final_window(harness)))
    requests = paged.requests()["GetMetricData"]
    whole.close()
    paged.close()

    assert readings[0] == readings[1]
    assert requests > 2


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (FaultKind.RESULT_INTERNAL_ERROR, Reason.UNREACHABLE),
        (FaultKind.RESULT_FORBIDDEN, Reason.AUTH),
    ],
)
def test_one_bad_result_leaves_one_machine_unread(
    tmp_path: Path, kind: FaultKind, reason: Reason
) -> None:
    harness = AwsHarness(tmp_path)
    fleet = running(harness.provider.discover().machines)
    victim = fleet[0].key
    harness.fake.faults.add(Fault(kind=kind, instance_ids=frozenset({victim.resource_id})))

    reading = harness.provider.read(fleet, final_window(harness))
    harness.close()

    assert reading.unread == {victim}
    assert set(points(reading)) == {one.key for one in fleet} - {victim}
    assert [failure.reason for failure in reading.failures] == [reason]


def test_a_machine_with_detailed_monitoring_keeps_its_minutes_after_it_is_gone(
    tmp_path: Path,
) -> None:
    end = NOW - 1800
    ended = machine(1, detailed=True, schedule=Once(start=0, end=end), terminates=True)
    harness = AwsHarness(tmp_path, Estate(machines=(ended,)))
    over = Window(start=end - 600, end=end, resolution=60)

    (gone,) = harness.provider.discover().machines
    listed = points(harness.provider.read((gone,), over))[gone.key]
    harness.pass_time(2 * HOUR)
    assert not harness.provider.discover().machines
    vanished = points(harness.provider.read((gone,), over))[gone.key]
    harness.pass_time(DAY)
    harness.provider.discover()
    forgotten = points(harness.provider.read((gone,), over))[gone.key]
    harness.close()

    assert vanished == listed
    assert len(set(listed.values())) == 10
    assert len(set(forgotten.values())) == 2  # five-minute means are all that is certain
    assert sum(forgotten.values()) == pytest.approx(sum(listed.values()), rel=1e-12)
