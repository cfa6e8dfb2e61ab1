"""The profile of the Teads sheet: its published examples, its rule, and what others make of it."""

from collections.abc import Callable

import pytest

from exporter.core.model import Confidence, Shape
from exporter.core.units import Ratio, Watts
from exporter.data.teads import sheet
from exporter.power import teads
from exporter.power.catalogue import Types
from exporter.power.measured import MeasuredModel
from exporter.power.teads import TeadsModel, TeadsProfile
from tests.support.machines import machine
from tests.support.vectors import Vector, vectors

TYPES = Types()
MODEL = TeadsModel(TYPES)
VECTORS = vectors()


def profile(provider: str, name: str, shape: Shape | None = None) -> TeadsProfile:
    return MODEL.profile(machine(provider, name, shape=shape))


def it_watts(name: str, utilization: float) -> float:
    return profile("aws", name).power(Ratio(utilization)).it


def check_row(vector: Vector) -> None:
    """A figure of the sheet; energy without PUE."""
    vector.check(watts=it_watts(vector.instance_type, vector.utilization))


def check_calculator(vector: Vector) -> None:
    """The calculator of Teads: PUE 1.2, 8 g/kWh."""
    watts = it_watts(vector.instance_type, vector.utilization)
    vector.check(watts=watts, pue=1.2, gco2eq_per_kwh=8)


def check_between(vector: Vector) -> None:
    """A point between the figures, rounded."""
    assert round(it_watts(vector.instance_type, vector.utilization)) == vector.watts


def check_with_manufacture(vector: Vector) -> None:
    """Three hours, electricity and manufacture together, rounded to 0.1 g."""
    found = profile("aws", vector.instance_type)
    watts = found.power(Ratio(vector.utilization)).it
    grams = vector.hours * (watts * 1.2 / 1000 * 8 + found.embodied().central)
    assert watts == pytest.approx(vector.watts)
    assert round(grams, 1) == vector.grams


def rule(of_eight: int) -> Callable[[Vector], None]:
    """The rule for the CPU alone: TDP 100 W shared by eight vCPUs."""

    def check(vector: Vector) -> None:
        points = teads.package(Watts(100 * of_eight / 8))
        watts = teads.value_at(points, vector.utilization)
        vector.check(watts=watts, gco2eq_per_kwh=800)

    return check


CHECKS: dict[str, Callable[[Vector], None]] = {
    "V17": check_calculator,
    "V19": check_between,
    "V21": check_with_manufacture,
    "V23": rule(2),
    "V25": rule(2),
    "V27": rule(1),
    "V29": rule(1),
}


@pytest.mark.parametrize("which", sorted(v.id for v in VECTORS.values() if v.profile == "teads"))
def test_a_published_example_is_reproduced(which: str) -> None:
    CHECKS.get(which, check_row)(VECTORS[which])


def test_every_example_is_reproduced_or_says_why_not() -> None:
    for vector in VECTORS.values():
        assert bool(vector.profile) is not bool(vector.why_not), vector
        assert vector.profile in {"", "ccf", "teads"}


@pytest.mark.parametrize("which", ["V03", "V05"])
def test_the_double_count_of_a_published_example_is_understood_and_not_repeated(which: str) -> None:
    """Aether states energies of a t3.micro that are twice those of its own watts.

    A line of the sheet is a whole machine type: the server's watts times its share of vCPUs. V01
    reads it so (5.32 W at 27 %, by a spline). V03 to V07 multiply the result by the two vCPUs of a
    t3.micro again; of a machine with 96 the energy would be 96 times too large. Both profiles and
    the default model count the vCPUs once.
    """
    watts = VECTORS["V01"].watts
    twice = VECTORS[which]
    assert watts is not None
    assert twice.kwh == pytest.approx(2 * watts * twice.hours / 1000, rel=1e-9)

    ours = profile("aws", "t3.micro")
    idle, busy = (ours.power(Ratio(u)).cpu for u in (0.0, 0.27))
    assert busy - idle == pytest.approx(watts - 1.21, rel=0.15)  # 1.21 W: package when idle
    default = MeasuredModel(TYPES).profile(machine("aws", "t3.micro"))
    assert default.power(Ratio(0.27)).it < 1.1 * watts


def test_a_large_machine_draws_its_share_of_vcpus_and_no_more() -> None:
    for utilization in (0.0, 0.1, 0.3, 0.5, 1.0):
        whole, part = it_watts("m5.24xlarge", utilization), it_watts("m5.large", utilization)
        assert whole == pytest.approx(48 * part, rel=0.02)  # the sheet is rounded to 0.1 W


@pytest.mark.parametrize("name", ["m5.large", "g4dn.12xlarge", "t3.nano", "u-24tb1.metal"])
def test_components_add_up_to_the_figures_of_the_sheet(name: str) -> None:
    for level, watts in zip(teads.LEVELS, sheet()[name].watts, strict=True):
        power = profile("aws", name).power(Ratio(level))
        assert power.it == pytest.approx(watts, rel=1e-9)
        assert power.cpu > 0
        assert power.memory > 0


def test_every_line_of_the_sheet_leaves_watts_for_the_cpu_and_rises() -> None:
    for name, line in sheet().items():
        found = profile("aws", name)
        assert found.line is line
        assert all(watts > 0 for watts in found.cpu), name
        assert list(found.cpu) == sorted(found.cpu), name
        assert list(line.watts) == sorted(line.watts), name


def test_a_class_of_rds_has_its_own_line_or_that_of_its_machine() -> None:
    assert it_watts("db.m5.large", 0.5) == pytest.approx(11.8)
    assert "db.c5.large" not in sheet()
    assert it_watts("db.c5.large", 0.5) == it_watts("c5.large", 0.5)


def test_the_gpus_of_the_sheet_follow_the_cpu_unless_measured() -> None:
    found = profile("aws", "p3.2xlarge")
    # V100: 34.8, 95.5, 225.7 and 305.6 W.
    for level, watts in ((0.0, 34.8), (0.1, 95.5), (0.5, 225.7), (1.0, 305.6)):
        assert found.power(Ratio(level)).gpu == pytest.approx(watts, rel=0.005)
        assert found.power(Ratio(0.5), Ratio(level)).gpu == pytest.approx(watts, rel=0.005)


def test_an_accelerator_that_the_sheet_does_not_count_is_in_the_high_bound_only() -> None:
    found = profile("aws", "f1.2xlarge")
    assert found.power(Ratio(0.5)).gpu == 0.0
    assert found.power(Ratio(0.5)).it == pytest.approx(78.1)
    assert found.bounds(Ratio(0.5)).high > 1.05 * 78.1 + 50


def test_a_type_beyond_the_sheet_follows_its_rule() -> None:
    # n2-standard-4 on Ice Lake: 300 W for 72 threads; 16 GB.
    found = MODEL.profile(machine("gcp", "n2-standard-4", cpu_platform="Intel Ice Lake"))
    tdp = 4 * 300 / 72
    power = found.power(Ratio(0.5))
    assert power.cpu == pytest.approx(tdp * (0.75 + 0.20))
    assert power.memory == pytest.approx(0.4 * 16)
    assert found.line is None
    assert found.confidence is Confidence.SKU
    factors = {factor.name: factor for factor in found.explain(Ratio(0.5))}
    assert factors["CPU package power over TDP"].source.startswith("not in the Teads sheet")
    assert found.embodied() == found.embodied_share.bounds


def test_the_rule_gives_the_lines_of_the_sheet_that_were_not_measured() -> None:
    # r5a.24xlarge: EPYC 7571, 200 W; the sheet has no line for the same machine as another type.
    shape = Shape(
        vcpus=96, memory_gib=768, cpu_model="AMD EPYC 7571", threads_per_core=2, host_vcpus=96
    )
    for level, watts in zip(teads.LEVELS, sheet()["r5a.24xlarge"].watts, strict=True):
        by_rule = profile("host", "same", shape).power(Ratio(level))
        assert by_rule.it - by_rule.cpu == pytest.approx(
            sheet()["r5a.24xlarge"].memory[teads.LEVELS.index(level)]
        )
        # The sheet shares two sockets of 64 threads by 96 vCPUs; the rule shares by threads.
        assert by_rule.cpu * 128 / 96 == pytest.approx(watts - by_rule.memory, rel=0.03)


def test_a_guessed_cpu_has_wider_bounds_and_is_not_called_known() -> None:
    unknown = profile("aws", "zz9.large")
    assert unknown.confidence is Confidence.UNKNOWN_TYPE
    assert not unknown.modelled
    bounds = unknown.bounds(Ratio(0.5))
    assert bounds.low < 0.31 * bounds.central
    assert bounds.high > 1.49 * bounds.central


@pytest.mark.parametrize("name", ["m5.large", "g4dn.xlarge", "zz9.large", "p5.48xlarge"])
def test_an_explanation_tells_each_factor_once_with_its_source(name: str) -> None:
    found = profile("aws", name)
    factors = found.explain(Ratio(0.3))
    by_name = {factor.name: factor for factor in factors}
    assert len(by_name) == len(factors)
    assert all(factor.source for factor in factors)
    it = by_name["IT power"]
    assert (it.low, it.value, it.high) == found.bounds(Ratio(0.3))
    grams = by_name["embodied emissions"]
    assert (grams.low, grams.value, grams.high) == found.embodied()
    assert by_name["error of the method"].source.startswith("not the sheet's")


def test_a_machine_is_resolved_once() -> None:
    assert profile("aws", "m5.large") is profile("aws", "m5.large")
