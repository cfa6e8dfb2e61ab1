from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from exporter.core.errors import BadPayloadError
from exporter.demo.grid import Fault, GridFake
from exporter.grids.demo import Config, parse_intensity
from tests.support.clock import ManualClock
from tests.support.grids import DEMO, context, intensity, json_values, now

DAY = 86400


def point(**changes: object) -> dict[str, object]:
    right: dict[str, object] = {
        "zone": "FR",
        "from": "2026-03-02T00:00Z",
        "to": "2026-03-02T00:30Z",
        "gco2eq_per_kwh": 31.5,
    }
    return right | changes


def test_many_zones_are_read_with_one_request() -> None:
    clock = ManualClock()
    setting = context(clock)
    with (
        GridFake(intensity, clock, zones=("FR", "GB", "IE")) as fake,
        closing(DEMO.build(fake.url, setting)) as source,
    ):
        reading = source.fetch(["FR", "IE", "NOWHERE"], now(clock) - DAY, now(clock))
    assert {p.zone for p in reading.points} == {"FR", "IE"}
    assert all(p.gco2eq_per_kwh == intensity(p.zone, p.start) for p in reading.points)
    assert setting.meter.usage()["demo", "intensity"].requests == 1


def test_a_zone_that_was_not_asked_for_is_refused() -> None:
    clock = ManualClock()
    with (
        GridFake(intensity, clock) as fake,
        closing(DEMO.build(fake.url, context(clock))) as source,
    ):
        fake.inject(Fault.WRONG_ZONE)
        with pytest.raises(BadPayloadError, match="zone"):
            source.fetch(["FR"], now(clock) - DAY, now(clock))


@pytest.mark.parametrize(
    "bad",
    [
        point(zone="IE"),
        point(zone=None),
        point(to="2026-03-02T00:00Z"),
        point(gco2eq_per_kwh="31"),
        point(gco2eq_per_kwh=-1),
        {"zone": "FR", "from": "2026-03-02T00:00Z", "to": "2026-03-02T00:30Z"},
    ],
)
def test_a_wrong_point_is_a_bad_payload(bad: object) -> None:
    with pytest.raises(BadPayloadError, match="demo: "):
        parse_intensity({"points": [point(), bad]}, {"FR"})


def test_a_null_value_is_left_out() -> None:
    points = parse_intensity({"points": [point(gco2eq_per_kwh=None), point()]}, {"FR"})
    assert [p.gco2eq_per_kwh for p in points] == [31.5]


@given(document=json_values | st.fixed_dictionaries({"points": json_values}))
def test_any_rubbish_is_a_bad_payload_or_nothing(document: object) -> None:
    try:
        points = parse_intensity(document, {"FR"})
    except BadPayloadError:
        return
    assert points == ()


@pytest.mark.parametrize("url", ["http://10.0.0.1:80", "https://grid.example.org", "127.0.0.1:80"])
def test_only_loopback_is_accepted(url: str) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"kind": "demo", "url": url})
