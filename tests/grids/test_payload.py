from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.errors import AuthError, BadPayloadError, CollectorError, NoDataError
from exporter.core.model import GridReading, IntensityPoint
from exporter.core.units import GCO2eqPerKwh
from exporter.grids._shared.payload import ShapeError, as_instant, as_list, as_mapping, as_number
from exporter.grids._shared.windows import gather, slices
from tests.support.grids import json_values


@given(value=json_values)
@pytest.mark.parametrize("reader", [as_mapping, as_list, as_number, as_instant])
def test_a_reader_gives_its_type_or_a_shape_error(
    reader: Callable[[object, str], object], value: object
) -> None:
    with suppress(ShapeError):
        reader(value, "field")


@pytest.mark.parametrize("value", [True, "3", None, -0.1, float("nan"), float("inf"), 10**400])
def test_what_is_not_a_physical_number_is_refused(value: object) -> None:
    with pytest.raises(ShapeError):
        as_number(value, "perc")


@pytest.mark.parametrize(
    "text",
    [
        "2018-01-20T12:00Z",
        "2018-01-20T12:00:00+00:00",
        "2018-01-20T14:00:00.000+02:00",
        "2018-01-20T07:00-05:00",
    ],
)
def test_one_instant_may_be_written_in_many_zones(text: str) -> None:
    assert as_instant(text, "from") == 1_516_449_600


@pytest.mark.parametrize(
    "text",
    [
        "2018-01-20T12:00",
        "2018-01-20",
        "2016-12-31T23:59:60Z",
        "2018-01-20T12:00:00.5Z",
        "2018-13-20T12:00Z",
        "0001-01-01T00:00+23:59x",
        "yesterday",
        "",
    ],
)
def test_a_time_without_zone_or_sense_is_refused(text: str) -> None:
    with pytest.raises(ShapeError):
        as_instant(text, "from")


@given(
    start=st.integers(0, 10_000),
    length=st.integers(0, 10_000),
    step=st.integers(1, 50),
    steps=st.integers(1, 20),
)
def test_slices_cover_the_window_without_gap_or_overlap(
    start: int, length: int, step: int, steps: int
) -> None:
    end = start + length
    cut = list(slices(start, end, step=step, longest=step * steps))
    assert all(left % step == 0 and 0 < right - left <= step * steps for left, right in cut)
    assert all(a[1] == b[0] for a, b in pairwise(cut))
    covered = {second for left, right in cut for second in range(left, right)}
    assert covered >= set(range(start, end))
    assert len(covered) < length + 2 * step


def _reading(start: int, end: int) -> GridReading:
    value = GCO2eqPerKwh(float(start))
    point = IntensityPoint(zone="GB", start=start, end=end, gco2eq_per_kwh=value)
    return GridReading(points=(point,))


def _failing_at(bad: int, error: CollectorError) -> Callable[[int, int], GridReading]:
    def read(start: int, end: int) -> GridReading:
        if start == bad:
            raise error
        return _reading(start, end)

    return read


def test_windows_are_gathered_in_order() -> None:
    reading = gather([(0, 10), (10, 20)], _reading)
    assert [point.start for point in reading.points] == [0, 10]


@pytest.mark.parametrize("error", [BadPayloadError("x"), NoDataError("x")])
def test_a_window_without_data_does_not_lose_the_others(error: CollectorError) -> None:
    reading = gather([(0, 10), (10, 20), (20, 30)], _failing_at(10, error))
    assert [point.start for point in reading.points] == [0, 20]
    assert reading.failures == (error,)


def test_a_refusal_ends_the_asking_and_keeps_the_newest() -> None:
    error = AuthError("x")
    reading = gather([(0, 10), (10, 20), (20, 30)], _failing_at(10, error))
    assert [point.start for point in reading.points] == [20]
    assert reading.failures == (error,)


def test_the_first_failure_is_raised_when_nothing_was_read() -> None:
    error = BadPayloadError("x")
    with pytest.raises(BadPayloadError) as caught:
        gather([(0, 10)], _failing_at(0, error))
    assert caught.value is error
