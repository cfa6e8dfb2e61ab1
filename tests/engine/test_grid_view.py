"""The grids of a snapshot: every region on offer, signals beside the chain that prices grams."""

import pytest

from exporter.core.model import Basis, Method, Region, Standing
from exporter.core.ports import GridSource
from exporter.engine.grid_view import DAY, GridsNow, GridViewer
from exporter.engine.intensity import IntensityBook
from exporter.engine.store import Store
from tests.support.clock import ManualClock
from tests.support.rig import HOUR, T0
from tests.support.sim import SimAnnual, SimForecaster, SimGrid, grid_value, region_of
from tests.support.stand_in_grid import StandIn

OFFERED = (region_of("sim", "fr-one"), region_of("sim", "ie-two"), region_of("sim", "xx-none"))


def looked(
    clock: ManualClock, *sources: GridSource, used: tuple[Region, ...] = (), back: int = HOUR
) -> GridsNow:
    book = IntensityBook(sources, SimAnnual(), Store.in_memory(), clock, SimForecaster(reach=30))
    now = int(clock.now().timestamp())
    book.cover(["FR", "IE"], now - back, now)
    return GridViewer(book, SimAnnual(), OFFERED).look(used, float(now))


def test_every_region_on_offer_is_there_whether_it_has_machines_or_not(clock: ManualClock) -> None:
    clock.advance(60)
    grids = looked(clock, SimGrid(clock=clock))
    levels = {view.region.name: int(view.grid.level) for view in grids.regions}
    assert levels == {"fr-one": 0, "ie-two": 0, "xx-none": 4}
    assert {one.zone for one in grids.in_force} == {"FR", "IE", "XX"}


def test_a_region_with_machines_is_shown_as_these_know_it(clock: ManualClock) -> None:
    own = Region(provider="sim", name="fr-one", grid_zone="IE", pue=2.0, pue_source="machine")
    clock.advance(60)
    grids = looked(clock, SimGrid(clock=clock), used=(own,))
    (view,) = (view for view in grids.regions if view.region.name == "fr-one")
    assert view.it_gco2eq_per_kwh == pytest.approx(2.0 * grid_value("IE", T0))


def test_a_mean_of_a_day_needs_the_whole_day(clock: ManualClock) -> None:
    clock.advance(60)
    short = looked(clock, SimGrid(clock=clock), back=HOUR)
    whole = looked(clock, SimGrid(clock=clock), back=DAY + HOUR)
    assert [view.mean_24h for view in short.regions] == [None] * 3
    means = {view.region.name: view.mean_24h for view in whole.regions}
    expected = sum(grid_value("FR", T0 - DAY + 1800 * n) for n in range(48)) / 48
    assert means["fr-one"] == pytest.approx(expected, rel=1e-9)
    assert means["xx-none"] is None, "an annual average is no mean of a day"


def test_a_live_direct_value_is_shown_but_neither_prices_nor_ranks(clock: ManualClock) -> None:
    clock.advance(60)
    grids = looked(clock, SimGrid(clock=clock, basis=Basis.DIRECT, zones=("IE",)))
    of_ie = [one for one in grids.in_force if one.zone == "IE"]
    assert [(one.basis, int(one.level)) for one in of_ie] == [
        (Basis.LIFECYCLE, 4),
        (Basis.DIRECT, 0),
    ]
    weaker = {view.region.name: view.weaker for view in grids.regions}
    assert weaker == {"fr-one": False, "ie-two": True, "xx-none": False}
    assert all(view.grid.basis is Basis.LIFECYCLE for view in grids.regions)


def test_average_and_marginal_stand_side_by_side(clock: ManualClock) -> None:
    clock.advance(60)
    average = SimGrid(clock=clock, zones=("FR",))
    marginal = SimGrid(
        clock=clock, name="plant", zones=("FR",), method=Method.MARGINAL, basis=Basis.DIRECT
    )
    marginal.value = lambda zone, start: 2.0 * grid_value(zone, start)
    grids = looked(clock, average, marginal)
    values = {one.method: one.gco2eq_per_kwh for one in grids.in_force if one.zone == "FR"}
    assert values == {
        Method.AVERAGE: grid_value("FR", T0),
        Method.MARGINAL: 2.0 * grid_value("FR", T0),
    }
    assert {one.method for one in grids.outlooks} == set(Method)


def test_how_the_present_compares_is_there_for_the_zones_of_the_regions(clock: ManualClock) -> None:
    source = StandIn({"FR": lambda _hour: None}, clock)
    of_fr, of_no_region = (
        Standing(zone=zone, source="breeze", moment=T0, percentile=96.0) for zone in ("FR", "GB")
    )
    source.standings = (of_fr, of_no_region)
    assert looked(clock, source).standings == (of_fr,)
    assert looked(clock, SimGrid(clock=clock)).standings == ()


def test_a_stale_signal_is_absent(clock: ManualClock) -> None:
    source = SimGrid(clock=clock, basis=Basis.DIRECT)
    book = IntensityBook([source], SimAnnual(), Store.in_memory(), clock, SimForecaster(reach=30))
    book.cover(["FR"], T0 - HOUR, T0)
    viewer = GridViewer(book, SimAnnual(), OFFERED)
    assert len(viewer.look((), T0 + 5 * HOUR).in_force) == 4
    assert len(viewer.look((), T0 + 7 * HOUR).in_force) == 3
