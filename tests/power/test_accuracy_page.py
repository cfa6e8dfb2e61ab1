"""docs/accuracy.md is made from data that is not shipped: its figures must at least agree."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.core.units import Ratio
from exporter.data.cpus import families
from exporter.power.catalogue import Types
from exporter.power.measured import FAMILY_ONLY, GUESSED, MEASURED, MeasuredModel
from tests.support.machines import machine

TEXT = (Path(__file__).parents[2] / "docs" / "accuracy.md").read_text(encoding="utf-8")
OURS = "**this model**"
WAYS_TO_LEAVE_OUT = ("one server out", "twins out", "CPU model out")


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


def test_the_factors_of_the_bounds_are_those_that_the_page_derives() -> None:
    shipped = {
        "CPU told": MEASURED,
        "family told": FAMILY_ONLY,
        "the curve of another family": GUESSED,
    }
    for name, line in table("true over predicted watts").items():
        assert tuple(float(cell) for cell in line.values()) == tuple(shipped.pop(name))
    assert not shipped


def test_about_nine_of_ten_points_of_unseen_servers_are_inside_the_bounds() -> None:
    lines = table("inside the bounds")
    assert len(lines) == 6
    for name, line in lines.items():
        assert 89.5 <= float(line["all points"]) < 97, name


def test_about_nine_of_ten_readings_of_bare_machines_are_inside_the_bounds() -> None:
    inside = [low < true < high for _, true, (low, _, high) in bare_machines()]
    share = 100 * sum(inside) / len(inside)
    assert len(inside) == 28
    assert 88 < share < 97
    assert re.search(rf"^{share:.1f} % lie inside", TEXT, re.MULTILINE)


def test_the_error_on_bare_machines_is_that_of_its_table_and_the_least() -> None:
    errors = {
        name: float(line["mean error"])
        for name, line in table("28 readings, utilisation told").items()
    }
    mean = sum(abs(central / true - 1) for _, true, (_, central, _) in bare_machines()) / 28
    assert errors[OURS] == pytest.approx(100 * mean, abs=0.3)
    assert errors[OURS] == min(errors.values())
    assert errors[OURS] < 19


def test_what_was_kept_beats_what_went_before_by_more_than_a_hundredth() -> None:
    lines = table("mean error | one server out")
    before = lines["median of W per W of TDP (what went before)"]
    (kept,) = (line for name, line in lines.items() if name.endswith("(kept)**"))
    for left in WAYS_TO_LEAVE_OUT:
        assert float(kept[left]) < 0.99 * float(before[left])


def bare_machines() -> Iterator[tuple[tuple[str, float], float, tuple[float, float, float]]]:
    """Type and utilisation; watts by the readings; low, central and high of the page."""
    found = re.search(r"^\| W \| utilisation .*\n\|.*\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    assert found
    for line in found[1].splitlines():
        name, utilization, true, low, central, high = (
            cell.strip() for cell in line.split("|")[1:-1]
        )
        point = (name, float(utilization.removesuffix("%")) / 100)
        yield point, float(true), (float(low), float(central), float(high))


def test_a_bare_machine_is_what_the_shipped_model_answers() -> None:
    model = MeasuredModel(Types())
    for (name, utilization), _, shown in bare_machines():
        bounds = model.profile(machine("aws", name)).bounds(Ratio(utilization))
        assert shown == pytest.approx(tuple(bounds), abs=0.51)


def test_what_moved_says_of_today_what_the_model_says_now() -> None:
    moved = table("figure")
    profile = MeasuredModel(Types()).profile(machine("gcp", "a4-highgpu-8g"))
    low, central, high = profile.bounds(Ratio(1.0))
    now = moved["a4-highgpu-8g, W at full CPU"]["now"]
    assert now == f"{central:,.0f} ({low:,.0f} to {high:,.0f})"
    inside = moved["Boavizta inside our bounds, of 20 types"]["now"]
    assert inside == "20"
