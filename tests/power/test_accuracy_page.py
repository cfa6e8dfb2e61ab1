"""docs/accuracy.md is made from data that is not shipped: its figures must at least agree."""

import re
from pathlib import Path

import pytest

from exporter.core.units import Ratio
from exporter.data.cpus import families
from exporter.power.catalogue import Types
from exporter.power.measured import MeasuredModel
from tests.support.machines import machine

TEXT = (Path(__file__).parents[2] / "docs" / "accuracy.md").read_text(encoding="utf-8")
OURS = "**this model**"
WAYS_TO_LEAVE_OUT = ("one server out", "CPU model out")


def table(header: str) -> dict[str, dict[str, str]]:
    """Lines of the table whose header starts so: by their first cell, by column."""
    found = re.search(
        rf"^\| ({re.escape(header)} \|.*)\|\n\|[-:| ]+\n((?:\|.*\n)+)", TEXT, re.MULTILINE
    )
    assert found, header
    _, *columns = (cell.strip() for cell in found[1].split("|"))
    lines = [line.strip("|").split("|") for line in found[2].strip().splitlines()]
    cells = [[cell.strip() for cell in line] for line in lines]
    return {name: dict(zip(columns, values, strict=True)) for name, *values in cells}


@pytest.mark.parametrize("left", WAYS_TO_LEAVE_OUT)
@pytest.mark.parametrize("what", ["mean", "median"])
def test_this_model_is_the_best_row(what: str, left: str) -> None:
    errors = {name: float(line[f"{what}, {left}"]) for name, line in table("predictor").items()}
    assert len(errors) == 6
    ours = errors.pop(OURS)
    assert all(ours < other for other in errors.values())


@pytest.mark.parametrize("left", WAYS_TO_LEAVE_OUT)
def test_this_model_is_the_best_row_in_every_band_of_load(left: str) -> None:
    bands = table(f"mean error, {left}")
    for band, ours in bands[OURS].items():
        assert all(float(ours) <= float(line[band]) for line in bands.values()), band


def test_the_mean_over_families_is_the_mean_of_the_first_table() -> None:
    pattern = r"^\| mean error, (.*) \| servers \|.*\n\|.*\n((?:\|.*\n)+)"
    found = re.findall(pattern, TEXT, re.MULTILINE)
    assert [left for left, _ in found] == list(WAYS_TO_LEAVE_OUT)
    for left, lines in found:
        cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines.splitlines()]
        servers = [int(line[1]) for line in cells]
        mean = sum(n * float(line[3]) for n, line in zip(servers, cells, strict=True)) / sum(
            servers
        )
        assert mean == pytest.approx(float(table("predictor")[OURS][f"mean, {left}"]), abs=0.11)


def test_the_servers_of_each_family_are_those_of_the_shipped_curves() -> None:
    found = re.search(r"mean error, one server out \| servers .*\n\|.*\n((?:\|.*\n)+)", TEXT)
    assert found
    cells = [[cell.strip() for cell in line.split("|")] for line in found[1].splitlines()]
    shown = {line[1]: int(line[2]) for line in cells}
    assert f"Measured on {sum(shown.values())} SPECpower_ssj2008 results" in TEXT
    assert shown.pop("Emerald Rapids") == 2
    measured = {name: f for name, f in families().items() if f.method.startswith("median of")}
    assert set(shown) == set(measured)
    for name, servers in shown.items():
        assert measured[name].method.endswith(f", {servers} results"), name


def test_nine_of_ten_unseen_servers_are_inside_the_bounds() -> None:
    lines = table("inside the bounds")
    assert len(lines) == 4
    for name, line in lines.items():
        assert all(float(cell) >= 90 for cell in line.values()), name


def test_what_was_kept_beats_what_went_before_by_more_than_a_hundredth() -> None:
    lines = table("mean error")
    before = lines["median of W per W of TDP (what went before)"]
    (kept,) = (line for name, line in lines.items() if name.endswith("(kept)**"))
    for left in WAYS_TO_LEAVE_OUT:
        assert float(kept[left]) < 0.99 * float(before[left])


def test_the_bare_machines_lie_inside_the_bounds() -> None:
    lines = table("at full load, W")
    assert len(lines) == 5
    for line in lines.values():
        assert float(line["low"]) < float(line["by the readings"]) < float(line["high"])


def test_a_bare_machine_is_what_the_shipped_model_answers() -> None:
    # i3.metal is the one whose CPU the catalogue names as the readings do.
    bounds = MeasuredModel(Types()).profile(machine("aws", "i3.metal")).bounds(Ratio(1.0))
    line = table("at full load, W")["i3.metal"]
    shown = [float(line[column]) for column in ("low", "this model", "high")]
    assert shown == pytest.approx(bounds, abs=0.51)
