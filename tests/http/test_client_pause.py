"""What the client keeps between requests, and what its errors tell a source."""

from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from exporter.core.errors import AuthError, BadPayloadError, ThrottledError, UnreachableError
from exporter.http.client import (
    RETRY_AFTER_MAX_SECONDS,
    Endpoint,
    JsonClient,
    RefusedError,
    StatusError,
)
from exporter.http.deadline import cycle
from tests.support.clock import ManualClock
from tests.support.grids import context
from tests.support.streamed import streamed


class Scene:
    """A client, and the answer that it gets next."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.answer = httpx.Response(200, json={})
        self.seen: list[httpx.Request] = []
        endpoint = Endpoint(source="src", base_url="https://grid.example.org", auth_fix="-")
        transport = streamed(self._respond)
        self.client = JsonClient(endpoint, context(self.clock), transport=transport)

    def _respond(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        return self.answer

    def get(self, **headers: str) -> object:
        return self.client.get_json("/latest", api="latest", headers=headers)


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    with closing(made.client):
        yield made


def test_headers_of_a_request_go_with_that_one_only(scene: Scene) -> None:
    scene.get(token="a-key")
    scene.get()
    assert [request.headers.get("token") for request in scene.seen] == ["a-key", None]


def test_nothing_is_sent_within_a_pause_that_the_source_asked_for(scene: Scene) -> None:
    scene.answer = httpx.Response(429, headers={"Retry-After": "300"})
    with pytest.raises(ThrottledError):
        scene.get()
    scene.answer = httpx.Response(200, json={})
    scene.clock.advance(299)
    with pytest.raises(ThrottledError, match="asked for a pause, 1 s are left"):
        scene.get()
    assert len(scene.seen) == 1
    scene.clock.advance(1)
    assert scene.get() == {}


def test_a_pause_never_lasts_longer_than_an_hour(scene: Scene) -> None:
    scene.answer = httpx.Response(429, headers={"Retry-After": "999999999"})
    with pytest.raises(ThrottledError):
        scene.get()
    scene.answer = httpx.Response(200, json={})
    scene.clock.advance(3600)
    assert scene.get() == {}


def test_a_short_wait_is_no_pause(scene: Scene) -> None:
    seconds = str(int(RETRY_AFTER_MAX_SECONDS))
    scene.answer = httpx.Response(429, headers={"Retry-After": seconds})
    with pytest.raises(ThrottledError):
        scene.get()
    scene.answer = httpx.Response(200, json={})
    assert scene.get() == {}


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_keeps_its_status(scene: Scene, status: int) -> None:
    scene.answer = httpx.Response(status)
    with pytest.raises(RefusedError) as caught:
        scene.get()
    assert isinstance(caught.value, AuthError)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'{"message": "s3cr3t"}', {"message": "s3cr3t"}),
        (b"s3cr3t", None),
        (b"<html>s3cr3t</html>", None),
        (b"\xff", None),
        (b"[" * 4000, None),
        (b'{"message": "' + b"s3cr3t" * 1000 + b'"}', None),
    ],
)
def test_another_status_keeps_a_short_document_and_never_shows_it(
    scene: Scene, body: bytes, document: object
) -> None:
    scene.answer = httpx.Response(404, content=body)
    with pytest.raises(StatusError) as caught:
        scene.get()
    assert isinstance(caught.value, BadPayloadError)
    assert (caught.value.status, caught.value.document) == (404, document)
    assert "s3cr3t" not in str(caught.value)
    assert "s3cr3t" not in repr(caught.value)


def test_nothing_is_asked_once_the_time_of_a_cycle_is_over(scene: Scene) -> None:
    with cycle(0.0), pytest.raises(UnreachableError, match="all of the 0 s that one cycle has"):
        scene.get()
    assert scene.seen == []
    scene.get()
    assert len(scene.seen) == 1, "the next cycle has time of its own"


def test_no_try_is_waited_for_beyond_the_end_of_a_cycle(scene: Scene) -> None:
    scene.answer = httpx.Response(429, headers={"Retry-After": "10"})
    with cycle(9.0), pytest.raises(ThrottledError):
        scene.get()
    assert len(scene.seen) == 1
