"""The benchmark of the policies, on a small recording made here."""

import json
from pathlib import Path

import pytest

from bench.policies.__main__ import Figure, line, linear, main, step
from bench.policies.speed import planners
from tests.advice.test_bench_forecast import recording


@pytest.fixture
def replay(tmp_path: Path) -> Path:
    return recording(tmp_path / "replay.csv", zones=3, days=7)


def test_any_recording_of_the_shape_is_run_without_the_figures_of_another(
    replay: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--replay", str(replay), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert {one["table"] for one in figures} == {"jobs", "pairs", "signals"}
    assert {one["reference"] for one in figures} == {None}
    by_name = {(one["row"], one["what"]): one["value"] for one in figures}
    saved = by_name["4 h in 24 h, re-planned", "saved"]
    assert 10 < saved <= by_name["4 h in 24 h, re-planned", "possible"]
    assert by_name["water-filling, 24 h, load 0.7", "overdue work, h"] == 0.0
    assert (
        by_name["water-filling, 24 h, load 0.5", "cleaner"]
        > by_name["linear p10..p90, 24 h, load 0.5", "cleaner"]
    )


def test_people_see_the_rows_of_one_table_and_of_some_zones(
    replay: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--replay", str(replay), "--only", "pairs", "--zones", "Z0,Z1"]) == 0
    out = capsys.readouterr().out
    assert "signals" not in out
    assert "forecasts of 72 h" in out


@pytest.mark.parametrize(
    ("value", "reference", "least", "verdict"),
    [
        (14.3, 14.3, 14.0, ""),
        (14.2, 14.0, None, ""),
        (14.4, 14.0, None, "beaten"),
        (13.9, 14.0, 14.0, "NOT REACHED"),
        (13.6, 14.0, None, "BELOW"),
    ],
)
def test_a_figure_stands_beside_its_reference(
    value: float, reference: float, least: float | None, verdict: str
) -> None:
    one = Figure(
        table="jobs", row="4 h", what="saved", value=value, reference=reference, least=least
    )
    assert one.verdict == verdict
    assert line(one).endswith(f"{reference:8.2f}  {verdict}".rstrip())


def test_simple_shapes_follow_the_intensity_alone() -> None:
    truth = [float(n) for n in range(101)]
    assert linear(truth, 100, 0.3) == 0.3
    assert linear([*truth, 50.0], 101, 0.0) == pytest.approx(0.5)
    assert linear([*truth, 1.0], 101, 0.0) == 1.0
    assert (step([*truth, 20.0], 101), step(truth, 100)) == (1.0, 0.0)


def test_every_planner_is_timed_over_all_hours_and_places() -> None:
    for planner in planners(hours=72, places=3).values():
        assert planner()


@pytest.mark.parametrize("text", ["", "zone,timestamp\n", "zone,timestamp,gco2_per_kwh\n"])
def test_what_cannot_be_read_is_told(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CARBON_BENCH_REPLAY", raising=False)
    path = tmp_path / "replay.csv"
    path.write_text(text)
    assert main(["--replay", str(path)] if text else []) == 2
    assert capsys.readouterr().err.startswith("bench.policies: ")
