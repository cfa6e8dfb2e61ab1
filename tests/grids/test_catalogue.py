"""What the sources promise together, and which of them are on by default."""

from collections import Counter

import pytest

from exporter import grids
from exporter.core.meter import ApiMeter
from exporter.core.plugins import kinds, load
from exporter.core.ports import AdapterContext, GridSource
from exporter.data import rows
from exporter.settings import Settings
from exporter.settings.model import DEFAULT_GRIDS
from tests.support.clock import ManualClock
from tests.support.grids import NoTypes

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


def test_without_a_key_76_of_156_regions_have_a_live_value() -> None:
    live = regions_with(grids.zones_of(grids.keyless()))
    assert live == {"aws": 16, "azure": 38, "gcp": 22}
    assert (live.total(), len(list(rows("regions")))) == (76, 156)


def test_two_of_them_have_a_signal_alone_because_new_zealand_has_no_life_cycle_source() -> None:
    every, pricing = (
        grids.zones_of(source for source in grids.keyless() if wanted(source))
        for wanted in (bool, grids.prices)
    )
    used = {line["grid_zone"] for line in rows("regions")}
    assert (every - pricing) & used == {"NZ"}
    assert regions_with(pricing).total() == 74


def test_the_demo_and_the_annual_table_promise_nothing_live() -> None:
    assert not {"demo", "annual"} & {source.kind for source in grids.keyless()}


def test_on_by_default_is_every_source_without_a_key_those_that_price_grams_first() -> None:
    assert sorted(DEFAULT_GRIDS) == [source.kind for source in grids.keyless()]
    pricing = [grids.prices(ALL[kind]) for kind in DEFAULT_GRIDS]
    assert pricing == sorted(pricing, reverse=True)
    assert [section.kind for section in Settings().grids] == list(DEFAULT_GRIDS)


@pytest.mark.parametrize("kind", sorted(DEFAULT_GRIDS))
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
