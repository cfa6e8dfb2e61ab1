"""An explanation holds every factor, and its figures lead to the watts and grams."""

import math

import pytest

from exporter.core.model import Bounds, Factor, Shape
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
        factors, "power of DDR4 in modules of 32 GB"
    )
    assert cpu == pytest.approx(number(factors, "CPU power"))
    assert cpu + memory == pytest.approx(number(factors, "IT power"))
    assert number(factors, "IT power") == pytest.approx(7.3018, abs=1e-4)


def test_the_factors_multiply_to_the_embodied_grams() -> None:
    factors = explain("aws", "m5.large")
    parts = [name for name in factors if name.startswith("embodied carbon, ")]
    assert len(parts) == 3
    kg = sum(number(factors, name) for name in parts)
    grams = kg * 1000 / (number(factors, "lifetime") * 8760)
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
    # A T4: 28 W loaded, cap 70 W, half busy.
    assert number(factors, "power of NVIDIA T4") == pytest.approx(28 + 0.7 * 0.5**0.7 * 42)
    assert number(factors, "GPU power") == number(factors, "power of NVIDIA T4")
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


def test_the_part_of_idle_power_that_a_burstable_type_is_charged_is_shown() -> None:
    shown = explain("aws", "t3.micro")["idle power of a burstable vCPU"]
    assert (shown.low, shown.high) == (0.1, 1.0)
    assert shown.value == pytest.approx(math.sqrt(0.1))
    assert "idle power of a burstable vCPU" in explain("gcp", "e2-micro")
    assert "idle power of a burstable vCPU" not in explain("aws", "m5.large")


def test_the_server_around_accelerators_is_a_component_with_its_two_terms() -> None:
    factors = explain("aws", "p5.48xlarge")
    fixed = number(factors, "fixed power around accelerators (hgx-hopper)")
    share = number(factors, "share of GPU watts around accelerators (hgx-hopper)")
    assert (fixed, share) == (700.0, 0.2)
    node = fixed + share * number(factors, "GPU power")
    assert number(factors, "node power") == pytest.approx(node)
    assert not [name for name in explain("aws", "m5.large") if "accelerators" in name]


def test_watts_that_an_agent_read_take_the_place_of_the_model_of_the_accelerators() -> None:
    profile = MODEL.profile(machine("aws", "p5.48xlarge"))
    read = profile.with_gpu_watts(Bounds(5000.0, 5200.0, 5400.0))
    factors = {factor.name: factor for factor in read.explain(Ratio(0.5))}
    assert factors["GPU power"].value == 5200.0
    assert factors["GPU power"].source == "read by an agent in the machine"
    assert factors["node power"].value == pytest.approx(700 + 0.2 * 5200)
    assert "GPU utilisation" not in factors
    assert factors["IT power"].value == read.power(Ratio(0.5)).it


def test_a_measured_gpu_utilisation_is_said_with_the_power_it_gives() -> None:
    profile = MODEL.profile(machine("aws", "g4dn.xlarge"))
    factors = {factor.name: factor for factor in profile.explain(Ratio(0.5), Ratio(0.25))}
    assert factors["GPU utilisation"].value == 0.25
    assert factors["GPU utilisation"].source.endswith("measured in the machine")
    assert factors["GPU power"].value == pytest.approx(28 + 0.7 * 0.25**0.7 * (70 - 28))
    assert factors["IT power"].value == profile.power(Ratio(0.5), Ratio(0.25)).it


def test_a_curve_that_was_brought_to_another_tdp_says_so() -> None:
    rescaled = explain("aws", "m5.large")["wall power over TDP of Skylake"]
    assert "; from 205 W of TDP to 240 W" in rescaled.source
    usual = explain("aws", "m7a.large")["wall power over TDP of EPYC 4th Gen"]
    assert "W of TDP" not in usual.source


def test_the_bounds_of_the_curve_lead_to_the_bounds_of_the_watts() -> None:
    # m7a.large: load is utilisation, and nothing but CPU and memory draws power.
    factors = explain("aws", "m7a.large", 0.05)
    ratio, memory = (
        factors["wall power over TDP of EPYC 4th Gen"],
        factors["power of DDR5 in modules of 64 GB"],
    )
    assert ratio.low is not None
    assert memory.low is not None
    cpu = number(factors, "vCPUs") * number(factors, "TDP per vCPU of AMD EPYC 9R14") * ratio.low
    extra = number(factors, "memory beyond the servers of the curve")
    assert factors["IT power"].low == pytest.approx(cpu + extra * memory.low)


def test_components_share_out_the_interval_of_the_sum() -> None:
    for name, gpu in (("m5.large", None), ("g4dn.xlarge", None), ("g4dn.xlarge", Ratio(0.3))):
        profile = MODEL.profile(machine("aws", name))
        factors = {factor.name: factor for factor in profile.explain(Ratio(0.4), gpu)}
        names = ("CPU power", "memory power", "GPU power", "node power")
        parts = [factors[part] for part in names if part in factors]
        whole = profile.bounds(Ratio(0.4), gpu)
        assert sum(part.low or 0.0 for part in parts) == pytest.approx(whole.low)
        assert sum(part.high or 0.0 for part in parts) == pytest.approx(whole.high)
