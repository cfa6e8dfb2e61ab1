from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from azure.monitor.querymetrics import MetricsClient

from exporter.demo.azure import AzureFake, DemoCredential, Lateness
from exporter.demo.estate import Estate, EstateMachine, Once
from tests.demo.azure.asking import NOON, START, grains, read, values
from tests.support.clock import ManualClock


@contextmanager
def watched(
    clock: ManualClock, machine: EstateMachine, lateness: Lateness
) -> Iterator[MetricsClient]:
    ever = replace(machine, schedule=Once(start=0))
    with AzureFake(Estate(machines=(ever,)), clock, lateness=lateness) as fake:
        endpoint = fake.metrics_url.format(region="westeurope")
        with MetricsClient(endpoint, DemoCredential()) as client:
            yield client


def seen(client: MetricsClient, machine: EstateMachine, days: int = 0) -> dict[int, float]:
    start = NOON - timedelta(days=days, hours=1)
    (result,) = read(client, [machine], start)
    return values(grains(result))


def test_late_grains_get_their_value_ten_to_forty_minutes_after_it_is_due(
    clock: ManualClock, web: EstateMachine
) -> None:
    counts = []
    with watched(clock, web, Lateness(late_share=1, partial_share=0)) as client:
        for minutes in range(0, 60, 2):
            clock.set(NOON + timedelta(minutes=minutes))
            found = seen(client, web)
            counts.append(len(found))
            assert START - 300 not in found or minutes >= 13
    assert counts[0] < 10
    assert counts[-1] == 12


def test_partial_grains_show_less_at_first_and_are_corrected(
    estate: Estate, clock: ManualClock, web: EstateMachine
) -> None:
    found = []
    with watched(clock, web, Lateness(late_share=0, partial_share=1)) as client:
        for seconds in (180, 239, 480):
            clock.set(NOON + timedelta(seconds=seconds))
            found.append(seen(client, web)[START - 300])
    final = 100 * (estate.mean_utilization(web, START - 300, START) or 0.0)
    assert found == pytest.approx([0.6 * final, 0.6 * final, final], rel=1e-15)


def test_a_share_of_grains_never_gets_a_value(clock: ManualClock, web: EstateMachine) -> None:
    with watched(clock, web, Lateness(late_share=0, never_share=0.3)) as client:
        found = seen(client, web, days=10)
    assert 0.25 < 1 - len(found) / 2892 < 0.35
