"""What verbs show: ages and times, counts while they wait, and the bar chart."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.cli._shown import ROWS, Bar, age, clock_time, counting, draw, step_for
from exporter.core.model import Basis, FallbackLevel, IntensityInForce, Method
from exporter.core.units import GCO2eqPerKwh

VALUE = IntensityInForce(
    zone="FR",
    gco2eq_per_kwh=GCO2eqPerKwh(1),
    source="breeze",
    method=Method.AVERAGE,
    basis=Basis.LIFECYCLE,
    level=FallbackLevel.LIVE,
    valid_from=1_000_000,
)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (-5, "0m"),
        (0, "0m"),
        (59, "0m"),
        (3599, "59m"),
        (3600, "1h00m"),
        (2 * 86400 - 1, "47h59m"),
        (2 * 86400, "2d"),
    ],
)
def test_ages_as_people_write_them(seconds: int, written: str) -> None:
    assert age(VALUE, VALUE.valid_from + seconds) == written


def test_a_yearly_average_has_no_age() -> None:
    assert age(replace(VALUE, level=FallbackLevel.ANNUAL), VALUE.valid_from) == "–"


def test_times_are_utc() -> None:
    assert clock_time(0) == "1970-01-01 00:00 UTC"


def test_a_count_is_a_line_per_change_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with counting("zones", 3) as done:
        for count in (1, 1, 3):
            done(count)
    assert capsys.readouterr().err == "zones: 1 of 3\nzones: 3 of 3\n"


def test_a_count_is_a_bar_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with counting("zones", 2) as done:
        done(1)
    captured = capsys.readouterr()
    assert "zones" in captured.err
    assert "50%" in captured.err
    assert captured.out == ""


HOUR = 3600
NOON = 1_772_409_600 + 12 * HOUR
"""2026-03-02 12:00 UTC."""
MARGIN = 8


def bars(values: list[float | None], *, start: int = NOON, certain: bool = True) -> list[Bar]:
    return [
        Bar(start=start + i * HOUR, value=value, certain=certain) for i, value in enumerate(values)
    ]


def column(lines: list[str], place: int) -> str:
    """The cells of one column, from the bottom up."""
    rows = [line.ljust(MARGIN + place + 1)[MARGIN + place] for line in lines[:ROWS]]
    return "".join(reversed(rows)).rstrip()


def test_the_height_of_a_column_is_its_value() -> None:
    lines = draw(bars([100, 50, 25, 12.5]), NOON + 10 * HOUR)
    assert [column(lines, i) for i in range(4)] == ["████████", "████", "██", "█"]
    assert lines[0].startswith("   100 ┤")
    assert lines[4].startswith("    50 ┤")
    assert lines[ROWS].startswith("     0 ┼")


def test_eighths_tell_values_between_the_rows() -> None:
    lines = draw(bars([100, 100 / 64 * 11]), NOON + 10 * HOUR)
    assert column(lines, 1) == "█▃"


def test_a_small_value_shows_and_an_unknown_one_does_not() -> None:
    lines = draw(bars([100, 0, 0.001, None]), NOON + 10 * HOUR)
    assert [column(lines, i) for i in (1, 2, 3)] == ["▁", "▁", ""]


def test_the_present_stands_between_past_and_future() -> None:
    past = bars([100, 100], start=NOON - 2 * HOUR)
    future = bars([100, 50], start=NOON + HOUR, certain=False)
    lines = draw([*past, *future], NOON)
    assert lines[7][MARGIN:] == "██┊░░"
    assert lines[3][MARGIN:] == "██┊░"


def test_hours_stand_below_their_columns() -> None:
    day = bars([50.0] * 30, start=NOON - 12 * HOUR)
    lines = draw(day, day[-1].start)
    marks = lines[ROWS + 1]
    assert marks.split() == ["00:00", "06:00", "12:00", "18:00", "00:00", "now"]
    for label, hours in (("06:00", 6), ("12:00", 12), ("18:00", 18)):
        place = MARGIN + hours
        assert marks.index(label) + 2 == place
        assert lines[ROWS][place] == "┼"


def test_without_any_value_there_is_no_chart() -> None:
    assert draw(bars([None, None]), NOON) == []
    assert draw([], NOON) == []


@given(
    st.lists(st.none() | st.floats(0.1, 2000), min_size=1, max_size=60),
    st.integers(0, 60),
    st.booleans(),
)
def test_plain_ascii_where_nothing_else_goes(
    values: list[float | None], now: int, certain: bool
) -> None:
    told = draw(bars(values, certain=certain), NOON + now * HOUR, unicode=False)
    assert "".join(told).isascii()
    assert bool(told) == any(value is not None for value in values)
    for place, value in enumerate(values):
        shift = place + (NOON + now * HOUR < NOON + place * HOUR)
        if told:
            assert bool(column(told, shift)) == (value is not None)


@given(st.lists(st.floats(0.1, 2000), min_size=1, max_size=40))
def test_a_higher_value_is_never_drawn_lower(values: list[float]) -> None:
    lines = draw(bars(values), NOON + 100 * HOUR)  # type: ignore[arg-type]
    rank = [
        tuple(" ▁▂▃▄▅▆▇█".index(cell) for cell in column(lines, i).ljust(ROWS))
        for i in range(len(values))
    ]
    heights = dict(zip(values, map(sum, rank), strict=True))
    assert [heights[value] for value in sorted(heights)] == sorted(heights.values())


@pytest.mark.parametrize(
    ("hours", "width", "step"), [(48, 120, 1800), (48, 80, 3600), (24, 200, 900), (96, 20, 21600)]
)
def test_columns_fit_the_terminal(hours: int, width: int, step: int) -> None:
    assert step_for(hours * HOUR, width) == step
