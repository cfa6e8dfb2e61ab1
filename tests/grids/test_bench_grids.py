"""The benchmark of priced mixes, on recordings small enough to read."""

from pathlib import Path

import pytest

from bench.grids.__main__ import main
from bench.grids.price import error, held_out

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
