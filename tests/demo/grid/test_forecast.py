from hypothesis import given
from hypothesis import strategies as st

from exporter.demo.grid.forecast import LARGEST, RUN, forecast_error

HOUR = 3600
ISSUED = 1_773_748_800
times = st.integers(0, 2 * 10**9)


@given(zone=st.text(max_size=8), issued=times, ahead=st.integers(1, 10**6))
def test_an_error_is_bounded_and_the_same_at_every_call(zone: str, issued: int, ahead: int) -> None:
    error = forecast_error(zone, issued, issued + ahead)
    assert abs(error) < LARGEST
    assert error == forecast_error(zone, issued, issued + ahead)


@given(issued=times, start=times)
def test_what_has_begun_is_known(issued: int, start: int) -> None:
    if start <= issued:
        assert forecast_error("IE", issued, start) == 0


def test_each_run_and_each_zone_errs_in_another_way() -> None:
    start = ISSUED + 24 * HOUR
    errors = [forecast_error("IE", ISSUED - run * RUN, start) for run in range(4)]
    assert len({*errors, forecast_error("FR", ISSUED, start)}) == 5


def test_errors_grow_with_the_time_ahead() -> None:
    def mean_miss(hours: int) -> float:
        runs = range(ISSUED, ISSUED + 200 * RUN, RUN)
        return sum(abs(forecast_error("IE", at, at + hours * HOUR)) for at in runs) / 200

    misses = [mean_miss(hours) for hours in (1, 6, 24, 48)]
    assert misses == sorted(misses)
    assert misses[0] < 0.02
    assert 0.05 < misses[2] < 0.15
