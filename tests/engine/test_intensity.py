"""The fallback chain: which value, of which source, for which second, and how often asked."""

import math
import threading
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.errors import StoreError
from exporter.core.model import Basis, ForecastHour, IntensityPoint, Method, Standing
from exporter.core.ports import GridSource
from exporter.core.units import GCO2eqPerKwh
from exporter.engine.intensity import (
    KEEP_SECONDS,
    LAST_KNOWN_SECONDS,
    LIVE_ERROR,
    STANDING_SECONDS,
    YEARS_ERROR,
    IntensityBook,
    annual_in_force,
)
from exporter.engine.store import Store
from exporter.grids.annual import AnnualTable
from tests.support.clock import ManualClock
from tests.support.rig import DAY, HOUR, T0, Rig, assert_true
from tests.support.sim import (
    GRID_STEP,
    Judge,
    SimAnnual,
    SimCloud,
    SimForecaster,
    SimGrid,
    SimMachine,
    Span,
    grid_value,
)
from tests.support.stand_in_grid import StandIn

FOREVER = (-math.inf, math.inf)


def book_of(clock: ManualClock, *sources: GridSource, store: Store | None = None) -> IntensityBook:
    return IntensityBook(sources, SimAnnual(), store or Store.in_memory(), clock, SimForecaster())


def now(clock: ManualClock) -> int:
    return int(clock.now().timestamp())


def cover(book: IntensityBook, clock: ManualClock, zone: str = "FR", back: int = HOUR) -> None:
    book.cover([zone], now(clock) - back, now(clock))


def second(zone: str, start: int) -> float:
    return grid_value(f"{zone} of the second", start)


# --- the chain ------------------------------------------------------------------------------------


def test_the_chain_goes_down_step_by_step_and_up_again(clock: ManualClock) -> None:
    first = SimGrid(clock=clock, name="first")
    other = SimGrid(clock=clock, name="other", value=second)
    book = book_of(clock, first, other)
    clock.advance(100)

    def level() -> tuple[int, str]:
        cover(book, clock)
        found = book.at("FR", now(clock))
        return int(found.level), found.source

    assert level() == (0, "first")
    first.outages.append((T0 + HOUR, T0 + 30 * HOUR))
    clock.advance(HOUR)
    assert level() == (1, "other")
    other.outages.append((T0 + 2 * HOUR, T0 + 20 * HOUR))
    other.forecast_until = T0 + 10 * HOUR
    clock.advance(HOUR)
    assert level() == (2, "other")
    clock.advance(LAST_KNOWN_SECONDS)
    assert level() == (4, "annual")
    clock.advance(12 * HOUR)
    assert level() == (1, "other")
    clock.advance(10 * HOUR)
    assert level() == (0, "first")


def test_the_forecast_of_a_source_is_preferred_to_the_last_known_value(clock: ManualClock) -> None:
    grid = SimGrid(clock=clock, forecast_until=T0 + 10 * HOUR)
    book = book_of(clock, grid)
    cover(book, clock)
    grid.outages.append(FOREVER)
    levels = [
        int(book.at("FR", T0 + hours * HOUR + 60).level) for hours in (-0.25, 3, 6.4, 6.6, 9.9, 10)
    ]
    assert levels == [0, 3, 3, 3, 3, 4]
    forecast = book.at("FR", T0 + 7 * HOUR)
    assert forecast.gco2eq_per_kwh == grid_value("FR", T0 + 7 * HOUR)


def test_a_zone_that_no_source_covers_has_its_annual_average(clock: ManualClock) -> None:
    grid = SimGrid(clock=clock)
    book = book_of(clock, grid)
    cover(book, clock, "XX")
    found = book.at("XX", now(clock))
    assert (found.gco2eq_per_kwh, int(found.level), found.estimated) == (300.0, 4, True)
    assert grid.asked == [], "it is not asked for what it does not cover"


def test_a_zone_that_only_the_second_source_covers_is_live(clock: ManualClock) -> None:
    book = book_of(clock, SimGrid(clock=clock, zones=("IE",)), SimGrid(clock=clock, name="other"))
    clock.advance(60)
    cover(book, clock)
    assert (book.at("FR", now(clock)).source, int(book.at("FR", now(clock)).level)) == ("other", 0)


@pytest.mark.parametrize(
    "kind", [{"method": Method.MARGINAL}, {"basis": Basis.DIRECT}], ids=["marginal", "direct"]
)
def test_marginal_and_direct_values_never_enter_totals(
    clock: ManualClock, kind: dict[str, Method | Basis]
) -> None:
    book = book_of(clock, SimGrid(clock=clock, **kind))  # type: ignore[arg-type] # either
    clock.advance(60)
    cover(book, clock)
    assert int(book.at("FR", now(clock)).level) == 4


def test_the_value_of_an_age_ago_is_not_carried_on_for_ever(clock: ManualClock) -> None:
    book = book_of(clock, SimGrid(clock=clock))
    clock.advance(60)
    cover(book, clock)
    end = T0 + GRID_STEP
    assert int(book.at("FR", end + LAST_KNOWN_SECONDS - 1).level) == 2
    assert int(book.at("FR", end + LAST_KNOWN_SECONDS).level) == 4


def test_a_gap_in_the_past_is_bridged_by_the_value_before_it(clock: ManualClock) -> None:
    book = book_of(clock)
    source = SimGrid(clock=clock)
    book = book_of(clock, source)
    points = [_point(T0 - 7200, T0 - 5400, 100.0), _point(T0 - 3600, T0 - 1800, 200.0)]
    book.restore({"simgrid": points})
    found = [book.at("FR", T0 - 7200 + 900 * i) for i in range(8)]
    assert [f.gco2eq_per_kwh for f in found] == [100.0] * 4 + [200.0] * 4
    assert [int(f.level) for f in found] == [0, 0, 2, 2, 0, 0, 2, 2]


def test_bounds_widen_with_what_stands_in_for_a_value(clock: ManualClock) -> None:
    grid = SimGrid(clock=clock, value=lambda _zone, _start: 100.0)
    book = book_of(clock, grid)
    cover(book, clock)
    observed, last, later, annual = (book.at("FR", T0 + s) for s in (-60, HOUR, 3 * HOUR, DAY))
    told = [(one.low, one.gco2eq_per_kwh, one.high) for one in (observed, last, later, annual)]
    assert told[0] == pytest.approx((95.0, 100.0, 105.0))
    widths = [(high - low) / middle for low, middle, high in told if low and high]
    assert widths == sorted(widths)
    assert widths[3] == pytest.approx(2 * math.hypot(0.33, YEARS_ERROR, LIVE_ERROR))
    assert annual.estimated


WORLD = {"grid_zone": "WORLD", "gco2eq_per_kwh": "473", "year": "2024", "source": "s"}


def test_a_yearly_value_is_nearer_the_mean_of_many_hours_than_one_hour() -> None:
    spans = (0.5, 1.0, 12.0, 24.0, 100.0, 730.0, 4000.0, 8760.0, 20000.0)
    line = {"grid_zone": "FR", "gco2eq_per_kwh": "100", "year": "2025", "source": "s"}
    table = AnnualTable(table=(line, WORLD))
    found = [annual_in_force(table, "FR", T0, hours) for hours in spans]
    assert all(one.gco2eq_per_kwh == 100.0 for one in found)
    errors = [one.high - 100.0 for one in found if one.high is not None]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] == errors[1] == pytest.approx(100 * math.hypot(0.33, YEARS_ERROR, LIVE_ERROR))
    assert errors[5] == pytest.approx(100 * math.hypot(0.22, YEARS_ERROR, LIVE_ERROR))
    # A whole year is not without error: the table's year is another one.
    assert errors[-1] == errors[-2] == pytest.approx(100 * math.hypot(YEARS_ERROR, LIVE_ERROR))
    assert "as a mean of 30.4 days" in found[5].detail
    assert "as the value of one hour" in found[0].detail


def test_the_year_of_a_yearly_value_adds_no_error_in_that_year_nor_where_the_user_told_it() -> None:
    table = ({"grid_zone": "FR", "gco2eq_per_kwh": "40", "year": "2026", "source": "s"}, WORLD)
    for annual in (AnnualTable(table=table), AnnualTable({"FR": 40.0}, table=(WORLD,))):
        found = annual_in_force(annual, "FR", T0, 8760.0)
        assert found.high == pytest.approx(40 * (1 + LIVE_ERROR))


def test_the_worlds_value_for_an_unknown_zone_spans_what_zones_have() -> None:
    found = annual_in_force(AnnualTable(table=(WORLD,)), "XX", T0, 730.0)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 40
    assert found.high > 650
    assert "-92% to +41%" in found.detail


def test_what_a_source_says_of_its_own_error_is_taken_over(clock: ManualClock) -> None:
    book = book_of(clock, SimGrid(clock=clock))
    grams = GCO2eqPerKwh(80.0), GCO2eqPerKwh(130.0)
    point = replace(_point(T0, T0 + HOUR, 100.0), low=grams[0], high=grams[1])
    book.restore({"simgrid": [point]})
    found = book.at("FR", T0)
    assert (found.low, found.high) == pytest.approx(grams)


# --- our own forecast, and signals ----------------------------------------------------------------


def own_book(clock: ManualClock, *sources: SimGrid, reach: int = 48) -> IntensityBook:
    store = Store.in_memory()
    return IntensityBook(sources, SimAnnual(), store, clock, SimForecaster(reach=reach))


def test_with_less_than_a_day_of_history_the_last_known_value_is_preferred_to_our_own_forecast(
    clock: ManualClock,
) -> None:
    book = own_book(clock, SimGrid(clock=clock), reach=24)
    cover(book, clock)
    found = [book.at("FR", T0 + hours * HOUR) for hours in (5, 6, 23, 24, 48)]
    assert [(int(one.level), one.source) for one in found] == [
        (2, "simgrid"),
        (3, "seasonal"),
        (3, "seasonal"),
        (4, "annual"),
        (4, "annual"),
    ]
    assert found[1].gco2eq_per_kwh == grid_value("FR", T0 - GRID_STEP)


def test_from_a_day_of_history_on_our_own_forecast_follows_the_last_value_at_once(
    clock: ManualClock,
) -> None:
    book = own_book(clock, SimGrid(clock=clock), reach=24)
    cover(book, clock, back=DAY)
    found = [book.at("FR", T0 + hours * HOUR) for hours in (-1, 1, 23, 24)]
    assert [(int(one.level), one.source) for one in found] == [
        (0, "simgrid"),
        (3, "seasonal"),
        (3, "seasonal"),
        (4, "annual"),
    ]
    assert [one.weakness for one in found] == sorted(one.weakness for one in found)


def test_the_forecast_of_a_source_is_preferred_to_our_own(clock: ManualClock) -> None:
    book = own_book(clock, SimGrid(clock=clock, forecast_until=T0 + 10 * HOUR))
    clock.advance(60)
    cover(book, clock)
    outlook = book.forecast("FR", now(clock), 24)
    assert outlook is not None
    assert (outlook.source, len(outlook.hours)) == ("simgrid + seasonal", 24)
    assert outlook.hours[0].start == T0 + HOUR, "hour n holds the time n hours ahead"
    halves = [grid_value("FR", T0 + HOUR), grid_value("FR", T0 + HOUR + GRID_STEP)]
    assert outlook.hours[0].gco2eq_per_kwh == pytest.approx(sum(halves) / 2)
    assert [hour.start for hour in outlook.hours] == [T0 + HOUR * n for n in range(1, 25)]


def test_a_zone_without_any_history_has_no_forecast(clock: ManualClock) -> None:
    book = own_book(clock, SimGrid(clock=clock))
    assert book.forecast("FR", T0) is None
    assert book.forecast("XX", T0) is None


def test_all_who_ask_read_one_forecast_until_anything_new_comes(clock: ManualClock) -> None:
    class Counting(SimForecaster):
        asked = 0

        def forecast(
            self, history: Sequence[IntensityPoint], hours: int
        ) -> tuple[ForecastHour, ...]:
            Counting.asked += 1
            return super().forecast(history, hours)

    store, grid = Store.in_memory(), SimGrid(clock=clock)
    book = IntensityBook([grid], SimAnnual(), store, clock, Counting(reach=48))
    cover(book, clock)
    first = book.forecast("FR", T0)
    assert first is not None
    assert len(first.hours) == 47, "as far as it is trusted after the last value"
    assert book.forecast("FR", T0 + 1800) is first
    assert Counting.asked == 1
    assert book.forecast("FR", T0 + HOUR) is not first, "an hour later others are ahead"
    clock.advance(HOUR)
    cover(book, clock)
    assert book.forecast("FR", T0 + HOUR) is not first
    assert book.forecast("FR", T0 + HOUR) is book.forecast("FR", T0 + HOUR)
    assert Counting.asked == 2


def test_a_forecast_is_made_anew_when_its_history_grows(clock: ManualClock) -> None:
    grid = SimGrid(clock=clock)
    book = own_book(clock, grid)
    cover(book, clock)
    before = book.forecast("FR", T0)
    clock.advance(2 * HOUR)
    cover(book, clock)
    after = book.forecast("FR", T0 + 2 * HOUR)
    assert before is not None
    assert after is not None
    assert before.hours[0].gco2eq_per_kwh == grid_value("FR", T0 - GRID_STEP)
    assert after.hours[0].gco2eq_per_kwh == grid_value("FR", T0 + 2 * HOUR - GRID_STEP)


def test_signals_go_their_own_chain_and_end_without_an_annual_value(clock: ManualClock) -> None:
    plant = SimGrid(clock=clock, name="plant", method=Method.MARGINAL, basis=Basis.DIRECT)
    book = own_book(clock, plant, reach=0)
    clock.advance(60)
    cover(book, clock)

    def level(at: float) -> int | None:
        found = book.signal("FR", at, Method.MARGINAL, Basis.DIRECT)
        return None if found is None else int(found.level)

    end = T0 + GRID_STEP
    assert [level(at) for at in (T0, end + HOUR, end + 6 * HOUR)] == [0, 2, None]
    assert book.signal("FR", T0, Method.AVERAGE, Basis.DIRECT) is None


def test_the_first_refresh_fetches_the_history_that_comes_cheap(clock: ManualClock) -> None:
    grid = SimGrid(clock=clock, history_seconds=7 * DAY)
    book = own_book(clock, grid)
    for _ in range(5):
        book.refresh("simgrid", ["FR"], now(clock) - HOUR, now(clock))
        clock.advance(HOUR)
    (first, *others) = grid.asked
    assert first[1] == T0 - 7 * DAY
    assert all(end - start <= HOUR for _, start, end in others)


def test_a_source_that_gives_no_history_is_not_asked_for_it_without_end(
    clock: ManualClock,
) -> None:
    grid = SimGrid(clock=clock, history_seconds=7 * DAY, outages=[FOREVER])
    book = own_book(clock, grid)
    for _ in range(60):
        book.refresh("simgrid", ["FR"], now(clock) - HOUR, now(clock))
        clock.advance(60)
    assert len(grid.asked) <= 2 * (1 + HOUR / (0.9 * grid.refresh_seconds))


# --- standings ------------------------------------------------------------------------------------


def compared(clock: ManualClock, *, name: str = "plant", percentile: float = 96.0) -> StandIn:
    """Return a marginal source that knows nothing of France but how its present compares."""
    silent = {"FR": lambda _hour: None}
    source = StandIn(silent, clock, name=name, method=Method.MARGINAL, basis=Basis.DIRECT)
    tell(source, now(clock), percentile)
    return source


def tell(source: StandIn, moment: int, percentile: float) -> None:
    told = Standing(zone="FR", source=source.name, moment=moment, percentile=percentile)
    source.standings = (told,)


def test_the_newest_standing_of_a_zone_is_told_for_an_hour(clock: ManualClock) -> None:
    source = compared(clock)
    book = book_of(clock, source)
    assert book.standing("FR", T0) is None, "nobody was asked"
    cover(book, clock)
    told = book.standing("FR", T0 + STANDING_SECONDS - 1)
    assert told is not None
    assert (told.percentile, told.source, told.moment) == (96.0, "plant", T0)
    assert book.standing("FR", T0 + STANDING_SECONDS) is None
    assert book.standing("IE", T0) is None
    clock.advance(HOUR)
    tell(source, T0 + HOUR, 4.0)
    cover(book, clock)
    later = book.standing("FR", T0 + HOUR)
    assert later is not None
    assert later.percentile == 4.0


def test_a_standing_is_no_intensity(clock: ManualClock) -> None:
    book = book_of(clock, compared(clock))
    cover(book, clock)
    assert int(book.at("FR", T0).level) == 4
    assert book.signal("FR", T0, Method.MARGINAL, Basis.DIRECT) is None
    assert book.forecast("FR", T0, method=Method.MARGINAL) is None
    (status,) = book.statuses
    assert (status.view().success, status.view().data_timestamp) == (True, T0)


def test_the_standing_of_the_preferred_source_counts_while_it_is_fresh(clock: ManualClock) -> None:
    first = compared(clock, name="first", percentile=10.0)
    other = compared(clock, name="other", percentile=20.0)
    tell(other, T0 + 60, 20.0)
    book = book_of(clock, first, other)
    cover(book, clock)
    told = [book.standing("FR", T0 + seconds) for seconds in (0, HOUR - 1, HOUR, HOUR + 60)]
    assert [one and one.source for one in told] == ["first", "first", "other", None]


# --- means over buckets ---------------------------------------------------------------------------


def _point(start: int, end: int, grams: float, *, forecast: bool = False) -> IntensityPoint:
    return IntensityPoint(
        zone="FR", start=start, end=end, gco2eq_per_kwh=GCO2eqPerKwh(grams), forecast=forecast
    )


def test_a_bucket_longer_than_the_grid_step_has_the_mean(clock: ManualClock) -> None:
    book = book_of(clock, SimGrid(clock=clock))
    book.cover(["FR"], T0 - 2 * HOUR, T0)
    found = book.over("FR", T0 - HOUR, T0)
    values = [grid_value("FR", T0 - HOUR), grid_value("FR", T0 - HOUR // 2)]
    assert found.gco2eq_per_kwh == pytest.approx(sum(values) / 2, rel=1e-12)
    assert (int(found.level), found.valid_from) == (0, T0 - HOUR)


def test_a_mean_is_as_weak_as_its_weakest_part(clock: ManualClock) -> None:
    book = book_of(clock, SimGrid(clock=clock))
    book.restore({"simgrid": [_point(T0 - HOUR, T0 - 1800, 100.0)]})
    found = book.over("FR", T0 - HOUR, T0)
    assert (found.gco2eq_per_kwh, int(found.level)) == (100.0, 2)


def test_a_mean_of_a_forecast_and_a_last_known_value_is_called_last_known(
    clock: ManualClock,
) -> None:
    book = book_of(clock, SimGrid(clock=clock))
    forecast = _point(T0 - 1800, T0, 300.0, forecast=True)
    book.restore({"simgrid": [_point(T0 - 5400, T0 - 3600, 100.0), forecast]})
    found = book.over("FR", T0 - HOUR, T0)
    assert (found.gco2eq_per_kwh, int(found.level)) == (200.0, 2)


def test_the_preferred_source_takes_over_in_the_middle_of_a_bucket(clock: ManualClock) -> None:
    book = book_of(clock, SimGrid(clock=clock, name="first"), SimGrid(clock=clock, name="other"))
    book.restore(
        {"first": [_point(T0 + 900, T0 + 2700, 100.0)], "other": [_point(T0, T0 + 1800, 500.0)]}
    )
    assert book.over("FR", T0, T0 + 1800).gco2eq_per_kwh == pytest.approx(300.0)


_STEPS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 30), st.floats(1, 900), st.booleans()), max_size=12
)


@given(first=_STEPS, other=_STEPS, start=st.integers(0, 60), length=st.integers(1, 40))
def test_a_mean_is_the_mean_of_its_seconds_without_gap_or_overlap(
    first: list[tuple[int, int, float, bool]],
    other: list[tuple[int, int, float, bool]],
    start: int,
    length: int,
) -> None:
    clock = ManualClock()
    book = book_of(clock, SimGrid(clock=clock, name="first"), SimGrid(clock=clock, name="other"))
    told = {
        name: [_point(T0 + s, T0 + s + n, grams, forecast=f) for s, n, grams, f in steps]
        for name, steps in (("first", first), ("other", other))
    }
    book.restore(told)
    begin = T0 + start
    each = [book.at("FR", second).gco2eq_per_kwh for second in range(begin, begin + length)]
    mean = book.over("FR", begin, begin + length)
    assert mean.gco2eq_per_kwh == pytest.approx(math.fsum(each) / length, rel=1e-9)
    parts = list(book._parts("FR", begin, begin + length))
    assert sum(seconds for _, seconds in parts) == length


# --- asking ---------------------------------------------------------------------------------------


def test_a_source_is_not_asked_more_often_than_it_refreshes(
    state: Path, clock: ManualClock
) -> None:
    grid = SimGrid(clock=clock, estimate_error=1.2)
    machine = SimMachine(name="m", spans=[Span(T0 - 5000)])
    rig = Rig(state, [SimCloud(clock=clock, machines=[machine])], [grid], clock)
    while rig.now < T0 + DAY:
        rig.run()
        rig.book.cover(["FR"], rig.now - HOUR, rig.now, only="simgrid")
        clock.advance(60)
    assert len(grid.asked) <= DAY / (grid.refresh_seconds * 0.9) + 3
    rests = [b - a for a, b in pairwise(grid.asked_at[2:])]
    assert min(rests) >= grid.refresh_seconds * 0.9


@pytest.mark.parametrize("poll", [60, 300, 900])
def test_the_value_in_force_is_live_nearly_always(
    state: Path, clock: ManualClock, poll: int
) -> None:
    grid = SimGrid(clock=clock)
    machine = SimMachine(name="m", spans=[Span(T0 - 5000)])
    rig = Rig(state, [SimCloud(clock=clock, machines=[machine])], [grid], clock)
    levels = []
    clock.advance(7)
    while rig.now < T0 + DAY:
        levels.append(int(rig.run().grids[0].level))
        clock.advance(poll)
    assert levels.count(0) / len(levels) > 0.95


def test_what_is_known_is_not_asked_again(clock: ManualClock) -> None:
    grid = SimGrid(clock=clock)
    book = book_of(clock, grid)
    book.cover(["FR"], T0 - 6 * HOUR, T0)
    clock.advance(DAY)
    book.cover(["FR"], T0 - 6 * HOUR, T0)
    assert len(grid.asked) == 1


def test_an_estimated_value_is_asked_again(clock: ManualClock) -> None:
    grid = SimGrid(clock=clock, estimate_error=2.0)
    book = book_of(clock, grid)
    clock.advance(900)
    cover(book, clock)
    assert book.at("FR", T0).estimated
    clock.advance(GRID_STEP)
    book.cover(["FR"], T0, T0 + 900)
    found = book.at("FR", T0)
    assert (found.gco2eq_per_kwh, found.estimated) == (grid_value("FR", T0), False)


def test_the_history_of_a_catch_up_is_asked_for_at_once(state: Path, clock: ManualClock) -> None:
    grid = SimGrid(clock=clock)
    machine = SimMachine(name="m", spans=[Span(T0 - 5000)])
    rig = Rig(state, [SimCloud(clock=clock, machines=[machine])], [grid], clock)
    rig.every(300, T0 + 2 * HOUR)
    rig.store.close()
    grid.asked.clear()
    clock.advance(20 * HOUR)
    rig.start(Store.open(state))
    rig.run()
    assert len(grid.asked) == 1
    assert_true(rig, [machine], Judge(origin=T0 - 300, until=rig.final))


def test_after_a_provider_outage_each_bucket_has_the_intensity_of_its_own_time(
    state: Path, clock: ManualClock
) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - 5000)])
    cloud = SimCloud(clock=clock, machines=[machine], outages=[(T0 + HOUR, T0 + 20 * HOUR)])
    rig = Rig(state, [cloud], [SimGrid(clock=clock)], clock)
    rig.every(1800, T0 + 21 * HOUR)
    assert_true(rig, [machine], Judge(origin=T0 - 300, until=rig.final))


def test_an_estimate_that_is_replaced_corrects_the_grams_of_open_buckets(
    state: Path, clock: ManualClock
) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - 5000)])
    grid = SimGrid(clock=clock, estimate_error=1.5, estimates_until=T0 + HOUR)
    rig = Rig(state, [SimCloud(clock=clock, machines=[machine])], [grid], clock)
    rig.every(300, T0 + 900)
    judge = Judge(origin=T0 - 300, until=rig.final)
    assert rig.accounted()["m"].operational > judge.of(machine).operational * 1.2
    snapshot = rig.every(300, T0 + 3 * HOUR)
    assert (snapshot.buckets_corrected or 0) >= 3
    assert_true(rig, [machine], Judge(origin=T0 - 300, until=rig.final))


def test_two_accounts_that_need_the_same_history_wait_for_one_answer(clock: ManualClock) -> None:
    grid = SimGrid(clock=clock)
    asked, answer = threading.Event(), threading.Event()
    fetch = grid.fetch

    def slow(*what):  # type: ignore[no-untyped-def] # noqa: ANN002, ANN202 — passed through
        asked.set()
        answer.wait()
        return fetch(*what)

    grid.fetch = slow  # type: ignore[method-assign]
    book = book_of(clock, grid)
    levels: list[int] = []

    def account() -> None:
        book.cover(["FR"], T0 - HOUR, T0)
        levels.append(int(book.over("FR", T0 - 300, T0).level))

    accounts = [threading.Thread(target=account) for _ in range(2)]
    accounts[0].start()
    asked.wait()
    accounts[1].start()
    accounts[1].join(0.05)
    answer.set()
    for each in accounts:
        each.join()
    assert levels == [0, 0]
    assert len(grid.asked) == 1


# --- failures -------------------------------------------------------------------------------------


def test_a_failing_source_is_counted_and_never_raises(clock: ManualClock) -> None:
    book = book_of(clock, SimGrid(clock=clock, outages=[FOREVER]))
    cover(book, clock)
    (status,) = book.statuses
    assert status.view().success is False
    assert status.view().failures["unreachable"] == 1
    assert status.view().last_error == "simgrid: no answer"


def test_a_defect_in_a_source_costs_that_source_alone(clock: ManualClock) -> None:
    broken = SimGrid(clock=clock, name="broken", defect=KeyError("data"))
    book = book_of(clock, broken, SimGrid(clock=clock, name="other"))
    clock.advance(60)
    cover(book, clock)
    found = book.at("FR", now(clock))
    assert (found.source, int(found.level)) == ("other", 1)
    view = book.statuses[0].view()
    assert (view.success, view.failures["bad_payload"]) == (False, 1)
    assert "KeyError" in view.last_error


def test_a_source_that_is_well_again_says_so(clock: ManualClock) -> None:
    grid = SimGrid(clock=clock, outages=[(T0, T0 + HOUR)])
    book = book_of(clock, grid)
    cover(book, clock)
    clock.advance(2 * HOUR)
    cover(book, clock)
    view = book.statuses[0].view()
    assert (view.success, view.last_error, view.last_success) == (True, "", now(clock))
    assert view.data_timestamp is not None
    assert view.failures["unreachable"] == 1


@pytest.mark.parametrize("garbage", [math.nan, math.inf])
def test_a_value_that_is_no_number_is_not_taken_in(clock: ManualClock, garbage: float) -> None:
    store = Store.in_memory()
    bad = T0 - GRID_STEP
    grid = SimGrid(
        clock=clock, value=lambda zone, at: garbage if at == bad else grid_value(zone, at)
    )
    book = book_of(clock, grid, store=store)
    clock.advance(60)
    cover(book, clock, back=2 * HOUR)
    assert int(book.at("FR", bad).level) == 2
    kept = [point.start for point in store.load().intensity["simgrid"]]
    sound = [T0 - 4 * GRID_STEP, T0 - 3 * GRID_STEP, T0 - 2 * GRID_STEP, T0]
    assert kept == sound, "they are saved"
    store.close()


def test_history_survives_a_restart(state: Path, clock: ManualClock) -> None:
    store = Store.open(state)
    grid = SimGrid(clock=clock)
    cover(book_of(clock, grid, store=store), clock)
    store.close()
    store = Store.open(state)
    book = book_of(clock, SimGrid(clock=clock, outages=[FOREVER]), store=store)
    book.restore(store.load().intensity)
    assert book.at("FR", T0 - 60).gco2eq_per_kwh == grid_value("FR", T0 - 1800)
    assert int(book.at("FR", T0 - 60).level) == 0
    store.close()


class Told(SimGrid):
    """Says how sure it is of a value, as sources that price a mix do."""

    def _point(self, zone: str, start: int, now: float) -> IntensityPoint:
        point = super()._point(zone, start, now)
        low, high = GCO2eqPerKwh(point.gco2eq_per_kwh * 0.6), GCO2eqPerKwh(point.gco2eq_per_kwh * 2)
        return replace(point, low=low, high=high)


def test_bounds_of_grams_are_the_same_after_a_restart(state: Path, clock: ManualClock) -> None:
    grid = Told(clock=clock)
    cloud = SimCloud(clock=clock, machines=[SimMachine(name="m", spans=[Span(T0 - 5000)])])
    rig = Rig(state, [cloud], [grid], clock)
    rig.every(300, T0 + HOUR)
    before = rig.region("fr-one").rate
    assert before is not None
    assert before.high / before.central > 2
    grid.outages.append(FOREVER)
    rig.restart()
    rig.run()
    assert rig.region("fr-one").rate == before


def test_points_that_could_not_be_saved_are_saved_with_the_next(
    state: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(state)
    book = book_of(clock, SimGrid(clock=clock), store=store)

    def full(*_args: object, **_kwargs: object) -> None:
        message = "disk full"
        raise StoreError(message)

    with monkeypatch.context() as broken:
        broken.setattr(store, "save_intensity", full)
        cover(book, clock)
    assert int(book.at("FR", T0 - 60).level) == 0, "memory serves on"
    assert store.load().intensity == {}
    clock.advance(HOUR)
    cover(book, clock)
    starts = [point.start for point in store.load().intensity["simgrid"]]
    assert starts == [T0 - 3600, T0 - 1800, T0, T0 + 1800]
    store.close()


def test_old_history_is_forgotten_in_memory_and_in_the_file(
    state: Path, clock: ManualClock
) -> None:
    store = Store.open(state)
    book = book_of(clock, SimGrid(clock=clock), store=store)
    cover(book, clock)
    clock.advance(KEEP_SECONDS + DAY)
    cover(book, clock)
    kept = store.load().intensity["simgrid"]
    assert min(point.start for point in kept) > T0
    assert int(book.at("FR", T0 - 60).level) == 4
    store.close()
