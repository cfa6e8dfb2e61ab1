"""What the world sends once in a while, to every grid source, and what a first question costs."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Final

import pytest

from exporter.core.errors import CollectorError
from exporter.demo.grid.faults import Answer
from tests.support.grid_scene import DAY, Scene
from tests.support.grids import FIXTURES

ERROR_BODIES: Final[Mapping[str, int]] = {
    "eia_error_invalid_key.json": 403,
    "electricitymaps_error_401.json": 401,
    "electricitymaps_error_403.txt": 403,
    "electricitymaps_error_404_no_data.json": 404,
    "entsoe_no_data.xml": 200,
    "neso_error_400.json": 400,
    "neso_error_500.json": 500,
    "watttime_error_403.html": 403,
    "watttime_v3_invalid_scope_403.json": 403,
    "watttime_v3_region_not_found.json": 404,
}
Change = Callable[[Answer], Answer]
STATUSES: Final = (400, 401, 403, 404, 410, 429, 500, 502, 503, 504)
STAMP: Final = re.compile(rb"T\d\d(:\d\d(:\d\d(\.\d+)?)?)?(?=[Z\"+<])|(?<= )\d\d:\d\d:\d\d(?=\")")


@pytest.fixture
def rewrite(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Callable[[Change], None]:
    """Change every answer of the API from now on."""
    respond = scene.fake.respond

    def rewrite_with(change: Change) -> None:
        monkeypatch.setattr(scene.fake, "respond", lambda target: change(respond(target)))

    return rewrite_with


@pytest.fixture(params=["Pacific/Auckland", "America/St_Johns"])
def _machine_elsewhere(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


def always(status: int, body: bytes | None = None) -> Change:
    """Give every answer this status, and this body unless it is None."""

    def change(right: Answer) -> Answer:
        return Answer(status=HTTPStatus(status), body=right.body if body is None else body)

    return change


def named_error(scene: Scene) -> str:
    """Ask, a day later than ever before: what an earlier answer taught the source is forgotten."""
    scene.clock.advance(DAY + 3600)
    with pytest.raises(CollectorError) as caught:
        scene.last_days()
    return str(caught.value)


def test_every_error_body_is_a_named_error_also_where_its_status_says_that_all_is_well(
    scene: Scene, rewrite: Callable[[Change], None]
) -> None:
    for name, documented in ERROR_BODIES.items():
        body = (FIXTURES / name).read_bytes()
        for status in (documented, 200):
            rewrite(always(status, body))
            told = named_error(scene)
            assert told.startswith(scene.subject.kind), name
            assert "\n" not in told
            assert body.decode().strip() not in told


@pytest.mark.parametrize("body", [b"", b"<html><h1>Bad gateway</h1></html>", b'{"points": []}'])
def test_every_status_of_failure_is_a_named_error_whatever_stands_below_it(
    scene: Scene, rewrite: Callable[[Change], None], body: bytes
) -> None:
    for status in STATUSES:
        rewrite(always(status, body))
        assert named_error(scene).startswith(scene.subject.kind)


def test_a_right_answer_under_a_status_of_failure_is_not_believed(
    scene: Scene, rewrite: Callable[[Change], None]
) -> None:
    for status in STATUSES:
        rewrite(always(status))
        assert named_error(scene).startswith(scene.subject.kind)


def test_a_leap_second_never_moves_a_value_to_another_time(
    scene: Scene, rewrite: Callable[[Change], None]
) -> None:
    """One stamp of each answer becomes one: its value is left out, or the answer is refused."""
    spoiled: list[int] = []

    def change(right: Answer) -> Answer:
        body, count = STAMP.subn(lambda stamp: _leap(stamp[0]), right.body, count=1)
        spoiled.append(count)
        return replace(right, body=body)

    rewrite(change)
    try:
        reading = scene.last_days()
    except CollectorError as error:
        told = str(error)
    else:
        told = str(reading.failures[0]) if any(spoiled) else scene.subject.kind
        scene.assert_true_values(reading)
        assert set(scene.starts(reading)) <= set(range(scene.begin(), scene.now, scene.step))
    assert told.startswith(scene.subject.kind)
    assert any(spoiled) == scene.subject.text_stamps


def _leap(stamp: bytes) -> bytes:
    return b"T" * stamp.startswith(b"T") + b"23:59:60"


@pytest.mark.usefixtures("_machine_elsewhere")
def test_the_time_zone_of_the_machine_changes_nothing(scene: Scene) -> None:
    assert time.localtime(0).tm_gmtoff != 0
    reading = scene.last_days()
    assert scene.starts(reading) == list(range(scene.begin(), scene.now, scene.step))
    scene.assert_true_values(reading)


def test_the_running_interval_is_an_estimate(scene: Scene) -> None:
    if not scene.subject.estimates:
        pytest.skip("what is simulated is known at once")
    scene.clock.advance(60)
    reading = scene.last_days()
    running = [p for p in reading.points if not p.forecast and p.start == scene.running]
    assert [point.estimated for point in running] == [True]


def test_a_first_question_gives_a_history_at_the_cost_of_a_few_requests(scene: Scene) -> None:
    history = scene.source.history_seconds
    reading = scene.fetch(scene.now - history, scene.now)
    starts = scene.starts(reading)
    assert reading.failures == ()
    assert scene.now - starts[0] >= history
    assert starts == list(range(starts[0], scene.now, scene.step))
    scene.assert_true_values(reading)
    assert scene.requests <= scene.subject.first_requests


def test_every_source_but_that_of_the_last_hour_remembers_what_a_forecast_needs(
    scene: Scene,
) -> None:
    if scene.subject.history_seconds is not None:
        pytest.skip("the API has no such history")
    assert scene.source.history_seconds >= scene.subject.remembers
