from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.errors import BadPayloadError, ThrottledError
from exporter.http.client import Endpoint, JsonClient
from exporter.http.documents import Budget, Documents, LeftForLaterError, Turns
from tests.support.clock import ManualClock
from tests.support.grid_script import GridScript
from tests.support.grids import context


def test_a_budget_gives_a_burst_and_then_its_rate() -> None:
    clock = ManualClock()
    budget = Budget(clock, per_minute=2, burst=4)
    assert [budget.take() for _ in range(5)] == [True] * 4 + [False]
    clock.advance(29)
    assert not budget.take()
    clock.advance(1)
    assert [budget.take(), budget.take()] == [True, False]


def test_a_budget_saves_up_no_more_than_its_burst() -> None:
    clock = ManualClock()
    budget = Budget(clock, per_minute=2, burst=4)
    clock.advance(86400)
    assert [budget.take() for _ in range(5)] == [True] * 4 + [False]


@given(pauses=st.lists(st.floats(0, 100), max_size=60))
def test_a_budget_is_never_exceeded_over_any_time(pauses: list[float]) -> None:
    clock = ManualClock()
    budget = Budget(clock, per_minute=6, burst=3)
    taken = 0
    for pause in pauses:
        clock.advance(pause)
        taken += budget.take()
    assert taken <= 3 + sum(pauses) / 10 + 1e-6


def test_turns_begin_with_who_was_asked_longest_ago() -> None:
    clock = ManualClock()
    turns = Turns(clock)
    for name in ("b", "c"):
        clock.advance(1)
        turns.take(name, lambda: None)
    assert turns.ordered(["c", "b", "a"]) == ["a", "b", "c"]
    clock.advance(1)
    turns.take("b", lambda: None)
    assert turns.ordered("abc") == ["a", "c", "b"]


def test_a_turn_is_kept_where_the_budget_was_spent_and_lost_where_the_answer_failed() -> None:
    clock = ManualClock()
    turns = Turns(clock)
    turns.take("a", lambda: None)
    turns.take("b", lambda: None)
    clock.advance(1)
    with pytest.raises(LeftForLaterError):
        turns.take("a", raising(LeftForLaterError("spent")))
    with pytest.raises(BadPayloadError):
        turns.take("b", raising(BadPayloadError("bad")))
    assert turns.ordered("ba") == ["a", "b"]


def raising(error: Exception) -> type[object]:
    def ask() -> None:
        raise error

    return ask  # type: ignore[return-value]


class Scene:
    """Documents that are kept for 100 s, and the API that has them."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.api = GridScript({"/a": {"n": 1}, "/b": {"n": 2}})
        setting = context(self.clock)
        endpoint = Endpoint(source="src", base_url=self.api.url, auth_fix="-")
        self.budget = Budget(self.clock, per_minute=1, burst=3)
        self.documents = Documents(
            JsonClient(endpoint, setting), self.clock, keep_seconds=100, budget=self.budget
        )

    def get(self, path: str, **params: str) -> object:
        return self.documents.get(path, api="get", params=list(params.items()))


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    with made.api, closing(made.documents):
        yield made


def test_an_answer_is_kept_and_asked_for_again_when_it_is_old(scene: Scene) -> None:
    assert scene.get("/a") == scene.get("/a") == {"n": 1}
    scene.clock.advance(99)
    scene.get("/a")
    assert scene.api.paths == ["/a"]
    scene.clock.advance(1)
    scene.api.answers["/a"] = {"n": 3}
    assert scene.get("/a") == {"n": 3}


def test_another_path_or_query_is_another_answer(scene: Scene) -> None:
    scene.get("/a")
    assert scene.get("/b") == {"n": 2}
    scene.get("/a", zone="FR")
    assert scene.api.paths == ["/a", "/b", "/a"]


def test_an_error_is_not_kept(scene: Scene) -> None:
    scene.api.answers["/a"] = "<html>"
    with pytest.raises(BadPayloadError):
        scene.get("/a")
    scene.api.answers["/a"] = {"n": 1}
    assert scene.get("/a") == {"n": 1}


def test_beyond_the_budget_only_kept_answers_are_given(scene: Scene) -> None:
    for zone in ("FR", "DE", "IE"):
        scene.get("/a", zone=zone)
    with pytest.raises(LeftForLaterError):
        scene.get("/b")
    assert scene.get("/a", zone="FR") == {"n": 1}
    scene.clock.advance(60)
    assert scene.get("/b") == {"n": 2}


def test_tries_after_a_refusal_cost_of_the_budget_too(scene: Scene) -> None:
    scene.api.answers["/a"] = (429, {})
    with pytest.raises(ThrottledError):
        scene.get("/a")
    with pytest.raises(ThrottledError):
        scene.get("/a")
    assert len(scene.api.paths) == 3, "as many as the budget has at once"
