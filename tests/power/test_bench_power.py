"""The parts of the benchmark that need no servers: other recordings, other figures."""

from pathlib import Path

import pytest

from bench.power import common, manufacture, metal, order
from bench.power.__main__ import main
from bench.power.metal import Point

EMBODIED = """instance_type,provider,note,boavizta_2_5_kg
m5.large,aws,ours are 20 kg,{kg}
p6-b200.48xlarge,aws,nobody assessed it,
"""


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return tmp_path / "recording.csv"


def test_kilograms_of_others_are_compared_type_by_type(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording.write_text(EMBODIED.format(kg=24))
    assert main(["--manufacture", "--embodied", str(recording)]) == 0
    assert "1 of 1 lie inside our bounds" in capsys.readouterr().out
    recording.write_text(EMBODIED.format(kg=500))
    assert main(["--manufacture", "--embodied", str(recording)]) == 1
    assert "500.0  outside" in capsys.readouterr().out
    [one] = manufacture.read(recording)
    assert one.own.low < one.own.central < one.own.high < one.other


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("provider,instance_type\n", "column boavizta_2_5_kg is missing"),
        ("kg\n1\n", "columns boavizta_2_5_kg, instance_type, provider are missing"),
        (EMBODIED.format(kg="much"), "line 2: could not convert"),
        ("provider,instance_type,boavizta_2_5_kg\naws,m5.large,\n", "no line with kilograms"),
    ],
)
def test_a_file_of_another_shape_is_told_by_its_columns_and_lines(
    text: str, told: str, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording.write_text(text)
    assert main(["--manufacture", "--embodied", str(recording)]) == 2
    assert told in capsys.readouterr().err


def test_a_missing_file_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    gone = str(tmp_path / "gone.csv")
    assert main(["--common", "--curves", gone, "--metals", gone]) == 2
    assert "gone.csv" in capsys.readouterr().err


def test_what_all_machines_err_by_together_is_that_of_their_sum() -> None:
    names = ("m5.metal", "c5.metal", "i3.metal")
    exact = [
        Point(name, load, package(name, load, factor), metal.profile(name).machine.memory_gib)
        for name, factor in zip(names, (1.2, 1.2, 1.2), strict=True)
        for load in metal.LEVELS
    ]
    found = common.of_metals(exact)
    assert found.central == pytest.approx(0.2)
    assert found.low == pytest.approx(found.high)  # all err alike: none of them is special
    apart = [
        Point(name, load, package(name, load, factor), metal.profile(name).machine.memory_gib)
        for name, factor in zip(names, (1.3, 0.8, 1.0), strict=True)
        for load in metal.LEVELS
    ]
    other = common.of_metals(apart)
    assert other.low < other.central < other.high
    assert other.central < 0.2


def package(name: str, load: float, factor: float) -> float:
    """Return package watts with which the reference is so many times what the model says."""
    gib = metal.profile(name).machine.memory_gib
    without = Point(name, load, 0.0, gib)
    return (factor * metal.bounds(without).central - without.reference()) / metal.REST


def test_within_a_family_only_another_cpu_stands_out() -> None:
    found = list(order.findings(order.families()))
    assert found
    assert {one.reason.partition(":")[0] for one in found} <= {
        "another CPU",
        "a vCPU is a core in one and a thread in the other",
    }
