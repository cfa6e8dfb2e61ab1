"""CPU by metrics batch: what is asked, and how answers are read."""

from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.clock import epoch, from_epoch
from exporter.core.errors import Reason
from exporter.core.model import Machine, ResourceKey, RunState, Window
from exporter.demo._http import HttpRequest, Reply
from exporter.providers._shared.reading import BatchReading
from exporter.providers.azure import metrics
from exporter.providers.azure.kinds import NAMES, kind_of
from exporter.providers.azure.metrics import Batch, monthly_cost, plan
from tests.support.clock import ManualClock
from tests.support.provider_azure import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.support.wire_azure import Answer, Wire, page, refused, reply

NOW = int(epoch(ManualClock().now()))
WINDOW = Window(start=NOW - 3600, end=NOW - 300, resolution=300)

KINDS = {kind.resource_type: kind for kind in (kind_of(name)() for name in NAMES)}
KIND_OF = {kind.metric: resource_type for resource_type, kind in KINDS.items()}


def one(number: int, **changes: Any) -> Machine:  # noqa: ANN401 - fields of the key
    state = changes.pop("state", RunState.RUNNING)
    key = ResourceKey("azure", SUBSCRIPTION, "eastus", "azure_vm", "")._replace(**changes)
    scope = f"/subscriptions/{key.account}/resourcegroups/rg/providers/microsoft.compute"
    key = key._replace(resource_id=f"{scope}/virtualmachines/vm-{number}")
    return Machine(key=key, name="", instance_type="Standard_D2s_v5", state=state)


def batch(*machines: Machine, window: Window = WINDOW) -> Batch:
    (only,) = plan(machines, KINDS, window, NOW)
    return only


def value(machine: Machine, *averages: float | None, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """One machine's part of an answer: grains from the window's start on."""
    grains = [
        {"timeStamp": from_epoch(WINDOW.start + i * 300).isoformat()}
        | ({} if average is None else {"average": average})
        for i, average in enumerate(averages)
    ]
    shown = machine.key.resource_id.replace("virtualmachines", "virtualMachines")
    metric = {
        "id": f"{shown}/providers/Microsoft.Insights/metrics/Percentage CPU",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": "Percentage CPU"},
        "unit": "Percent",
        "timeseries": [{"metadatavalues": [], "data": grains}],
        "errorCode": "Success",
    }
    return {"interval": "PT5M", "resourceid": shown.upper(), "value": [metric | changes]}


def read(wire: Wire, asked: Batch, *answers: Answer, window: Window = WINDOW) -> BatchReading:
    wire.answers = list(answers)
    return metrics.read(wire.connection(), asked, window)


def first(reading: BatchReading) -> list[float]:
    return list(reading.series[0].cpu.values())


def grains(*told: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"metadatavalues": [], "data": list(told)}]


RIGHT = {"timeStamp": from_epoch(WINDOW.start).isoformat(), "average": 50.0}


@pytest.mark.parametrize(
    "odd",
    [
        {"timeStamp": "10000-01-01T00:00:00Z", "average": 1.0},
        {"timeStamp": "0001-01-01T00:00:00+05:00", "average": 1.0},
        {"timeStamp": "noon", "average": 1.0},
        {"timeStamp": None, "average": 1.0},
        {"average": 1.0},
        {"timeStamp": from_epoch(WINDOW.start + 30).isoformat(), "average": 1.0},
        {"timeStamp": from_epoch(WINDOW.start + 300).isoformat(), "average": "many"},
        {"timeStamp": from_epoch(WINDOW.start + 300).isoformat(), "average": -1.0},
    ],
)
def test_an_odd_grain_is_left_out_and_told_while_its_neighbours_count(
    wire: Wire, odd: dict[str, Any]
) -> None:
    values = [value(one(1), timeseries=grains(odd, RIGHT)), value(one(2), 20.0)]

    reading = read(wire, batch(one(1), one(2)), reply({"values": values}))

    assert [list(series.cpu.values()) for series in reading.series] == [[0.5], [0.2]]
    assert [failure.minor for failure in reading.failures] == [True]
    assert not reading.unread


def test_a_series_without_any_readable_time_leaves_its_own_machine_unread(wire: Wire) -> None:
    odd = grains({"timeStamp": "noon", "average": 1.0})
    values = [value(one(1), timeseries=odd), value(one(2), 20.0)]

    reading = read(wire, batch(one(1), one(2)), reply({"values": values}))

    assert reading.unread == {one(1).key}
    assert [list(series.cpu.values()) for series in reading.series] == [[0.2]]


def test_a_time_in_another_zone_is_the_same_time(wire: Wire) -> None:
    elsewhere = from_epoch(WINDOW.start).astimezone(timezone(timedelta(hours=5, minutes=30)))
    told = grains(RIGHT | {"timeStamp": elsewhere.isoformat()})

    reading = read(wire, batch(one(1)), reply({"values": [value(one(1), timeseries=told)]}))

    assert reading.series[0].cpu == {WINDOW.start: 0.5}


# What is asked


@given(st.integers(0, 400))
def test_no_call_has_more_than_fifty_ids_and_every_machine_is_asked_for_once(count: int) -> None:
    machines = [one(number) for number in range(count)]

    batches = list(plan(machines, KINDS, WINDOW, NOW))

    assert [m for b in batches for m in b.machines] == machines
    assert all(1 <= len(b.machines) <= 50 for b in batches)
    assert len(batches) == -(-count // 50)


def test_a_call_is_about_one_subscription_region_and_type_and_the_gone_are_apart() -> None:
    machines = [
        one(1),
        one(2, account=OTHER_SUBSCRIPTION),
        one(3, cloud_region="westeurope"),
        one(4, resource_type="azure_vmss_vm"),
        one(5, state=RunState.GONE),
        one(6),
    ]

    batches = list(plan(machines, KINDS, WINDOW, NOW))

    assert sorted(len(b.machines) for b in batches) == [1, 1, 1, 1, 2]
    for each in batches:
        for machine in each.machines:
            key = machine.key
            assert (key.account, key.cloud_region, key.resource_type) == (
                each.subscription,
                each.region,
                KIND_OF[each.metric],
            )


@pytest.mark.parametrize(
    ("resolution", "grain"),
    [(60, 60), (120, 60), (300, 300), (600, 300), (720, 60), (900, 900), (1200, 300), (3600, 3600)],
)
def test_the_longest_grain_that_fits_into_a_bucket_is_asked_for(
    resolution: int, grain: int
) -> None:
    window = Window(start=0, end=7200, resolution=resolution)

    assert {b.grain for b in plan([one(1)], KINDS, window, NOW * 0 + 7200)} == {grain}


def test_a_long_window_is_asked_for_in_days_of_minutes() -> None:
    end = NOW - NOW % 86400
    window = Window(start=end - 3 * 86400, end=end, resolution=60)

    spans = [(b.start, b.end) for b in plan([one(1)], KINDS, window, NOW)]

    assert spans == [(end - d * 86400, end - d * 86400 + 86400) for d in (3, 2, 1)]


def test_what_azure_keeps_no_longer_is_not_asked_for() -> None:
    window = Window(start=0, end=NOW // 300 * 300, resolution=300)

    spans = [(b.start, b.end) for b in plan([one(1)], KINDS, window, NOW)]

    assert spans[0][0] >= NOW - metrics.RETENTION.total_seconds()
    assert spans[-1][1] == window.end


def test_the_request_is_as_documented(wire: Wire) -> None:
    machine = one(1, cloud_region="westeurope")

    read(wire, batch(machine), reply({"values": [value(machine, 1.0)]}))

    (request,) = wire.asked
    assert request.path == f"/westeurope/subscriptions/{SUBSCRIPTION}/metrics:getBatch"
    assert request.query["metricnamespace"] == "Microsoft.Compute/virtualMachines"
    assert request.query["metricnames"] == "Percentage CPU"
    assert request.query["aggregation"] == "Average"
    assert request.query["interval"] == "PT5M"
    assert request.query["starttime"] == f"{from_epoch(WINDOW.start):%Y-%m-%dT%H:%M:%S}.000Z"
    assert request.query["endtime"] == f"{from_epoch(WINDOW.end):%Y-%m-%dT%H:%M:%S}.000Z"
    assert wire.bodies() == [{"resourceids": [machine.key.resource_id]}]


# What comes back


def test_results_are_told_apart_by_id_and_never_by_place(wire: Wire) -> None:
    a, b, c = one(1), one(2), one(3)
    values = [value(c, 30.0), value(a, 10.0), value(b, 20.0)]

    reading = read(wire, batch(a, b, c), reply({"values": values}))

    found = {series.key: list(series.cpu.values()) for series in reading.series}
    assert found == {a.key: [0.1], b.key: [0.2], c.key: [0.3]}


def test_a_grain_without_average_is_no_value_and_zero_is_one(wire: Wire) -> None:
    machine = one(1)

    reading = read(wire, batch(machine), reply({"values": [value(machine, 50.0, 0.0, None)]}))

    assert reading.series[0].cpu == {WINDOW.start: 0.5, WINDOW.start + 300: 0.0}


def test_a_machine_with_an_empty_value_is_read_and_has_no_data(wire: Wire) -> None:
    a, b = one(1), one(2)
    values = [value(a) | {"value": []}, value(b, 20.0)]

    reading = read(wire, batch(a, b), reply({"values": values}))

    assert not reading.unread
    assert not reading.failures
    assert {series.key: len(series.cpu) for series in reading.series} == {a.key: 0, b.key: 1}


@pytest.mark.parametrize("changes", [{"timeseries": []}, {"timeseries": [{"data": []}]}])
def test_a_metric_without_grains_is_no_data(wire: Wire, changes: dict[str, object]) -> None:
    machine = one(1)

    reading = read(wire, batch(machine), reply({"values": [value(machine, **changes)]}))

    assert not reading.unread
    assert first(reading) == []


def test_a_machine_that_is_left_out_must_be_asked_again(wire: Wire) -> None:
    a, b = one(1), one(2)

    reading = read(wire, batch(a, b), reply({"values": [value(a, 10.0)]}))

    assert reading.unread == {b.key}
    assert [failure.reason for failure in reading.failures] == [Reason.NO_DATA]
    assert "Microsoft.Insights is registered" in str(reading.failures[0])


def test_a_machine_that_is_gone_may_be_left_out(wire: Wire) -> None:
    reading = read(wire, batch(one(1, state=RunState.GONE)), reply({"values": []}))

    assert not reading.unread
    assert first(reading) == []


def test_a_result_that_is_an_error_must_be_asked_again(wire: Wire) -> None:
    a, b = one(1), one(2)
    values = [value(a, 10.0), value(b, timeseries=[], errorCode="InternalServerError")]

    reading = read(wire, batch(a, b), reply({"values": values}))

    assert reading.unread == {b.key}
    assert [series.key for series in reading.series] == [a.key]
    assert [failure.reason for failure in reading.failures] == [Reason.BAD_PAYLOAD]


def test_a_little_over_the_top_is_full_and_more_is_left_out(wire: Wire) -> None:
    machine = one(1)
    averages = 100.5, 250.0, -1.0, float("nan"), 40.0

    reading = read(wire, batch(machine), reply({"values": [value(machine, *averages)]}))

    assert first(reading) == [1.0, 0.4]
    assert [failure.reason for failure in reading.failures] == [Reason.BAD_PAYLOAD]


def test_grains_are_averaged_over_a_bucket_as_far_as_the_machine_ran(wire: Wire) -> None:
    machine = one(1)
    window = Window(start=WINDOW.start, end=WINDOW.start + 1800, resolution=600)
    answer = reply({"values": [value(machine, 10.0, 20.0, 30.0, None, None)]})

    reading = read(wire, batch(machine, window=window), answer, window=window)

    assert reading.series[0].cpu == {
        window.start: pytest.approx(0.15),
        window.start + 600: pytest.approx(0.3),
    }


def test_grains_outside_the_window_are_left_out(wire: Wire) -> None:
    machine = one(1)
    window = Window(start=WINDOW.start + 300, end=WINDOW.start + 600, resolution=300)
    answer = reply({"values": [value(machine, 10.0, 20.0, 30.0)]})

    reading = read(wire, batch(machine, window=window), answer, window=window)

    assert reading.series[0].cpu == {window.start: 0.2}


def test_an_answer_may_be_json_within_json(wire: Wire) -> None:
    machine = one(1)
    text = reply({"values": [value(machine, 10.0)]}).body.decode()

    reading = read(wire, batch(machine), reply(text))

    assert first(reading) == [0.1]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (reply({}), Reason.BAD_PAYLOAD),
        (reply({"values": None}), Reason.BAD_PAYLOAD),
        (reply({"values": [{}]}), Reason.BAD_PAYLOAD),
        (reply({"values": [value(one(9), 10.0)]}), Reason.BAD_PAYLOAD),
        (reply({"values": [value(one(1), 10.0, unit="Count")]}), Reason.BAD_PAYLOAD),
        (page("<html>"), Reason.BAD_PAYLOAD),
        (page("<xml/>", content_type="application/xml"), Reason.BAD_PAYLOAD),
        (page('{"values": [', content_type="application/json"), Reason.BAD_PAYLOAD),
        (page("<html>", 503), Reason.UNREACHABLE),
        (page("<html>", 429), Reason.THROTTLED),
        (page("", 429), Reason.THROTTLED),
        (refused("AuthorizationFailed", 403), Reason.AUTH),
        (refused("Unauthorized", 401), Reason.AUTH),
        (refused("MissingSubscriptionRegistration", 409), Reason.AUTH),
        (refused("InternalServerError", 500), Reason.UNREACHABLE),
        (refused("BadRequest", 400), Reason.BAD_PAYLOAD),
        (refused("ResourceNotFound", 404), Reason.NO_DATA),
        (None, Reason.UNREACHABLE),
    ],
)
def test_a_batch_that_fails_leaves_its_machines_to_be_asked_again(
    wire: Wire, answer: Answer, reason: Reason
) -> None:
    machines = one(1), one(2)

    reading = read(wire, batch(*machines), answer)

    assert reading.unread == {machine.key for machine in machines}
    assert reading.series == ()
    assert [failure.reason for failure in reading.failures] == [reason]
    assert len(wire.asked) == 1


def test_a_machine_that_azure_has_forgotten_costs_the_others_nothing(wire: Wire) -> None:
    machines = [one(number, state=RunState.GONE) for number in range(7)]
    lost = machines[4].key.resource_id

    def answer(_request: HttpRequest) -> Reply:
        asked = wire.bodies()[-1]["resourceids"]
        if lost in asked:
            return refused("ResourceNotFound", 404)
        known = [machine for machine in machines if machine.key.resource_id in asked]
        return reply({"values": [value(machine, 10.0) for machine in known]})

    reading = read(wire, batch(*machines), answer)

    assert not reading.unread
    assert not reading.failures
    assert {series.key for series in reading.series} == {machine.key for machine in machines}
    assert sum(len(series.cpu) for series in reading.series) == 6
    assert reading.forgotten == {machines[4].key}


# Cost


def test_every_answered_call_is_billed(wire: Wire) -> None:
    machine = one(1)

    read(wire, batch(machine), reply({"values": [value(machine, 10.0)]}))

    used = wire.meter.usage()["azure", "GetBatch"]
    assert (used.requests, used.dollars) == (1, 0.00001)


def test_a_month_of_polling_is_priced_by_calls() -> None:
    five, hour = timedelta(minutes=5), timedelta(hours=1)

    assert monthly_cost([1000], five) == pytest.approx(20 * 8640 * 0.00001)
    assert monthly_cost([1, 1, 51], five) == pytest.approx(4 * 8640 * 0.00001)
    assert monthly_cost([1000], five) == pytest.approx(12 * monthly_cost([1000], hour))
