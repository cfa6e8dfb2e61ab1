from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.clock import SystemClock, epoch, floor_to, from_epoch
from exporter.core.model import Window


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        epoch(datetime(2026, 1, 1))  # noqa: DTZ001 — the mistake under test


def test_zones_do_not_matter() -> None:
    there = timezone(timedelta(hours=5, minutes=30))
    assert epoch(datetime(2026, 1, 1, 5, 30, tzinfo=there)) == epoch(
        datetime(2026, 1, 1, tzinfo=UTC)
    )


def test_the_system_clock_is_in_utc_and_never_goes_back() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()
    assert from_epoch(epoch(clock.now())).tzinfo is UTC


@given(st.integers(min_value=-(10**9), max_value=10**10), st.sampled_from([60, 300, 3600]))
def test_flooring_gives_the_bucket_of_a_time(seconds: int, resolution: int) -> None:
    start = floor_to(seconds, resolution)
    assert start % resolution == 0
    assert start <= seconds < start + resolution


@pytest.mark.parametrize("bounds", [(1, 300), (0, 301), (300, 0)])
def test_a_window_off_the_grid_is_refused(bounds: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="not aligned"):
        Window(start=bounds[0], end=bounds[1], resolution=300)


def test_a_window_lists_its_buckets() -> None:
    assert list(Window(start=300, end=1200, resolution=300).buckets) == [300, 600, 900]
