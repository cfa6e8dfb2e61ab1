"""What the verbs about grids share."""

from dataclasses import replace

import pytest

from exporter.core.model import Basis, FallbackLevel, IntensityInForce, Method
from exporter.core.units import GCO2eqPerKwh
from exporter.verbs.errors import UsageError
from exporter.verbs.grid import Trouble, age, clock_time, counting, one_of

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


def test_a_trouble_names_its_source_once() -> None:
    assert str(Trouble(collector="neso", message="neso: down")) == "neso: down"
    assert str(Trouble(collector="neso", message="down")) == "neso: down"


def test_options_are_checked() -> None:
    assert one_of("--sort", "now", ["now", "mean"]) == "now"
    with pytest.raises(UsageError, match="--sort 'noon' — write one of now, mean"):
        one_of("--sort", "noon", ["now", "mean"])


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
