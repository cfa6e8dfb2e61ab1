from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.advice.curves import Curve
from exporter.advice.placement import Terms, Verdict, decide, first_step, optimum

HOUR = 3600
GRAMS = st.integers(1, 900).map(float)
Columns = list[tuple[float, ...]]


def cost(columns: Columns, way: tuple[int, ...], start: int, overlap: float, tx: float) -> float:
    total, here = 0.0, start
    for column, place in zip(columns, way, strict=True):
        if place != here:
            total += overlap * column[here] + tx * (column[here] + column[place]) / 2
        total, here = total + column[place], place
    return total


def columns(places: int, longest: int) -> st.SearchStrategy[Columns]:
    return st.lists(st.tuples(*[GRAMS] * places), min_size=1, max_size=longest)


@settings(deadline=None)
@given(columns(3, 5), st.integers(0, 2), st.floats(0, 2), st.floats(0, 2))
def test_the_first_step_and_the_optimum_are_those_of_trying_every_way(
    table: Columns, start: int, overlap: float, tx: float
) -> None:
    ways = list(product(range(3), repeat=len(table)))
    least = min(cost(table, way, start, overlap, tx) for way in ways)
    best, _ = optimum(table, start, overlap=overlap, transfer=tx)
    assert best == pytest.approx(least)
    told = first_step(table, start, overlap=overlap, transfer=tx)
    staying = min(cost(table, way, start, overlap, tx) for way in ways if way[0] == start)
    going = min(cost(table, way, start, overlap, tx) for way in ways if way[0] == told.place)
    assert going == pytest.approx(least)
    assert told.advantage == pytest.approx(staying - least, abs=1e-6)


@given(columns(2, 30), st.floats(0, 1))
def test_a_receding_horizon_that_sees_all_reaches_the_optimum(
    table: Columns, overlap: float
) -> None:
    here, spent = 0, 0.0
    for at in range(len(table)):
        there = first_step(table[at:], here, overlap=overlap).place
        spent += table[at][there] + (overlap * table[at][here] if there != here else 0.0)
        here = there
    assert spent == pytest.approx(optimum(table, 0, overlap=overlap)[0])


def a_curve(place: str, values: list[float], error: float | None = None) -> Curve:
    return Curve(place=place, start=0, step=HOUR, central=tuple(values), error=error)


HOME, AWAY = a_curve("home", [100.0] * 24, 0.05), a_curve("away", [50.0] * 24, 0.05)


def verdict(*curves: Curve, terms: Terms | None = None, **state: object) -> Verdict:
    given_state = {"current": "home", "home": "home", "now": 0.0} | state
    told = decide(curves, terms or Terms(), **given_state)  # type: ignore[arg-type]
    assert told is not None
    return told


def test_a_move_that_pays_goes_and_says_what_it_wins() -> None:
    told = verdict(HOME, AWAY, terms=Terms(kilowatts=2.0, overlap=1800.0))
    assert (told.go, told.target, told.static) == (True, "away", "away")
    assert told.move == 2 * 0.5 * 100
    assert told.gain == 50.0 * 2 * 1  # one hour later it would have moved as well
    assert told.static_saving == 0.5
    assert told.blocked == ()


@pytest.mark.parametrize(
    ("terms", "state", "gate"),
    [
        (Terms(min_gap=0.6), {}, "gap"),
        (Terms(min_gain=1e6), {}, "gain"),
        (Terms(max_error=0.01), {}, "error"),
        (Terms(stay_away_at_least=7200.0), {"last_move": -3600.0}, "stay"),
        (Terms(), {"vetoes": ["an alert fires"]}, "veto"),
    ],
)
def test_each_gate_alone_holds_a_move_back_and_shows_its_value(
    terms: Terms, state: dict[str, object], gate: str
) -> None:
    told = verdict(HOME, AWAY, terms=terms, **state)
    assert (told.go, told.target) == (False, "away")
    assert [one.name for one in told.blocked] == [gate]


def test_the_way_home_is_free_however_short_the_stay() -> None:
    home, away = a_curve("home", [50.0] * 24), a_curve("away", [100.0] * 24)
    terms = Terms(stay_away_at_least=86400.0)
    assert verdict(home, away, terms=terms, current="away", last_move=0.0).go


def test_an_unknown_error_is_not_a_small_one() -> None:
    told = verdict(HOME, a_curve("away", [50.0] * 24), terms=Terms(max_error=0.5))
    assert [one.name for one in told.blocked] == ["error"]


def test_caution_needs_a_surer_win() -> None:
    maybe = Curve(
        place="away",
        start=0,
        step=HOUR,
        central=(90.0,) * 24,
        low=(20.0,) * 24,
        high=(90.0, *[200.0] * 23),
    )
    assert verdict(HOME, maybe, terms=Terms(caution=0.0)).go
    assert not verdict(HOME, maybe, terms=Terms(caution=1.0)).go


def test_of_a_place_that_nobody_knows_there_is_no_verdict_and_it_is_no_target() -> None:
    assert decide([AWAY], Terms(), current="home", home="home", now=0.0) is None
    assert verdict(HOME).target == "home"
