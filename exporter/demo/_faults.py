"""The faults in force in a fake, and the lock that lets tests change them at any time."""

import threading
from typing import Any, Generic, Protocol, TypeVar


class AnyFault(Protocol):
    """What the book must know of a fault."""

    @property
    def wait_seconds(self) -> float | None:
        """How long it keeps a request waiting; None until the faults are cleared."""
        ...

    def meets(self, call: Any, /) -> bool:  # noqa: ANN401 - each fake has a record of its own
        """Whether a request runs into it."""
        ...


FaultT = TypeVar("FaultT", bound=AnyFault)


class FaultBook(Generic[FaultT]):
    """The faults in force. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._left: list[tuple[FaultT, float]] = []

    def add(self, fault: FaultT, *, times: int | None = None) -> None:
        """Put a fault in force for so many requests, or until cleared where ``times`` is None."""
        with self._lock:
            self._left.append((fault, float("inf") if times is None else times))

    def clear(self) -> None:
        """End all faults; requests that hang are answered now."""
        with self._lock:
            self._left.clear()
            self._released.set()
            self._released = threading.Event()

    def meet(self, call: object) -> tuple[FaultT, ...]:
        """Return the faults that a request meets, after the waiting that they cause.

        Each has one time less to happen.
        """
        with self._lock:
            met = tuple(fault for fault, _ in self._left if fault.meets(call))
            used = ((fault, left - fault.meets(call)) for fault, left in self._left)
            self._left = [(fault, left) for fault, left in used if left > 0]
            released = self._released
        for fault in met:
            if fault.wait_seconds != 0:
                released.wait(fault.wait_seconds)
        return met
