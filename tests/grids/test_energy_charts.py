from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from structlog.testing import capture_logs

from exporter.core.clock import epoch
from exporter.core.errors import BadPayloadError, UnreachableError
from exporter.core.model import GridReading
from exporter.data import rows
from exporter.demo.grid import Fault, GridFake
from exporter.grids.energy_charts import (
    BURST,
    COUNTRIES,
    COUNTRY_VALUES,
    FACTS,
    KEEP_SECONDS,
    Config,
    EnergyChartsSource,
    build,
    parse_co2eq,
)
from tests.contracts.grids.harnesses.energy_charts import ENERGY_CHARTS
from tests.support.clock import ManualClock
from tests.support.grid_bodies import bodies_but, body
from tests.support.grids import context, json_values, now

DE_FIRST = 1_711_065_600
"""2024-03-22T00:00Z, the first stamp of both recordings."""
FOREVER = float(2**40)
HOUR = 3600
ALL = tuple(COUNTRIES)


def answer(stamps: list[Any], co2eq: list[Any], forecast: list[Any] | None = None) -> object:
    nulls = [None] * len(stamps)
    return {"unix_seconds": stamps, "co2eq": co2eq, "co2eq_forecast": forecast or nulls}


def parse(document: object, at: float = FOREVER) -> GridReading:
    return parse_co2eq(document, "de", now=at)


def test_the_recorded_german_day_has_its_quarter_hours() -> None:
    document = body("energycharts_co2eq_de.json")
    points = parse(document).points
    observed = [point for point in points if not point.forecast]
    assert len(points) == 188
    assert observed[0].start == DE_FIRST
    assert observed[0].gco2eq_per_kwh == document["co2eq"][0]
    assert {point.end - point.start for point in points} == {900}
    assert not any(point.estimated for point in observed)


def test_the_recorded_french_day_has_its_hours_and_the_forecast_after_them() -> None:
    points = parse(body("energycharts_co2eq_fr.json")).points
    observed = [point.gco2eq_per_kwh for point in points if not point.forecast]
    forecast = [point.gco2eq_per_kwh for point in points if point.forecast]
    assert (observed[0], observed[-1], len(observed)) == (45.2, 44.1, 18)
    assert (forecast[0], forecast[-1], len(forecast)) == (49.5, 45.4, 29)
    assert {point.end - point.start for point in points} == {HOUR}


def test_the_sample_with_the_flag_has_three_values_and_two_forecasts() -> None:
    points = parse(body("energycharts_co2eq_deprecated_flag.json")).points
    values = [(point.gco2eq_per_kwh, point.forecast) for point in points]
    assert values == [(491.5, False), (497.4, False), (502.6, False), (505, True), (508, True)]


def test_an_answer_of_nulls_is_no_data_not_zero() -> None:
    assert parse(body("energycharts_co2eq_all_null.json")) == GridReading(points=())


def test_observed_values_of_the_future_are_left_out_and_the_running_one_is_estimated() -> None:
    document = answer([0, HOUR, 2 * HOUR], [50, 51, 52], [None, None, 60])
    points = parse(document, at=HOUR + 1).points
    assert [(p.start, p.estimated, p.forecast) for p in points] == [
        (0, False, False),
        (HOUR, True, False),
        (2 * HOUR, False, True),
    ]


def test_both_values_at_one_time_are_kept_apart() -> None:
    points = parse(answer([0, HOUR], [50, None], [60, 61])).points
    assert {(p.start, p.forecast): p.gco2eq_per_kwh for p in points} == {
        (0, False): 50.0,
        (0, True): 60.0,
        (HOUR, True): 61.0,
    }


def test_a_missing_stamp_leaves_a_gap_and_stretches_nothing() -> None:
    points = parse(answer([0, 900, 2700], [50, 51, 52])).points
    assert [(p.start, p.end) for p in points] == [(0, 900), (900, 1800), (2700, 3600)]


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ([], "the document is not an object"),
        ({}, "unix_seconds is not a list"),
        ({"unix_seconds": [0, 900], "co2eq": [1, 2]}, "co2eq_forecast is not a list"),
        (answer([0, 900], [50]), "co2eq has 1 values for 2 times"),
        (answer([0, 900], [50, 51], [None]), "co2eq_forecast has 1 values"),
        (answer([900, 0], [50, 51]), "rising"),
        (answer([0, 0], [50, 51]), "rising"),
        (answer([0, 900.5], [50, 51]), "whole"),
        (answer([0, "2016-12-31T23:59:60Z"], [50, 51]), "whole"),
        (answer([0, True], [50, 51]), "whole"),
        (answer([0, 60], [50, 51]), "15, 30 or 60 minutes"),
        (answer([0, 86400], [50, 51]), "15, 30 or 60 minutes"),
        (answer([100, 1000], [50, 51]), "15, 30 or 60 minutes"),
        (answer([0], [50]), "15, 30 or 60 minutes"),
        (answer([0, 900], ["high", None]), "a value"),
        (answer([0, 900], [-1, None]), "a value"),
        (answer([0, 900], [0, None]), "no lifecycle intensity"),
        (answer([0, 900], [90000, None]), "no lifecycle intensity"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_cause(document: object, why: str) -> None:
    with pytest.raises(BadPayloadError, match=why):
        parse(document)


def test_an_unreadable_value_does_not_lose_the_readable_ones() -> None:
    reading = parse(answer([0, 900], [50, -1]))
    assert [point.start for point in reading.points] == [0]
    assert ["1 unreadable" in str(failure) for failure in reading.failures] == [True]


@pytest.mark.parametrize("name", bodies_but("energycharts"))
def test_an_answer_of_another_api_is_a_bad_payload(name: str) -> None:
    with pytest.raises(BadPayloadError):
        parse(body(name))


cells = st.lists(st.none() | st.floats(0, 3000) | json_values, min_size=2, max_size=3)


@given(document=json_values)
def test_any_rubbish_is_a_bad_payload(document: object) -> None:
    with pytest.raises(BadPayloadError):
        parse(document)


@given(co2eq=cells, forecast=cells, step=st.sampled_from([900, 3600, 61]))
def test_half_right_arrays_give_physical_values_or_a_bad_payload(
    co2eq: list[Any], forecast: list[Any], step: int
) -> None:
    stamps = [step * index for index in range(len(co2eq))]
    document = {"unix_seconds": stamps, "co2eq": co2eq, "co2eq_forecast": forecast}
    try:
        reading = parse(document)
    except BadPayloadError:
        return
    assert all(0 < point.gco2eq_per_kwh <= 2000 for point in reading.points)
    assert {point.start for point in reading.points} <= set(stamps)


class Scene:
    """The source at its real request budget, and the API that it asks."""

    def __init__(self, fake: GridFake, clock: ManualClock) -> None:
        self.fake = fake
        self.clock = clock
        setting = context(clock)
        (self.source,) = build(Config(kind="energy_charts", base_url=fake.url), setting)

    def fetch(self, *zones: str, hours: int = 1) -> GridReading:
        at = now(self.clock)
        return self.source.fetch(zones, at - hours * HOUR, at)


@pytest.fixture
def scene() -> Iterator[Scene]:
    clock = ManualClock(datetime(2026, 3, 2, 12, 40, tzinfo=UTC))
    with ENERGY_CHARTS.fake(clock) as fake:
        made = Scene(fake, clock)
        with closing(made.source):
            yield made


def test_zones_of_one_country_share_a_request_and_its_value_is_only_an_estimate_there(
    scene: Scene,
) -> None:
    points = scene.fetch("SE-SE3", "SE-SE4", "FR").points
    assert len(scene.fake.paths) == 2
    by_zone = {
        zone: {(p.start, p.gco2eq_per_kwh) for p in points if p.zone == zone}
        for zone in ("SE-SE3", "SE-SE4", "FR")
    }
    assert by_zone["SE-SE3"] == by_zone["SE-SE4"] != by_zone["FR"]
    assert all(p.estimated for p in points if p.zone in COUNTRY_VALUES)
    begun = [p for p in points if p.zone == "FR" and p.end <= now(scene.clock)]
    assert begun
    assert not any(p.estimated for p in begun)


def test_the_forecast_comes_with_the_values_and_ends_with_the_next_day(scene: Scene) -> None:
    ahead = [point for point in scene.fetch("FR").points if point.forecast]
    assert ahead[0].start == int(epoch(datetime(2026, 3, 2, 12, 45, tzinfo=UTC)))
    assert ahead[-1].end == int(epoch(datetime(2026, 3, 4, tzinfo=UTC)))


def test_a_late_country_gives_its_newest_value_before_the_window(scene: Scene) -> None:
    reading = parse_co2eq(answer([0, HOUR, 2 * HOUR], [50, 51, None]), "fr", now=4.0 * HOUR)
    assert [point.start for point in reading.points] == [0, HOUR]
    late = datetime(2026, 3, 2, 12, 40, tzinfo=UTC)
    scene.fetch("FR")
    scene.clock.set(late.replace(hour=16))
    (point,) = [p for p in scene.fetch("FR", hours=1).points if not p.forecast]
    assert point.start == int(epoch(late.replace(minute=30)))


def test_countries_take_turns_within_what_the_api_allows(scene: Scene) -> None:
    """Fifteen countries, four at once and two more each minute."""
    seen: set[str] = set()
    sent = []
    for _ in range(6):
        reading = scene.fetch(*ALL)
        assert reading.failures == ()
        seen |= {point.zone for point in reading.points}
        sent.append(len(scene.fake.paths))
        scene.clock.advance(EnergyChartsSource.refresh_seconds)
    assert sent == [4, 8, 12, 15, 15, 15]
    assert seen == set(ALL)


def test_no_country_is_asked_more_often_than_every_quarter_of_an_hour(scene: Scene) -> None:
    asked: dict[str, list[float]] = {}
    for _ in range(40):
        before = len(scene.fake.paths)
        scene.fetch(*ALL)
        for path in scene.fake.paths[before:]:
            asked.setdefault(path.partition("&")[0], []).append(scene.clock.monotonic())
        scene.clock.advance(EnergyChartsSource.refresh_seconds)
    gaps = [b - a for times in asked.values() for a, b in pairwise(times)]
    assert len(asked) == len(set(COUNTRIES.values()))
    assert min(gaps) >= KEEP_SECONDS
    assert max(gaps) <= KEEP_SECONDS + 2 * EnergyChartsSource.refresh_seconds


def test_countries_that_always_fail_do_not_starve_the_others(scene: Scene) -> None:
    scene.fake.inject(Fault.NOT_FOUND, answers=int(BURST))
    with pytest.raises(BadPayloadError):
        scene.fetch(*ALL)
    scene.clock.advance(EnergyChartsSource.refresh_seconds)
    zones = {point.zone for point in scene.fetch(*ALL).points}
    failed = {path.partition("&")[0] for path in scene.fake.paths[:4]}
    assert zones
    assert failed.isdisjoint({path.partition("&")[0] for path in scene.fake.paths[4:]})


def test_out_of_reach_the_other_countries_are_not_tried(scene: Scene) -> None:
    scene.fake.inject(Fault.SERVER_ERROR)
    with pytest.raises(UnreachableError):
        scene.fetch(*ALL)
    assert len(set(scene.fake.paths)) == 1


def test_an_api_that_says_it_will_end_is_logged_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = scene.fake._documents
    target = "/co2eq?country=fr&start=2026-03-02T00:00Z&end=2026-03-03T00:00Z"
    ending = documents.build(target, None)
    monkeypatch.setattr(type(documents), "build", lambda *_args: {**ending, "deprecated": True})
    with capture_logs() as logs:
        scene.fetch("FR")
        scene.clock.advance(KEEP_SECONDS)
        scene.fetch("FR")
    assert [entry["event"] for entry in logs] == ["energy_charts_deprecated"]


def test_every_zone_feeds_a_cloud_region_and_the_facts_name_it() -> None:
    known = {line["grid_zone"] for line in rows("regions")}
    assert known >= COUNTRIES.keys()
    assert FACTS.zones == ALL
    assert {zone.partition("-")[0].lower() for zone in ALL} == set(COUNTRIES.values())


@pytest.mark.parametrize("value", [0, -1, 1001, float("nan")])
def test_a_budget_that_is_none_is_refused(value: float) -> None:
    with pytest.raises(ValidationError):
        Config(kind="energy_charts", requests_per_minute=value)


def test_an_hourly_value_beside_quarters_holds_for_its_hour() -> None:
    quarters = [2 * HOUR + at * 900 for at in range(4)]
    stamps = [0, HOUR, *quarters, 3 * HOUR, 4 * HOUR, 5 * HOUR]
    points = parse(answer(stamps, list(range(50, 50 + len(stamps))))).points
    lengths = [point.end - point.start for point in points]
    assert lengths == [HOUR, HOUR, 900, 900, 900, 900, HOUR, HOUR, HOUR]


def test_a_quarter_that_is_missing_does_not_make_its_neighbour_longer() -> None:
    stamps = [0, 900, 2700, 3600, 4500]
    points = parse(answer(stamps, [50, 51, 52, 53, 54])).points
    assert {point.end - point.start for point in points} == {900}
