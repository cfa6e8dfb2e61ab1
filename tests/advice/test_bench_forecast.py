"""The benchmark of the forecast, on a small recording made here."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import cos, pi
from pathlib import Path
from random import Random

import pytest

from bench.forecast.replay import read_replay
from bench.forecast.worth import pinball, worth
from exporter.core.model import ForecastHour, IntensityPoint
from exporter.core.units import GCO2eqPerKwh
from exporter.engine.forecast import SeasonalForecaster

ROOT = Path(__file__).parents[2]
HEADER = "zone,timestamp,gco2_per_kwh"


def bench(*arguments: str, replay: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "CARBON_BENCH_REPLAY"}
    if replay is not None:
        environment["CARBON_BENCH_REPLAY"] = replay
    command = [sys.executable, "-m", "bench.forecast", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def recording(path: Path, *, zones: int = 3, days: int = 6) -> Path:
    """Write zones with a daily cycle and weather on top."""
    random = Random(3)  # noqa: S311 — chance, not secrets
    lines = [HEADER]
    for zone in range(zones):
        weather = 0.0
        for hour in range(days * 24):
            weather = 0.9 * weather + random.gauss(0, 8)
            cycle = 80 * cos(2 * pi * hour / 24)
            moment = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=hour)
            lines.append(f"Z{zone},{moment:%Y-%m-%dT%H:%M:%SZ},{300 + cycle + weather:.1f}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_it_reports_every_horizon_for_all_zones_and_both_halves(tmp_path: Path) -> None:
    replay = recording(tmp_path / "replay.csv")
    done = bench("--replay", str(replay), "--every", "6", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    shape = {(s["group"], s["horizon"], s["zones"]) for s in document["summaries"]}
    assert shape == {
        (group, horizon, zones)
        for group, zones in (("all", 3), ("chosen on", 2), ("held out", 1))
        for horizon in (1, 6, 24)
    }
    assert len(document["zones"]) == 9
    for summary in document["summaries"][:3]:
        assert summary["mae"]["seasonal"] < summary["mae"]["persistence"]
        assert summary["mae"]["seasonal"] < summary["mae"]["yesterday"]


def test_the_guesses_it_compares_with_are_what_they_say(tmp_path: Path) -> None:
    rows = [f"Z,2026-03-0{2 + h // 24}T{h % 24:02}:00:00Z,{100 + h}" for h in range(72)]
    replay = tmp_path / "ramp.csv"
    replay.write_text("\n".join([HEADER, *rows]) + "\n")
    done = bench("--replay", str(replay), "--json")
    mae = {s["horizon"]: s["mae"] for s in json.loads(done.stdout)["summaries"]}
    assert {h: mae[h]["persistence"] for h in mae} == {1: 1, 6: 6, 24: 24}
    assert {h: mae[h]["yesterday"] for h in mae} == {1: 24, 6: 24, 24: 24}
    assert {h: mae[h]["anchored"] for h in mae} == {1: 0, 6: 0, 24: 0}
    assert done.returncode == 1


def test_the_environment_may_name_the_recording_and_a_table_is_printed(tmp_path: Path) -> None:
    done = bench("--every", "6", replay=str(recording(tmp_path / "replay.csv")))
    assert done.returncode == 0, done.stderr
    assert "Mean absolute error" in done.stdout
    assert done.stdout.count("24 h") == 6


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("zone,when\n", "columns gco2_per_kwh, timestamp are missing"),
        (f"{HEADER}\nZ,2026-03-02T00:00:00Z,much\n", "line 2: could not convert"),
        (f"{HEADER}\nZ,2026-03-02T00:30:00Z,1\n", "not the start of an hour"),
        (f"{HEADER}\nZ,2026-03-02T00:00:00,1\n", "naive"),
        (f"{HEADER}\n", "no zone"),
    ],
)
def test_a_recording_that_cannot_be_used_is_a_usage_error(
    tmp_path: Path, text: str, complaint: str
) -> None:
    replay = tmp_path / "replay.csv"
    replay.write_text(text)
    done = bench("--replay", str(replay))
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_recording_it_says_so() -> None:
    done = bench()
    assert done.returncode == 2
    assert "--replay PATH or set CARBON_BENCH_REPLAY" in done.stderr


def test_the_chain_is_compared_with_the_last_known_value_by_its_age(tmp_path: Path) -> None:
    replay = recording(tmp_path / "replay.csv")
    done = bench("--replay", str(replay), "--every", "6", "--ages")
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()[3:]]
    assert [line[0] for line in lines] == ["1", "2", "3", "4", "6"]
    assert all(float(line[1]) < float(line[3]) for line in lines), done.stdout


def test_the_pinball_loss_is_least_at_the_true_quantile() -> None:
    truths = [float(value) for value in range(100)]
    losses = {
        guess: sum(pinball(truth, float(guess), 0.9) for truth in truths) for guess in range(100)
    }
    assert min(losses, key=losses.__getitem__) in {89, 90}


def test_a_forecaster_who_knows_what_comes_saves_all_that_can_be_saved(tmp_path: Path) -> None:
    replay = read_replay(recording(tmp_path / "replay.csv"))

    class Seer:
        """Tells the truth."""

        def forecast(
            self, history: Sequence[IntensityPoint], hours: int
        ) -> tuple[ForecastHour, ...]:
            true, start = replay[history[0].zone], history[-1].end
            known = (at for at in range(start, start + hours * 3600, 3600) if at in true)
            told = ((at, GCO2eqPerKwh(true[at])) for at in known)
            return tuple(
                ForecastHour(start=at, end=at + 3600, gco2eq_per_kwh=v, low=v, high=v)
                for at, v in told
            )

    for zone in worth(replay, Seer()).values():
        assert zone.saved == zone.possible > 0.05
        assert zone.worse == 0
        assert set(zone.pinball.values()) == {0.0}


def test_the_own_forecast_saves_at_most_that(tmp_path: Path) -> None:
    replay = read_replay(recording(tmp_path / "replay.csv"))
    for zone in worth(replay, SeasonalForecaster()).values():
        assert 0.05 < zone.saved <= zone.possible
        assert zone.pinball[1] > 0
