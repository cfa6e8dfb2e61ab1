"""Between the engine and the server: one reference, swapped when a new snapshot is finished."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from exporter.core.snapshot import Snapshot
from exporter.exposition.documents import JSON_TYPE, encode, summary
from exporter.exposition.render import Body, Exposition, Renderer, body

STALE_SECONDS: Final = 120.0
"""Eight times as long as it should take until the next snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One snapshot with everything that was made of it; ``snapshot`` is None before the first."""

    snapshot: Snapshot | None
    metrics: Exposition
    summary: Body | None


class Publisher:
    """Renders each new snapshot and swaps one reference. Readers never wait.

    ``monotonic`` tells seconds from any origin.
    """

    def __init__(
        self, renderer: Renderer, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._renderer = renderer
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._nothing = Published(snapshot=None, metrics=renderer.render(None), summary=None)
        self._current = self._nothing
        self._valid_until = 0.0

    @property
    def current(self) -> Published:
        """The latest finished state: always of one snapshot, never a mixture.

        When no new one came for long, whatever holds it up, it is as before the first one: gauges
        that stand still would look like live ones, and counters that are absent are no reset.
        """
        current = self._current
        return current if self._monotonic() <= self._valid_until else self._nothing

    def publish(self, snapshot: Snapshot) -> None:
        """Render a snapshot and put it in place of the one before. Thread-safe."""
        with self._lock:
            current = Published(
                snapshot=snapshot,
                metrics=self._renderer.render(snapshot),
                summary=body(JSON_TYPE, encode(summary(snapshot))),
            )
            self._valid_until = self._monotonic() + STALE_SECONDS
            self._current = current
