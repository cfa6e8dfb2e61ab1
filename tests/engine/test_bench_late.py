"""The benchmark of late grids, on a recording small enough to make here."""

from math import cos, pi
from pathlib import Path

import pytest

from bench.forecast.replay import HOUR, Replay
from bench.late.__main__ import main
from bench.late.estate import truth
from bench.late.run import run
from exporter.core.clock import from_epoch

BEGIN, HOURS = 1_772_409_600, 60
ZONES = {"US-A": 300.0, "US-B": 500.0}
SPAN = BEGIN, BEGIN + HOURS * HOUR


def recording() -> Replay:
    """Return zones with a daily cycle that grows from day to day."""
    return {
        zone: {
            BEGIN + n * HOUR: round(mean + (60 + n) * cos(2 * pi * n / 24), 1) for n in range(HOURS)
        }
        for zone, mean in ZONES.items()
    }


def written(path: Path, zones: Replay) -> Path:
    lines = ["zone,timestamp,gco2_per_kwh"]
    lines += [
        f"{zone},{from_epoch(start):%Y-%m-%dT%H:%M:%SZ},{value}"
        for zone, hours in zones.items()
        for start, value in hours.items()
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_late_values_give_the_grams_of_values_on_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replay = written(tmp_path / "replay.csv", recording())
    assert main(["--replay", str(replay), "--poll", "60"]) == 0
    told = capsys.readouterr().out
    assert told.count("0 counters went back") == 3
    for zone, hours in recording().items():
        (line,) = (line for line in told.splitlines() if line.startswith(zone))
        assert line.split()[1] == f"{truth(hours, *SPAN):.1f}"
        assert line.count("+0.000 [") == 2


def test_what_comes_after_three_days_changes_nothing_and_shows(tmp_path: Path) -> None:
    found = run(recording(), SPAN, 80 * HOUR, HOUR, tmp_path)
    assert found.grams == found.unrepriced
    assert found.waiting > 100
    for zone, hours in recording().items():
        assert abs(found.grams[zone] / truth(hours, *SPAN) - 1) > 0.01


def test_without_a_recording_it_says_so_and_is_content(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CARBON_BENCH_REPLAY", raising=False)
    assert main([]) == 0
    assert "skipped" in capsys.readouterr().out


def test_a_recording_with_a_gap_or_without_such_zones_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zones = {zone: dict(hours) for zone, hours in recording().items()}
    del zones["US-A"][BEGIN + 5 * HOUR]
    replay = written(tmp_path / "replay.csv", zones)
    assert main(["--replay", str(replay)]) == 2
    assert "US-A: 1 hours are missing" in capsys.readouterr().err
    assert main(["--replay", str(replay), "--zones", "FR"]) == 2
