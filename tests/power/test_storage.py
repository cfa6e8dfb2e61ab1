"""Storage on top of any power model: watts, manufacture, bounds, and where they come from."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.model import (
    Bounds,
    Confidence,
    Disk,
    DiskKind,
    Factor,
    Machine,
    Power,
    ResourceKey,
    RunState,
)
from exporter.core.units import Ratio, Watts
from exporter.power.catalogue import Types
from exporter.power.explain import sum_factor, with_component
from exporter.power.measured import MeasuredModel
from exporter.power.selection import MODELS, power_model
from exporter.power.storage import (
    EMBODIED_KG_PER_TB,
    REMEMBERED,
    WATTS_PER_TB,
    WithStorage,
    storage_of,
)

HALF = Ratio(0.5)
TB = 1e12 / 1024**3
"""GiB of a terabyte."""

PLAIN = Machine(
    key=ResourceKey("aws", "1", "eu-west-3", "ec2_instance", "i-1"),
    name="",
    instance_type="m5.large",
    state=RunState.RUNNING,
)


class Flat:
    """A profile of round figures, and the model that gives it to every machine."""

    confidence = Confidence.FAMILY
    group = "flat"
    modelled = False

    def profile(self, _machine: Machine) -> "Flat":
        return self

    def power(self, utilization: Ratio, gpu: Ratio | None = None) -> Power:
        return Power(Watts(10 * utilization), Watts(2), Watts(gpu or 0), Watts(0), Watts(3))

    def bounds(self, utilization: Ratio, gpu: Ratio | None = None) -> Bounds:
        return Bounds(1.0, self.power(utilization, gpu).it, 50.0)

    def with_gpu_watts(self, _watts: Bounds) -> "Flat":
        return self

    def embodied(self) -> Bounds:
        return Bounds(0.5, 1.0, 1.5)

    def explain(self, utilization: Ratio, gpu: Ratio | None = None) -> tuple[Factor, ...]:
        return (
            Factor(name="CPU utilisation", value=utilization, unit="ratio", source="measured"),
            sum_factor(self.bounds(utilization, gpu)),
            Factor(name="embodied emissions", value=1.0, unit="gCO2eq/h", source="share"),
        )


def disk(gib: float, kind: DiskKind = DiskKind.SSD, copies: float = 1.0, name: str = "") -> Disk:
    return Disk(kind=kind, type=name or f"any-{kind}", size_gib=gib, copies=copies)


def with_disks(*disks: Disk) -> Machine:
    return replace(PLAIN, disks=disks)


disks_of_any_size = st.lists(
    st.builds(
        disk,
        st.floats(min_value=1.0, max_value=65_536.0),
        st.sampled_from(DiskKind),
        st.sampled_from([1.0, 2.0, 3.0]),
    ),
    min_size=1,
    max_size=6,
).map(tuple)


def test_a_machine_without_disks_has_the_other_models_own_profile() -> None:
    flat = Flat()

    assert WithStorage(flat).profile(PLAIN) is flat


@pytest.mark.parametrize(
    ("kind", "copies", "watts"),
    [
        (DiskKind.SSD, 1.0, 1.2),
        (DiskKind.SSD, 2.0, 2.4),
        (DiskKind.HDD, 1.0, 0.65),
        (DiskKind.HDD, 3.0, 1.95),
    ],
)
def test_a_terabyte_draws_the_watts_of_its_medium_for_each_copy(
    kind: DiskKind, copies: float, watts: float
) -> None:
    profile = WithStorage(Flat()).profile(with_disks(disk(TB, kind, copies)))

    assert profile.power(HALF).storage == pytest.approx(watts)


def test_everything_else_of_the_other_model_stays_as_it_is() -> None:
    flat = Flat()
    profile = WithStorage(flat).profile(with_disks(disk(500)))
    gpu = Ratio(0.7)

    assert profile.power(HALF, gpu)[:3] == flat.power(HALF, gpu)[:3]
    assert profile.power(HALF, gpu).network == flat.power(HALF, gpu).network
    assert (profile.confidence, profile.modelled) == (flat.confidence, flat.modelled)


def test_disks_of_several_media_add_up() -> None:
    profile = WithStorage(Flat()).profile(
        with_disks(disk(TB), disk(2 * TB, DiskKind.HDD, 2.0), disk(TB, copies=3.0))
    )

    assert profile.power(HALF).storage == pytest.approx(1.2 + 4 * 0.65 + 3 * 1.2)


def test_storage_has_embodied_emissions_over_six_years() -> None:
    profile = WithStorage(Flat()).profile(with_disks(disk(TB, copies=2.0)))

    grams = 2 * 26 * 1000 / (6 * 365 * 24)
    assert profile.embodied().central == pytest.approx(1.0 + grams)
    assert profile.embodied().low < profile.embodied().central < profile.embodied().high


@pytest.mark.parametrize("table", [WATTS_PER_TB, EMBODIED_KG_PER_TB])
def test_every_medium_has_bounds_around_its_figure(table: dict[DiskKind, Bounds]) -> None:
    assert set(table) == set(DiskKind)
    for bounds in table.values():
        assert 0 < bounds.low < bounds.central < bounds.high


@given(disks=disks_of_any_size, first=st.floats(0, 1), second=st.floats(0, 1))
def test_storage_does_not_depend_on_utilisation(
    disks: tuple[Disk, ...], first: float, second: float
) -> None:
    profile = WithStorage(Flat()).profile(with_disks(*disks))

    assert profile.power(Ratio(first)).storage == profile.power(Ratio(second)).storage > 0


@given(disks=disks_of_any_size, utilization=st.floats(0, 1))
def test_bounds_hold_the_central_value_which_is_that_of_the_components(
    disks: tuple[Disk, ...], utilization: float
) -> None:
    profile = WithStorage(MeasuredModel(Types())).profile(with_disks(*disks))

    low, central, high = profile.bounds(Ratio(utilization))

    assert low < central < high
    assert central == pytest.approx(profile.power(Ratio(utilization)).it)


@given(disks=disks_of_any_size, more=st.floats(min_value=1.0, max_value=1000.0))
def test_a_larger_disk_never_draws_less_and_halves_add_up(
    disks: tuple[Disk, ...], more: float
) -> None:
    first, *rest = disks
    whole = storage_of(disks)
    grown = storage_of((replace(first, size_gib=first.size_gib + more), *rest))
    half = replace(first, size_gib=first.size_gib / 2)

    assert grown.watts.central > whole.watts.central
    assert grown.embodied.central > whole.embodied.central
    assert storage_of((half, half, *rest)).watts.central == pytest.approx(whole.watts.central)


def test_machines_of_equal_disks_share_what_follows_from_them() -> None:
    assert storage_of((disk(30), disk(500))) is storage_of((disk(30), disk(500)))


def test_disks_that_are_resized_for_ever_do_not_fill_the_memory() -> None:
    model = WithStorage(Flat())

    for gib in range(REMEMBERED + 500):
        model.profile(with_disks(disk(float(gib + 1))))

    assert storage_of.cache_info().currsize <= REMEMBERED


def test_the_explanation_leads_from_gigabytes_to_watts_and_grams() -> None:
    machine = with_disks(disk(TB, copies=2.0, name="gp3"), disk(TB, copies=2.0, name="gp3"))
    profile = WithStorage(Flat()).profile(machine)

    factors = profile.explain(HALF)

    told = {factor.name: factor for factor in factors}
    assert len(told) == len(factors)
    assert told["size of gp3 (ssd)"].value == pytest.approx(2 * TB)
    assert told["copies of gp3 (ssd)"].value == 2.0
    power = told["power of ssd storage"]
    assert (power.value, power.low, power.high) == (1.2, *WATTS_PER_TB[DiskKind.SSD][::2])
    assert told["storage power"].value == pytest.approx(4.8)
    assert told["IT power"].value == pytest.approx(profile.power(HALF).it)
    assert (told["IT power"].low, told["IT power"].high) == profile.bounds(HALF)[::2]
    assert told["embodied carbon of ssd storage"].value == 26.0
    total = told["embodied emissions, storage included"]
    assert total.value == pytest.approx(
        told["embodied emissions"].value + told["embodied emissions of storage"].value  # type: ignore[operator] # numbers
    )
    assert (total.low, total.value, total.high) == profile.embodied()
    assert all(factor.source and factor.unit for factor in factors)


def test_the_explanation_keeps_the_order_of_the_calculation() -> None:
    names = [f.name for f in WithStorage(Flat()).profile(with_disks(disk(1))).explain(HALF)]

    at = [names.index(n) for n in ("CPU utilisation", "storage power", "IT power")]
    assert at == sorted(at)
    assert names.index("IT power") < names.index("embodied emissions")
    assert names[-1] == "embodied emissions, storage included"


def test_an_explanation_that_adds_nothing_up_is_refused_not_added_to() -> None:
    line = Factor(name="CPU power", value=1.0, unit="W", source="measured")

    with pytest.raises(ValueError, match="IT power"):
        with_component([line], [line], Bounds(1.0, 2.0, 3.0))


@pytest.mark.parametrize("name", MODELS)
def test_no_models_explanation_says_any_longer_that_storage_is_left_out(name: str) -> None:
    profile = WithStorage(power_model(name, Types())).profile(with_disks(disk(100)))

    [power] = [factor for factor in profile.explain(HALF) if factor.name == "IT power"]

    assert power.value == pytest.approx(profile.power(HALF).it)
    assert profile.power(HALF).storage > 0
    assert "not counted" not in power.source
