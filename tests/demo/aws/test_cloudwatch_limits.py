from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from exporter.demo.aws import AwsFake, Limits
from exporter.demo.estate import Estate, EstateMachine
from tests.demo.aws.asking import NOON, Connect, points, query, read
from tests.support.clock import ManualClock


def test_five_hundred_queries_are_answered_and_one_more_is_refused(
    fake: AwsFake, connect: Connect
) -> None:
    client = connect(fake, "cloudwatch")
    queries = [query(f"i-{number:017x}", f"q{number}") for number in range(501)]
    assert len(read(client, queries[:500])["MetricDataResults"]) == 500
    with pytest.raises(ClientError, match=r"ValidationError.*500"):
        read(client, queries)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"EndTime": NOON - timedelta(hours=1)}, "EndTime must be greater"),
        ({"MaxDatapoints": 0}, "MaxDatapoints"),
        ({"ScanBy": "Random"}, "ScanBy"),
        ({"MetricDataQueries": [query("i-0", "Capital")]}, "parameter id"),
        ({"MetricDataQueries": [query("i-0", period=90)]}, "multiple of 60"),
        ({"MetricDataQueries": [{"Id": "q0", "Expression": "SELECT 1"}]}, "Average only"),
    ],
)
def test_questions_that_make_no_sense_are_refused(
    fake: AwsFake, connect: Connect, changes: dict[str, Any], message: str
) -> None:
    usual = {
        "StartTime": NOON - timedelta(hours=1),
        "EndTime": NOON,
        "MetricDataQueries": [query("i-0")],
    }
    with pytest.raises(ClientError, match=rf"ValidationError.*{message}"):
        connect(fake, "cloudwatch").get_metric_data(**usual | changes)


def test_two_queries_of_one_id_are_refused(
    fake: AwsFake, connect: Connect, web: EstateMachine
) -> None:
    with pytest.raises(ClientError, match="not unique"):
        read(connect(fake, "cloudwatch"), [query(web.resource_id)] * 2)


def test_a_query_that_is_not_returned_has_no_result(
    fake: AwsFake, connect: Connect, web: EstateMachine
) -> None:
    hidden = query(web.resource_id, ReturnData=False)
    shown = query(web.resource_id, "q1", Label="demo label")
    (result,) = read(connect(fake, "cloudwatch"), [hidden, shown])["MetricDataResults"]
    assert (result["Id"], result["Label"]) == ("q1", "demo label")


@pytest.mark.parametrize("size", [5, 11, 12, 36])
def test_pages_hold_so_many_points_and_mark_what_they_cut(
    fake: AwsFake, connect: Connect, estate: Estate, clock: ManualClock, size: int
) -> None:
    clock.advance(600)
    client = connect(fake, "cloudwatch")
    queries = [query(m.resource_id, f"q{i}") for i, m in enumerate(estate.machines[:3])]
    whole = {r["Id"]: points(r) for r in read(client, queries)["MetricDataResults"]}
    gathered: dict[str, dict[int, float]] = {}
    answer = read(client, queries, MaxDatapoints=size)
    while True:
        results = answer["MetricDataResults"]
        assert sum(len(r["Values"]) for r in results) <= size
        for result in results:
            gathered.setdefault(result["Id"], {}).update(points(result))
            full = gathered[result["Id"]] == whole[result["Id"]]
            assert result["StatusCode"] == ("Complete" if full else "PartialData")
        if "NextToken" not in answer:
            break
        answer = read(client, queries, MaxDatapoints=size, NextToken=answer["NextToken"])
    assert gathered == whole


def test_answers_are_cut_at_the_limit_without_being_asked(
    estate: Estate, clock: ManualClock, connect: Connect, web: EstateMachine
) -> None:
    with AwsFake(estate, clock, limits=Limits(datapoints=4)) as fake:
        client = connect(fake, "cloudwatch")
        pages = list(
            client.get_paginator("get_metric_data").paginate(
                MetricDataQueries=[query(web.resource_id)],
                StartTime=NOON - timedelta(hours=1),
                EndTime=NOON,
            )
        )
    statuses = [page["MetricDataResults"][0]["StatusCode"] for page in pages]
    assert statuses == ["PartialData", "PartialData", "Complete"]


def test_a_made_up_token_is_refused(fake: AwsFake, connect: Connect, web: EstateMachine) -> None:
    with pytest.raises(ClientError, match="InvalidNextToken"):
        read(connect(fake, "cloudwatch"), [query(web.resource_id)], NextToken="nonsense")


@pytest.mark.parametrize(("period", "days"), [(60, 15), (300, 63)])
def test_points_are_kept_as_long_as_their_period_allows(
    fake: AwsFake, connect: Connect, web: EstateMachine, period: int, days: int
) -> None:
    oldest = NOON - timedelta(days=days, seconds=-30)
    asked = [query(web.resource_id, period=period)]
    start, end = NOON - timedelta(days=days, hours=1), NOON - timedelta(days=days, hours=-1)
    (result,) = read(connect(fake, "cloudwatch"), asked, start, end)["MetricDataResults"]
    assert min(points(result)) >= oldest.timestamp()
    assert len(points(result)) == pytest.approx(3600 / period, abs=1)
