from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.demo.aws import AwsFake, Lateness
from exporter.demo.estate import Estate, EstateMachine, Once
from tests.demo.aws.asking import NOON, START, Connect, points, query, read
from tests.support.clock import ManualClock


@contextmanager
def watched(
    estate: Estate, clock: ManualClock, machine: EstateMachine, lateness: Lateness
) -> Iterator[AwsFake]:
    ever = replace(machine, schedule=Once(start=0))
    with AwsFake(replace(estate, machines=(ever,), groups=()), clock, lateness=lateness) as started:
        yield started


def test_late_points_come_ten_to_forty_minutes_after_they_are_due(
    estate: Estate, clock: ManualClock, connect: Connect, web: EstateMachine
) -> None:
    ages = []
    with watched(estate, clock, web, Lateness(late_share=1, partial_share=0)) as fake:
        client = connect(fake, "cloudwatch")
        for minutes in range(0, 60, 2):
            clock.set(NOON + timedelta(minutes=minutes))
            (result,) = read(client, [query(web.resource_id)])["MetricDataResults"]
            ages.append(len(points(result)))
            assert START - 300 not in points(result) or minutes >= 12
    assert ages[-1] == 12
    assert ages[0] < 11


def test_partial_points_show_less_at_first_and_are_corrected(
    estate: Estate, clock: ManualClock, connect: Connect, web: EstateMachine
) -> None:
    with watched(estate, clock, web, Lateness(late_share=0, partial_share=1)) as fake:
        client, values = connect(fake, "cloudwatch"), []
        for seconds in (120, 179, 420):
            clock.set(NOON + timedelta(seconds=seconds))
            (result,) = read(client, [query(web.resource_id)])["MetricDataResults"]
            values.append(points(result)[START - 300])
    final = 100 * (estate.mean_utilization(web, START - 300, START) or 0.0)
    assert values == pytest.approx([0.6 * final, 0.6 * final, final], rel=1e-15)


def test_a_share_of_points_never_comes(
    estate: Estate, clock: ManualClock, connect: Connect, web: EstateMachine
) -> None:
    with watched(estate, clock, web, Lateness(late_share=0, never_share=0.3)) as fake:
        (result,) = read(
            connect(fake, "cloudwatch"), [query(web.resource_id)], NOON - timedelta(days=10)
        )["MetricDataResults"]
    assert 0.25 < 1 - len(result["Values"]) / 2880 < 0.35


def test_lateness_changes_nothing_once_everything_has_come(
    fake: AwsFake, estate: Estate, clock: ManualClock, connect: Connect, web: EstateMachine
) -> None:
    clock.set(NOON + timedelta(hours=1))
    late = Lateness(late_share=0.5, partial_share=0.5)
    with AwsFake(estate, clock, lateness=late) as other:
        answers = [
            read(connect(each, "cloudwatch"), [query(web.resource_id)])["MetricDataResults"]
            for each in (fake, other)
        ]
    assert answers[0] == answers[1]
