"""docs/methodology.md quotes figures: they are those of the tables and of the model."""

import re
from pathlib import Path

import pytest

from exporter.core.units import Ratio
from exporter.data import rows
from exporter.power.catalogue import Types
from exporter.power.measured import MeasuredModel
from tests.support.machines import machine

TEXT = (Path(__file__).parents[2] / "docs" / "methodology.md").read_text(encoding="utf-8")


def table(first_column: str) -> list[list[str]]:
    """Lines of the table whose header starts so."""
    found = re.search(rf"^\| {first_column} \|.*\n\|[-|]+\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    assert found
    lines = found[1].strip().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_family_table_is_that_of_the_model() -> None:
    shown = {cells[0]: cells[1:] for cells in table("CPU family")}
    expected = {
        line["family"] + (" (proxy)" if line["proxy"] else ""): [
            line["results"],
            *(f"{float(line[level]):.3f}" for level in ("p0", "p50", "p100")),
            f"{float(line['tdp_watts_per_thread']):.2f}",
            f"{float(line['spec_gib_per_thread']):.2f}",
        ]
        for line in rows("family_curves")
    }
    assert shown == expected


def test_the_worked_example_is_what_the_model_answers() -> None:
    profile = MeasuredModel(Types()).profile(machine("aws", "m5.large"))
    shown = table("Utilisation")
    assert len(shown) == 3
    for utilization, *watts in shown:
        ratio = Ratio(float(utilization.removesuffix("%")) / 100)
        assert [float(w) for w in watts] == pytest.approx(profile.bounds(ratio), abs=0.0501)


def test_the_number_of_modelled_grids_is_that_of_the_region_table() -> None:
    modelled = sum("modelled" in line["note"] for line in rows("regions"))
    assert f"The yearly values of {modelled} regions" in TEXT
