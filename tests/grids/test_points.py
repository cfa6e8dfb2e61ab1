from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.errors import BadPayloadError
from exporter.core.model import IntensityPoint
from exporter.core.units import GCO2eqPerKwh
from exporter.grids._shared.payload import ShapeError, read_rows
from exporter.grids._shared.windows import in_window

POINT = IntensityPoint(zone="FR", start=0, end=60, gco2eq_per_kwh=GCO2eqPerKwh(50))


def at(start: int, zone: str = "FR", *, forecast: bool = False) -> IntensityPoint:
    return replace(POINT, zone=zone, start=start, end=start + 60, forecast=forecast)


def read(row: int | None) -> IntensityPoint | None:
    if row is not None and row < 0:
        message = "row is negative"
        raise ShapeError(message)
    return None if row is None else at(row)


def test_rows_become_points_and_rows_without_a_value_none() -> None:
    reading = read_rows([60, None, 0], read, source="src")
    assert [point.start for point in reading.points] == [60, 0]
    assert reading.failures == ()


def test_unreadable_rows_are_one_failure_beside_the_readable_ones() -> None:
    reading = read_rows([0, -1, -2], read, source="src", scope="FR")
    assert [point.start for point in reading.points] == [0]
    (failure,) = reading.failures
    assert str(failure).startswith("src: 2 unreadable rows, the first because row is negative")
    assert failure.scope == "FR"


@pytest.mark.parametrize("rows", [[-1], [-1, None]])
def test_nothing_but_unreadable_rows_is_a_bad_payload(rows: list[int | None]) -> None:
    with pytest.raises(BadPayloadError, match="1 unreadable"):
        read_rows(rows, read, source="src")


def test_of_two_rows_for_one_interval_the_later_counts() -> None:
    values = [at(0), replace(at(0), gco2eq_per_kwh=GCO2eqPerKwh(70)), at(0, forecast=True)]
    reading = read_rows(values, lambda value: value, source="src")
    assert [p.gco2eq_per_kwh for p in reading.points] == [70.0, 50.0]


def test_a_window_gets_what_overlaps_it_and_every_forecast_from_its_start_on() -> None:
    points = [at(0), at(60), at(120), at(0, forecast=True), at(600, forecast=True)]
    chosen = in_window(points, 90, 120)
    assert [(p.start, p.forecast) for p in chosen] == [(60, False), (600, True)]


def test_a_zone_that_is_late_gives_its_newest_value_before_the_window() -> None:
    points = [at(60), at(0), at(60, "DE"), at(600, "DE")]
    assert [(p.zone, p.start) for p in in_window(points, 600, 660)] == [("DE", 600), ("FR", 60)]


@given(
    starts=st.sets(st.integers(0, 30)),
    ahead=st.sets(st.integers(0, 30)),
    window=st.tuples(st.integers(0, 30), st.integers(1, 10)),
)
def test_no_value_of_a_window_is_lost_and_none_comes_from_after_it(
    starts: set[int], ahead: set[int], window: tuple[int, int]
) -> None:
    start, end = window[0] * 60, (window[0] + window[1]) * 60
    points = [at(60 * s) for s in starts] + [at(60 * s, forecast=True) for s in ahead]
    chosen = in_window(points, start, end)
    observed = [p for p in chosen if not p.forecast]
    inside = [at(60 * s) for s in sorted(starts) if start <= 60 * s < end]
    assert set(inside) <= set(observed)
    assert len(observed) <= max(len(inside), 1)
    assert all(p.start < end for p in observed)
    assert all(p.end > start for p in chosen if p.forecast)
