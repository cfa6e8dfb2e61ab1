from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("300", 300),
        (300, 300),
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("24h", 86400),
        ("30d", 2592000),
        (" 1.5h ", 5400),
        (timedelta(minutes=5), 300),
    ],
)
def test_time_spans_as_people_write_them(text: object, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5 minutes", "m", "0s", "-5m", 0, -1, True, None, "5m 3x"])
def test_anything_else_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match="such as 90s, 5m"):
        parse_duration(text)


@pytest.mark.parametrize(
    "text", ["9999999999999999999d", "9" * 400, "3661d", 1e300, float("inf"), timedelta.max]
)
def test_more_than_ten_years_is_refused_whatever_the_number(text: object) -> None:
    with pytest.raises(ValueError, match="write 3660d or less"):
        parse_duration(text)


@given(st.integers(min_value=1, max_value=10**8))
def test_what_is_written_is_read_back(seconds: int) -> None:
    span = timedelta(seconds=seconds)
    assert parse_duration(format_duration(span)) == span
