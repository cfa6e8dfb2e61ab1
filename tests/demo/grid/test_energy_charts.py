"""The shape of energy-charts.info, asked by the production source."""

import json
from datetime import datetime
from http import HTTPStatus
from zoneinfo import ZoneInfo

import pytest

from exporter.demo.estate import intensity
from exporter.demo.grid.energy_charts import LOCAL, forecast_end, lag_seconds
from tests.demo.grid.asking import DAY, HOUR, TWO_WEEKS, ahead, hourly, seen
from tests.demo.grid.conftest import Ask

QUARTER = 900
COUNTRIES = {"BE": "be", "DE": "de", "FR": "fr", "IE": "ie", "SE-SE3": "se"}


def step(zone: str) -> int:
    return QUARTER if zone == "DE" else HOUR


def true(zone: str, start: int) -> float:
    return intensity("DE", start) if zone == "DE" else round(hourly(zone, start), 1)


@pytest.mark.parametrize("zone", COUNTRIES)
def test_two_weeks_of_the_past_are_those_of_the_estate_up_to_the_lag(ask: Ask, zone: str) -> None:
    scene = ask("energy_charts")
    points = seen(scene.fetch(zone, TWO_WEEKS))
    known = scene.running(step(zone)) - lag_seconds(COUNTRIES[zone])
    begin = (scene.now - TWO_WEEKS) // step(zone) * step(zone)
    assert [p.start for p in points] == list(range(begin, known, step(zone)))
    assert all(p.gco2eq_per_kwh == true(zone, p.start) for p in points)


@pytest.mark.parametrize("zone", COUNTRIES)
def test_the_forecast_goes_from_there_to_the_end_of_the_next_local_day(ask: Ask, zone: str) -> None:
    scene = ask("energy_charts")
    points = ahead(scene.fetch(zone, DAY))
    known = scene.running(step(zone)) - lag_seconds(COUNTRIES[zone])
    assert [p.start for p in points] == list(range(known, forecast_end(scene.now), step(zone)))
    misses = [abs(p.gco2eq_per_kwh / true(zone, p.start) - 1) for p in points]
    assert 0.02 < max(misses) < 0.3


@pytest.mark.parametrize("day", ["2026-03-28T11:00Z", "2026-03-17T11:00Z", "2026-10-24T22:30Z"])
def test_the_forecast_ends_at_local_midnight_whatever_the_clocks_do(day: str) -> None:
    now = datetime.fromisoformat(day)
    end = datetime.fromtimestamp(forecast_end(int(now.timestamp())), ZoneInfo(LOCAL))
    today = now.astimezone(ZoneInfo(LOCAL)).date()
    assert (end.hour, end.minute, (end.date() - today).days) == (0, 0, 2)


def test_countries_are_late_by_whole_steps_and_not_all_by_the_same() -> None:
    lags = {country: lag_seconds(country) for country in COUNTRIES.values()}
    assert all(0 <= lag < 5 * HOUR for lag in lags.values())
    assert all(lag % (QUARTER if country == "de" else HOUR) == 0 for country, lag in lags.items())
    assert len(set(lags.values())) > 2


def test_every_index_holds_exactly_one_of_the_two_values(ask: Ask) -> None:
    target = "/co2eq?country=fr&start=2026-03-17T00:00Z&end=2026-03-20T00:00Z"
    document = json.loads(ask("energy_charts").fake.respond(target).body)
    pairs = list(zip(document["co2eq"], document["co2eq_forecast"], strict=True))
    assert all((seen is None) != (ahead is None) for seen, ahead in pairs)
    assert len(document["unix_seconds"]) == len(pairs)
    assert document["deprecated"] is False


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("country=xx&start=2026-03-17T00:00Z&end=2026-03-18T00:00Z", HTTPStatus.NOT_FOUND),
        ("country=fr&start=2026-04-17T00:00Z&end=2026-04-18T00:00Z", HTTPStatus.NOT_FOUND),
        ("country=fr&start=today&end=2026-03-18T00:00Z", HTTPStatus.BAD_REQUEST),
        ("country=fr", HTTPStatus.BAD_REQUEST),
    ],
)
def test_a_bad_question_is_refused_with_a_detail(ask: Ask, query: str, status: HTTPStatus) -> None:
    answer = ask("energy_charts").fake.respond(f"/co2eq?{query}")
    assert answer.status is status
    assert isinstance(json.loads(answer.body)["detail"], str)


def test_the_zones_of_one_country_have_the_value_of_the_simulated_one(ask: Ask) -> None:
    scene = ask("energy_charts")
    points = seen(scene.fetch("SE-SE4"))
    assert points
    assert all(p.gco2eq_per_kwh == true("SE-SE3", p.start) for p in points)
