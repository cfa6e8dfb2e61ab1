"""What must hold for every machine: order, monotony, proportion."""

import math

from hypothesis import given
from hypothesis import strategies as st

from exporter.core.model import Shape
from exporter.core.ports import PowerProfile
from exporter.core.units import Ratio
from exporter.power.catalogue import Types
from exporter.power.measured import MeasuredModel
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
    assert bounds.central == power.it
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
    assert found.central == profile.power(Ratio(cpu), Ratio(gpu)).it
    if not shape.gpu_count:
        assert found == assumed
