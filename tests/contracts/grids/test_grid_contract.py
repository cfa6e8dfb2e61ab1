"""One suite for every grid source: the right value or a named error, whatever the answer is."""

import time
from contextlib import closing
from datetime import datetime

import pytest

from exporter.core.clock import from_epoch
from exporter.core.errors import (
    AuthError,
    BadPayloadError,
    CollectorError,
    NoDataError,
    ThrottledError,
    UnreachableError,
)
from exporter.demo._faults import FaultKind
from exporter.demo._http import SilentServer
from exporter.demo.grid import Fault
from exporter.demo.grid.faults import GridFault
from exporter.http.client import ATTEMPTS
from exporter.http.deadline import cycle
from tests.support.grid_scene import DAY, Scene
from tests.support.grids import context

PATIENCE_SECONDS = 5.0
"""Far above what three tries within 0.6 s each take, far below what the answer would."""


def skip_without_history(scene: Scene) -> None:
    if scene.subject.history_seconds is not None:
        pytest.skip("the API has no such history")


def test_every_interval_of_a_window_has_its_value_the_running_one_included(scene: Scene) -> None:
    reading = scene.last_days()
    assert scene.starts(reading) == list(range(scene.begin(), scene.now, scene.step))
    assert reading.failures == ()
    scene.assert_true_values(reading)


def test_an_unaligned_window_gets_the_intervals_that_overlap_it(scene: Scene) -> None:
    aligned = scene.begin()
    reading = scene.fetch(aligned + 100, aligned + scene.step + 1)
    assert scene.starts(reading) == [aligned, aligned + scene.step]


@pytest.mark.parametrize("offset", [0, 700])
def test_a_long_window_is_read_in_pieces_without_gap_or_overlap(scene: Scene, offset: int) -> None:
    skip_without_history(scene)
    start = scene.begin(scene.subject.long_days)
    reading = scene.fetch(start + offset, scene.now)
    first = start + offset // scene.step * scene.step
    assert scene.starts(reading) == list(range(first, scene.now, scene.step))
    assert scene.requests > 1
    scene.assert_true_values(reading)


def test_only_a_source_that_tells_it_says_how_the_present_compares(scene: Scene) -> None:
    reading = scene.fetch(scene.begin(), scene.now + 1)
    assert len(reading.standings) == (scene.subject.percentile is not None)
    scene.assert_true_values(reading)
    past = scene.fetch(scene.begin(), scene.begin() + scene.step)
    assert past.standings == (), "a window of the past is not about the present"


@pytest.mark.parametrize("fault", [None, Fault.FUTURE])
def test_intervals_that_have_not_begun_are_left_out_or_are_forecasts(
    scene: Scene, fault: Fault | None
) -> None:
    if fault is not None:
        scene.fake.inject(fault)
    reading = scene.fetch(scene.begin(), scene.now + DAY)
    assert max(scene.starts(reading)) == scene.running
    scene.assert_true_values(reading)


def test_a_window_in_the_future_is_not_asked_for(scene: Scene) -> None:
    reading = scene.fetch(scene.now + scene.step, scene.now + DAY)
    assert reading.points == ()
    assert scene.fake.paths == []


def test_a_zone_that_is_not_covered_is_not_asked_for(scene: Scene) -> None:
    uncovered = [zone for zone in ("", "WORLD", "FR") if not scene.source.covers(zone)]
    assert uncovered
    reading = scene.source.fetch([z for z in uncovered if z], scene.now - DAY, scene.now)
    assert reading.points == ()
    assert scene.fake.paths == []


def test_a_clock_in_another_time_zone_changes_nothing(scene: Scene) -> None:
    before = scene.last_days()
    scene.clock.set(datetime.fromisoformat("2026-03-02T18:10:00+05:30"))
    assert scene.last_days() == before


@pytest.mark.parametrize("day", ["2026-03-29T04:10:00Z", "2026-10-25T04:10:00Z"])
def test_days_on_which_the_clocks_change_have_every_interval_once(scene: Scene, day: str) -> None:
    scene.clock.set(datetime.fromisoformat(day))
    reading = scene.last_days()
    assert scene.starts(reading) == list(range(scene.begin(), scene.now, scene.step))
    scene.assert_true_values(reading)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.UNAUTHORIZED, AuthError),
        (Fault.FORBIDDEN, AuthError),
        (Fault.NOT_FOUND, BadPayloadError),
        (Fault.THROTTLED, ThrottledError),
        (Fault.SERVER_ERROR, UnreachableError),
        (Fault.REDIRECT, BadPayloadError),
        (Fault.HTML, BadPayloadError),
        (Fault.TRUNCATED, BadPayloadError),
        (Fault.EMPTY, NoDataError),
        (Fault.NULLS, NoDataError),
    ],
)
def test_a_useless_answer_is_its_named_error(
    scene: Scene, fault: Fault, error: type[CollectorError]
) -> None:
    scene.fake.inject(fault)
    with pytest.raises(error) as caught:
        scene.last_days()
    assert scene.subject.kind in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fault", sorted(set(Fault) - {Fault.HANG}))
def test_no_fault_ever_gives_a_wrong_value_or_another_exception(scene: Scene, fault: Fault) -> None:
    scene.fake.inject(fault)
    try:
        reading = scene.last_days()
    except CollectorError:
        return
    assert scene.starts(reading)
    scene.assert_true_values(reading)


def test_an_answer_of_3_mb_gives_its_values(scene: Scene) -> None:
    scene.fake.inject(Fault.HUGE)
    reading = scene.last_days()
    scene.assert_true_values(reading)
    assert scene.starts(reading) == list(range(scene.begin(), scene.now, scene.step))


def test_silence_is_unreachable(scene: Scene) -> None:
    scene.fake.inject(Fault.HANG)
    with (
        closing(scene.subject.impatient(scene.fake.url, scene.setting)) as source,
        pytest.raises(UnreachableError, match="no answer within"),
    ):
        source.fetch([scene.subject.zone], scene.now - DAY, scene.now)


@pytest.mark.parametrize(
    ("kind", "every"),
    [
        (FaultKind.DRIP, 0.05),
        (FaultKind.DRIP_HEADERS, 0.05),
        (FaultKind.ENDLESS_INFORMATIONAL, 0.02),
        (FaultKind.HALF_OPEN, 0.0),
    ],
)
def test_an_answer_that_does_not_end_is_cut_off(
    scene: Scene, kind: FaultKind, every: float
) -> None:
    scene.fake.inject(kind, seconds=every)
    began = time.monotonic()
    with (
        closing(scene.subject.impatient(scene.fake.url, scene.setting)) as source,
        pytest.raises(UnreachableError),
    ):
        source.fetch([scene.subject.zone], scene.now - DAY, scene.now)
    assert time.monotonic() - began < PATIENCE_SECONDS


def test_a_cycle_of_many_requests_has_an_end_of_its_own(scene: Scene) -> None:
    """A source with much patience for each request is cut off in the middle of one, and told."""
    scene.fake.inject(FaultKind.DRIP, seconds=0.05)
    began = time.monotonic()
    with cycle(0.4):
        for days in (1, 2, 3):  # as a collector asks: the history, the present, what is late
            with pytest.raises(UnreachableError, match="that one cycle has"):
                scene.last_days(days)
    assert time.monotonic() - began < PATIENCE_SECONDS
    scene.fake.heal()
    scene.assert_true_values(scene.last_days())


def test_an_error_that_trickles_is_cut_off_too(scene: Scene) -> None:
    scene.fake.inject(Fault.NOT_FOUND)
    scene.fake.faults.add(GridFault(kind=FaultKind.DRIP, seconds=0.1))
    began = time.monotonic()
    with (
        closing(scene.subject.impatient(scene.fake.url, scene.setting)) as source,
        pytest.raises(CollectorError),
    ):
        source.fetch([scene.subject.zone], scene.now - DAY, scene.now)
    assert time.monotonic() - began < PATIENCE_SECONDS


@pytest.mark.parametrize("drip_seconds", [None, 0.05])
def test_a_handshake_that_does_not_end_is_cut_off(scene: Scene, drip_seconds: float | None) -> None:
    began = time.monotonic()
    with (
        closing(SilentServer(drip_seconds)) as server,
        closing(scene.subject.impatient(server.url, scene.setting)) as source,
        pytest.raises(UnreachableError),
    ):
        source.fetch([scene.subject.zone], scene.now - DAY, scene.now)
    assert time.monotonic() - began < PATIENCE_SECONDS


def test_a_bomb_is_refused_before_it_is_unpacked(scene: Scene) -> None:
    scene.fake.inject(FaultKind.GZIP_BOMB)
    with pytest.raises(BadPayloadError, match="larger than"):
        scene.last_days()


def test_no_server_is_unreachable(scene: Scene) -> None:
    with scene.subject.fake(scene.clock) as gone:
        url = gone.url
    with (
        closing(scene.subject.build(url, context(scene.clock))) as source,
        pytest.raises(UnreachableError, match="cannot connect"),
    ):
        source.fetch([scene.subject.zone], scene.now - DAY, scene.now)


def test_a_passing_fault_is_retried_and_every_request_counted(scene: Scene) -> None:
    scene.fake.inject(Fault.SERVER_ERROR, answers=1)
    assert scene.last_days().points
    assert scene.requests == len(scene.fake.paths)
    assert scene.fake.paths[0] == scene.fake.paths[1]


def test_retries_of_a_lasting_fault_are_bounded_and_counted(scene: Scene) -> None:
    scene.fake.inject(Fault.SERVER_ERROR)
    with pytest.raises(UnreachableError):
        scene.last_days(40)
    assert scene.requests == len(scene.fake.paths) == ATTEMPTS


@pytest.mark.parametrize("fault", [Fault.UNAUTHORIZED, Fault.NOT_FOUND, Fault.HTML])
def test_what_a_retry_cannot_mend_is_asked_once(scene: Scene, fault: Fault) -> None:
    scene.fake.inject(fault)
    with pytest.raises(CollectorError):
        scene.last_days()
    assert len(scene.fake.paths) == len(set(scene.fake.paths))


@pytest.mark.parametrize(("retry_after", "requests_sent"), [(1, ATTEMPTS), (3600, 1)])
def test_a_short_retry_after_is_honoured_and_a_long_one_left_to_the_next_refresh(
    scene: Scene, retry_after: int, requests_sent: int
) -> None:
    scene.fake.inject(Fault.THROTTLED, retry_after=retry_after)
    with pytest.raises(ThrottledError):
        scene.last_days()
    assert len(scene.fake.paths) == requests_sent


def test_one_spoiled_piece_does_not_lose_the_others(scene: Scene) -> None:
    skip_without_history(scene)
    scene.fetch(scene.running, scene.now)
    scene.fake.inject(Fault.TRUNCATED, answers=1)
    reading = scene.last_days(scene.subject.long_days)
    assert reading.points
    assert [type(failure) for failure in reading.failures] == [BadPayloadError]
    scene.assert_true_values(reading)


def test_the_source_recovers_without_a_restart(scene: Scene) -> None:
    scene.fake.inject(Fault.UNAUTHORIZED)
    with pytest.raises(AuthError):
        scene.last_days()
    scene.fake.heal()
    assert scene.last_days().points


def test_a_proxy_of_the_environment_is_not_asked_for_loopback(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with closing(scene.subject.build(scene.fake.url, context(scene.clock))) as source:
        assert source.fetch([scene.subject.zone], scene.now - DAY, scene.now).points


def test_times_reach_the_wire_in_utc(scene: Scene) -> None:
    if not scene.subject.wire_time:
        pytest.skip("its request has no such time")
    start = scene.begin()
    scene.fetch(start, start + scene.step)
    assert from_epoch(start).strftime(scene.subject.wire_time) in scene.fake.paths[0]


def test_no_message_holds_a_key(scene: Scene) -> None:
    keys = [str(scene.subject.settings.get(name, "")) for name in ("token", "password")]
    if not any(keys):
        pytest.skip("it needs no key")
    told: list[object] = []
    for fault in sorted(set(Fault) - {Fault.HANG}):
        scene.fake.inject(fault)
        try:
            told += scene.last_days().failures
        except CollectorError as error:
            told += [error, error.__cause__, error.__context__]
    assert told
    assert not [text for text in map(str, told) for key in keys if key and key in text]
    assert not [text for text in map(repr, told) for key in keys if key and key in text]
