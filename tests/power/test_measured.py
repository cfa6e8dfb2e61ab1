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
    [(0.1, 2.6, 3.5, 5.1), (0.5, 5.1, 7.3, 11.0), (1.0, 8.6, 10.7, 14.5)],
)
def test_m5_large_is_the_worked_example_of_the_methodology(
    utilization: float, low: float, central: float, high: float
) -> None:
    assert bounds("aws", "m5.large", utilization) == pytest.approx((low, central, high), abs=0.06)


DDR4_32 = (1.1 * 0.037, 1.1 * 0.087, 1.1 * 0.148)
"""W/GiB at the wall in modules of 32 GB: idle, at work, and at work in modules of 16 GB."""
DDR5_64 = (1.1 * 0.034, 1.1 * 0.075, 1.1 * 0.128)


def half_way(usual: float, idle: float, full: float, share: float) -> float:
    """Mean of the family's curve and of full-throttle work at a share of the dynamic range."""
    return (usual + idle + (full - idle) * share) / 2


def test_an_intel_type_by_hand() -> None:
    # Xeon 8175M: 240 W over 48 threads, two of them; Skylake, usually 205 W; half busy is a
    # load of 65 %.
    load = 100 * 0.5 * (2 - 0.75 * 0.5) / 1.25
    assert load == 65.0
    tdp, extra_gib = 2 * 240 / 48, 8 - 2 * 1.71
    times = 240 / 205
    r0, r6, r7, r10 = (
        of_tdp(ratio, tenths, times)
        for ratio, tenths in ((0.1337, 0), (0.6064, 6), (0.6951, 7), (1.0793, 10))
    )
    usual, stress = (r6 + r7) / 2, r0 + (r10 - r0) * 0.714
    low, central, high = (watts * extra_gib for watts in DDR4_32)
    expected = (
        0.82 * tdp * min(usual, stress) + low,
        tdp * (usual + stress) / 2 + central,
        1.34 * tdp * max(usual, stress) + high,
    )
    assert bounds("aws", "m5.large", 0.5) == pytest.approx(expected, rel=1e-12)
    assert profile("aws", "m5.large").confidence is Confidence.SKU


def test_an_amd_type_whose_vcpus_are_cores_by_hand() -> None:
    # EPYC 9R14: 360 W over 96 cores, usual for EPYC 4th Gen; load is utilisation.
    # A vCPU is a whole core, so the curve holds the memory of both of its threads.
    tdp, extra_gib = 2 * 360 / 96, 8 - 2 * 2 * 1.0
    stress = 0.1708 + (0.902 - 0.1708) * 0.714
    low, central, high = (watts * extra_gib for watts in DDR5_64)
    expected = (
        0.82 * tdp * 0.5486 + low,
        tdp * (0.5486 + stress) / 2 + central,
        1.34 * tdp * stress + high,
    )
    assert bounds("aws", "m7a.large", 0.5) == pytest.approx(expected, rel=1e-12)


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
    for utilization, ratio, low, high in ((0.0, 0.1708, 0.64, 1.75), (1.0, 0.902, 0.75, 1.49)):
        cpu = 176 * 2 * 1.56 * ratio
        memory = [watts * extra_gib for watts in DDR5_64]
        expected = (low * cpu + memory[0], cpu + memory[1], high * cpu + memory[2])
        assert found.bounds(Ratio(utilization)) == pytest.approx(expected, rel=1e-12)


def test_a_graviton_type_is_a_proxy_with_the_widest_bounds() -> None:
    # Altra's curve x 2.98 W per core.
    tdp, extra_gib = 2 * 2.98, 8 - 2 * 0.9
    stress = 0.3116 + (0.6565 - 0.3116) * 0.714
    low, central, high = (watts * extra_gib for watts in DDR5_64)
    expected = (
        0.51 * tdp * 0.4734 + low,
        tdp * (0.4734 + stress) / 2 + central,
        1.85 * tdp * stress + high,
    )
    assert bounds("aws", "m7g.large", 0.5) == pytest.approx(expected, rel=1e-12)
    assert profile("aws", "m7g.large").confidence is Confidence.PROXY


def test_memory_in_larger_modules_draws_less_for_each_gib() -> None:
    # x2iedn has 32 GiB a vCPU: modules of 128 GB; r5 has 8, of 32 GB.
    for name, gib, per_gib in (("r5.4xlarge", 128, 0.087), ("x2iedn.4xlarge", 512, 0.038)):
        found = MODEL.profile(machine("aws", name))
        (share,) = found.shares
        assert share.extra_gib < gib
        assert found.power(Ratio(0.3)).memory == pytest.approx(1.1 * per_gib * share.extra_gib)


T4 = (9.0, 28.0, 70.0, 72.0)
"""Watts with nothing loaded at least, loaded, its cap, and at most."""


def small_card(gpu: float, end: int) -> float:
    """GPU and the server around it: 5, 10, 20 W and 0.05, 0.08, 0.12 of its watts."""
    return gpu + (5, 10, 20)[end] + (0.05, 0.08, 0.12)[end] * gpu


def test_a_gpu_that_nothing_measures_is_half_busy_between_nothing_loaded_and_its_maximum() -> None:
    # g4dn.xlarge: four threads of a Xeon 8259CL (210 W over 48), one T4.
    # Cascade Lake has usually 205 W; the bounds of idle power are 0.70 and 1.68.
    tdp, extra_gib = 4 * 210 / 48, 16 - 4 * 1.71
    idle = of_tdp(0.1273, 0, 210 / 205)
    power = profile("aws", "g4dn.xlarge").power(Ratio(0.0))
    assert power.cpu == pytest.approx(tdp * idle)
    assert power.memory == pytest.approx(DDR4_32[1] * extra_gib)
    half = 28 + 0.7 * 0.5**0.7 * (70 - 28)
    assert power.gpu == pytest.approx(half)
    assert power.node == pytest.approx(10 + 0.08 * half)
    low = 0.70 * tdp * idle + DDR4_32[0] * extra_gib + small_card(9, 0)
    high = 1.68 * tdp * idle + DDR4_32[2] * extra_gib + small_card(72, 2)
    assert bounds("aws", "g4dn.xlarge", 0.0) == pytest.approx((low, power.it, high), rel=1e-12)


def test_storage_and_network_are_not_counted() -> None:
    power = profile("aws", "m5.large").power(Ratio(0.5))
    assert (power.storage, power.network) == (0.0, 0.0)
    assert power.it == power.cpu + power.memory


def test_a_burstable_type_is_charged_between_its_baseline_and_all_of_the_idle_power() -> None:
    # t3.micro: two threads of a Xeon 8175M, baseline 10 % of each; 1 GiB is inside the curve.
    tdp, times = 2 * 240 / 48, 240 / 205
    r0, r1, r2, r10 = (
        of_tdp(ratio, tenths, times)
        for ratio, tenths in ((0.1337, 0), (0.2981, 1), (0.3538, 2), (1.0793, 10))
    )
    usual, stress = r1 + (r2 - r1) * 0.54, r0 + (r10 - r0) * 0.23
    expected = (
        0.82 * tdp * (min(usual, stress) - r0 * 0.90),
        tdp * ((usual + stress) / 2 - r0 * (1 - math.sqrt(0.10))),
        1.34 * tdp * max(usual, stress),
    )
    assert bounds("aws", "t3.micro", 0.1) == pytest.approx(expected, rel=1e-12)


def test_a_shared_core_is_charged_idle_power_between_its_part_and_the_vcpus_that_it_sees() -> None:
    # e2-micro: a quarter of a vCPU guaranteed, two visible.
    micro, whole = profile("gcp", "e2-micro"), profile("gcp", "e2-standard-2")
    idle_of_a_vcpu = whole.power(Ratio(0.0)).cpu / 2
    assert micro.power(Ratio(0.0)).cpu == pytest.approx(idle_of_a_vcpu * math.sqrt(0.25 * 2))


def test_several_possible_cpus_give_their_mean_and_the_union_of_their_intervals() -> None:
    # n2-standard-4: Cascade Lake 8273CL (165 W / 56, usual 205) or Ice Lake 8373C (300 W / 72,
    # usual 270); 16 GiB; a load of 65 %.
    cascade, ice = 4 * 165 / 56, 4 * 300 / 72
    extra_cascade, extra_ice = 16 - 4 * 1.71, 16 - 4 * 1.60
    times = 165 / 205
    r_cascade = (of_tdp(0.5560, 6, times) + of_tdp(0.6244, 7, times)) / 2
    cascade0, cascade10 = of_tdp(0.1273, 0, times), of_tdp(1.0098, 10, times)
    ice0, ice6, ice7, ice10 = (
        of_tdp(ratio, tenths, 300 / 270)
        for ratio, tenths in ((0.2435, 0), (0.6349, 6), (0.7250, 7), (1.1537, 10))
    )
    r_ice = (ice6 + ice7) / 2
    central = (
        cascade * half_way(r_cascade, cascade0, cascade10, 0.714)
        + ice * half_way(r_ice, ice0, ice10, 0.714)
        + DDR4_32[1] * (extra_cascade + extra_ice)
    ) / 2
    low = 0.82 * cascade * min(r_cascade, cascade0 + (cascade10 - cascade0) * 0.714)
    high = 1.34 * ice * (ice0 + (ice10 - ice0) * 0.714)
    expected = (low + DDR4_32[0] * extra_cascade, central, high + DDR4_32[2] * extra_ice)
    assert bounds("gcp", "n2-standard-4", 0.5) == pytest.approx(expected, rel=1e-12)
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


DDR5 = ("Sapphire Rapids", "EPYC 4th Gen")


def test_an_unknown_type_is_the_mean_of_current_families_with_wider_bounds() -> None:
    shape = Shape(vcpus=4, memory_gib=16, architectures=("x86_64",))
    found = profile("host", "", shape)
    full = [4 * tdp * top for tdp, _, top, _ in X86_POOL.values()]
    extra = [16 - 4 * gib for *_, gib in X86_POOL.values()]
    memory = [DDR5_64 if name in DDR5 else DDR4_32 for name in X86_POOL]
    each = list(zip(full, extra, memory, strict=True))
    central = sum(w + m[1] * gib for w, gib, m in each) / 7
    low = min(0.51 * w + m[0] * gib for w, gib, m in each)
    high = max(1.85 * w + m[2] * gib for w, gib, m in each)
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
        ("gcp", "a5-highgpu-8g", 600, 9000),
        ("azure", "Standard_ND200isr_GB300_v7", 1500, 6500),
        ("aws", "p7-b300.48xlarge", 2200, 12000),
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


def grams(kg: float, years: float) -> float:
    return kg * 1000 / (years * 8760)


def test_embodied_emissions_of_m5_large_by_hand() -> None:
    # Of 96 vCPUs of a server of 420 kg and two CPUs of 24 kg, and 8 GiB of DDR4, over six years.
    found = profile("aws", "m5.large").embodied()
    kg = (420 + 2 * 24) * 2 / 96 + 8 * 1.3
    assert found.central == pytest.approx(grams(kg, 6))
    low, high = (250 + 2 * 13) * 2 / 96 + 8 * 0.3, (900 + 2 * 44) * 2 / 96 + 8 * 2.0
    below, above = math.hypot(1 - low / kg, 1 - 6 / 7), math.hypot(high / kg - 1, 6 / 4 - 1)
    assert found == pytest.approx(
        ((1 - below) * found.central, found.central, (1 + above) * found.central)
    )


@pytest.mark.parametrize(
    ("provider", "name", "kg", "years"),
    [
        # One Graviton3 of 23 kg on its own board of 230, DDR5.
        ("aws", "m7g.xlarge", (230 + 23) * 4 / 64 + 16 * 1.0, 6),
        # All of an 8-GPU server: 1200 kg, CPUs by their vCPUs, eight H100, 8 x 3.8 TB.
        ("aws", "p5.48xlarge", 1200 + 2 * 31 * 192 / 192 + 2048 * 1.3 + 8 * 164 + 30.4 * 26, 5),
        # One of eight cards of a server, which counts more than 4 of 192 vCPUs.
        ("aws", "g5.xlarge", 420 / 8 + 30 * 4 / 96 + 16 * 1.3 + 70 + 4 * 0.06 * 26, 5),
        # The largest type of the series is less than a server of two CPUs of 64 vCPUs each.
        ("azure", "Standard_D8ps_v5", (230 + 22) * 8 / 80 + 32 * 1.3, 6),
    ],
)
def test_embodied_emissions_by_the_parts(provider: str, name: str, kg: float, years: float) -> None:
    assert profile(provider, name).embodied().central == pytest.approx(grams(kg, years), rel=1e-3)


def test_a_host_is_its_share_of_a_usual_server() -> None:
    shape = Shape(vcpus=16, memory_gib=64, cpu_model="AMD EPYC 7763 64-Core Processor")
    kg = (420 + 2 * 31) * 16 / 256 + 64 * 1.3
    assert profile("host", "host", shape).embodied().central == pytest.approx(grams(kg, 6))


def test_an_accelerator_that_the_table_lacks_is_counted_with_wide_bounds() -> None:
    shape = Shape(vcpus=8, memory_gib=16, gpu_model="NVIDIA Z1", gpu_count=2)
    without = profile("aws", "zz9.2xlarge", Shape(vcpus=8, memory_gib=16)).bounds(Ratio(0.5))
    with_gpus = profile("aws", "zz9.2xlarge", shape).bounds(Ratio(0.5))
    each = (10.0, 80 + 0.7 * 0.5**0.7 * (400 - 80), 1800.0)
    around = [(20, 35, 60)[end] + (0.06, 0.10, 0.16)[end] * each[end] for end in range(3)]
    for end in range(3):
        added = with_gpus[end] - without[end]
        assert added == pytest.approx(2 * (each[end] + around[end]))


def test_a_gpu_attached_to_a_general_machine_is_counted() -> None:
    bare = Shape(vcpus=4, memory_gib=15)
    with_gpu = Shape(vcpus=4, memory_gib=15, gpu_model="NVIDIA T4", gpu_count=1)
    without = profile("gcp", "n1-standard-4", bare).power(Ratio(0.5))
    found = profile("gcp", "n1-standard-4", with_gpu).power(Ratio(0.5))
    assert (without.gpu, without.node) == (Watts(0.0), Watts(0.0))
    assert found.gpu == pytest.approx(28 + 0.7 * 0.5**0.7 * 42)
    assert found.cpu == without.cpu


def test_a_measured_gpu_runs_from_its_context_to_seven_tenths_of_its_range() -> None:
    # One T4; its context may be 26 to 34 W.
    found, cpu = profile("aws", "g4dn.xlarge"), Ratio(0.3)
    rest = MODEL.profile(machine("aws", "g4dn.xlarge", shape=None))
    others = rest.power(cpu).cpu + rest.power(cpu).memory
    for gpu, (low, central, high) in {
        0.0: (9, 28, 34),
        0.25: (26, 28 + 0.7 * 0.25**0.7 * 42, 34 + 0.75 * (72 - 34)),
        1.0: (26, 28 + 0.7 * 42, 72),
    }.items():
        assert found.power(cpu, Ratio(gpu)).gpu == pytest.approx(central)
        measured = found.bounds(cpu, Ratio(gpu))
        assert measured.central == pytest.approx(others + small_card(central, 1))
        unmeasured = found.bounds(cpu)
        assert measured.low - unmeasured.low == pytest.approx(small_card(low, 0) - small_card(9, 0))
        assert unmeasured.high - measured.high == pytest.approx(
            small_card(72, 2) - small_card(high, 2)
        )


def test_the_bounds_of_a_busy_h100_server_hold_what_was_measured_of_one() -> None:
    # 8.4 to 8.48 kW with all GPUs near their cap (Latif et al. 2025).
    low, _, high = profile("aws", "p5.48xlarge").bounds(Ratio(1.0), Ratio(1.0))
    assert low < 8400
    assert high > 8480
    read = profile("aws", "p5.48xlarge").with_gpu_watts(Bounds(5432.0, 5600.0, 5600.0))
    assert read.power(Ratio(1.0)).it == pytest.approx(8440, rel=0.06)
    assert read.bounds(Ratio(1.0)).high - read.bounds(Ratio(1.0)).low < 0.3 * (high - low)
    assert read.bounds(Ratio(1.0)).low < 8440 < read.bounds(Ratio(1.0)).high


def test_the_whole_board_of_a_k80_counts_once_for_its_two_gpus() -> None:
    # p2.16xlarge: 16 GPUs are 8 boards of 300 W.
    found = profile("aws", "p2.16xlarge")
    assert found.power(Ratio(1.0), Ratio(1.0)).gpu < 8 * 300
    assert found.power(Ratio(1.0)).gpu < 8 * 300 / 1.3


def test_a_part_of_a_gpu_counts_for_that_part() -> None:
    part = profile("aws", "g6f.large").power(Ratio(0.5), Ratio(0.5))
    whole = profile("aws", "g6.xlarge").power(Ratio(0.5), Ratio(0.5))
    assert part.gpu == pytest.approx(whole.gpu / 8)
    assert part.node == pytest.approx(whole.node / 8)


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
    assert (spreads[0].low, spreads[0].high) == (0.82, 1.34)
    assert spreads[1].low == pytest.approx(0.82 * (350 / 400) ** 0.7)
    assert spreads[1].high == pytest.approx(1.34 * (500 / 400) ** 0.7)


def test_arm_cpus_differ_by_what_is_published_of_their_cores() -> None:
    at_work = {
        name: profile("aws", f"{name}.large").power(Ratio(1.0)).cpu
        for name in ("m6g", "m7g", "m8g", "m9g")
    }
    assert at_work["m6g"] < at_work["m7g"] < at_work["m9g"] < at_work["m8g"]
    grace = 4.30 * 2  # the only measured server of V2 cores, at a higher clock
    assert profile("aws", "m8g.large").bounds(Ratio(1.0)).high > grace > at_work["m8g"]
