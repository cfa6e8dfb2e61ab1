"""The command that makes a calibration factor from a series of one's own."""

from pathlib import Path

import pytest

from exporter.core.clock import from_epoch
from exporter.core.model import IntensityPoint
from exporter.core.units import GCO2eqPerKwh
from exporter.data import rows
from exporter.engine.store import Store
from tools.calibrate.__main__ import main

HOUR = 3600
YEARLY = {line["grid_zone"]: float(line["gco2eq_per_kwh"]) for line in rows("annual")}


def series(path: Path, zone: str, grams: float, days: int) -> Path:
    stamps = (from_epoch(hour * HOUR).isoformat() for hour in range(days * 24))
    lines = [f"{zone},{stamp},{grams}" for stamp in stamps]
    path.write_text("\n".join(["zone,timestamp,gco2_per_kwh", *lines, *lines[:5]]))
    return path


def test_a_year_of_hours_gives_the_yearly_value_over_its_mean(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = series(tmp_path / "nl.csv", "NL", YEARLY["NL"] / 0.9, 365)
    assert main([str(path)]) == 0
    assert capsys.readouterr().out == "calibration:\n  NL: 0.900\n"
    assert main([str(path), "--zone", "DE"]) == 1


def test_a_season_is_not_a_year_and_a_fault_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = series(tmp_path / "nl.csv", "NL", YEARLY["NL"] / 0.7, 90)
    assert main([str(path)]) == 1
    assert "over 90 days; 300 days are needed" in capsys.readouterr().err
    assert main([str(path), "--least-days", "60"]) == 0
    assert capsys.readouterr().out == (
        "calibration:\n  NL: 0.700  # far off: the source misses something\n"
    )


def test_a_state_file_counts_what_sources_computed_from_a_mix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "state.db"
    store = Store.open(path)
    for source, grams in (("entsoe", 2 * YEARLY["FR"]), ("rte", 1.0)):
        points = [
            IntensityPoint(
                zone="FR",
                start=hour * HOUR,
                end=(hour + 1) * HOUR,
                gco2eq_per_kwh=GCO2eqPerKwh(grams),
                estimated=hour == 47,
            )
            for hour in range(48)
        ]
        store.save_intensity(source, points, forget_before=0)
    store.close()
    assert main([str(path), "--least-days", "1"]) == 0
    assert "  FR: 0.500  #" in capsys.readouterr().out
    assert main([str(path), "--source", "rte"]) == 2


@pytest.mark.parametrize("text", ["", "zone,when\n", "zone,timestamp,gco2_per_kwh\nFR,then,1\n"])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.csv"
    path.write_text(text)
    assert main([str(path)]) == 2
    assert main([str(tmp_path / "none.csv")]) == 2
