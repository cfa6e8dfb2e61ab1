"""What the sources promise together, and which of them are on by default."""

from collections import Counter

import pytest

from exporter import grids
from exporter.core.meter import ApiMeter
from exporter.core.model import Basis
from exporter.core.plugins import kinds, load
from exporter.core.ports import AdapterContext, GridSource
from exporter.data import rows
from exporter.settings import Settings
from tests.support.clock import ManualClock
from tests.support.grids import NoTypes

DEFAULT = grids.on_by_default()
ALL = {facts.kind: facts for facts in grids.facts()}


def regions_with(zones: frozenset[str]) -> Counter[str]:
    return Counter(line["provider"] for line in rows("regions") if line["grid_zone"] in zones)


def keyless_source(kind: str) -> GridSource:
    module = load("exporter.grids", kind)
    context = AdapterContext(clock=ManualClock(), meter=ApiMeter(), types=NoTypes())
    source: GridSource
    (source,) = module.build(module.Config(kind=kind), context)
    return source


def test_every_source_states_its_facts_under_its_own_name() -> None:
    assert tuple(ALL) == kinds("exporter.grids")
    for facts in ALL.values():
        assert all((facts.title, facts.step, facts.lag, facts.budget, facts.licence, facts.url))
        assert facts.attribution
        assert facts.zones


def covered(kinds: list[str], zones: set[str]) -> set[str]:
    """Return the zones that sources built without a key say they cover, not what they declare."""
    found: set[str] = set()
    for kind in kinds:
        source = keyless_source(kind)
        found |= {zone for zone in zones if source.covers(zone)}
        source.close()
    return found


def test_every_cloud_has_regions_with_a_live_value_without_a_key() -> None:
    used = {line["grid_zone"] for line in rows("regions")}
    live = grids.zones_of(grids.keyless()) & used
    assert live == covered([source.kind for source in grids.keyless()], used)
    assert set(regions_with(live)) == {line["provider"] for line in rows("regions")}


def test_a_region_whose_grid_tells_direct_emissions_alone_has_a_signal_and_no_price() -> None:
    used = {line["grid_zone"] for line in rows("regions")}
    priced = grids.zones_of(filter(grids.prices, grids.keyless())) & used
    lifecycle = [kind for kind in DEFAULT if ALL[kind].basis is Basis.LIFECYCLE]
    assert priced == covered(lifecycle, used)
    assert "NZ" in (grids.zones_of(grids.keyless()) & used) - priced


def test_the_demo_and_the_annual_table_promise_nothing_live() -> None:
    assert not {"demo", "annual"} & {source.kind for source in grids.keyless()}


def test_on_by_default_is_every_source_without_a_key_those_that_price_grams_first() -> None:
    keyless = {kind for kind, facts in ALL.items() if facts.listed and not facts.key}
    assert set(DEFAULT) == keyless
    pricing = [grids.prices(ALL[kind]) for kind in DEFAULT]
    assert pricing == sorted(pricing, reverse=True)
    assert [section.kind for section in Settings().grids] == list(DEFAULT)


def test_of_two_sources_on_by_default_the_one_with_the_lower_order_comes_first() -> None:
    for same in (True, False):
        orders = [ALL[kind].order for kind in DEFAULT if grids.prices(ALL[kind]) is same]
        assert orders == sorted(orders)
    assert DEFAULT.index("neso") < DEFAULT.index("energy_charts")


@pytest.mark.parametrize("kind", sorted(DEFAULT))
def test_a_source_without_a_key_is_what_its_facts_say(kind: str) -> None:
    source = keyless_source(kind)
    try:
        assert (source.name, source.method, source.basis) == (
            kind,
            ALL[kind].method,
            ALL[kind].basis,
        )
        used = {line["grid_zone"] for line in rows("regions")} | {"WORLD", "", "D"}
        assert {z for z in used if source.covers(z)} == ALL[kind].listed & used
    finally:
        source.close()
