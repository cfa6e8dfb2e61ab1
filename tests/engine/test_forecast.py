"""The own forecast: what it says of histories whose future is known."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import cos, isfinite, pi
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.model import ForecastHour, IntensityPoint
from exporter.core.ports import Forecaster
from exporter.core.units import GCO2eqPerKwh
from exporter.engine.forecast import SeasonalForecaster, _hourly, _model

HOUR = 3600
DAY = 24 * HOUR
MONDAY = 1_772_409_600  # 2026-03-02 00:00 UTC
FORECASTER: Forecaster = SeasonalForecaster()


def point(start: int, end: int, value: float, *, estimated: bool = False) -> IntensityPoint:
    return IntensityPoint(
        zone="XX", start=start, end=end, gco2eq_per_kwh=GCO2eqPerKwh(value), estimated=estimated
    )


def series(
    value: Callable[[int], float], *, hours: int, step: int = HOUR, end: int = MONDAY
) -> list[IntensityPoint]:
    """Points of a function of time that end at ``end``."""
    return [point(t, t + step, value(t)) for t in range(end - hours * HOUR, end, step)]


def daily(t: int) -> float:
    return 300 + 100 * cos(2 * pi * t / DAY)


def central(forecast: Sequence[ForecastHour]) -> list[float]:
    return [hour.gco2eq_per_kwh for hour in forecast]


def width(hour: ForecastHour) -> float:
    assert hour.low is not None
    assert hour.high is not None
    return hour.high - hour.low


@pytest.mark.parametrize("days", [2, 5, 14])
def test_a_perfect_daily_cycle_goes_on(days: int) -> None:
    forecast = FORECASTER.forecast(series(daily, hours=24 * days), 48)
    assert central(forecast) == pytest.approx([daily(hour.start) for hour in forecast])


def test_steps_of_five_minutes_are_averaged_to_hours() -> None:
    forecast = FORECASTER.forecast(series(daily, hours=7 * 24, step=300), 24)
    truth = [sum(daily(hour.start + s) for s in range(0, HOUR, 300)) / 12 for hour in forecast]
    assert central(forecast) == pytest.approx(truth)


def test_points_weigh_by_their_time() -> None:
    quarter = MONDAY + HOUR // 4
    history = [point(MONDAY, quarter, 100), point(quarter, MONDAY + HOUR, 500)]
    assert central(FORECASTER.forecast(history, 1)) == pytest.approx([400])


@pytest.mark.parametrize("hours", [1, 5, 23, 24, 25, 100, 336])
def test_a_constant_stays_but_is_never_certain(hours: int) -> None:
    forecast = FORECASTER.forecast(series(lambda _: 450.0, hours=hours), 48)
    assert central(forecast) == pytest.approx([450.0] * 48)
    assert all(width(hour) >= 0.02 * 450 * 0.999 for hour in forecast)


def test_a_zone_without_emissions_is_forecast_at_zero() -> None:
    forecast = FORECASTER.forecast(series(lambda _: 0.0, hours=100), 24)
    assert {(h.low, h.gco2eq_per_kwh, h.high) for h in forecast} == {(0.0, 0.0, 0.0)}


def test_a_new_level_is_followed_at_once_and_left_slowly() -> None:
    shift = MONDAY - 2 * HOUR
    forecast = FORECASTER.forecast(
        series(lambda t: 200.0 if t < shift else 300.0, hours=10 * 24), 20
    )
    values = central(forecast)
    assert 290 <= values[0] <= 300
    assert all(later < earlier for earlier, later in pairwise(values))
    assert values[-1] > 200


def test_the_forecast_stays_within_the_range_seen() -> None:
    fallen = MONDAY - HOUR
    history = series(lambda t: daily(t) if t < fallen else 5.0, hours=10 * 24)
    values = central(FORECASTER.forecast(history, 48))
    assert min(values) >= 5.0
    assert max(values) <= 400.0


def test_the_latest_days_weigh_most() -> None:
    change = MONDAY - 3 * DAY
    history = series(lambda t: daily(t) + (0 if t < change else 200), hours=12 * 24)
    forecast = FORECASTER.forecast(history, 24)
    assert all(hour.gco2eq_per_kwh > daily(hour.start) + 100 for hour in forecast)


def test_a_weekend_is_forecast_more_like_the_weekend_before_than_a_weekday_is() -> None:
    def working_week(t: int) -> float:
        return 200.0 if (t // DAY + 3) % 7 >= 5 else 400.0

    saturday = MONDAY + 5 * DAY
    history = series(working_week, hours=13 * 24, end=saturday)
    blind = series(lambda _: 400.0, hours=13 * 24, end=saturday)
    assert FORECASTER.forecast(history, 24)[-1].gco2eq_per_kwh < 390
    assert FORECASTER.forecast(blind, 24)[-1].gco2eq_per_kwh == pytest.approx(400)
    friday = FORECASTER.forecast([p for p in history if p.end <= saturday - DAY], 24)
    assert friday[-1].gco2eq_per_kwh > FORECASTER.forecast(history, 24)[-1].gco2eq_per_kwh


def test_gaps_are_tolerated() -> None:
    random = Random(4)  # noqa: S311 — chance, not secrets
    history = [p for p in series(daily, hours=14 * 24) if random.random() > 0.3]
    forecast = FORECASTER.forecast(history, 24)
    misses = [abs(hour.gco2eq_per_kwh - daily(hour.start)) for hour in forecast]
    assert max(misses) < 10


def test_an_hour_of_the_day_that_was_never_seen_is_like_the_one_before() -> None:
    history = [p for p in series(daily, hours=10 * 24) if p.start // HOUR % 24 != 7]
    forecast = FORECASTER.forecast(history, 24)
    assert forecast[7].gco2eq_per_kwh == pytest.approx(forecast[6].gco2eq_per_kwh, rel=0.02)


def test_a_short_history_is_damped_to_its_mean_between_wide_quantiles() -> None:
    history = series(lambda t: 100.0 if t < MONDAY - HOUR else 200.0, hours=10)
    forecast = FORECASTER.forecast(history, 48)
    assert forecast[0].gco2eq_per_kwh > 180
    assert forecast[-1].gco2eq_per_kwh == pytest.approx(110, abs=20)
    assert all(width(hour) >= 0.15 * hour.gco2eq_per_kwh for hour in forecast)
    assert width(forecast[12]) / forecast[12].gco2eq_per_kwh > width(forecast[0]) / 200


def test_less_than_an_hour_says_nothing() -> None:
    assert FORECASTER.forecast([], 24) == ()
    assert FORECASTER.forecast(series(daily, hours=1, step=300)[:11], 24) == ()
    assert len(FORECASTER.forecast(series(daily, hours=1, step=300), 24)) == 24


def test_an_hour_mostly_unobserved_does_not_count() -> None:
    sparse = [point(t, t + 300, 500) for t in range(MONDAY, MONDAY + 20 * HOUR, HOUR)]
    assert FORECASTER.forecast(sparse, 24) == ()
    history = [*series(lambda _: 200.0, hours=48), point(MONDAY, MONDAY + 300, 900)]
    assert FORECASTER.forecast(history, 1)[0].gco2eq_per_kwh == pytest.approx(200)


def test_asking_for_no_hours_gives_none() -> None:
    assert FORECASTER.forecast(series(daily, hours=48), 0) == ()


def test_an_hour_begun_is_the_first_and_counts_once_half_of_it_was_seen() -> None:
    begun = [point(MONDAY + s, MONDAY + s + 300, 400) for s in range(0, 2400, 300)]
    history = [*series(lambda _: 200.0, hours=10 * 24), *begun]
    first, second = FORECASTER.forecast(history, 2)
    assert first.start == MONDAY
    assert first.gco2eq_per_kwh == pytest.approx(400)
    assert 380 < second.gco2eq_per_kwh <= 400


def test_points_older_than_two_weeks_do_not_matter() -> None:
    recent = series(daily, hours=14 * 24)
    old = series(lambda _: 9000.0, hours=100, end=MONDAY - 14 * DAY)
    assert FORECASTER.forecast([*old, *recent], 24) == FORECASTER.forecast(recent, 24)


def test_estimated_points_count_like_others() -> None:
    history = series(daily, hours=72)
    estimated = [point(p.start, p.end, p.gco2eq_per_kwh, estimated=True) for p in history]
    assert FORECASTER.forecast(estimated, 24) == FORECASTER.forecast(history, 24)


@pytest.mark.parametrize("known", [24, 61, 150])
def test_what_an_origin_expects_is_not_changed_by_what_comes_after_it(known: int) -> None:
    random = Random(5)  # noqa: S311 — chance, not secrets
    whole = [
        p for p in series(lambda _: random.uniform(50, 500), hours=220) if p.start // HOUR % 7 != 3
    ]
    then, later = _hourly(whole[:known]), _hourly(whole)
    assert then is not None
    assert later is not None
    before, after = _model(then), _model(later)
    for ahead in range(1, 49):
        assert before.expected(before.last, ahead) == after.expected(before.last, ahead)


def test_a_fitful_zone_has_a_wider_interval_than_a_steady_one() -> None:
    def noisy(amplitude: float) -> list[IntensityPoint]:
        random = Random(7)  # noqa: S311 — chance, not secrets
        return series(lambda t: daily(t) + random.gauss(0, amplitude), hours=14 * 24)

    steady, fitful = (FORECASTER.forecast(noisy(amplitude), 24) for amplitude in (5, 40))
    assert all(width(a) < width(b) for a, b in zip(steady, fitful, strict=True))


def test_four_of_five_truths_lie_between_the_quantiles() -> None:
    random = Random(11)  # noqa: S311 — chance, not secrets
    level = 0.0
    whole = []
    for p in series(daily, hours=30 * 24):
        level = 0.9 * level + random.gauss(0, 10)
        whole.append(point(p.start, p.end, p.gco2eq_per_kwh + level))
    inside = []
    for origin in range(14 * 24, 29 * 24, 7):
        hours = FORECASTER.forecast(whole[origin - 14 * 24 : origin], 24)
        for hour, truth in zip(hours, whole[origin:], strict=False):
            assert hour.low is not None
            assert hour.high is not None
            inside.append(hour.low <= truth.gco2eq_per_kwh <= hour.high)
    assert 0.7 < sum(inside) / len(inside) < 0.92


@st.composite
def histories(draw: st.DrawFn) -> list[IntensityPoint]:
    """Any steps, gaps and values; not aligned to anything."""
    t = draw(st.integers(min_value=MONDAY, max_value=MONDAY + DAY))
    steps = st.sampled_from([300, 900, 1800, HOUR])
    gaps = st.sampled_from([0, 0, 0, 300, 2 * HOUR, 30 * HOUR])
    values = st.floats(min_value=0, max_value=5000)
    found = []
    for step, gap, value, repeat in draw(
        st.lists(st.tuples(steps, gaps, values, st.integers(1, 40)), min_size=1, max_size=12)
    ):
        t += gap
        for i in range(repeat):
            found.append(point(t, t + step, value * (1 + i % 5) / 5))
            t += step
    return found


@given(histories(), st.integers(min_value=1, max_value=48))
def test_any_history_gives_ordered_finite_contiguous_hours(
    history: list[IntensityPoint], hours: int
) -> None:
    forecast = FORECASTER.forecast(history, hours)
    assert len(forecast) in {0, hours}
    for i, hour in enumerate(forecast):
        assert hour.start == history[-1].end // HOUR * HOUR + i * HOUR
        assert hour.end == hour.start + HOUR
        assert hour.low is not None
        assert hour.high is not None
        assert 0 <= hour.low <= hour.gco2eq_per_kwh <= hour.high
        assert isfinite(hour.high)


@given(histories(), st.integers(min_value=1, max_value=48))
def test_fewer_hours_are_the_beginning_of_more(history: list[IntensityPoint], hours: int) -> None:
    assert FORECASTER.forecast(history, 48)[:hours] == FORECASTER.forecast(history, hours)
