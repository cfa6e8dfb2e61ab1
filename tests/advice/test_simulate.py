from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.advice import simulate
from exporter.advice.placement import Terms
from exporter.advice.simulate import Follow, Foreseen, History, Hysteresis, Perfect
from exporter.engine.forecast import SeasonalForecaster

HOURS = 24 * 9


def day(low: float, high: float, clean: int) -> list[float]:
    """Nine like days: ``low`` in the six hours from ``clean`` on, ``high`` in the others."""
    return [low if (hour - clean) % 24 < 6 else high for hour in range(HOURS)]


@pytest.fixture
def history() -> History:
    return History(
        start=0, values={"N": day(20, 100, 2), "S": day(40, 90, 12), "X": [300.0] * HOURS}
    )


@pytest.fixture
def seen(history: History) -> Foreseen:
    return Foreseen(history, SeasonalForecaster(), 48)


def test_like_days_are_forecast_and_the_job_finds_its_hours(
    history: History, seen: Foreseen
) -> None:
    score = simulate.windows(history, seen, "N", work=4, deadline=24)
    assert score.possible > 0.5
    assert score.saved == pytest.approx(score.possible, abs=0.02)
    assert score.submissions == HOURS - simulate.WARM_UP - 24


def test_nothing_is_won_where_all_hours_are_alike(history: History, seen: Foreseen) -> None:
    score = simulate.windows(history, seen, "X", work=4, deadline=24)
    assert (score.saved, score.possible, score.worse) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("replan", [True, False])
def test_one_who_knows_what_comes_wins_all_that_can_be_won(history: History, replan: bool) -> None:
    perfect = Perfect(history)
    window = simulate.windows(history, perfect, "N", work=4, deadline=24, replan=replan)
    paused = simulate.interruptible(history, perfect, "N", work=9, deadline=24, replan=replan)
    assert window.saved == pytest.approx(window.possible)
    assert paused.saved == pytest.approx(paused.possible)
    assert window.worse == 0.0


def test_the_present_decides_only_by_what_was_known(history: History) -> None:
    """A forecaster that sees the future of the recording would be found out here."""
    longest = 0

    class Watching:
        def forecast(self, points, hours):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            nonlocal longest
            longest = max(longest, len(points))
            return SeasonalForecaster().forecast(points, hours)

    beliefs = Foreseen(history, Watching(), 24)
    beliefs.ahead("N", 100)
    assert longest == 101


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 99).map(float), min_size=2, max_size=9),
    st.integers(1, 5),
    st.sampled_from([0.0, 0.25, 1.5]),
    st.booleans(),
    st.booleans(),
)
def test_the_hours_of_an_interruptible_job_are_the_best_of_all(
    values: list[float], work: int, resume: float, running: bool, begun: bool
) -> None:
    work = min(work, len(values))
    begun = begun or running

    def price(hours: tuple[int, ...]) -> float:
        total, before, first = 0.0, -1 if running else -9, not begun
        for hour in hours:
            total += values[hour]
            if hour != before + 1 and not first:
                total += resume * values[hour]
            before, first = hour, False
        return total

    found = simulate.best_hours(values, work, resume, running=running, begun=begun)
    best = min(price(hours) for hours in combinations(range(len(values)), work))
    assert len(found) == work
    assert price(tuple(found)) == pytest.approx(best)


def test_several_places_are_better_than_the_best_of_them(history: History, seen: Foreseen) -> None:
    score = simulate.moving(history, seen, ["X", "N", "S"], work=12, deadline=24)
    assert score.best <= score.chosen < score.timed <= score.static < score.home


def test_a_cluster_follows_where_places_take_turns(history: History, seen: Foreseen) -> None:
    terms = Terms(overlap=900.0)
    own = simulate.placement(history, seen, ["N", "S"], terms)
    naive = simulate.placement(history, seen, ["N", "S"], terms, follow=Follow.NAIVE)
    assert own.crosses
    assert own.saved == pytest.approx(own.possible, abs=0.01)
    assert naive.saved <= own.possible
    assert own.free <= own.best <= own.static
    assert own.moves > 0


def test_a_move_that_costs_more_than_it_wins_is_not_made(history: History, seen: Foreseen) -> None:
    dear = Terms(overlap=12 * 3600.0)
    own = simulate.placement(history, seen, ["N", "S"], dear)
    naive = simulate.placement(history, seen, ["N", "S"], dear, follow=Follow.NAIVE)
    assert (own.moves, own.saved) == (0, 0.0)
    assert naive.saved < 0.0


def test_a_late_signal_and_a_long_stay_cost(history: History, seen: Foreseen) -> None:
    places, terms = ["N", "S"], Terms()
    naive = [
        simulate.placement(history, seen, places, terms, follow=Follow.NAIVE, lag=lag).saved
        for lag in (0, 2)
    ]
    assert naive[1] < naive[0]
    slow = Hysteresis(gap=0.2, confirm=2, stay=12)
    held = simulate.placement(history, seen, places, terms, follow=Follow.HYSTERESIS, rule=slow)
    assert held.saved < naive[0]


def test_weeks_are_told_one_by_one(history: History, seen: Foreseen) -> None:
    score = simulate.placement(history, seen, ["N", "S"], Terms(), warm_up=48)
    assert len(score.weeks) == 1
    assert score.weeks[0] == pytest.approx(score.saved)


@pytest.mark.parametrize("load", [0.3, 0.5, 0.7])
def test_a_queue_runs_the_same_work_cleaner_and_none_of_it_late(
    history: History, seen: Foreseen, load: float
) -> None:
    score = simulate.queue(history, seen, "N", load=load, deadline=24)
    assert score.saved > 0.05
    assert (score.overdue, score.longest <= 24) == (0.0, True)
    arrived = sum(simulate.diurnal(load, hour) for hour in range(simulate.WARM_UP, HOURS))
    assert score.work + score.left == pytest.approx(arrived)


def test_a_floor_costs_saving(history: History, seen: Foreseen) -> None:
    free, floored = (
        simulate.queue(history, seen, "N", load=0.3, deadline=24, floor=floor).saved
        for floor in (0.0, 0.3)
    )
    assert floored < free / 2


def test_a_history_is_the_longest_run_without_a_gap() -> None:
    hours = {3600 * hour: float(hour) for hour in range(10) if hour != 4}
    found = simulate.history_of({"A": hours, "B": hours | {3600 * 4: 1.0}})
    assert (found.start, found.values["A"]) == (5 * 3600, (5.0, 6.0, 7.0, 8.0, 9.0))
    with pytest.raises(ValueError, match="no hour is known"):
        simulate.history_of({"A": {0: 1.0}, "B": {3600: 1.0}})
    with pytest.raises(ValueError, match="not hourly"):
        simulate.history_of({"A": {1800: 1.0}})
    with pytest.raises(ValueError, match="same hours"):
        History(start=0, values={"A": [1.0], "B": []})
