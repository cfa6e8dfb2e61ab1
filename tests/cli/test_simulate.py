import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run

HOURS = 24 * 8


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """FR is clean at night and DE by day, each in turn; XX is as dirty as nothing else."""
    lines = ["zone,timestamp,gco2_per_kwh,note"]
    for hour in range(HOURS):
        moment = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=hour)
        night = hour % 24 < 12
        for zone, grams in (("FR", 50 if night else 90), ("DE", 100 if night else 45), ("XX", 900)):
            lines.append(f"{zone},{moment:%Y-%m-%dT%H:%M:%SZ},{grams},x")
    path = tmp_path / "trace.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "own.yml"
    path.write_text(
        "providers: [host]\npolicies:\n"
        "  nightly: {kind: window, duration: 4h, deadline: 24h, regions: [aws:eu-west-3]}\n"
        "  long: {kind: window, duration: 6h, deadline: 24h, zone: FR, interruptible: true,"
        " resume_cost: 6m}\n"
        "  batch: {kind: capacity, zone: DE, load: 0.4}\n"
        "  bare: {kind: capacity, zone: DE}\n"
        "  web: {kind: rank, regions: [aws:eu-west-3, aws:eu-central-1]}\n"
    )
    return path


def rows(run: Run, *arguments: str) -> dict[str, dict[str, Any]]:
    result = run("simulate", *arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    return {row["policy"]: row for row in json.loads(result.stdout)["rows"]}


def test_following_beside_the_best_place_and_one_who_knows_all(run: Run, trace: Path) -> None:
    found = rows(run, "--trace", str(trace), "--zone", "FR", "--zone", "DE")
    saved = {name: row["saved_ratio"] for name, row in found.items()}
    assert saved["best place, stay"] == 0.0
    assert saved["own, by forecast"] == pytest.approx(saved["knows all"], abs=0.01)
    assert saved["hysteresis 10 %"] < saved["knows all"]
    assert found["own, by forecast"]["moves"] > 0
    assert found["own, by forecast"]["worst_week"] is not None


def test_a_dear_move_is_not_made_and_a_late_signal_wins_less(run: Run, trace: Path) -> None:
    pair = ("--trace", str(trace), "--zone", "FR", "--zone", "DE")
    dear = rows(run, *pair, "--overlap", "12h")
    assert (dear["own, by forecast"]["moves"], dear["own, by forecast"]["saved_ratio"]) == (0, 0.0)
    late = rows(run, *pair, "--lag", "2h")["naive"]["saved_ratio"]
    assert late < rows(run, *pair)["naive"]["saved_ratio"]


def test_people_read_what_the_shares_are_of(run: Run, trace: Path) -> None:
    out = run("simulate", "--trace", str(trace), "--zone", "FR", "--zone", "DE").stdout
    assert "SAVED is of staying in FR, the best place known afterwards" in out
    assert "2026-03-05 00:00 to 2026-03-10 00:00 UTC" in out


def test_policies_of_the_configuration(run: Run, trace: Path, config: Path) -> None:
    given = ("--trace", str(trace), "--config", str(config), "--policy")
    for name in ("nightly", "long"):
        found = rows(run, *given, name)
        assert found["knows all"]["saved_ratio"] > 0.1
        assert found["own, re-planned hourly"]["saved_ratio"] > 0.1
    batch = rows(run, *given, "batch")
    assert batch["own signal"]["saved_ratio"] > 0.1
    assert batch["own signal"]["overdue"] == 0.0
    assert rows(run, *given, "web")["own, by forecast"]["moves"] > 0
    assert "SAVED is of the same work at once in DE" in run("simulate", *given, "batch").stdout
    assert "submissions of 4 h in 1d" in run("simulate", *given, "nightly").stdout


@pytest.mark.parametrize(
    ("arguments", "fix"),
    [
        (("--zone", "FR"), "1 places to follow"),
        (("--zone", "ZZ"), "has no zone 'ZZ' — it has DE, FR, XX"),
        (("--zone", "FR", "--zone", "DE", "--lag", "30m"), "whole hours"),
        (("--zone", "FR", "--zone", "DE", "--home", "XX"), "write one of"),
        (("--policy", "nigthly"), "did you mean 'nightly'?"),
        (("--policy", "bare"), "no load"),
    ],
)
def test_what_cannot_be_replayed_is_exit_2(
    run: Run, trace: Path, config: Path, arguments: tuple[str, ...], fix: str
) -> None:
    result = run("simulate", "--trace", str(trace), "-c", str(config), *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert fix in result.stderr


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("zone,timestamp\n", "lacks the column gco2_per_kwh"),
        ("zone,timestamp,gco2_per_kwh\n", "holds no value"),
        ("zone,timestamp,gco2_per_kwh\nFR,2026-03-02T00:30Z,1\n", "line 2: 2026-03-02T00:30Z"),
        ("zone,timestamp,gco2_per_kwh\nFR,2026-03-02T00:00,1\n", "line 2"),
        ("zone,timestamp,gco2_per_kwh\nFR,2026-03-02T00:00Z,-1\n", "no number of grams"),
        ("zone,timestamp,gco2_per_kwh\nFR,2026-03-02T00:00Z,nan\n", "no number of grams"),
        ("zone,timestamp,gco2_per_kwh\nFR,2026-03-02T00:00Z,1\n", "97 h are needed"),
    ],
)
def test_a_recording_that_cannot_be_used_names_what_is_wrong(
    run: Run, tmp_path: Path, text: str, fix: str
) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(text)
    result = run("simulate", "--trace", str(path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert fix in result.stderr


def test_a_recording_that_is_not_there_is_told(run: Run, tmp_path: Path) -> None:
    result = run("simulate", "--trace", str(tmp_path / "none.csv"))
    assert (result.exit_code, "cannot be read" in result.stderr) == (2, True)
