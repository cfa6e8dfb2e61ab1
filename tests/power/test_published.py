"""What must hold for the profiles of published methods too: order, monotony, proportion."""

import math
import operator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import power
from exporter.core.model import Shape
from exporter.core.ports import PowerModel, PowerProfile
from exporter.core.units import Ratio
from exporter.power.catalogue import Types
from exporter.power.ccf import CcfModel
from exporter.power.selection import MODELS, power_model
from exporter.settings.model import PowerModelName, Settings
from tests.support.machines import machine

TYPES = Types()
PUBLISHED: tuple[PowerModel, ...] = tuple(
    power_model(name, TYPES) for name in MODELS if name != "measured"
)
LISTED = [(p, name) for p in ("aws", "azure", "gcp") for name in TYPES.names(p)]

models = st.sampled_from(PUBLISHED)
listed = st.sampled_from(LISTED)
utilizations = st.floats(min_value=-0.2, max_value=10.0)
gpu_utilizations = st.none() | st.floats(min_value=0.0, max_value=1.0)
sizes = st.floats(min_value=0.5, max_value=512)
CPUS = ("Intel Xeon Platinum 8175M", "AMD EPYC 9B45", "Ampere Altra Q64-30", "")
cpus = st.sampled_from(CPUS)


def of_shape(
    model: PowerModel, cpu: str, vcpus: float, memory_gib: float = 8.0, gpus: float = 0.0
) -> PowerProfile:
    shape = Shape(
        vcpus=vcpus,
        memory_gib=memory_gib,
        cpu_model=cpu,
        gpu_model="NVIDIA T4" if gpus else "",
        gpu_count=gpus,
    )
    return model.profile(machine("host", "own", shape=shape))


def check_order(profile: PowerProfile, utilization: float, gpu: Ratio | None = None) -> None:
    power = profile.power(Ratio(utilization), gpu)
    bounds = profile.bounds(Ratio(utilization), gpu)
    assert 0 < bounds.low <= bounds.central <= bounds.high < math.inf
    assert bounds.central == power.it
    assert all(watts >= 0 for watts in power)
    embodied = profile.embodied()
    assert 0 < embodied.low <= embodied.central <= embodied.high < math.inf


@pytest.mark.parametrize("model", PUBLISHED)
def test_every_listed_type_has_watts_within_bounds(model: PowerModel) -> None:
    for provider, name in LISTED:
        profile = model.profile(machine(provider, name))
        for utilization in (0.0, 0.4, 1.0):
            check_order(profile, utilization)


@given(models, listed, utilizations, gpu_utilizations)
def test_low_central_and_high_are_in_order(
    model: PowerModel, which: tuple[str, str], utilization: float, gpu: float | None
) -> None:
    check_order(model.profile(machine(*which)), utilization, None if gpu is None else Ratio(gpu))


@given(models, cpus, sizes, sizes, utilizations)
def test_low_central_and_high_are_in_order_for_any_size(
    model: PowerModel, cpu: str, vcpus: float, memory_gib: float, utilization: float
) -> None:
    check_order(of_shape(model, cpu, vcpus, memory_gib), utilization)


@given(models, listed, utilizations, utilizations, gpu_utilizations)
def test_watts_and_bounds_rise_with_utilisation(
    model: PowerModel, which: tuple[str, str], one: float, other: float, gpu: float | None
) -> None:
    profile = model.profile(machine(*which))
    busy = None if gpu is None else Ratio(gpu)
    less, more = (profile.bounds(Ratio(u), busy) for u in sorted((one, other)))
    slack = 1e-12 * more.high
    assert all(a <= b + slack for a, b in zip(less, more, strict=True))


@given(models, st.floats(min_value=0, max_value=1), st.floats(min_value=0, max_value=1))
def test_watts_rise_with_the_utilisation_of_gpus(
    model: PowerModel, one: float, other: float
) -> None:
    profile = model.profile(machine("aws", "p3.8xlarge"))
    less, more = (profile.power(Ratio(0.5), Ratio(u)).it for u in sorted((one, other)))
    assert less <= more


@given(models, cpus, sizes, sizes, utilizations)
def test_watts_are_linear_in_vcpus(
    model: PowerModel, cpu: str, one: float, other: float, utilization: float
) -> None:
    first, second = (of_shape(model, cpu, v).power(Ratio(utilization)).cpu for v in (one, other))
    assert first * other == pytest.approx(second * one, rel=1e-9)


@given(models, cpus, sizes, sizes, sizes)
def test_watts_rise_with_memory(
    model: PowerModel, cpu: str, vcpus: float, one: float, other: float
) -> None:
    less, more = (
        of_shape(model, cpu, vcpus, gib).power(Ratio(0.5)).it for gib in sorted((one, other))
    )
    assert less <= more * (1 + 1e-12)


@given(models, cpus, st.integers(min_value=0, max_value=15))
def test_watts_rise_with_the_number_of_gpus(model: PowerModel, cpu: str, gpus: int) -> None:
    less, more = (
        of_shape(model, cpu, 8, gpus=count).power(Ratio(0.5)).it for count in (gpus, gpus + 1)
    )
    assert operator.lt(less, more)


def test_a_machine_of_two_facts_more_than_another_is_not_taken_for_it() -> None:
    for model in PUBLISHED:
        plain = model.profile(machine("gcp", "n2-standard-4"))
        told = model.profile(machine("gcp", "n2-standard-4", cpu_platform="Intel Ice Lake"))
        assert plain.power(Ratio(0.5)) != told.power(Ratio(0.5))


def test_what_can_be_set_is_what_can_be_built() -> None:
    assert {name.value for name in PowerModelName} == set(MODELS)
    assert Settings().power_model.value == "measured"
    built = power_model(Settings(power_model=PowerModelName("ccf")).power_model, TYPES)
    assert type(built) is CcfModel


def test_the_models_are_the_files_that_build_one() -> None:
    files = Path(power.__file__).parent.glob("[a-z]*.py")
    assert set(MODELS) == {f.stem for f in files if "\ndef build(" in f.read_text()}
    assert set(MODELS) == {"measured", "ccf", "teads"}
