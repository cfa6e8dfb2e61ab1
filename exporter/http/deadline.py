"""Absolute ends for what may wait: a request from its connection to its last byte, a whole cycle.

The time-outs of HTTP libraries are for one ``recv``: a peer that sends a byte now and then, or one
100 Continue after the other, holds a thread for ever. Two means end that, whatever the library:

* ``Limit`` watches the sockets of one request. Past its end a thread of this module shuts them
  down, and whoever reads from them finds the connection closed.
* ``within`` does a piece of work in a thread of its own and stops waiting for it in the end. It is
  for what has no socket that we could shut: name resolution, a process that prints credentials.

``TimeBudget`` is how long a whole cycle may take, all its requests together; ``cycle`` makes one
known to whatever is asked inside of it.
"""

import contextvars
import heapq
import itertools
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from types import TracebackType
from typing import Final, Self, TypeVar

MOST_LEFT_BEHIND: Final = 32
"""Threads that may hang in work nobody waits for any more; beyond, nothing is started."""

_T = TypeVar("_T")


class PastDeadlineError(TimeoutError):
    """The time is over. It is a time-out to every library, and to us the reason for it."""

    def __init__(self, seconds: float, what: str = "no whole answer") -> None:
        super().__init__(f"{what} within {seconds:.3g} s")


class Limit:
    """The time of one request. Use it in a ``with``; ``hold`` each socket that it goes over.

    What is held is a duplicate of the descriptor: it stays the same connection when TLS wraps the
    socket, and is never that of another one which got the number after a close.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = max(seconds, 0.0)
        self._ends = time.monotonic() + self.seconds
        self._lock = threading.Lock()
        self._lines: list[socket.socket] = []
        self._over = False
        self.passed = False
        """Whether it came to its end before the request did."""

    @property
    def left(self) -> float:
        """Seconds until the end, never negative."""
        return max(0.0, self._ends - time.monotonic())

    @property
    def ends(self) -> float:
        """When it ends, by ``time.monotonic``."""
        return self._ends

    def hold(self, line: socket.socket) -> None:
        """Shut a connection down at the end; at once, where that has passed."""
        with self._lock:
            if self._over or line.fileno() < 0:
                return
            if not self.passed:
                # Not line.dup(): a socket of TLS refuses it.
                self._lines.append(socket.socket(fileno=os.dup(line.fileno())))
                return
        _shut(line)

    def start(self) -> Self:
        """Begin to watch. Whoever does not use a ``with`` calls ``stop`` in any case."""
        _watchdog.watch(self)
        return self

    def stop(self) -> None:
        """End the watch, as the request has ended. The connections stay as they are."""
        with self._lock:
            self._over = True
            lines, self._lines = self._lines, []
        for line in lines:
            line.close()

    def expire(self) -> None:
        """Shut down what is held; the watchdog calls it."""
        with self._lock:
            if self._over:
                return
            self.passed = True
            for line in self._lines:
                _shut(line)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _shut(line: socket.socket) -> None:
    # That of the plain socket: the one of a TLS socket would take the session away from a reader.
    with suppress(OSError):
        socket.socket.shutdown(line, socket.SHUT_RDWR)


class _Watchdog:
    """One thread, started when it is first needed, that expires limits in the order they end."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ahead: list[tuple[float, int, Limit]] = []
        self._order = itertools.count()
        self._thread: threading.Thread | None = None

    def watch(self, limit: Limit) -> None:
        with self._changed:
            heapq.heappush(self._ahead, (limit.ends, next(self._order), limit))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            self._next().expire()

    def _next(self) -> Limit:
        with self._changed:
            while True:
                wait = self._ahead[0][0] - time.monotonic() if self._ahead else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._ahead)[2]
                self._changed.wait(wait)


_watchdog: Final = _Watchdog()


class _LeftBehind:
    """Counts the threads whose work nobody waits for any more, until they end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()

    def add(self, thread: threading.Thread) -> None:
        with self._lock:
            self._threads.add(thread)

    @property
    def is_full(self) -> bool:
        with self._lock:
            self._threads = {one for one in self._threads if one.is_alive()}
            return len(self._threads) >= MOST_LEFT_BEHIND


_left_behind: Final = _LeftBehind()


def within(seconds: float, work: Callable[[], _T], what: str = "no whole answer") -> _T:
    """Do a piece of work in another thread and return its outcome; context variables go with it.

    Work that is not done in time goes on alone, and what comes of it is dropped.

    Raises:
        PastDeadlineError: it is not done in time, or too much that hangs was left behind before.
    """
    if seconds <= 0 or _left_behind.is_full:
        raise PastDeadlineError(max(seconds, 0.0), what)
    outcome: Future[_T] = Future()
    context = contextvars.copy_context()

    def do() -> None:
        try:
            outcome.set_result(context.run(work))
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            outcome.set_exception(error)

    thread = threading.Thread(target=do, name="within", daemon=True)
    thread.start()
    try:
        return outcome.result(seconds)
    except TimeoutError:
        if outcome.done():  # then it is the work's own, or came at the last moment
            return outcome.result()
        _left_behind.add(thread)
        raise PastDeadlineError(seconds, what) from None


class TimeBudget:
    """How long a cycle may take in all. Without a start there is no end."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends = float("inf")

    def start(self) -> None:
        """Begin a cycle now."""
        self._ends = time.monotonic() + self.seconds

    @property
    def left(self) -> float:
        """Seconds until the cycle's end, never negative."""
        return max(0.0, self._ends - time.monotonic())


_NO_CYCLE: Final = TimeBudget(float("inf"))
_cycle: Final[ContextVar[TimeBudget]] = ContextVar("cycle", default=_NO_CYCLE)


@contextmanager
def cycle(seconds: float) -> Iterator[TimeBudget]:
    """Give all that is asked inside so many seconds together, whoever asks and however often.

    It is known by context, as ``within`` passes it on: between a collector and its client there
    are sources that have nothing to do with it.
    """
    budget = TimeBudget(seconds)
    budget.start()
    token = _cycle.set(budget)
    try:
        yield budget
    finally:
        _cycle.reset(token)


def present_cycle() -> TimeBudget:
    """Return the time of the cycle that this is done in; without one there is no end."""
    return _cycle.get()
