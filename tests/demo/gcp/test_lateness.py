from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from google.cloud.monitoring_v3 import MetricServiceClient

from exporter.demo.estate import Estate, EstateMachine, Once
from exporter.demo.gcp import GcpFake, Lateness
from tests.demo.gcp.asking import NOON, START, ask, connected, points, question
from tests.support.clock import ManualClock


@contextmanager
def watched(
    clock: ManualClock, machine: EstateMachine, lateness: Lateness
) -> Iterator[MetricServiceClient]:
    ever = replace(machine, schedule=Once(start=0))
    fake = GcpFake(Estate(machines=(ever,)), clock, lateness=lateness)
    with fake, connected(fake) as client:
        yield client


def read(client: MetricServiceClient, start: int = START - 3600) -> dict[int, float]:
    found = ask(client, question(start))
    return points(found[0]) if found else {}


def test_late_points_come_ten_to_forty_minutes_after_they_are_due(
    clock: ManualClock, web: EstateMachine
) -> None:
    seen = []
    with watched(clock, web, Lateness(late_share=1, partial_share=0)) as client:
        for minutes in range(0, 60, 2):
            clock.set(NOON + timedelta(minutes=minutes))
            found = read(client)
            seen.append(len(found))
            assert START not in found or minutes >= 14
    assert seen[0] < 10
    assert seen[-1] == 12


def test_partial_points_show_less_at_first_and_are_corrected(
    estate: Estate, clock: ManualClock, web: EstateMachine
) -> None:
    values = []
    with watched(clock, web, Lateness(late_share=0, partial_share=1)) as client:
        for seconds in (240, 299, 540):
            clock.set(NOON + timedelta(seconds=seconds))
            values.append(read(client)[START])
    final = estate.mean_utilization(web, START - 300, START) or 0.0
    assert values == pytest.approx([0.6 * final, 0.6 * final, final], rel=1e-15)


def test_a_share_of_points_never_comes(clock: ManualClock, web: EstateMachine) -> None:
    with watched(clock, web, Lateness(late_share=0, never_share=0.3)) as client:
        found = read(client, START - 10 * 86_400)
    assert 0.25 < 1 - len(found) / 2880 < 0.35
