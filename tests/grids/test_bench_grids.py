"""The benchmark of priced mixes, on recordings small enough to read."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.grids import basis, spread
from bench.grids.__main__ import main
from bench.grids.price import error, held_out
from bench.grids.read import Hour

HOURS = """grid_zone,hour,gas_mwh,wind_mwh,reference_lifecycle_consumption_g_per_kwh
US-MIDA-PJM,2022-01-01T00:00Z,100,100,261
US-MIDA-PJM,2022-01-01T03:00Z,100,0,{second}
US-MIDA-PJM,2022-01-01T06:00Z,0,0,261
"""
WINDOW = """period,E_PJM_GAS,E_MISO_COL,E_TVA_NUC,E_PJM-MISO_ID,E_MISO-PJM_ID,E_MISO-TVA_ID,E_MISO_D
2023-06-10 00:00:00,100,100,100,-50,50,{sent},300
2023-06-10 01:00:00,100,100,100,0,0,0,300
"""


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return tmp_path / "recording.csv"


def test_hours_within_the_limits_pass_and_others_do_not(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording.write_text(HOURS.format(second=511))
    assert main(["--hours", str(recording)]) == 0
    assert "US-MIDA-PJM        2" in capsys.readouterr().out
    recording.write_text(HOURS.format(second=600))
    assert main(["--hours", str(recording)]) == 1
    assert "US-MIDA-PJM: factors" in capsys.readouterr().out


def test_a_window_is_measured_against_tracing_every_flow(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording.write_text(WINDOW.format(sent=0))
    assert main(["--window", str(recording)]) == 0
    exact = next(one for one in capsys.readouterr().out.splitlines() if one.startswith("PJM "))
    assert exact.endswith("0.0 (+0.0)")
    recording.write_text(WINDOW.format(sent=-100))  # PJM's neighbour lives on nuclear power
    main(["--window", str(recording)])
    second = next(one for one in capsys.readouterr().out.splitlines() if one.startswith("PJM "))
    assert "(+" in second.rpartition(" ")[2]
    assert not second.endswith("0.0 (+0.0)")


def test_what_is_not_given_is_skipped_and_said(
    recording: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CARBON_BENCH_GRID_HOURS", raising=False)
    monkeypatch.delenv("CARBON_BENCH_GRID_WINDOW", raising=False)
    monkeypatch.delenv("CARBON_BENCH_GRID_PAIRS", raising=False)
    assert main([]) == 2
    assert main(["--hours", str(recording)]) == 2
    recording.write_text(HOURS.format(second=511))
    main(["--hours", str(recording)])
    assert "Window: skipped" in capsys.readouterr().out


def test_a_ratio_is_learned_on_the_other_half() -> None:
    assert held_out([(1.0, 2.0), (10.0, 30.0)]) == [(3.0, 2.0), (20.0, 30.0)]
    found = error([(90.0, 100.0), (120.0, 100.0)])
    assert found.mae == pytest.approx(15.0)
    assert found.bias == pytest.approx(5.0)


PAIRS = """source,zone,kind,year,from_g_per_kwh,to_g_per_kwh,ratio
entsoe,AT,annual production->consumption (same factors),2021,50,100,2.0
entsoe,AT,annual production->consumption (same factors),2022,60,110,1.83
entsoe,SE,annual production->consumption (same factors),2022,40,28,0.7
entsoe,XX,annual production->consumption (same factors),2022,40,80,2.0
entsoe,XX,RECOMMENDED,,,,2.0
"""


def test_a_zone_whose_live_series_is_far_from_its_yearly_value_has_a_reason_by_name(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording.write_text(PAIRS)
    assert main(["--pairs", str(recording)]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line}
    assert "imports are not traced" in lines["AT"]
    assert "heat plants on wood" in lines["SE"]  # by its bidding zones
    assert lines["XX"].endswith("NOT EXPLAINED")
    assert "half differ by 10.0%" in lines["1"]


def test_why_a_recording_is_far_from_the_yearly_value_follows_from_its_figures() -> None:
    near = basis.of_recording("US-MIDA-PJM", [(400.0, 410.0)], basis.PRODUCED)
    assert near.rstrip().endswith("x1.2")
    missing = basis.of_recording("US-MIDA-PJM", [(200.0, 410.0)], basis.PRODUCED)
    assert missing.endswith("imports are missing here: 410 g traced")
    year = basis.of_recording("US-MIDA-PJM", [(900.0, 910.0)], basis.HOP)
    assert "the year or season of the recording: 910 g traced" in year
    assert "no yearly value" in basis.of_recording("XX", [(900.0, 910.0)], basis.HOP)


def test_the_mean_of_a_longer_window_is_nearer_the_mean_of_all() -> None:
    begin = datetime(2023, 1, 1, tzinfo=UTC)
    hours = [
        Hour(
            zone="XX",
            start=begin + timedelta(hours=3 * at),
            mix={},
            reference=100.0 + 30.0 * (at % 8 < 4) + 20.0 * (at > 120),
        )
        for at in range(245)
    ]
    found = spread.windows(hours)
    assert list(found) == [1, 24, 168, 730]  # a month of every third hour
    widths = [ends.high - ends.low for ends in found.values()]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.01


@pytest.mark.parametrize(
    ("option", "text", "told"),
    [
        ("--hours", "grid_zone,gas_mwh\n", "columns hour, reference_lifecycle_consumption"),
        ("--hours", HOURS.format(second="many"), "line 3: could not convert"),
        ("--hours", HOURS.format(second=1).replace("gas_mwh", "steam_mwh"), "steam"),
        ("--hours", HOURS.splitlines()[0] + "\n", "no hour with a reference"),
        ("--window", "hour,E_PJM_GAS\n1,2\n", "column period is missing"),
        ("--window", "period,PJM\n1,2\n", "no hour with amounts"),
        ("--pairs", "zone,year\n", "columns kind, ratio, source, to_g_per_kwh are missing"),
    ],
)
def test_a_recording_of_another_shape_is_told_by_what_it_lacks(
    option: str, text: str, told: str, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording.write_text(text)
    assert main([option, str(recording)]) == 2
    assert told in capsys.readouterr().err
