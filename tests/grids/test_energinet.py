from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.clock import epoch
from exporter.core.errors import BadPayloadError
from exporter.core.model import Basis, GridReading
from exporter.demo.grid import Fault, GridFake
from exporter.demo.grid.documents import BadQueryError, Document
from exporter.grids.energinet import (
    KEEP_FORECAST_SECONDS,
    STEP,
    Config,
    EnerginetSource,
    build,
    parse_records,
)
from tests.contracts.grids.harnesses.energinet import AHEAD, ENERGINET, EnerginetDocuments
from tests.support.clock import ManualClock
from tests.support.grid_bodies import bodies_but, body
from tests.support.grids import context, json_values, now

SAMPLE = int(epoch(datetime(2026, 1, 20, 16, 30, tzinfo=UTC)))
"""The interval of the documented sample, 17:30 in Denmark."""
FOREVER = float(2**40)


def parse(document: object, at: float = FOREVER, *, forecast: bool = False) -> GridReading:
    return parse_records(document, now=at, forecast=forecast)


def record(
    value: object = 160.0, when: object = "2026-01-20T16:30:00", area: object = "DK1"
) -> dict[str, object]:
    return {"Minutes5UTC": when, "PriceArea": area, "CO2Emission": value}


def test_the_documented_sample_gives_both_areas_in_utc() -> None:
    points = parse(body("energinet_co2emis.json")).points
    assert [(p.zone, p.start, p.end, p.gco2eq_per_kwh) for p in points] == [
        ("DK-DK1", SAMPLE, SAMPLE + STEP, 160.0),
        ("DK-DK2", SAMPLE, SAMPLE + STEP, 171.0),
    ]
    assert not any(p.forecast or p.estimated for p in points)


def test_the_prognosis_gives_forecasts_also_of_the_future() -> None:
    points = parse(body("energinet_co2emisprog.json"), at=float(SAMPLE), forecast=True).points
    assert [p.gco2eq_per_kwh for p in points] == [161.0, 161.0, 163.0, 166.0, 168.0, 171.0]
    assert all(p.forecast and not p.estimated for p in points)


def test_observed_values_of_the_future_are_left_out_and_the_running_one_is_estimated() -> None:
    rows = [record(), record(when="2026-01-20T16:35:00"), record(when="2026-01-20T16:40:00")]
    points = parse({"records": rows}, at=SAMPLE + STEP + 1.0).points
    assert [(p.start, p.estimated) for p in points] == [(SAMPLE, False), (SAMPLE + STEP, True)]


@pytest.mark.parametrize("when", ["2026-01-20T16:30:00Z", "2026-01-20T17:30:00+01:00"])
def test_a_stamp_that_has_a_zone_is_taken_at_its_word(when: str) -> None:
    assert parse({"records": [record(when=when)]}).points[0].start == SAMPLE


def test_null_is_no_data_and_a_direct_zero_is_a_value() -> None:
    rows = [record(None), record(0, area="DK2")]
    assert [(p.zone, p.gco2eq_per_kwh) for p in parse({"records": rows}).points] == [
        ("DK-DK2", 0.0)
    ]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (record(area="SE4"), "PriceArea is none that was asked for"),
        (record(area=None), "PriceArea"),
        (record(when="2026-01-20T16:31:00"), "Minutes5UTC"),
        (record(when="2016-12-31T23:59:60"), "Minutes5UTC"),
        (record(when="yesterday"), "Minutes5UTC"),
        (record(when=None), "Minutes5UTC"),
        (record("a lot"), "CO2Emission"),
        (record(-1), "CO2Emission"),
        (record(2001), "no direct intensity"),
        ({"Minutes5UTC": "2026-01-20T16:30:00", "PriceArea": "DK1"}, "CO2Emission"),
        ("row", "a record is not an object"),
    ],
)
def test_an_unreadable_record_is_refused_with_the_cause(row: object, why: str) -> None:
    with pytest.raises(BadPayloadError, match=why):
        parse({"records": [row]})


@pytest.mark.parametrize("name", bodies_but("energinet"))
def test_an_answer_of_another_api_is_a_bad_payload(name: str) -> None:
    with pytest.raises(BadPayloadError):
        parse(body(name))


rows = st.fixed_dictionaries(
    {},
    optional={
        "Minutes5UTC": st.just("2026-01-20T16:30:00") | json_values,
        "PriceArea": st.sampled_from(["DK1", "DK2"]) | json_values,
        "CO2Emission": st.floats(0, 3000) | json_values,
    },
)


@given(document=json_values | st.fixed_dictionaries({"records": st.lists(rows, max_size=4)}))
def test_rubbish_gives_physical_values_or_a_bad_payload(document: object) -> None:
    try:
        reading = parse(document)
    except BadPayloadError:
        return
    for point in reading.points:
        assert point.zone in {"DK-DK1", "DK-DK2"}
        assert 0 <= point.gco2eq_per_kwh <= 2000


class Scene:
    """The source and the API that it asks."""

    def __init__(self, fake: GridFake, clock: ManualClock) -> None:
        self.fake = fake
        self.clock = clock
        (self.source,) = build(Config(kind="energinet", base_url=fake.url), context(clock))

    def fetch(self, *zones: str) -> GridReading:
        at = now(self.clock)
        return self.source.fetch(zones, at - 3600, at)


@pytest.fixture
def scene() -> Iterator[Scene]:
    clock = ManualClock(datetime(2026, 3, 2, 12, 40, tzinfo=UTC))
    with ENERGINET.fake(clock) as fake:
        made = Scene(fake, clock)
        with closing(made.source):
            yield made


def test_both_areas_come_with_one_request_and_the_forecast_with_another(scene: Scene) -> None:
    points = scene.fetch("DK-DK1", "DK-DK2").points
    assert len(scene.fake.paths) == 2
    for zone in ("DK-DK1", "DK-DK2"):
        ahead = [p for p in points if p.zone == zone and p.forecast]
        assert ahead[-1].end == now(scene.clock) + AHEAD
    assert scene.source.basis is Basis.DIRECT


def test_only_the_areas_asked_for_are_given(scene: Scene) -> None:
    assert {p.zone for p in scene.fetch("DK-DK1").points} == {"DK-DK1"}


def test_the_forecast_is_asked_for_every_quarter_of_an_hour(scene: Scene) -> None:
    rounds = int(KEEP_FORECAST_SECONDS) // EnerginetSource.refresh_seconds
    for _ in range(2 * rounds):
        scene.fetch("DK-DK2")
        scene.clock.advance(EnerginetSource.refresh_seconds)
    asked = [path.partition("?")[0] for path in scene.fake.paths]
    assert asked.count("/dataset/CO2Emis") == 2 * rounds
    assert asked.count("/dataset/CO2EmisProg") <= 3


class WithoutForecast(EnerginetDocuments):
    """The API after CO2EmisProg is gone."""

    __slots__ = ()

    def build(self, target: str, fault: Fault | None) -> Document:
        if "CO2EmisProg" in target:
            message = "no such dataset"
            raise BadQueryError(message)
        return super().build(target, fault)


def test_without_the_forecast_the_values_are_given_and_the_failure_is_told() -> None:
    clock = ManualClock(datetime(2026, 3, 2, 12, 40, tzinfo=UTC))
    with replace(ENERGINET, documents=WithoutForecast).fake(clock) as fake:
        scene = Scene(fake, clock)
        with closing(scene.source):
            reading = scene.fetch("DK-DK2")
    assert {p.forecast for p in reading.points} == {False}
    assert [str(failure).startswith("energinet (") for failure in reading.failures] == [True]
