"""The shape of Electricity Maps, asked by the production source."""

import json
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from exporter.core.errors import AuthError
from exporter.demo.grid.electricity_maps import FINAL_AFTER, TOKEN
from tests.demo.grid.asking import DAY, HOUR, TWO_WEEKS, ZONES, Scene, ahead, hourly, seen
from tests.demo.grid.conftest import Ask

KIND = "electricity_maps"
DATA = "/v4/carbon-intensity"


def body(scene: Scene, target: str) -> dict[str, Any]:
    answer = scene.fake.respond(target)
    assert answer.status is HTTPStatus.OK
    parsed: dict[str, Any] = json.loads(answer.body)
    return parsed


@pytest.mark.parametrize("zone", ["IE", "US-MIDA-PJM"])
def test_two_weeks_of_the_past_are_those_of_the_estate(ask: Ask, zone: str) -> None:
    scene = ask(KIND)
    points = seen(scene.fetch(zone, TWO_WEEKS))
    running = scene.running(HOUR)
    assert [p.start for p in points] == list(range(running - TWO_WEEKS, running + 1, HOUR))
    final = [p for p in points if p.end + FINAL_AFTER <= scene.now]
    assert len(points) - len(final) == 4
    assert all(p.gco2eq_per_kwh == round(hourly(zone, p.start), 1) for p in final)
    assert not any(p.estimated for p in final)


def test_the_newest_hours_are_estimates_that_turn_out_a_little_different(ask: Ask) -> None:
    scene = ask(KIND)
    before = {p.start: p for p in seen(scene.fetch("IE")) if p.estimated}
    scene.clock.advance(DAY // 2)
    after = {p.start: p for p in seen(scene.fetch("IE")) if p.start in before}
    assert len(before) == 4
    assert not any(p.estimated for p in after.values())
    changes = [after[at].gco2eq_per_kwh / p.gco2eq_per_kwh - 1 for at, p in before.items()]
    assert 0 < max(map(abs, changes)) < 0.05


def test_the_forecast_has_24_hours_after_the_running_one(ask: Ask) -> None:
    scene = ask(KIND)
    points = ahead(scene.fetch("IE"))
    running = scene.running(HOUR)
    assert [p.start for p in points] == list(range(running, running + 25 * HOUR, HOUR))
    misses = [abs(p.gco2eq_per_kwh / hourly("IE", p.start) - 1) for p in points]
    assert 0.02 < max(misses) < 0.3


def test_a_bad_key_is_refused_and_named(ask: Ask) -> None:
    scene = ask(KIND, token="wrong")
    with pytest.raises(AuthError, match="check token"):
        scene.fetch("IE")
    assert scene.fake.paths == ["/v4/zones"]


@pytest.mark.parametrize("key", [{}, {"auth-token": "wrong"}])
def test_without_the_key_the_answer_is_a_401_with_its_body(ask: Ask, key: dict[str, str]) -> None:
    url = ask(KIND).fake.electricity_maps_url
    answer = httpx.get(f"{url}/zones", headers=key, trust_env=False)
    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert answer.json() == {"error": "Invalid auth-token"}
    right = httpx.get(f"{url}/zones", headers={"auth-token": TOKEN}, trust_env=False)
    assert set(right.json()) == set(ZONES)


def test_an_unknown_zone_is_another_ones_unless_that_is_forbidden(ask: Ask) -> None:
    scene = ask(KIND)
    assert body(scene, f"{DATA}/latest?zone=XX")["zone"] == "BE"
    answer = scene.fake.respond(f"{DATA}/latest?zone=XX&disableCallerLookup=true")
    assert answer.status is HTTPStatus.NOT_FOUND
    assert json.loads(answer.body)["message"] == 'No recent data for zone "XX"'


def test_latest_is_the_running_hour_as_an_estimate(ask: Ask) -> None:
    latest = body(ask(KIND), f"{DATA}/latest?zone=IE")
    assert latest["datetime"] == "2026-03-17T12:00:00.000Z"
    assert latest["updatedAt"] == "2026-03-17T12:40:00.000Z"
    assert (latest["isEstimated"], latest["estimationMethod"]) == (True, "TIME_SLICER_AVERAGE")


@pytest.mark.parametrize(
    "target",
    [
        "forecast?zone=IE&horizonHours=7",
        "latest?zone=IE&emissionFactorType=direct",
        "latest?zone=IE&temporalGranularity=daily",
        "past-range?zone=IE&start=2026-03-01T00:00Z&end=2026-03-12T00:00Z",
        "past-range?zone=IE&start=2026-03-01T00:00Z",
    ],
)
def test_a_bad_question_is_a_400_with_a_message(ask: Ask, target: str) -> None:
    answer = ask(KIND).fake.respond(f"{DATA}/{target}")
    assert answer.status is HTTPStatus.BAD_REQUEST
    assert json.loads(answer.body)["status"] == "error"


def test_an_unknown_call_is_a_404(ask: Ask) -> None:
    assert ask(KIND).fake.respond(f"{DATA}/past?zone=IE").status is HTTPStatus.NOT_FOUND
