"""Watts of the default model against calculations by hand."""

import math

import pytest

from exporter.core.model import Bounds, Confidence, Machine, Shape
from exporter.core.ports import PowerModel, PowerProfile
from exporter.core.units import Ratio, Watts
from exporter.power.catalogue import Types
from exporter.power.measured import CpuShare, MeasuredModel, MeasuredProfile
from tests.support.machines import machine

TYPES = Types()
MODEL = MeasuredModel(TYPES)


def profile(provider: str, instance_type: str, shape: Shape | None = None) -> PowerProfile:
    return MODEL.profile(machine(provider, instance_type, shape=shape))


def of_tdp(ratio: float, tenths: int, times: float) -> float:
    """Power over TDP of a CPU with so many times the usual TDP of its family, at a load."""
    return ratio * math.pow(times, 0.2 + 0.05 * tenths - 1)


def bounds(provider: str, instance_type: str, utilization: float) -> Bounds:
    return profile(provider, instance_type).bounds(Ratio(utilization))


@pytest.mark.parametrize(
    ("utilization", "low", "central", "high"),
    [(0.1, 2.2, 3.8, 6.4), (0.5, 3.9, 7.0, 12.6), (1.0, 8.0, 11.2, 16.2)],
)
def test_m5_large_is_the_worked_example_of_the_methodology(
    utilization: float, low: float, central: float, high: float
) -> None:
    assert bounds("aws", "m5.large", utilization) == pytest.approx((low, central, high), abs=0.06)


def test_an_intel_type_by_hand() -> None:
    # Xeon 8175M: 240 W over 48 threads, two of them; Skylake, usually 205 W; half busy is a
    # load of 65 %.
    load = 100 * 0.5 * (2 - 0.75 * 0.5) / 1.25
    assert load == 65.0
    tdp, extra_gib = 2 * 240 / 48, 8 - 2 * 1.71
    times = 240 / 205
    r0, r5, r6, r7, r10 = (
        of_tdp(ratio, tenths, times)
        for ratio, tenths in ((0.1337, 0), (0.5298, 5), (0.6064, 6), (0.6951, 7), (1.0793, 10))
    )
    central = tdp * (r6 + r7) / 2 + 0.20 * extra_gib
    low = 0.75 * tdp * r5 + 0.05 * extra_gib
    high = 1.40 * tdp * (r0 + (r10 - r0) * 0.714) + 0.392 * extra_gib
    assert bounds("aws", "m5.large", 0.5) == pytest.approx((low, central, high), rel=1e-12)
    assert profile("aws", "m5.large").confidence is Confidence.SKU


def test_an_amd_type_whose_vcpus_are_cores_by_hand() -> None:
    # EPYC 9R14: 360 W over 96 cores, usual for EPYC 4th Gen; load is utilisation.
    # A vCPU is a whole core, so the curve holds the memory of both of its threads.
    tdp, extra_gib = 2 * 360 / 96, 8 - 2 * 2 * 1.0
    central = tdp * 0.5486 + 0.20 * extra_gib
    low = 0.75 * tdp * 0.5486 + 0.05 * extra_gib
    high = 1.40 * tdp * (0.1708 + (0.902 - 0.1708) * 0.714) + 0.392 * extra_gib
    assert bounds("aws", "m7a.large", 0.5) == pytest.approx((low, central, high), rel=1e-12)


OF_FAMILY = Shape(
    vcpus=176, memory_gib=768, architectures=("EPYC 4th Gen",), threads_per_core=1, host_vcpus=176
)


def test_a_vcpu_that_is_a_core_has_twice_the_tdp_of_a_thread_where_only_the_family_is_known() -> (
    None
):
    # EPYC 4th Gen, of a model that nobody tells: 1.56 W per thread, 3.12 per core.
    found = profile("host", "", OF_FAMILY)
    assert found.power(Ratio(1.0)).cpu == pytest.approx(176 * 2 * 1.56 * 0.902, rel=1e-12)


def test_the_bounds_are_wider_where_only_the_family_is_known_and_when_idle() -> None:
    # 768 GiB, more than 1 for each of the threads that the vCPUs stand for.
    found = profile("host", "", OF_FAMILY)
    extra_gib = 768 - 176 * 2 * 1.0
    for utilization, ratio, low, high in ((0.0, 0.1708, 0.55, 1.70), (1.0, 0.902, 0.60, 1.50)):
        cpu = 176 * 2 * 1.56 * ratio
        expected = (
            low * cpu + 0.05 * extra_gib,
            cpu + 0.20 * extra_gib,
            high * cpu + 0.392 * extra_gib,
        )
        assert found.bounds(Ratio(utilization)) == pytest.approx(expected, rel=1e-12)


def test_a_graviton_type_is_a_proxy_with_bounds_of_its_own() -> None:
    # Altra's curve x 2.98 W per core.
    tdp, extra_gib = 2 * 2.98, 8 - 2 * 0.9
    central = tdp * 0.4734 + 0.20 * extra_gib
    low = 0.50 * tdp * 0.4734 + 0.05 * extra_gib
    high = 1.80 * tdp * (0.3116 + (0.6565 - 0.3116) * 0.714) + 0.392 * extra_gib
    assert bounds("aws", "m7g.large", 0.5) == pytest.approx((low, central, high), rel=1e-12)
    assert profile("aws", "m7g.large").confidence is Confidence.PROXY


def test_a_gpu_counts_half_of_its_range_and_its_whole_range_in_the_bounds() -> None:
    # g4dn.xlarge: four threads of a Xeon 8259CL (210 W over 48), one T4 (idle 8, 4 at least, 71 W).
    # Cascade Lake has usually 205 W; the bounds of idle power are 0.60 and 1.60.
    tdp, extra_gib = 4 * 210 / 48, 16 - 4 * 1.71
    idle = of_tdp(0.1273, 0, 210 / 205)
    power = profile("aws", "g4dn.xlarge").power(Ratio(0.0))
    assert power.cpu == pytest.approx(tdp * idle)
    assert power.memory == pytest.approx(0.20 * extra_gib)
    assert power.gpu == pytest.approx((8 + 71) / 2)
    low = 0.60 * tdp * idle + 0.05 * extra_gib + 4
    high = 1.60 * tdp * idle + 0.392 * extra_gib + 71
    assert bounds("aws", "g4dn.xlarge", 0.0) == pytest.approx((low, power.it, high), rel=1e-12)


def test_storage_and_network_are_not_counted() -> None:
    power = profile("aws", "m5.large").power(Ratio(0.5))
    assert (power.storage, power.network) == (0.0, 0.0)
    assert power.it == power.cpu + power.memory


def test_a_burstable_type_may_hold_only_its_baseline_of_the_idle_power() -> None:
    # t3.micro: two threads of a Xeon 8175M, baseline 10 % of each; 1 GiB is inside the curve.
    tdp, times = 2 * 240 / 48, 240 / 205
    r0, r1, r2, r10 = (
        of_tdp(ratio, tenths, times)
        for ratio, tenths in ((0.1337, 0), (0.2981, 1), (0.3538, 2), (1.0793, 10))
    )
    low = 0.75 * tdp * (r1 - r0 + r0 * 0.10)
    central = tdp * (r1 + (r2 - r1) * 0.54)
    high = 1.40 * tdp * (r0 + (r10 - r0) * 0.23)
    assert bounds("aws", "t3.micro", 0.1) == pytest.approx((low, central, high), rel=1e-12)


def test_several_possible_cpus_give_their_mean_and_the_union_of_their_intervals() -> None:
    # n2-standard-4: Cascade Lake 8273CL (165 W / 56, usual 205) or Ice Lake 8373C (300 W / 72,
    # usual 270); 16 GiB; a load of 65 %.
    cascade, ice = 4 * 165 / 56, 4 * 300 / 72
    extra_cascade, extra_ice = 16 - 4 * 1.71, 16 - 4 * 1.60
    times = 165 / 205
    r_cascade = (of_tdp(0.5560, 6, times) + of_tdp(0.6244, 7, times)) / 2
    ice0, ice6, ice7, ice10 = (
        of_tdp(ratio, tenths, 300 / 270)
        for ratio, tenths in ((0.2435, 0), (0.6349, 6), (0.7250, 7), (1.1537, 10))
    )
    r_ice = (ice6 + ice7) / 2
    central = (cascade * r_cascade + ice * r_ice + 0.20 * (extra_cascade + extra_ice)) / 2
    low = 0.75 * cascade * of_tdp(0.4921, 5, times) + 0.05 * extra_cascade
    high = 1.40 * ice * (ice0 + (ice10 - ice0) * 0.714) + 0.392 * extra_ice
    assert bounds("gcp", "n2-standard-4", 0.5) == pytest.approx((low, central, high), rel=1e-12)
    assert profile("gcp", "n2-standard-4").confidence is Confidence.MULTI_FAMILY


def test_the_cpu_platform_that_gcp_reports_decides_between_the_families() -> None:
    def found(platform: str) -> PowerProfile:
        return MODEL.profile(machine("gcp", "n2-standard-4", cpu_platform=platform))

    full = {
        "Intel Cascade Lake": 4 * 165 / 56 * of_tdp(1.0098, 10, 165 / 205),
        "Intel Ice Lake": 4 * 300 / 72 * of_tdp(1.1537, 10, 300 / 270),
    }
    for platform, watts in full.items():
        assert found(platform).confidence is Confidence.SKU
        assert found(platform).power(Ratio(1.0)).cpu == pytest.approx(watts)
    either = found("Unknown CPU Platform")
    assert either.confidence is Confidence.MULTI_FAMILY
    assert either.power(Ratio(1.0)).cpu == pytest.approx(sum(full.values()) / 2)


@pytest.mark.parametrize(
    ("name", "platform"),
    [
        ("c2-standard-4", "Intel Cascade Lake"),
        ("m1-megamem-96", "Intel Skylake"),
        ("m2-ultramem-208", "Intel Cascade Lake"),
        ("t2d-standard-4", "AMD Milan"),
    ],
)
def test_a_type_keeps_its_own_cpu_when_the_platform_only_confirms_it(
    name: str, platform: str
) -> None:
    told = MODEL.profile(machine("gcp", name, cpu_platform=platform))
    assert told.bounds(Ratio(0.5)) == profile("gcp", name).bounds(Ratio(0.5))


def test_emerald_rapids_takes_the_curve_of_sapphire_rapids() -> None:
    # n4-standard-2: two threads of a Xeon 8581C (350 W over 120).
    cpu = profile("gcp", "n4-standard-2").power(Ratio(1.0)).cpu
    assert cpu == pytest.approx(2 * 350 / 120 * 1.1671)


def test_idle_draws_power_and_utilisation_outside_its_range_is_limited() -> None:
    m5 = profile("aws", "m5.large")
    assert m5.power(Ratio(-0.5)) == m5.power(Ratio(0.0))
    assert m5.power(Ratio(7.0)) == m5.power(Ratio(1.0))
    assert m5.bounds(Ratio(7.0)) == m5.bounds(Ratio(1.0))
    assert m5.power(Ratio(0.0)).cpu == pytest.approx(10 * of_tdp(0.1337, 0, 240 / 205))


def test_a_shared_core_of_gcp_goes_on_linearly_above_its_share_until_its_vcpus_are_busy() -> None:
    # e2-micro: a quarter of a vCPU guaranteed, two visible: at most eight times its share.
    micro = profile("gcp", "e2-micro")
    idle, full = micro.power(Ratio(0.0)).cpu, micro.power(Ratio(1.0)).cpu
    assert micro.power(Ratio(3.0)).cpu == pytest.approx(idle + 3 * (full - idle))
    assert micro.power(Ratio(8.0)).cpu == pytest.approx(idle + 8 * (full - idle))
    assert micro.power(Ratio(20.0)) == micro.power(Ratio(8.0))
    assert micro.bounds(Ratio(20.0)) == micro.bounds(Ratio(8.0))


X86_POOL = {  # family median TDP per thread, idle and full, GiB per thread
    "Skylake": (3.66, 0.1337, 1.0793, 1.71),
    "Cascade Lake": (3.66, 0.1273, 1.0098, 1.71),
    "Ice Lake": (3.38, 0.2435, 1.1537, 1.60),
    "Sapphire Rapids": (3.12, 0.2586, 1.1671, 1.14),
    "EPYC 2nd Gen": (1.76, 0.2305, 0.9428, 1.0),
    "EPYC 3rd Gen": (2.19, 0.1785, 0.8223, 1.0),
    "EPYC 4th Gen": (1.56, 0.1708, 0.9020, 1.0),
}


def test_an_unknown_type_is_the_mean_of_current_families_with_wider_bounds() -> None:
    shape = Shape(vcpus=4, memory_gib=16, architectures=("x86_64",))
    found = profile("host", "", shape)
    full = [4 * tdp * top for tdp, _, top, _ in X86_POOL.values()]
    extra = [16 - 4 * gib for *_, gib in X86_POOL.values()]
    central = sum(full) / 7 + 0.20 * sum(extra) / 7
    low = min(0.50 * w + 0.05 * gib for w, gib in zip(full, extra, strict=True))
    high = max(1.50 * w + 0.392 * gib for w, gib in zip(full, extra, strict=True))
    assert found.bounds(Ratio(1.0)) == pytest.approx((low, central, high), rel=1e-12)
    assert (found.confidence, found.modelled) == (Confidence.UNKNOWN_TYPE, False)


def test_an_unknown_arm_type_is_not_taken_for_x86() -> None:
    shape = Shape(vcpus=4, memory_gib=16, architectures=("arm64",))
    newest = profile("aws", "m9g.xlarge").power(Ratio(1.0)).cpu
    assert profile("aws", "zz9.xlarge", shape).power(Ratio(1.0)).cpu == pytest.approx(newest)
    expected = 4 * (0.6565 * (2.29 + 2.34 + 2.98) + 0.9479 * 3.1) / 4  # of all that are known
    assert profile("host", "", shape).power(Ratio(1.0)).cpu == pytest.approx(expected)


def test_an_unknown_size_of_a_known_family_takes_the_familys_cpu() -> None:
    shape = Shape(vcpus=192, memory_gib=768)
    found = profile("aws", "m5.48xlarge", shape)
    assert found.power(Ratio(0.5)).it == pytest.approx(96 * bounds("aws", "m5.large", 0.5).central)
    assert (found.confidence, found.modelled) == (Confidence.UNKNOWN_TYPE, False)


def test_a_type_that_is_not_listed_has_the_memory_per_vcpu_and_the_server_of_its_series() -> None:
    listed, guessed = profile("aws", "r6i.2xlarge"), profile("aws", "r6ix.2xlarge")
    assert guessed.power(Ratio(0.6)) == listed.power(Ratio(0.6))
    assert (guessed.confidence, guessed.modelled) == (Confidence.UNKNOWN_TYPE, False)
    assert guessed.bounds(Ratio(0.6)).low < listed.bounds(Ratio(0.6)).low
    assert guessed.bounds(Ratio(0.6)).high > listed.bounds(Ratio(0.6)).high
    server = profile("aws", "r6i.metal").power(Ratio(1.0))
    assert profile("aws", "r6ix.metal").power(Ratio(1.0)) == server


@pytest.mark.parametrize(
    ("provider", "name", "vcpus"),
    [
        ("aws", "zz9.8xlarge", 32),
        ("aws", "zz9.metal-24xl", 96),
        ("aws", "zz9.metal", 96),
        ("azure", "Standard_Z16s_v9", 16),
        ("gcp", "z9x-standard-8-lssd", 8),
    ],
)
def test_an_unknown_type_without_a_shape_is_sized_by_its_name(
    provider: str, name: str, vcpus: float
) -> None:
    expected = profile(provider, name, Shape(vcpus=vcpus, memory_gib=4 * vcpus))
    assert profile(provider, name).power(Ratio(0.4)) == expected.power(Ratio(0.4))


def test_an_unknown_generation_has_the_newest_cpus_of_its_provider_and_maker() -> None:
    for provider, name, newest in (
        ("aws", "m12g.large", "m9g.large"),
        ("aws", "m12a.large", "m8a.large"),
        ("azure", "Standard_D2s_v9", "Standard_D2s_v7"),
        ("gcp", "n5-standard-2", "n4-standard-2"),
    ):
        found, known = profile(provider, name), profile(provider, newest)
        assert found.power(Ratio(0.5)).cpu == pytest.approx(known.power(Ratio(0.5)).cpu)
        assert found.confidence is Confidence.UNKNOWN_TYPE


def test_a_machine_of_which_nothing_is_known_may_be_anything_up_to_a_whole_server() -> None:
    nothing = profile("elsewhere", "")
    small = profile("elsewhere", "", Shape(vcpus=2, memory_gib=8))
    low, central, high = small.bounds(Ratio(0.3))
    assert nothing.bounds(Ratio(0.3)) == pytest.approx((low / 4, central, 48 * high))
    assert not nothing.modelled


@pytest.mark.parametrize(
    ("name", "guaranteed", "gib"),
    [
        ("e2-custom-micro-1024", 0.25, 1),
        ("e2-custom-small-2048", 0.5, 2),
        ("e2-custom-medium-4096", 1, 4),
    ],
)
def test_a_shared_core_custom_type_is_a_part_of_the_vcpus_that_it_sees(
    name: str, guaranteed: float, gib: float
) -> None:
    shape = TYPES.find("gcp", name)
    assert shape is not None
    assert (shape.vcpus, shape.memory_gib, shape.shared_core) == (guaranteed, gib, True)
    usual = profile("gcp", f"e2-{name.split('-')[2]}")
    assert profile("gcp", name).power(Ratio(1.0)).cpu == usual.power(Ratio(1.0)).cpu
    assert profile("gcp", name).power(Ratio(2.0)).cpu == usual.power(Ratio(2.0)).cpu


def test_a_new_shared_core_type_of_google_is_guaranteed_a_part_of_what_it_sees() -> None:
    shape = Shape(vcpus=2, memory_gib=4, shared_core=True)
    found = profile("gcp", "e9-tiny", shape)
    whole = profile("gcp", "e9-tiny", Shape(vcpus=2, memory_gib=4))
    assert found.power(Ratio(1.0)).cpu < whole.power(Ratio(1.0)).cpu / 3
    assert found.bounds(Ratio(4.0)).high >= whole.power(Ratio(1.0)).cpu


@pytest.mark.parametrize(
    ("provider", "name", "low", "high"),
    [
        ("gcp", "a5-highgpu-8g", 500, 9000),
        ("azure", "Standard_ND200isr_GB300_v7", 1100, 6500),
        ("aws", "p7-b300.48xlarge", 1000, 12000),
        ("aws", "g9.4xlarge", 50, 1000),
    ],
)
def test_accelerators_in_the_name_of_an_unknown_machine_are_counted(
    provider: str, name: str, low: float, high: float
) -> None:
    found = profile(provider, name)
    bounds = found.bounds(Ratio(0.5))
    assert found.confidence is Confidence.UNKNOWN_TYPE
    assert bounds.low < low
    assert bounds.high > high
    assert low < bounds.central < high


def test_sizes_of_azure_are_the_same_in_any_case() -> None:
    for name in ("standard_d4s_v3", "STANDARD_NC24ADS_A100_V4", "standard_e8-2s_V5"):
        found = profile("azure", name)
        assert found.modelled
        assert found.power(Ratio(0.5)).it > 0


def test_explain_says_which_rule_made_a_type() -> None:
    for provider, name, said in (
        ("aws", "m5.large", "machine type table"),
        ("azure", "Standard_D2as_v6_PROMO", "the same machine as Standard_D2as_v6"),
        ("azure", "Standard_E16-5s_v5", "5 of the 16 vCPUs of Standard_E16s_v5"),
        ("gcp", "n2-custom-6-20480", "custom type: 6 vCPUs, 20480 MiB, CPU as n2-"),
        ("azure", "Standard_D300nls_v7", "sibling of Standard_D"),
        ("aws", "m12g.large", "nearest generation known with this maker's CPU: m9g.large"),
        ("aws", "zz9.large", "guessed, the newest of the provider"),
    ):
        first = {one.name: one for one in profile(provider, name).explain(Ratio(0.5))}
        assert said in first["machine type"].source, name


def test_a_gcp_custom_type_has_its_series_cpus_and_the_size_in_its_name() -> None:
    custom, standard = profile("gcp", "n2-custom-4-16384"), profile("gcp", "n2-standard-4")
    assert custom.bounds(Ratio(0.7)) == standard.bounds(Ratio(0.7))
    assert (custom.confidence, custom.modelled) == (Confidence.MULTI_FAMILY, True)


@pytest.mark.parametrize(
    ("cpu_model", "confidence", "full"),
    [
        (
            "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz",
            Confidence.SKU,
            8 * 210 / 48 * of_tdp(1.0098, 10, 210 / 205),
        ),
        ("AMD EPYC 7763 64-Core Processor", Confidence.SKU, 8 * 280 / 128 * 0.8223),
        ("Intel(R) Xeon(R) CPU E5-2670 v3 @ 2.30GHz", Confidence.UNKNOWN_TYPE, None),
        ("Intel(R) Xeon(R) CPU @ 2.20GHz", Confidence.UNKNOWN_TYPE, None),
        ("AMD Ryzen 9 7950X 16-Core Processor", Confidence.UNKNOWN_TYPE, None),
    ],
)
def test_a_host_is_matched_by_the_name_of_its_cpu(
    cpu_model: str, confidence: Confidence, full: float | None
) -> None:
    shape = Shape(vcpus=8, memory_gib=16, cpu_model=cpu_model, threads_per_core=2)
    found = profile("host", "host", shape)
    assert found.confidence is confidence
    assert found.modelled is (full is not None)
    if full is not None:
        assert found.power(Ratio(1.0)).cpu == pytest.approx(full)


def test_a_host_of_a_known_vendor_is_not_averaged_with_another_vendor() -> None:
    shapes = (
        Shape(vcpus=2, memory_gib=2, cpu_model="AMD Ryzen 9 7950X 16-Core Processor"),
        Shape(vcpus=2, memory_gib=2, cpu_model="Intel(R) Core(TM) i7-1185G7"),
        Shape(vcpus=2, memory_gib=2, cpu_model="Apple M2"),
    )
    watts = [profile("host", "host", shape).power(Ratio(1.0)).cpu for shape in shapes]
    amd = [2 * X86_POOL[f"EPYC {n} Gen"][0] * X86_POOL[f"EPYC {n} Gen"][2] for n in _AMD]
    intel = [2 * t * top for n, (t, _, top, _) in X86_POOL.items() if not n.startswith("EPYC")]
    assert watts == pytest.approx([sum(amd) / 3, sum(intel) / 4, 2 * 2.5 * 0.6565])


_AMD = ("2nd", "3rd", "4th")


def test_equal_machines_share_one_profile_and_different_facts_do_not() -> None:
    model: PowerModel = MeasuredModel(TYPES)
    first: Machine = machine("aws", "m5.large")
    assert model.profile(first) is model.profile(machine("aws", "m5.large"))
    assert model.profile(first) is not model.profile(machine("aws", "m5.xlarge"))
    one = machine("aws", "zz9.large", shape=Shape(vcpus=1, memory_gib=1))
    two = machine("aws", "zz9.large", shape=Shape(vcpus=2, memory_gib=1))
    assert model.profile(one) is not model.profile(two)


def test_embodied_emissions_of_m5_large_are_the_published_share_of_its_server() -> None:
    grams = 1610.4 * 1000 * 2 / 96 / 35040
    assert grams == pytest.approx(0.96, abs=0.005)
    assert profile("aws", "m5.large").embodied() == pytest.approx(
        (0.5 * grams, grams, 1.5 * grams), rel=1e-9
    )


def test_embodied_emissions_of_an_unknown_type_follow_the_rule_by_vcpu_share() -> None:
    shape = Shape(vcpus=8, memory_gib=32, gpu_model="NVIDIA T4", gpu_count=1)
    server = 1000 + (32 * 12 - 16) * 533 / 384 + 100  # 96 vCPUs, two sockets
    grams = (server * 8 / 96 + 150) * 1000 / 35040
    assert profile("aws", "zz9.2xlarge", shape).embodied().central == pytest.approx(grams)


def test_a_host_is_its_share_of_a_usual_server() -> None:
    shape = Shape(vcpus=16, memory_gib=64)
    server = 1000 + (64 * 6 - 16) * 533 / 384 + 100
    grams = server * 16 / 96 * 1000 / 35040
    assert profile("host", "host", shape).embodied().central == pytest.approx(grams)


def test_an_accelerator_that_the_table_lacks_is_counted_with_wide_bounds() -> None:
    shape = Shape(vcpus=8, memory_gib=16, gpu_model="NVIDIA Z1", gpu_count=2)
    without = profile("aws", "zz9.2xlarge", Shape(vcpus=8, memory_gib=16)).bounds(Ratio(0.5))
    with_gpus = profile("aws", "zz9.2xlarge", shape).bounds(Ratio(0.5))
    assert with_gpus.low - without.low == pytest.approx(2 * 4)
    assert with_gpus.central - without.central == pytest.approx(2 * (35 + 300) / 2)
    assert with_gpus.high - without.high == pytest.approx(2 * 1000)


def test_a_gpu_attached_to_a_general_machine_is_counted() -> None:
    bare = Shape(vcpus=4, memory_gib=15)
    with_gpu = Shape(vcpus=4, memory_gib=15, gpu_model="NVIDIA T4", gpu_count=1)
    without = profile("gcp", "n1-standard-4", bare).power(Ratio(0.5))
    found = profile("gcp", "n1-standard-4", with_gpu).power(Ratio(0.5))
    assert without.gpu == Watts(0.0)
    assert found.gpu == pytest.approx((8 + 71) / 2)
    assert found.cpu == without.cpu


def test_a_measured_gpu_counts_that_part_of_its_range_and_half_as_much_either_way() -> None:
    # One T4: idle 8, 4 at least, 71 W.
    found, cpu = profile("aws", "g4dn.xlarge"), Ratio(0.3)
    others = profile("aws", "g4dn.xlarge").power(cpu).it - (8 + 71) / 2
    for gpu, (low, central, high) in {
        0.0: (4, 8, 12),
        0.25: (23.75 / 2, 23.75, 23.75 * 1.5),
        1.0: (71 / 2, 71, 71),
    }.items():
        assert found.power(cpu, Ratio(gpu)).gpu == pytest.approx(central)
        assert found.bounds(cpu, Ratio(gpu)).central == pytest.approx(others + central)
        width = found.bounds(cpu, Ratio(gpu)).low - found.bounds(cpu).low
        assert width == pytest.approx(low - 4)
        assert found.bounds(cpu, Ratio(gpu)).high - found.bounds(cpu).high == pytest.approx(
            high - 71
        )


def test_a_gpu_utilisation_out_of_range_counts_as_its_end() -> None:
    found = profile("aws", "g4dn.xlarge")
    assert found.power(Ratio(0.5), Ratio(-1.0)) == found.power(Ratio(0.5), Ratio(0.0))
    assert found.power(Ratio(0.5), Ratio(1.4)) == found.power(Ratio(0.5), Ratio(1.0))


@pytest.mark.parametrize("name", ["m5.large", "r6g.xlarge", "t4g.medium"])
def test_a_database_draws_what_the_type_that_it_runs_on_draws(name: str) -> None:
    own, behind = profile("aws", f"db.{name}"), profile("aws", name)
    assert own.modelled
    assert own.confidence is behind.confidence
    for utilization in (0.0, 0.4, 1.0):
        assert own.power(Ratio(utilization)) == behind.power(Ratio(utilization))
        assert own.bounds(Ratio(utilization)) == behind.bounds(Ratio(utilization))
    assert own.embodied() == behind.embodied()


def test_a_database_class_that_no_table_knows_is_read_from_its_name() -> None:
    own, behind = profile("aws", "db.z99g.2xlarge"), profile("aws", "z99g.2xlarge")
    assert not own.modelled
    assert own.power(Ratio(0.5)) == behind.power(Ratio(0.5))


def test_a_constrained_size_is_its_whole_machine_of_which_a_part_is_used() -> None:
    part, whole = profile("azure", "Standard_E8-2s_v5"), profile("azure", "Standard_E8s_v5")
    for used in (0.0, 0.4, 1.0):
        assert part.power(Ratio(used)) == whole.power(Ratio(used * 2 / 8))
        assert part.bounds(Ratio(used)) == whole.bounds(Ratio(used * 2 / 8))
    assert part.power(Ratio(7.0)) == part.power(Ratio(1.0))
    assert part.embodied() == whole.embodied()
    factors = {factor.name: factor for factor in part.explain(Ratio(1.0))}
    assert (factors["vCPUs"].value, factors["vCPUs that it may use"].value) == (8, 2)
    assert "vCPUs that it may use" not in {one.name for one in whole.explain(Ratio(1.0))}


@pytest.mark.parametrize(
    ("name", "idle", "maximum"),
    [("mac1.metal", 20, 122), ("mac2.metal", 6.8, 39), ("mac-m4.metal", 5, 65)],
)
def test_a_mac_draws_between_what_its_maker_measures_idle_and_at_most(
    name: str, idle: float, maximum: float
) -> None:
    found = profile("aws", name)
    assert found.power(Ratio(0.0)).it == pytest.approx(idle)
    assert found.power(Ratio(1.0)).it == pytest.approx(idle + 0.65 * (maximum - idle))
    assert found.bounds(Ratio(0.0)).high > idle + 15  # the card that joins it to its cloud
    assert found.bounds(Ratio(1.0)).high > maximum
    assert any("Apple" in factor.source for factor in found.explain(Ratio(0.5)))


def shares(of: PowerProfile) -> tuple[CpuShare, ...]:
    assert isinstance(of, MeasuredProfile)
    return of.shares


def test_a_cpu_of_which_the_tdp_is_a_range_has_wider_bounds() -> None:
    sure, unsure = profile("aws", "m7i.large"), profile("aws", "m8azn.large")
    spreads = [share.spread for one in (sure, unsure) for share in shares(one)]
    assert (spreads[0].low, spreads[0].high) == (0.75, 1.40)
    assert spreads[1].low == pytest.approx(0.75 * (350 / 400) ** 0.7)
    assert spreads[1].high == pytest.approx(1.40 * (500 / 400) ** 0.7)


def test_arm_cpus_differ_by_what_is_published_of_their_cores() -> None:
    at_work = {
        name: profile("aws", f"{name}.large").power(Ratio(1.0)).cpu
        for name in ("m6g", "m7g", "m8g", "m9g")
    }
    assert at_work["m6g"] < at_work["m7g"] < at_work["m9g"] < at_work["m8g"]
    grace = 4.30 * 2  # the only measured server of V2 cores, at a higher clock
    assert profile("aws", "m8g.large").bounds(Ratio(1.0)).high > grace > at_work["m8g"]
