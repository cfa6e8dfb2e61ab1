"""What waits, ends: sockets are shut at their limit, and work without one is left behind."""

import contextvars
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from exporter.http import deadline
from exporter.http.deadline import (
    Limit,
    PastDeadlineError,
    TimeBudget,
    cycle,
    present_cycle,
    within,
)

SHORT = 0.1
PATIENCE = 5.0


@pytest.fixture
def lines() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_read_that_waits_is_ended_by_its_limit(
    lines: tuple[socket.socket, socket.socket],
) -> None:
    ours, _ = lines
    ours.settimeout(PATIENCE)
    with Limit(SHORT) as limit:
        limit.hold(ours)
        assert ours.recv(1) == b""
    assert limit.passed


def test_a_request_that_ends_in_time_keeps_its_connection(
    lines: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = lines
    with Limit(SHORT) as limit:
        limit.hold(ours)
    with Limit(2 * SHORT) as later:
        later.hold(theirs)
        ours.settimeout(PATIENCE)
        ours.recv(1)
    assert later.passed
    assert not limit.passed


def test_a_connection_that_comes_too_late_is_shut_at_once(
    lines: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = lines
    with Limit(0.0) as limit:
        theirs.settimeout(PATIENCE)
        limit.hold(theirs)
        theirs.recv(1)
        assert limit.passed
        limit.hold(ours)
        ours.settimeout(PATIENCE)
        assert ours.recv(1) == b""


def test_a_limit_ends_before_one_that_was_made_earlier_and_lasts_longer(
    lines: tuple[socket.socket, socket.socket],
) -> None:
    ours, _ = lines
    ours.settimeout(PATIENCE)
    with Limit(60.0), Limit(SHORT) as short:
        short.hold(ours)
        assert ours.recv(1) == b""


def test_a_handshake_over_a_held_socket_is_ended(
    lines: tuple[socket.socket, socket.socket],
) -> None:
    ours, _ = lines
    ours.settimeout(PATIENCE)
    began = time.monotonic()
    with Limit(SHORT) as limit:
        limit.hold(ours)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ssl.create_default_context().wrap_socket(ours, server_hostname="a.example")
    assert time.monotonic() - began < PATIENCE


def test_a_closed_socket_cannot_be_held(lines: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = lines
    ours.close()
    with Limit(SHORT) as limit:
        limit.hold(ours)


def test_work_gives_its_outcome_and_its_error() -> None:
    assert within(PATIENCE, lambda: 7) == 7
    with pytest.raises(TimeoutError, match="its own"):
        within(PATIENCE, _late)
    with pytest.raises(PastDeadlineError, match="within 0 s"):
        within(0.0, lambda: 7)


def _late() -> None:
    message = "its own"
    raise TimeoutError(message)


def test_context_variables_go_with_the_work() -> None:
    told: contextvars.ContextVar[str] = contextvars.ContextVar("told")
    told.set("here")
    assert within(PATIENCE, told.get) == "here"


def test_work_that_hangs_is_left_behind_but_only_so_often() -> None:
    release = threading.Event()
    try:
        for _ in range(deadline.MOST_LEFT_BEHIND):
            with pytest.raises(PastDeadlineError):
                within(0.001, release.wait)
        before = threading.active_count()
        with pytest.raises(PastDeadlineError):
            within(PATIENCE, release.wait)
        assert threading.active_count() <= before
    finally:
        release.set()
    with closing(socket.socket()):
        ends = time.monotonic() + PATIENCE
        while deadline._left_behind.is_full and time.monotonic() < ends:
            threading.Event().wait(0.001)
    assert within(PATIENCE, lambda: 7) == 7


def test_a_time_budget_has_no_end_until_it_is_started() -> None:
    budget = TimeBudget(SHORT)
    assert budget.left == float("inf")
    budget.start()
    assert 0 < budget.left <= SHORT
    TimeBudget(0.0).start()


def test_a_cycle_is_known_to_work_in_other_threads_and_ends_with_its_block() -> None:
    assert present_cycle().left == float("inf")
    with cycle(PATIENCE) as budget:
        assert within(PATIENCE, present_cycle) is budget
        assert 0 < present_cycle().left <= PATIENCE
    assert present_cycle().left == float("inf")
