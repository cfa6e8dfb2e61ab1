"""Weeks of churn, of refusals and a spot storm: what is held stays bounded, sums stay true.

``pytest tests/chaos/test_soak.py -m slow -s`` runs sixty days and shows the tables.
"""

from pathlib import Path

import pytest

from exporter.engine.store import LOG_BYTES
from tests.support.soak import Scenario, Soak, soak

CHURN = Scenario(name="churn")
LISTING = Scenario(name="listing refused", listing_refused=True)
METRICS = Scenario(name="metrics refused", metrics_refused=True)
SLACK = 1.1
"""What a day may hold more than another one of the same shape."""


def assert_flat(run: Soak, settled: int) -> None:
    """See that from a day on no day holds more than that one, but for the dice."""
    first, later = run.days[settled - 1], run.days[settled:]
    for held in ("state_kib", "accounts", "shown", "buckets", "new_series"):
        most = max(getattr(day, held) for day in later)
        assert most <= SLACK * getattr(first, held) + 5, (held, run.table())
    assert max(day.log_kib for day in run.days) <= 2 * LOG_BYTES / 1024


def assert_counted(run: Soak, scenario: Scenario) -> None:
    assert run.said.keys() == run.truth.keys()
    for region, said in run.said.items():
        true = run.truth[region]
        if scenario.metrics_refused:  # what nobody could read is missing
            assert said[3] < 0.5 * true[3]
            assert said[3] + said[4] == pytest.approx(true[3], rel=1e-9), (region, said, true)
        else:
            assert said == pytest.approx(true, rel=1e-9), (region, said, true)


@pytest.mark.parametrize("scenario", [CHURN, LISTING, METRICS], ids=lambda one: one.name)
def test_five_days(tmp_path: Path, scenario: Scenario) -> None:
    run = soak(tmp_path / "state.db", scenario, 5, steady=4, newcomers=12)
    assert_flat(run, settled=3)
    assert_counted(run, scenario)


def test_a_storm_leaves_nothing_behind(tmp_path: Path) -> None:
    run = soak(tmp_path / "state.db", Scenario(name="storm", storm=600), 5, steady=4, newcomers=12)
    assert max(day.accounts for day in run.days) > 600
    assert run.days[-1].accounts < 50, run.table()
    assert run.days[-1].buckets <= 1.1 * run.days[0].buckets
    assert run.days[-1].state_kib == run.days[2].state_kib, "pages are used again"
    assert_counted(run, CHURN)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", [CHURN, LISTING, METRICS], ids=lambda one: one.name)
def test_sixty_days(tmp_path: Path, scenario: Scenario) -> None:
    run = soak(tmp_path / "state.db", scenario, 60, steady=20, newcomers=100)
    print(f"\n{scenario.name}\n{run.table()}")  # noqa: T201 -- what it is run for
    assert_flat(run, settled=14)
    assert_counted(run, scenario)


@pytest.mark.slow
def test_sixty_days_with_a_storm_of_a_hundred_thousand(tmp_path: Path) -> None:
    storm = Scenario(name="storm", storm=100_000)
    run = soak(tmp_path / "state.db", storm, 60, steady=20, newcomers=100)
    print(f"\n{storm.name}\n{run.table()}")  # noqa: T201 -- what it is run for
    assert_flat(run, settled=14)
    assert_counted(run, storm)
