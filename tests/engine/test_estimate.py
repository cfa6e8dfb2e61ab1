"""The physics by hand calculation, and its laws."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import hypot

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.model import (
    Basis,
    Bounds,
    Confidence,
    Error,
    FallbackLevel,
    IntensityInForce,
    MeteredPower,
    Method,
    Power,
    Uncertain,
    Usage,
)
from exporter.core.snapshot import ResourceNow
from exporter.core.units import GCO2eqPerKwh, Ratio, Watts
from exporter.engine.estimate import (
    COMMON_ERROR,
    NOTHING,
    Accrual,
    MachineModel,
    accrue,
    add,
    bounds_of,
    confidence,
    current,
    explain,
    it_bounds,
    it_power,
    minus,
    plus,
    total,
)
from exporter.power.catalogue import Types
from exporter.power.measured import MeasuredModel
from tests.support.machines import machine as of_type
from tests.support.sim import KINDS, SimProfile, region_of, watts_of

MODEL = MachineModel(profile=SimProfile("large"), pue=1.25, grid_zone="FR")
GRID = IntensityInForce(
    zone="FR",
    gco2eq_per_kwh=GCO2eqPerKwh(400.0),
    source="simgrid",
    method=Method.AVERAGE,
    basis=Basis.LIFECYCLE,
    level=FallbackLevel.ANNUAL,
    valid_from=0,
    detail="2024",
)
ratios = st.floats(0, 1).map(Ratio)
seconds = st.floats(0, 1e5)
prices = st.floats(0, 1500).map(GCO2eqPerKwh)
readings = st.none() | st.floats(0, 2000).map(Watts)
meters = st.builds(
    MeteredPower,
    cpu=readings,
    memory=readings,
    gpu=readings,
    storage=readings,
    network=readings,
    node=readings,
    whole=st.booleans(),
    low=st.floats(0, 1),
    high=st.floats(1, 3),
)
usages = st.builds(
    Usage, ratios, st.none() | ratios, st.floats(0, 500), st.none() | meters
) | st.builds(Usage, st.none(), st.none(), st.floats(0, 500), meters.filter(lambda m: m.tells_cpu))


def close(accrual: Accrual) -> object:
    return pytest.approx(tuple(accrual), rel=1e-9, abs=1e-9)


def test_five_minutes_by_hand() -> None:
    # 40 W idle, 190 W busy: at full load 190 W × 1.25 = 237.5 W for 300 s = 71 250 J,
    # which is 0.01979… kWh, at 400 g/kWh 7.9166… g; 6.5 g/h embodied for a twelfth of an hour
    joules, operational, embodied = accrue(MODEL, Usage(Ratio(1.0)), GCO2eqPerKwh(400.0), 300)
    assert joules == pytest.approx(71_250.0)
    assert operational == pytest.approx(71_250 / 3.6e6 * 400)
    assert embodied == pytest.approx(6.5 / 12)


@given(usages, prices, seconds, seconds)
def test_two_spans_come_to_what_the_whole_comes_to(
    usage: Usage, price: GCO2eqPerKwh, first: float, second: float
) -> None:
    parts = plus(accrue(MODEL, usage, price, first), accrue(MODEL, usage, price, second))
    assert tuple(parts) == close(accrue(MODEL, usage, price, first + second))


@given(ratios, ratios, prices)
def test_a_busier_machine_never_takes_less(one: Ratio, other: Ratio, price: GCO2eqPerKwh) -> None:
    low, high = sorted((one, other))
    less, more = (accrue(MODEL, Usage(ratio), price, 300) for ratio in (low, high))
    assert less.energy <= more.energy
    assert less.operational <= more.operational
    assert less.embodied == more.embodied


@given(usages, prices, seconds)
def test_what_a_correction_adds_is_the_difference(
    usage: Usage, price: GCO2eqPerKwh, span: float
) -> None:
    old, new = accrue(MODEL, Usage(Ratio(0.5)), price, 300), accrue(MODEL, usage, price, span)
    assert tuple(plus(old, minus(new, old))) == close(new)
    assert plus(NOTHING, old) == old


@given(usages, prices)
def test_rates_are_what_an_hour_accrues(usage: Usage, price: GCO2eqPerKwh) -> None:
    hour = accrue(MODEL, usage, price, 3600)
    now = current(MODEL, usage, replace(GRID, gco2eq_per_kwh=price), (0, 300))
    assert now.rate.operational == pytest.approx(hour.operational)
    assert now.rate.embodied == pytest.approx(hour.embodied)
    assert now.power.it + now.overhead == pytest.approx(hour.energy / 3600)
    assert now.power_bounds.central == pytest.approx(hour.energy / 3600)
    assert now.rate_bounds.low <= now.rate_bounds.central <= now.rate_bounds.high
    assert now.rate_bounds.central == pytest.approx(hour.operational + hour.embodied)


def test_bounds_add_end_by_end() -> None:
    assert add(Bounds(1, 2, 3), Bounds(10, 20, 30)) == Bounds(11, 22, 33)


def test_an_explanation_multiplies_out_to_the_rate() -> None:
    region = region_of("sim", "fr-one")
    told = explain(SimProfile("large"), region, GRID, Usage(Ratio(0.5)))
    watts = watts_of("large", 0.5)
    assert told.it_watts.central == pytest.approx(watts)
    assert told.facility_watts.central == pytest.approx(watts * region.pue)
    assert told.operational.central == pytest.approx(watts * region.pue / 1000 * 400)
    assert told.embodied.central == KINDS["large"].embodied
    names = [factor.name for factor in told.factors]
    assert names == ["CPU", "PUE of fr-one", "grid intensity of FR"]
    assert told.factors[-1].source == "simgrid (2024), fallback level 4"


# --- measured watts and units ---------------------------------------------------------------------

HALF = Usage(Ratio(0.5))
MODELLED = SimProfile("gpu").power(Ratio(0.5))


def test_a_measured_component_replaces_that_of_the_model() -> None:
    usage = HALF._replace(watts=MeteredPower(gpu=Watts(123.0)))
    assert it_power(SimProfile("gpu"), usage) == MODELLED._replace(gpu=Watts(123.0))


def test_a_measured_zero_is_a_value() -> None:
    usage = HALF._replace(watts=MeteredPower(gpu=Watts(0.0)))
    assert it_power(SimProfile("gpu"), usage).gpu == 0.0


def test_what_a_server_needs_around_its_parts_comes_on_top() -> None:
    usage = HALF._replace(watts=MeteredPower(cpu=Watts(50.0), node=Watts(10.0)))
    power = it_power(SimProfile("gpu"), usage)
    assert power == MODELLED._replace(cpu=Watts(50.0), node=Watts(10.0))


def test_a_reading_of_the_whole_leaves_nothing_to_the_model() -> None:
    none = Watts(0.0)
    wall = Usage(None, watts=MeteredPower(node=Watts(300.0), whole=True))
    assert it_power(SimProfile("gpu"), wall) == Power(none, none, none, none, none, Watts(300.0))
    apart = MeteredPower(gpu=Watts(200.0), node=Watts(100.0), whole=True)
    assert it_power(SimProfile("gpu"), HALF._replace(watts=apart)).it == 300.0


def test_a_reading_has_the_bounds_of_its_meter_and_the_rest_those_of_the_model() -> None:
    wall = MeteredPower(node=Watts(300.0), whole=True, low=0.97, high=1.03)
    assert tuple(it_bounds(SimProfile("gpu"), Usage(None, watts=wall))) == pytest.approx(
        (291.0, 300.0, 309.0)
    )
    part = MeteredPower(gpu=Watts(100.0), low=0.95, high=1.1)
    rest = watts_of("gpu", 0.5, 0.0)
    assert tuple(it_bounds(SimProfile("gpu"), HALF._replace(watts=part))) == pytest.approx(
        (95 + 0.8 * rest, 100 + rest, 110 + 1.5 * rest)
    )


def test_what_a_server_draws_around_its_accelerators_follows_the_watts_that_were_read() -> None:
    profile = MeasuredModel(Types()).profile(of_type("aws", "p5.48xlarge"))
    usage = HALF._replace(gpu=Ratio(0.2), watts=MeteredPower(gpu=Watts(5000.0), low=0.9, high=1.1))
    power = it_power(profile, usage)
    assert power.gpu == 5000.0
    assert power.node == pytest.approx(700 + 0.20 * 5000)
    assert power.cpu == it_power(profile, HALF).cpu
    low, central, high = it_bounds(profile, usage)
    assert central == power.it
    around = (450 + 0.15 * 4500, 1200 + 0.27 * 5500)
    without = MeasuredModel(Types()).profile(of_type("aws", "p5.48xlarge"))
    others = without.with_gpu_watts(Bounds(0.0, 0.0, 0.0)).bounds(Ratio(0.5))
    assert low - others.low == pytest.approx(4500 + around[0] - 450)
    assert high - others.high == pytest.approx(5500 + around[1] - 1200)


def test_a_node_that_was_read_itself_is_not_modelled_beside_it() -> None:
    profile = MeasuredModel(Types()).profile(of_type("aws", "p5.48xlarge"))
    both = MeteredPower(gpu=Watts(5000.0), node=Watts(1100.0))
    assert it_power(profile, HALF._replace(watts=both)).node == 1100.0


def test_units_multiply_power_bounds_and_embodied_grams() -> None:
    one = current(MODEL, HALF, GRID, (0, 300))
    many = current(MODEL, HALF._replace(units=2.5), GRID, (0, 300))
    assert tuple(many.power) == pytest.approx([2.5 * watts for watts in one.power])
    assert tuple(many.power_bounds) == pytest.approx([2.5 * watts for watts in one.power_bounds])
    assert many.rate.embodied == pytest.approx(2.5 * one.rate.embodied)
    assert tuple(many.rate_bounds) == pytest.approx([2.5 * grams for grams in one.rate_bounds])
    none = accrue(MODEL, HALF._replace(units=0.0), GRID.gco2eq_per_kwh, 300)
    assert none == NOTHING


@given(usages)
def test_the_central_value_lies_in_its_bounds_and_is_the_sum_of_the_components(
    usage: Usage,
) -> None:
    low, central, high = it_bounds(SimProfile("gpu"), usage)
    assert central == pytest.approx(it_power(SimProfile("gpu"), usage).it, abs=1e-9)
    assert low <= central + 1e-9
    assert central <= high + 1e-9


def test_the_cpu_is_metered_where_its_watts_are_measured_and_not_by_other_watts() -> None:
    profile = SimProfile("gpu")

    def of(**watts: object) -> Confidence:
        return confidence(profile, HALF._replace(watts=MeteredPower(**watts)))  # type: ignore[arg-type]

    assert of(node=Watts(1.0), whole=True) is Confidence.METERED
    assert of(cpu=Watts(1.0)) is Confidence.METERED
    assert of(gpu=Watts(1.0)) is Confidence.SKU
    assert of(node=Watts(1.0)) is Confidence.SKU
    assert confidence(profile, HALF) is confidence(profile, None) is Confidence.SKU


def test_an_explanation_names_what_was_measured() -> None:
    region = region_of("sim", "fr-one")
    usage = Usage(Ratio(0.5), units=3.0, watts=MeteredPower(gpu=Watts(100.0), low=0.95, high=1.1))
    told = explain(SimProfile("gpu"), region, GRID, usage)
    units, gpu, *_ = told.factors
    assert (units.name, units.value) == ("units", 3.0)
    assert (gpu.name, gpu.value) == ("measured power: gpu", 100.0)
    assert (gpu.low, gpu.high) == pytest.approx((95.0, 110.0))
    assert told.it_watts.central == pytest.approx(3 * (watts_of("gpu", 0.5, 0.0) + 100))
    assert told.embodied.central == 3 * KINDS["gpu"].embodied


# --- errors of sums -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wide(SimProfile):
    """A profile with the bounds of a real one: 0.46 to 1.78 times the central value."""

    family: str = ""

    @property
    def group(self) -> str:
        return self.family

    def bounds(self, utilization: Ratio, gpu: Ratio | None = None) -> Bounds:
        total = watts_of(self.kind, utilization, gpu)
        return Bounds(0.46 * total, total, 1.78 * total)


def at(zone: str = "FR", share: float = 0.0) -> IntensityInForce:
    grams = GCO2eqPerKwh(100.0)
    return IntensityInForce(
        zone=zone,
        gco2eq_per_kwh=grams,
        source="sim",
        method=Method.AVERAGE,
        basis=Basis.LIFECYCLE,
        level=FallbackLevel.LIVE,
        valid_from=0,
        low=GCO2eqPerKwh(grams * (1 - share)),
        high=GCO2eqPerKwh(grams * (1 + share)),
    )


def drawing(family: str = "a", force: IntensityInForce | None = None) -> ResourceNow:
    model = MachineModel(profile=Wide("small", family=family), pue=1.2, grid_zone="FR")
    return current(model, Usage(Ratio(0.5)), force or at(), (0, 300))


def spread(parts: Iterable[Uncertain]) -> tuple[float, float]:
    """Return the ends of a sum over its central value."""
    whole = total(parts)
    assert whole is not None
    low, central, high = bounds_of(whole)
    return low / central, high / central


def test_an_estate_of_many_families_is_known_better_than_its_machines() -> None:
    assert spread([drawing().power_known]) == pytest.approx((0.46, 1.78))
    many = [drawing(f"family {n}").power_known for n in range(13)]
    assert spread(many) == pytest.approx((0.725, 1.316), abs=0.001)


def test_machines_of_one_family_err_together() -> None:
    alike = [drawing().power_known for _ in range(13)]
    assert spread(alike) == pytest.approx((0.46, 1.78))


def test_what_all_share_is_left_in_the_largest_estate() -> None:
    huge = [drawing(f"family {n}").power_known for n in range(5000)]
    assert spread(huge) == pytest.approx((1 - COMMON_ERROR, 1 + COMMON_ERROR), abs=0.01)


def test_the_error_of_the_grid_is_shared_within_a_zone_and_not_between_zones() -> None:
    def grid_alone(zones: list[str]) -> tuple[float, float]:
        parts = [drawing(force=at(zone, 0.3)).rate_known for zone in zones]
        only = [
            Uncertain(p.central, tuple(e for e in p.errors if e.cause[0] == "grid")) for p in parts
        ]
        return spread(only)

    one, two = grid_alone(["FR"] * 4), grid_alone(["FR", "DE", "PL", "SE"])
    assert 1 - two[0] == pytest.approx((1 - one[0]) / 2)
    assert two[1] - 1 == pytest.approx((one[1] - 1) / 2)


def test_errors_of_power_and_grid_add_in_quadrature_to_both_sides() -> None:
    model = MachineModel(profile=Wide("small"), pue=1.0, grid_zone="FR")
    region = replace(region_of("sim", "fr-one"), pue=1.0)
    low, central, high = explain(
        model.profile, region, at(share=0.3), Usage(Ratio(0.5))
    ).operational
    assert 1 - low / central == pytest.approx(hypot(0.54, 0.3))
    assert high / central - 1 == pytest.approx(hypot(0.78, 0.3))


def test_a_contested_grid_widens_the_bounds_and_moves_nothing() -> None:
    region = region_of("sim", "fr-one")
    contested = replace(region, grid_low=0.63, grid_high=1.5)
    plain, wide = (
        explain(Wide("small"), one, at(share=0.05), Usage(Ratio(0.5))).operational
        for one in (region, contested)
    )
    assert wide.low < plain.low < plain.central == wide.central < plain.high < wide.high


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 1), st.floats(0, 1)), min_size=1))
def test_a_sum_is_never_wider_than_end_by_end(told: list[tuple[int, float, float]]) -> None:
    parts = [Uncertain(2.0, (Error(("cpu", str(c)), low, high),)) for c, low, high in told]
    whole = total(parts)
    assert whole is not None
    low, central, high = bounds_of(whole)
    linear = [sum(ends) for ends in zip(*map(bounds_of, parts), strict=True)]
    assert linear[0] - 1e-9 <= low <= central == linear[1] <= high <= linear[2] + 1e-9


def test_nothing_has_no_sum() -> None:
    assert total([]) is None
