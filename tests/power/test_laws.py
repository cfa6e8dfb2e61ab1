"""What must hold for every machine: order, monotony, proportion."""

import math
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.model import Shape
from exporter.core.ports import PowerProfile
from exporter.core.units import Joules, Ratio, energy
from exporter.data.cpus import families, models
from exporter.power import names
from exporter.power.catalogue import Types
from exporter.power.hardware import Cpu
from exporter.power.measured import MeasuredModel, MeasuredProfile, idle_share, wall_over_tdp
from tests.support.machines import machine

TYPES = Types()
MODEL = MeasuredModel(TYPES)
LISTED = [(p, name) for p in ("aws", "azure", "gcp") for name in TYPES.names(p)]
CPUS = ("Intel Xeon Platinum 8175M", "AMD EPYC 7R13", "AMD EPYC 9B45", "Ampere Altra Q64-30")

listed = st.sampled_from(LISTED)
utilizations = st.floats(min_value=-0.2, max_value=10.0)
shapes = st.builds(
    Shape,
    vcpus=st.floats(min_value=0.1, max_value=512),
    memory_gib=st.floats(min_value=0, max_value=8192),
    cpu_model=st.sampled_from((*CPUS, "", "Intel Core")),
    architectures=st.sampled_from(((), ("x86_64",), ("arm64",), ("EPYC 5th Gen",))),
    threads_per_core=st.sampled_from((0, 1, 2)),
    gpu_model=st.sampled_from(("", "NVIDIA T4", "NVIDIA Z1")),
    gpu_count=st.integers(min_value=0, max_value=16),
    shared_core=st.booleans(),
)


def of_shape(shape: Shape, provider: str = "host") -> PowerProfile:
    return MODEL.profile(machine(provider, "zz9.large", shape=shape))


def check_order(profile: PowerProfile, utilization: float) -> None:
    power, bounds = profile.power(Ratio(utilization)), profile.bounds(Ratio(utilization))
    assert 0 < bounds.low <= bounds.central <= bounds.high < math.inf
    assert bounds.central == pytest.approx(power.it, rel=1e-12), "the same sum, in another order"
    assert all(watts >= 0 for watts in power)
    embodied = profile.embodied()
    assert 0 < embodied.low <= embodied.central <= embodied.high < math.inf


def test_every_listed_type_has_watts_within_bounds_at_every_utilisation() -> None:
    for provider, name in LISTED:
        profile = MODEL.profile(machine(provider, name))
        for utilization in (0.0, 0.25, 0.5, 1.0):
            check_order(profile, utilization)


@given(listed, utilizations)
def test_low_central_and_high_are_in_order_for_listed_types(
    which: tuple[str, str], utilization: float
) -> None:
    check_order(MODEL.profile(machine(*which)), utilization)


@given(shapes, st.sampled_from(("aws", "gcp", "azure", "host")), utilizations)
def test_low_central_and_high_are_in_order_for_any_shape(
    shape: Shape, provider: str, utilization: float
) -> None:
    check_order(of_shape(shape, provider), utilization)


@given(listed, utilizations, utilizations)
def test_watts_rise_with_utilisation(which: tuple[str, str], one: float, other: float) -> None:
    profile = MODEL.profile(machine(*which))
    less, more = (profile.bounds(Ratio(u)) for u in sorted((one, other)))
    slack = 1e-12 * more.high
    assert all(a <= b + slack for a, b in zip(less, more, strict=True))


@given(shapes, st.floats(min_value=0, max_value=1024), utilizations)
def test_watts_rise_with_memory(shape: Shape, more_gib: float, utilization: float) -> None:
    larger = Shape(vcpus=shape.vcpus, memory_gib=shape.memory_gib + more_gib)
    smaller = Shape(vcpus=shape.vcpus, memory_gib=shape.memory_gib)
    less, more = (of_shape(s).bounds(Ratio(utilization)) for s in (smaller, larger))
    slack = 1e-12 * more.high
    assert all(a <= b + slack for a, b in zip(less, more, strict=True))


@given(shapes, st.floats(min_value=0, max_value=256), utilizations)
def test_central_watts_rise_with_vcpus(shape: Shape, more: float, utilization: float) -> None:
    less_power, more_power = (
        of_shape(
            Shape(
                vcpus=vcpus,
                memory_gib=shape.memory_gib,
                cpu_model=shape.cpu_model,
                architectures=shape.architectures,
                threads_per_core=shape.threads_per_core,
            )
        ).power(Ratio(utilization))
        for vcpus in (shape.vcpus, shape.vcpus + more)
    )
    assert less_power.it <= more_power.it * (1 + 1e-12)


@given(st.integers(min_value=0, max_value=16), utilizations)
def test_watts_and_embodied_grams_rise_with_gpus(count: int, utilization: float) -> None:
    fewer, more = (
        of_shape(Shape(vcpus=8, memory_gib=32, gpu_model="NVIDIA T4", gpu_count=n))
        for n in (count, count + 1)
    )
    pairs = zip(fewer.bounds(Ratio(utilization)), more.bounds(Ratio(utilization)), strict=True)
    assert all(a < b for a, b in pairs)
    assert fewer.embodied().central < more.embodied().central


@given(shapes, st.floats(min_value=0.1, max_value=64), utilizations)
def test_twice_the_machine_draws_twice_the_power(
    shape: Shape, factor: float, utilization: float
) -> None:
    def sized(by: float) -> Shape:
        return Shape(
            vcpus=shape.vcpus * by,
            memory_gib=shape.memory_gib * by,
            cpu_model=shape.cpu_model,
            gpu_model=shape.gpu_model,
            gpu_count=shape.gpu_count * by,
        )

    one, other = (of_shape(sized(by)).bounds(Ratio(utilization)) for by in (1.0, factor))
    for single, many in zip(one, other, strict=True):
        assert math.isclose(single * factor, many, rel_tol=1e-9)


@given(utilizations)
def test_watts_are_proportional_to_vcpus_within_a_family(utilization: float) -> None:
    single = MODEL.profile(machine("aws", "m5.large")).bounds(Ratio(utilization))
    for size, times in (("xlarge", 2), ("4xlarge", 8), ("24xlarge", 48)):
        many = MODEL.profile(machine("aws", f"m5.{size}")).bounds(Ratio(utilization))
        for a, b in zip(single, many, strict=True):
            assert math.isclose(a * times, b, rel_tol=1e-9)


@given(listed, utilizations, utilizations, utilizations)
def test_watts_rise_with_the_utilisation_of_gpus(
    which: tuple[str, str], cpu: float, one: float, other: float
) -> None:
    profile = MODEL.profile(machine(*which))
    less, more = (profile.bounds(Ratio(cpu), Ratio(gpu)) for gpu in sorted((one, other)))
    slack = 1e-12 * more.high
    assert all(a <= b + slack for a, b in zip(less, more, strict=True))


@given(shapes, utilizations, utilizations)
def test_a_measured_gpu_keeps_the_order_within_what_is_assumed_without(
    shape: Shape, cpu: float, gpu: float
) -> None:
    profile = of_shape(shape)
    assumed, found = profile.bounds(Ratio(cpu)), profile.bounds(Ratio(cpu), Ratio(gpu))
    slack = 1e-12 * assumed.high
    assert found.low <= found.central <= found.high
    assert assumed.low - slack <= found.low
    assert found.high <= assumed.high + slack
    assert found.central == pytest.approx(profile.power(Ratio(cpu), Ratio(gpu)).it, rel=1e-12)
    if not shape.gpu_count:
        assert found == assumed


@given(listed, utilizations, st.lists(st.floats(min_value=0, max_value=86400), max_size=8), listed)
def test_energy_adds_up_over_time_whatever_is_asked_between(
    which: tuple[str, str], utilization: float, spans: list[float], other: tuple[str, str]
) -> None:
    parts = []
    for seconds in spans:
        power = MODEL.profile(machine(*which)).power(Ratio(utilization)).it
        parts.append(energy(power, seconds))
        MODEL.profile(machine(*other)).power(Ratio(1.0))
    whole = energy(MODEL.profile(machine(*which)).power(Ratio(utilization)).it, sum(spans))
    assert math.isclose(Joules(sum(parts)), whole, rel_tol=1e-9, abs_tol=1e-9)


@given(shapes, st.sampled_from(("aws", "gcp", "azure", "host")), utilizations)
def test_a_running_machine_never_draws_nothing(
    shape: Shape, provider: str, utilization: float
) -> None:
    power = of_shape(shape, provider).power(Ratio(utilization))
    assert power.cpu > 0
    assert bool(power.gpu) == bool(shape.gpu_count)
    assert (power.storage, power.network) == (0.0, 0.0)


def test_every_cpu_draws_more_under_load_whatever_its_tdp() -> None:
    cpus = [Cpu(family=families()[model.family], model=model) for model in models().values()]
    cpus += [Cpu(family=family, model=None) for family in families().values()]
    for cpu in cpus:
        assert all(less < more for less, more in pairwise(wall_over_tdp(cpu))), cpu


def family_of(provider: str, name: str) -> str:
    """The types that differ in size only, by the providers' naming rules."""
    if provider == "gcp":
        return "-".join(name.split("-")[:2])
    return names.series(provider, name)


def sizes() -> Iterator[list[tuple[str, MeasuredProfile]]]:
    """All sizes of each family of the catalogue, smallest first, without constrained ones."""
    found = defaultdict(list)
    for provider, name in LISTED:
        profile = MODEL.profile(machine(provider, name))
        if profile.machine.usable == 1.0:
            found[provider, family_of(provider, name)].append((name, profile))
    for of_family in found.values():
        yield sorted(
            of_family, key=lambda size: (size[1].machine.vcpus, size[1].machine.memory_gib)
        )


SIZES = list(sizes())


def test_the_cpu_of_every_family_is_proportional_to_vcpus_where_it_is_the_same_cpu() -> None:
    for of_family in SIZES:
        for (_, one), (name, other) in pairwise(of_family):
            if one.machine.cpus != other.machine.cpus:
                continue
            if one.machine.threads_per_core != other.machine.threads_per_core:
                continue
            if idle_share(one.machine) != idle_share(other.machine):
                continue  # burstable sizes with other baselines
            for utilization in (0.0, 0.3, 1.0):
                per_vcpu = [p.power(Ratio(utilization)).cpu / p.machine.vcpus for p in (one, other)]
                assert per_vcpu[0] == pytest.approx(per_vcpu[1], rel=1e-9), name


MORE_ACCELERATORS_PER_VCPU = {
    ("g2-standard-32", "g2-standard-48"),  # 1 in 32, then 4 in 48
    ("g4dn.8xlarge", "g4dn.12xlarge"),
    ("g4dn.16xlarge", "g4dn.metal"),  # 1 in 64 vCPUs, then 8 in 96
    ("g5.8xlarge", "g5.12xlarge"),  # 1 in 32, then 4 in 48
    ("g5.16xlarge", "g5.24xlarge"),
    ("g6.8xlarge", "g6.12xlarge"),
    ("g6e.8xlarge", "g6e.12xlarge"),
    ("g6e.16xlarge", "g6e.24xlarge"),  # 1 in 64, then 4 in 96
}
FEWER_ACCELERATORS_PER_VCPU = {
    ("g2-standard-24", "g2-standard-32"),  # 2 in 24, then 1 in 32
    ("g4dn.12xlarge", "g4dn.16xlarge"),  # 4 in 48, then 1 in 64
    ("g5.12xlarge", "g5.16xlarge"),
    ("g6.12xlarge", "g6.16xlarge"),
    ("g6e.12xlarge", "g6e.16xlarge"),
    ("inf2.xlarge", "inf2.8xlarge"),  # 1 in 4, then 1 in 32
}


def test_watts_per_vcpu_jump_between_neighbouring_sizes_only_where_accelerators_do() -> None:
    jumps: dict[bool, set[tuple[str, str]]] = {True: set(), False: set()}
    for of_family in SIZES:
        for (small, one), (large, other) in pairwise(of_family):
            for utilization in (0.0, 0.5, 1.0):
                ratio = per_vcpu(other, utilization) / per_vcpu(one, utilization)
                if not 0.5 <= ratio <= 2.0:
                    jumps[ratio > 1.0].add((small, large))
    assert jumps[True] == MORE_ACCELERATORS_PER_VCPU
    assert jumps[False] == FEWER_ACCELERATORS_PER_VCPU


def per_vcpu(profile: MeasuredProfile, utilization: float) -> float:
    return profile.power(Ratio(utilization)).it / profile.machine.vcpus


@pytest.mark.parametrize(("provider", "name"), [("aws", "t3.micro"), ("aws", "t4g.nano")])
def test_a_burstable_machine_counts_only_its_baseline_of_idle_in_the_low_bound(
    provider: str, name: str
) -> None:
    profile = MODEL.profile(machine(provider, name))
    (share,) = profile.shares
    idle = share.curve[0] * share.spread.idle_low
    assert profile.machine.baseline < 1.0
    low, central, high = profile.bounds(Ratio(0.0))
    assert low == pytest.approx(idle * profile.machine.baseline + share.memory.low)
    assert profile.power(Ratio(0.0)).cpu == pytest.approx(
        share.curve[0] * math.sqrt(profile.machine.baseline)
    )
    assert low < central < high


def test_all_arm_types_of_the_clouds_without_a_measured_cpu_are_proxies() -> None:
    for provider, name in LISTED:
        profile = MODEL.profile(machine(provider, name))
        own = {"Neoverse N1"}
        arm = any(word in cpu.family.name for cpu in profile.machine.cpus for word in ARM)
        if arm and not {cpu.family.name for cpu in profile.machine.cpus} & own:
            assert profile.confidence.value == "proxy", name


ARM = ("Graviton", "Axion", "Cobalt", "Neoverse V2")
