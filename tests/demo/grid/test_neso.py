"""NESO's shape, asked by the production source."""

import json
from http import HTTPStatus

import pytest

from exporter.demo.estate import intensity
from tests.demo.grid.asking import DAY, HOUR, TWO_WEEKS, ahead, seen
from tests.demo.grid.conftest import Ask

STEP = 1800


def test_two_weeks_of_the_past_are_those_of_the_estate(ask: Ask) -> None:
    scene = ask("neso")
    points = seen(scene.fetch("GB", TWO_WEEKS))
    starts = range(scene.running(STEP) - TWO_WEEKS, scene.running(STEP) + 1, STEP)
    assert [point.start for point in points] == list(starts)
    for point in points:
        assert point.gco2eq_per_kwh == pytest.approx(intensity("GB", point.start), rel=1e-9)
        assert point.estimated == (point.start == scene.running(STEP))


def test_the_forecast_spans_48_hours_and_is_wrong_later_on(ask: Ask) -> None:
    scene = ask("neso")
    points = ahead(scene.fetch("GB"))
    first = scene.running(STEP) + STEP
    assert [point.start for point in points] == list(range(first, first + 2 * DAY, STEP))
    misses = [abs(p.gco2eq_per_kwh / intensity("GB", p.start) - 1) for p in points]
    assert misses[0] < 0.02
    assert 0.03 < max(misses) < 0.3


def test_a_region_has_a_mix_of_its_own_that_is_never_metered(ask: Ask) -> None:
    scotland, wales = ask("neso", region=16), ask("neso", region=7)
    for scene in (scotland, wales):
        assert all(point.estimated for point in seen(scene.fetch("GB")))
    clean, dirty = (
        sum(point.gco2eq_per_kwh for point in seen(scene.fetch("GB")))
        for scene in (scotland, wales)
    )
    assert dirty > 3 * clean
    assert len(ahead(wales.fetch("GB"))) == 2 * DAY // STEP


def test_a_regional_answer_is_an_object_with_the_combustion_intensity_beside_the_mix(
    ask: Ask,
) -> None:
    fake = ask("neso").fake
    path = "/regional/intensity/2026-03-17T12:10Z/fw48h/regionid/18"
    document = json.loads(fake.respond(path).body)["data"]
    assert document["regionid"] == 18
    slots = document["data"]
    assert (slots[0]["from"], len(slots)) == ("2026-03-17T12:00Z", 96)
    mix = {entry["fuel"]: entry["perc"] for entry in slots[0]["generationmix"]}
    assert slots[0]["intensity"]["forecast"] == round(mix["gas"] * 3.94)


@pytest.mark.parametrize(
    "path",
    [
        "/regional/intensity/2026-03-17T12:00Z/fw48h/regionid/19",
        "/regional/intensity/2026-03-17T12:00Z/fw48h/regionid/London",
        "/regional/intensity/tomorrow/fw48h/regionid/13",
        "/regional/intensity/2026-03-01T12:00Z/2026-03-17T12:00Z/regionid/13",
    ],
)
def test_a_bad_question_is_refused_in_the_words_of_the_api(ask: Ask, path: str) -> None:
    answer = ask("neso").fake.respond(path)
    assert answer.status is HTTPStatus.BAD_REQUEST
    assert json.loads(answer.body)["error"]["code"] == "400 Bad Request"


def test_a_forecast_becomes_better_as_its_hour_comes_nearer(ask: Ask) -> None:
    """Over two weeks of forecasts, as one of them may be right by chance."""
    scene = ask("neso")
    near, far = 0.0, 0.0
    for _ in range(14):
        scene.clock.advance(DAY)
        misses = [
            abs(p.gco2eq_per_kwh / intensity("GB", p.start) - 1)
            for p in ahead(scene.fetch("GB", HOUR))
        ]
        near += sum(misses[:6]) / 6
        far += sum(misses[-6:]) / 6
    assert far > 2 * near
