"""Between the engine and the server: one reference, swapped when a new snapshot is finished."""

import threading
from dataclasses import dataclass

from exporter.core.snapshot import Snapshot
from exporter.exposition.documents import JSON_TYPE, encode, summary
from exporter.exposition.render import Body, Exposition, Renderer, body


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One snapshot with everything that was made of it; ``snapshot`` is None before the first."""

    snapshot: Snapshot | None
    metrics: Exposition
    summary: Body | None


class Publisher:
    """Renders each new snapshot and swaps one reference. Readers never wait."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._lock = threading.Lock()
        self._current = Published(snapshot=None, metrics=renderer.render(None), summary=None)

    @property
    def current(self) -> Published:
        """The latest finished state: always of one snapshot, never a mixture."""
        return self._current

    def publish(self, snapshot: Snapshot) -> None:
        """Render a snapshot and put it in place of the one before. Thread-safe."""
        with self._lock:
            self._current = Published(
                snapshot=snapshot,
                metrics=self._renderer.render(snapshot),
                summary=body(JSON_TYPE, encode(summary(snapshot))),
            )
