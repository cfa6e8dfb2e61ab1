import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.demo.estate import Cycle, Once, Run, Schedule
from exporter.demo.estate.schedules import DAY, MONDAY, WORKING_DAYS, Stepped, weekday

CYCLE = Cycle(anchor=MONDAY + 37, period=3000, length=1811, jitter=83, seed=5)
OFFICE = Cycle(
    anchor=MONDAY + 29_000, period=DAY, length=40_000, jitter=901, seed=9, weekdays=WORKING_DAYS
)
MOMENTS = st.integers(MONDAY, MONDAY + 400 * DAY)


def test_the_origin_is_a_monday() -> None:
    assert datetime.fromtimestamp(MONDAY, UTC).weekday() == 0
    assert weekday(MONDAY) == 0
    assert weekday(MONDAY - 1) == 6


def test_one_run_is_found_wherever_it_overlaps_and_nowhere_else() -> None:
    once = Once(start=100, end=200)
    assert once.runs(199, 300) == (Run(100, 200),)
    assert once.runs(200, 300) == ()
    assert once.runs(0, 100) == ()
    assert once.last(99) is None
    assert once.last(5000) == Run(100, 200)


def test_an_open_run_never_ends() -> None:
    assert Once(start=100).runs(10**9, 10**9 + 60) == (Run(100, None),)


@pytest.mark.parametrize("cycle", [CYCLE, OFFICE])
@settings(deadline=None)
@given(start=MOMENTS, length=st.integers(1, 20 * DAY))
def test_runs_come_in_order_and_apart(cycle: Cycle, start: int, length: int) -> None:
    runs = cycle.runs(start, start + length)
    assert all(run.overlaps(start, start + length) for run in runs)
    assert all(a.end is not None and a.end < b.start for a, b in itertools.pairwise(runs))


@pytest.mark.parametrize("cycle", [CYCLE, OFFICE])
@settings(deadline=None)
@given(start=MOMENTS, first=st.integers(1, 5 * DAY), second=st.integers(1, 5 * DAY))
def test_a_window_has_the_runs_of_its_parts(
    cycle: Cycle, start: int, first: int, second: int
) -> None:
    middle, end = start + first, start + first + second
    parts = cycle.runs(start, middle) + cycle.runs(middle, end)
    assert cycle.runs(start, end) == tuple(dict.fromkeys(parts))


@settings(deadline=None)
@given(moment=MOMENTS)
def test_the_last_run_is_the_newest_that_has_begun(moment: int) -> None:
    begun = [run for run in OFFICE.runs(moment - 5 * DAY, moment + 1) if run.start <= moment]
    assert OFFICE.last(moment) == (begun[-1] if begun else None)


def test_nothing_runs_before_the_first_run() -> None:
    assert CYCLE.last(MONDAY) is None
    assert CYCLE.runs(MONDAY - 30 * DAY, MONDAY) == ()


def test_office_hours_leave_the_weekend_out() -> None:
    week = OFFICE.runs(MONDAY, MONDAY + 7 * DAY)
    assert [weekday(run.start) for run in week] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "schedule", [CYCLE, OFFICE, Once(start=MONDAY + 601), Stepped(schedule=CYCLE)]
)
def test_the_first_run_is_the_one_before_which_there_is_none(schedule: Schedule) -> None:
    first = schedule.first()
    run = schedule.last(first)
    assert run is not None
    assert run.start == first
    assert schedule.last(first - 1) is None


@settings(deadline=None)
@given(start=MOMENTS, length=st.integers(1, 2 * DAY))
def test_stepped_runs_are_those_of_the_other_schedule_put_back(start: int, length: int) -> None:
    stepped, end = Stepped(schedule=CYCLE), start + length
    around = CYCLE.runs(start - DAY, end + DAY)
    put_back = [Run(run.start // 300 * 300, (run.end or 0) // 300 * 300) for run in around]
    assert stepped.runs(start, end) == tuple(r for r in put_back if r.overlaps(start, end))


@settings(deadline=None)
@given(moment=st.floats(MONDAY, MONDAY + 30 * DAY))
def test_the_last_stepped_run_is_the_one_that_began_last(moment: float) -> None:
    stepped = Stepped(schedule=CYCLE)
    begun = [run for run in stepped.runs(MONDAY - DAY, moment + DAY) if run.start <= moment]
    assert stepped.last(moment) == (begun[-1] if begun else None)
