"""Each fault, in each protocol, as the production source tells it."""

import pytest

from exporter.core.errors import (
    AuthError,
    BadPayloadError,
    CollectorError,
    NoDataError,
    ThrottledError,
    UnreachableError,
)
from exporter.demo.grid import Fault
from tests.demo.grid.asking import HOUR, SECTIONS, seen
from tests.demo.grid.conftest import Ask

ZONES = {"demo": "IE", "neso": "GB", "energy_charts": "IE", "electricity_maps": "IE"}
USELESS: dict[Fault, type[CollectorError]] = {
    Fault.UNAUTHORIZED: AuthError,
    Fault.FORBIDDEN: AuthError,
    Fault.NOT_FOUND: BadPayloadError,
    Fault.THROTTLED: ThrottledError,
    Fault.SERVER_ERROR: UnreachableError,
    Fault.REDIRECT: BadPayloadError,
    Fault.HTML: BadPayloadError,
    Fault.TRUNCATED: BadPayloadError,
    Fault.EMPTY: NoDataError,
    Fault.NULLS: NoDataError,
}

pytestmark = pytest.mark.parametrize("kind", SECTIONS)


@pytest.mark.parametrize("fault", USELESS)
def test_a_useless_answer_is_its_named_error_and_heals(ask: Ask, kind: str, fault: Fault) -> None:
    scene = ask(kind)
    scene.fake.inject(fault)
    with pytest.raises(USELESS[fault]):
        scene.fetch(ZONES[kind])
    scene.fake.heal()
    scene.clock.advance(HOUR)  # right answers without values are kept for a while
    assert seen(scene.fetch(ZONES[kind]))


def test_observed_values_of_the_future_are_not_taken(ask: Ask, kind: str) -> None:
    scene = ask(kind)
    scene.fake.inject(Fault.FUTURE)
    points = seen(scene.fetch(ZONES[kind]))
    assert points
    assert all(point.start <= scene.now for point in points)


def test_another_zones_values_are_never_taken_for_this_ones(ask: Ask, kind: str) -> None:
    """Protocols that name the zone: NESO names regions only, energy-charts nothing at all."""
    scene = ask(kind, region=13) if kind == "neso" else ask(kind)
    scene.fake.inject(Fault.WRONG_ZONE)
    if kind == "energy_charts":
        assert seen(scene.fetch("IE"))
        return
    with pytest.raises(BadPayloadError):
        scene.fetch(ZONES[kind])
