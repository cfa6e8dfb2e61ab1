"""An explanation holds every factor, and its figures lead to the watts and grams."""

import pytest

from exporter.core.model import Factor, Shape
from exporter.core.units import Ratio
from exporter.power.catalogue import Types
from exporter.power.measured import MeasuredModel
from tests.support.machines import machine

MODEL = MeasuredModel(Types())


def explain(
    provider: str, name: str, utilization: float = 0.5, shape: Shape | None = None
) -> dict[str, Factor]:
    factors = MODEL.profile(machine(provider, name, shape=shape)).explain(Ratio(utilization))
    by_name = {factor.name: factor for factor in factors}
    assert len(by_name) == len(factors)
    return by_name


def number(factors: dict[str, Factor], name: str) -> float:
    value = factors[name].value
    assert isinstance(value, float)
    return value


def test_the_factors_multiply_to_the_watts() -> None:
    factors = explain("aws", "m5.large")
    cpu = (
        number(factors, "vCPUs")
        * number(factors, "TDP per vCPU of Intel Xeon Platinum 8175M")
        * number(factors, "wall power over TDP of Skylake")
    )
    memory = number(factors, "memory beyond the servers of the curve") * number(
        factors, "power of memory"
    )
    assert cpu == pytest.approx(number(factors, "CPU power"))
    assert cpu + memory == pytest.approx(number(factors, "IT power"))
    assert number(factors, "IT power") == pytest.approx(6.9557, abs=1e-4)


def test_the_factors_multiply_to_the_embodied_grams() -> None:
    factors = explain("aws", "m5.large")
    kg = number(factors, "embodied carbon of the server") * number(
        factors, "share of the server's vCPUs"
    )
    grams = kg * 1000 / number(factors, "lifetime")
    assert grams == pytest.approx(number(factors, "embodied emissions"))


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("aws", "m5.large"),
        ("aws", "t3.micro"),
        ("aws", "p5.48xlarge"),
        ("gcp", "e2-micro"),
        ("azure", "Standard_D4s_v3"),
        ("aws", "zz9.large"),
        ("elsewhere", ""),
    ],
)
def test_every_factor_has_a_unit_a_source_and_ordered_bounds(provider: str, name: str) -> None:
    for factor in explain(provider, name).values():
        assert factor.unit, factor
        assert factor.source, factor
        if isinstance(factor.value, float):
            assert factor.low is None or factor.low <= factor.value, factor
            assert factor.high is None or factor.high >= factor.value, factor


def test_an_assumed_gpu_utilisation_is_said() -> None:
    factors = explain("aws", "g4dn.xlarge")
    assert factors["GPU utilisation"].source.startswith("assumed")
    assert number(factors, "GPU power") == 39.5
    assert "GPU utilisation" not in explain("aws", "m5.large")


def test_all_cpus_that_may_serve_a_type_are_named() -> None:
    factors = explain("gcp", "e2-standard-4")
    for family in ("Skylake", "Broadwell", "Haswell", "EPYC 2nd Gen"):
        assert f"wall power over TDP of {family}" in factors


def test_an_unknown_type_says_where_its_size_comes_from() -> None:
    assert explain("elsewhere", "")["vCPUs"].source == "assumed, nothing known"
    assert explain("aws", "zz9.large")["vCPUs"].source == "read from the name of the type"
    told = explain("aws", "zz9.large", shape=Shape(vcpus=2.0, memory_gib=4.0))
    assert told["vCPUs"].source == "reported by the provider"
    assert told["confidence"].value == "unknown-type"


def test_the_baseline_of_a_burstable_type_is_shown() -> None:
    assert number(explain("aws", "t3.micro"), "baseline of a burstable vCPU") == 0.1


def test_a_measured_gpu_utilisation_is_said_with_the_power_it_gives() -> None:
    profile = MODEL.profile(machine("aws", "g4dn.xlarge"))
    factors = {factor.name: factor for factor in profile.explain(Ratio(0.5), Ratio(0.25))}
    assert factors["GPU utilisation"].value == 0.25
    assert factors["GPU utilisation"].source.endswith("measured in the machine")
    assert factors["GPU power"].value == pytest.approx(8 + 0.25 * (71 - 8))
    assert factors["IT power"].value == profile.power(Ratio(0.5), Ratio(0.25)).it


def test_a_curve_that_was_brought_to_another_tdp_says_so() -> None:
    rescaled = explain("aws", "m5.large")["wall power over TDP of Skylake"]
    assert rescaled.source.endswith("; from 205 W of TDP to 240 W")
    usual = explain("aws", "m7a.large")["wall power over TDP of EPYC 4th Gen"]
    assert "W of TDP" not in usual.source


def test_the_bounds_of_the_curve_lead_to_the_bounds_of_the_watts() -> None:
    # m7a.large: load is utilisation, and nothing but CPU and memory draws power.
    factors = explain("aws", "m7a.large", 0.05)
    ratio, memory = factors["wall power over TDP of EPYC 4th Gen"], factors["power of memory"]
    assert ratio.low is not None
    assert memory.low is not None
    cpu = number(factors, "vCPUs") * number(factors, "TDP per vCPU of AMD EPYC 9R14") * ratio.low
    extra = number(factors, "memory beyond the servers of the curve")
    assert factors["IT power"].low == pytest.approx(cpu + extra * memory.low)


def test_components_share_out_the_interval_of_the_sum() -> None:
    for name, gpu in (("m5.large", None), ("g4dn.xlarge", None), ("g4dn.xlarge", Ratio(0.3))):
        profile = MODEL.profile(machine("aws", name))
        factors = {factor.name: factor for factor in profile.explain(Ratio(0.4), gpu)}
        parts = [factors[f"{part} power"] for part in ("CPU", "memory", "GPU")]
        whole = profile.bounds(Ratio(0.4), gpu)
        assert sum(part.low or 0.0 for part in parts) == pytest.approx(whole.low)
        assert sum(part.high or 0.0 for part in parts) == pytest.approx(whole.high)
