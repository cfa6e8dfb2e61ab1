"""The profile of Cloud Carbon Footprint: its published examples, its rules, its known faults."""

from collections.abc import Callable

import pytest

from exporter.core.model import Confidence, Disk, DiskKind, Factor, Machine, Power, Shape
from exporter.core.units import Ratio
from exporter.data.ccf import coefficients
from exporter.power.catalogue import Types
from exporter.power.ccf import CcfModel, CcfProfile, Counted, linear, memory_watts
from exporter.power.storage import WithStorage
from tests.support.machines import machine
from tests.support.vectors import Vector, vectors

MODEL = CcfModel(Types())
VECTORS = vectors()


def profile(provider: str, name: str, cpu_platform: str = "") -> CcfProfile:
    return MODEL.profile(machine(provider, name, cpu_platform=cpu_platform))


def power(provider: str, name: str, utilization: float = 0.5) -> Power:
    return profile(provider, name).power(Ratio(utilization))


def gpu_watts(model: str) -> float:
    shape = Shape(vcpus=1, memory_gib=1, gpu_model=model, gpu_count=1)
    return MODEL.profile(machine("host", "one", shape=shape)).power(Ratio(0.5)).gpu


def check_compute(vector: Vector) -> None:
    """The estimator's own test: 0.71 and 3.46 W, one vCPU, replication 2."""
    kwh = linear(0.71, 3.46, vector.utilization) * 2
    vector.check(watts=kwh, pue=1.135, gco2eq_per_kwh=415.755)


def check_memory(vector: Vector) -> None:
    """90 GB hours, replication 2."""
    vector.check(
        watts=memory_watts(Counted(90, 90, 90, "")).central * 2, pue=1.11, gco2eq_per_kwh=479
    )


def check_storage(vector: Vector) -> None:
    """One terabyte of SSD: the product's storage, which decorates this profile too."""
    disk = Disk(kind=DiskKind.SSD, type="gp3", size_gib=1e12 / 2**30, copies=1)
    plain = machine("aws", "m5.large")
    held = Machine(
        key=plain.key, name="", instance_type="m5.large", state=plain.state, disks=(disk,)
    )
    storage = WithStorage(MODEL).profile(held).power(Ratio(0.5)).storage
    vector.check(watts=storage, pue=1.135, gco2eq_per_kwh=415.755)


def check_gpus(vector: Vector) -> None:
    """Two GPUs, half busy."""
    vector.check(watts=gpu_watts("NVIDIA T4") + gpu_watts("NVIDIA A100"))


def check_cloud_jewels(vector: Vector) -> None:
    """The formula's origin, Etsy's Cloud Jewels, printed with two decimals."""
    assert round(linear(0.55, 3.71, vector.utilization), 2) == vector.watts


CHECKS: dict[str, Callable[[Vector], None]] = {
    "V09": check_compute,
    "V11": check_memory,
    "V13": check_storage,
    "V35": check_gpus,
    "V41": check_cloud_jewels,
}


@pytest.mark.parametrize("which", sorted(v.id for v in VECTORS.values() if v.profile == "ccf"))
def test_a_published_example_is_reproduced(which: str) -> None:
    CHECKS[which](VECTORS[which])


def test_cpu_watts_are_linear_between_idle_and_busy() -> None:
    # Skylake of ccf-coefficients, April 2026.
    for utilization, expected in ((0.1, 1.9), (0.5, 4.7), (1.0, 8.2)):
        assert power("aws", "m5.large", utilization).cpu == pytest.approx(expected, abs=0.05)
    half = 2 * (0.613 + 4.1042) / 2
    assert power("aws", "m5.large").cpu == pytest.approx(half, rel=1e-12)


def test_on_aws_memory_counts_beyond_that_of_the_servers_behind_the_cpu_watts() -> None:
    # m5: 384 GB for up to 96 vCPUs is one chip; a large has 8 of them.
    expected = 0.392 * (384 - 75.1) * 8 / 384
    assert power("aws", "m5.large").memory == pytest.approx(expected, rel=1e-12)


def test_two_series_of_few_vcpus_have_two_chips() -> None:
    # m5zn: 192 GB for two chips are 96 each, less than Cascade Lake servers have.
    assert power("aws", "m5zn.large").memory == 0.0
    assert power("aws", "z1d.large").memory > 0.0


def test_on_google_cloud_all_memory_counts_and_the_low_bound_has_none_of_it() -> None:
    found = profile("gcp", "n2-standard-4", cpu_platform="Intel Ice Lake")
    assert found.power(Ratio(0.5)).memory == pytest.approx(0.392 * 16)
    assert found.memory.low == 0.0


def test_burstable_types_have_no_memory_of_their_own_in_this_method() -> None:
    assert power("aws", "t3.large").memory == 0.0
    assert profile("aws", "t3.large").memory.high > 0.0


def test_several_possible_cpus_give_the_mean_and_old_ones_the_median() -> None:
    table = coefficients("gcp")
    two = profile("gcp", "n2-standard-4")
    assert two.cpu.idle == pytest.approx((table["Cascade Lake"].idle + table["Ice Lake"].idle) / 2)
    old = profile("gcp", "n1-standard-1")
    families = {cpu.family.name for cpu in old.machine.cpus}
    assert {"Sandy Bridge", "Haswell"} <= families
    assert old.cpu.source.startswith("median of")
    assert old.cpu.busy == sorted(table[name].busy for name in families)[len(families) // 2]


@pytest.mark.parametrize(
    ("provider", "name", "idle", "busy"),
    [
        ("aws", "a1.large", 0.74, 3.5),  # Graviton
        ("azure", "Standard_D4ps_v5", 0.74, 3.54),  # Neoverse N1
        ("gcp", "c4a-standard-4", 0.68, 4.11),  # Axion
        ("aws", "zz9.large", 0.74, 3.5),
        ("host", "unheard of", 0.74, 3.5),
    ],
)
def test_a_cpu_unknown_to_the_method_has_its_average_and_says_so(
    provider: str, name: str, idle: float, busy: float
) -> None:
    found = profile(provider, name)
    assert (found.cpu.idle, found.cpu.busy) == (idle, busy)
    assert found.confidence is Confidence.UNKNOWN_TYPE
    assert found.modelled is found.machine.modelled


def test_a_family_that_only_the_product_knows_of_does_not_spoil_those_that_the_method_lists() -> (
    None
):
    found = profile("azure", "Standard_D4s_v3")
    listed = [cpu for cpu in found.machine.cpus if cpu.family.name in coefficients("azure")]
    assert 1 < len(listed) < len(found.machine.cpus)
    assert found.confidence is Confidence.MULTI_FAMILY


def test_a_coefficient_known_to_be_wrong_is_kept_and_the_low_bound_reaches_the_right_one() -> None:
    # EPYC 5th generation: published as 3.68 and 8.96 W; the results say 0.23 and 1.32.
    found = profile("aws", "m8a.large")
    assert found.power(Ratio(1.0)).cpu == pytest.approx(2 * 8.9614)
    assert found.bounds(Ratio(1.0)).low < 2 * 1.3227
    factors = {factor.name: factor for factor in found.explain(Ratio(1.0))}
    wrong = factors["busy watts per vCPU of EPYC 5th Gen"]
    assert (wrong.value, wrong.low) == (8.9614, 1.3227)
    assert "mistake" in wrong.source


def test_a_vcpu_that_is_a_core_may_draw_twice_the_watts_of_a_thread() -> None:
    def high_over_central(name: str) -> float:
        found = profile("aws", name)
        bounds = found.bounds(Ratio(1.0))
        return (bounds.high - found.memory.high) / found.power(Ratio(1.0)).cpu

    assert high_over_central("m7a.large") == pytest.approx(2 * high_over_central("m6a.large"))


def test_the_gpus_that_the_method_lists_have_its_watts() -> None:
    # Appendix III of its methodology, half busy.
    published = {
        "NVIDIA K520": (26, 229),
        "NVIDIA A10G": (18, 153),
        "NVIDIA M60": (35, 306),
        "NVIDIA V100": (35, 306),
        "NVIDIA P100": (36, 306),
        "NVIDIA P4": (9, 76.5),
        "AMD Radeon Pro V520": (26, 229),
    }
    for name, (idle, busy) in published.items():
        assert gpu_watts(name) == pytest.approx((idle + busy) / 2)


def test_an_explanation_tells_each_factor_its_source_and_that_the_bounds_are_not_the_methods() -> (
    None
):
    factors = profile("aws", "g4dn.xlarge").explain(Ratio(0.5))
    by_name = {factor.name: factor for factor in factors}
    assert len(by_name) == len(factors)
    assert all(factor.source for factor in factors)
    assert by_name["error of the method"].source.startswith("not the method's")
    total = profile("aws", "g4dn.xlarge").bounds(Ratio(0.5))
    it = by_name["IT power"]
    assert (it.low, it.value, it.high) == total
    assert value(by_name["CPU power"]) == pytest.approx(
        value(by_name["vCPUs"])
        * (
            value(by_name["idle watts per vCPU of Cascade Lake"])
            + value(by_name["busy watts per vCPU of Cascade Lake"])
        )
        / 2
    )


def value(factor: Factor) -> float:
    assert isinstance(factor.value, float)
    return factor.value


def test_a_machine_is_resolved_once() -> None:
    assert profile("aws", "m5.large") is profile("aws", "m5.large")
