import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.advice.curves import Curve
from exporter.advice.waiting import Why, Wish, decide
from exporter.advice.windows import Job

HOUR = 3600
JOB = Job(duration=HOUR)
GRAMS = st.lists(st.integers(1, 900).map(float), min_size=1, max_size=12)


def a_curve(values: list[float], start: int = 0, place: str = "FR") -> Curve:
    return Curve(place=place, start=start, step=HOUR, central=tuple(values))


def test_it_waits_for_the_best_start_and_says_what_that_saves() -> None:
    told = decide([a_curve([80, 60, 20, 90])], JOB, now=0, latest=3 * HOUR)
    assert (told.run, told.why, told.start) == (False, Why.LATER_IS_BETTER, 2 * HOUR)
    assert told.saving == pytest.approx(0.75)
    assert (told.starts, told.place) == (4, "FR")


def test_it_runs_when_now_is_the_best() -> None:
    told = decide([a_curve([20, 60, 80])], JOB, now=1800, latest=2 * HOUR)
    assert (told.run, told.why, told.start) == (True, Why.BEST_NOW, 1800)


def test_a_newer_forecast_changes_the_plan() -> None:
    first = decide([a_curve([80, 60, 20])], JOB, now=0, latest=2 * HOUR)
    second = decide([a_curve([60, 70], HOUR)], JOB, now=HOUR, latest=2 * HOUR, last=first)
    assert (first.run, second.run) == (False, True)


@given(GRAMS, st.integers(-9, 9))
def test_the_latest_start_wins_over_everything(grams: list[float], late: int) -> None:
    latest = 5 * HOUR
    for wish in (None, Wish(max_intensity=0.0), Wish(percentile=0.0), Wish(caution=1.0)):
        for curves in ([], [a_curve(grams)], [a_curve(grams, 4 * HOUR)]):
            told = decide(curves, JOB, now=latest + max(late, 0), latest=latest, wish=wish)
            assert (told.run, told.why) == (True, Why.LATEST_START)
            early = decide(curves, JOB, now=latest - 1 - abs(late), latest=latest, wish=wish)
            assert early.run or early.start <= latest


def test_a_lost_forecast_keeps_the_last_plan() -> None:
    plan = decide([a_curve([80, 60, 20, 90])], JOB, now=0, latest=9 * HOUR)
    kept = decide([], JOB, now=HOUR, latest=9 * HOUR, last=plan)
    assert (kept.run, kept.why, kept.start) == (False, Why.KEPT_PLAN, 2 * HOUR)
    again = decide([], JOB, now=2 * HOUR, latest=9 * HOUR, last=kept)
    assert (again.run, again.why) == (True, Why.KEPT_PLAN)


def test_without_any_forecast_it_waits_for_the_latest_start_and_calls_nothing_clean() -> None:
    told = decide([], JOB, now=0, latest=9 * HOUR)
    assert (told.run, told.why, told.start) == (False, Why.NOTHING_KNOWN, 9 * HOUR)
    assert (told.place, told.saving, told.starts) == ("", None, 0)
    stale = decide([a_curve([1.0])], JOB, now=5 * HOUR, latest=9 * HOUR, wish=Wish(percentile=50))
    assert (stale.run, stale.why) == (False, Why.NOTHING_KNOWN)


def test_curves_that_do_not_fit_together_count_as_not_known() -> None:
    other = Curve(place="DE", start=0, step=1800, central=(1.0,) * 9)
    told = decide([a_curve([1.0] * 9), other], JOB, now=0, latest=HOUR)
    assert (told.run, told.why) == (False, Why.NOTHING_KNOWN)


@pytest.mark.parametrize(
    ("wish", "run", "start"),
    [
        (Wish(max_intensity=80.0), True, 0),
        (Wish(max_intensity=65.0), False, HOUR),
        (Wish(max_intensity=5.0), False, 3 * HOUR),
        (Wish(percentile=0.0), False, 2 * HOUR),
        (Wish(percentile=30.0), False, HOUR),
        (Wish(percentile=100.0), True, 0),
    ],
)
def test_a_limit_in_place_of_the_best(wish: Wish, run: bool, start: int) -> None:
    told = decide([a_curve([80, 60, 20, 90])], JOB, now=0, latest=3 * HOUR, wish=wish)
    assert (told.run, told.start) == (run, start)


def test_a_forecast_shorter_than_the_job_still_finds_the_cleaner_begin() -> None:
    told = decide([a_curve([80, 20])], Job(duration=6 * HOUR), now=0, latest=9 * HOUR)
    assert (told.run, told.start) == (False, HOUR)


def test_of_several_places_the_cleanest_is_named() -> None:
    told = decide([a_curve([80, 70]), a_curve([60, 90], place="SE")], JOB, now=0, latest=HOUR)
    assert (told.run, told.place) == (True, "SE")


def test_a_place_that_is_known_for_longer_is_waited_for() -> None:
    short, long = a_curve([50.0, 50.0]), a_curve([90, 90, 90, 10], place="SE")
    told = decide([short, long], JOB, now=0, latest=3 * HOUR)
    assert (told.run, told.place, told.start) == (False, "SE", 3 * HOUR)
    limited = decide([short, long], JOB, now=0, latest=3 * HOUR, wish=Wish(max_intensity=20.0))
    assert (limited.place, limited.start) == ("SE", 3 * HOUR)
