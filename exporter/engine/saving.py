"""The ledger and the state file, kept together: taken up, tried again, taken up once it works.

A wanted file that cannot be used, for whatever reason, has one consequence: gauges go on, totals
are withheld, the store's ``success`` is 0, and the file is tried again. What was counted in memory
meanwhile is dropped when it works: nobody saw it, and the file's watermarks say what to read anew.
"""

from collections.abc import Mapping
from typing import Final

import structlog

from exporter.core.errors import Reason, StoreError, StoreLockedError
from exporter.core.ports import Clock
from exporter.engine.collector import commit
from exporter.engine.intensity import IntensityBook
from exporter.engine.ledger import Ledger
from exporter.engine.status import CollectorStatus
from exporter.engine.store import Store

log = structlog.get_logger()

RETRY_SECONDS: Final = 15
LOCKED_RETRY_SECONDS: Final = 1.0
LOCKED_SECONDS: Final = 60.0
"""An old daemon that is being replaced holds the file for as long as its stop takes: seconds."""


class Saver:
    """Takes the state file up. ``keep_gone`` is as ``Ledger.restore`` takes it."""

    def __init__(  # noqa: PLR0913 — the composition root names each part once
        self,
        *,
        store: Store,
        ledger: Ledger,
        book: IntensityBook,
        status: CollectorStatus,
        clock: Clock,
        keep_gone: Mapping[str, float],
    ) -> None:
        self.status = status
        self._store = store
        self._ledger = ledger
        self._book = book
        self._clock = clock
        self._keep_gone = keep_gone
        self._since = clock.monotonic()
        self._told = ""
        self._locked = False

    @property
    def trouble(self) -> str:
        """Why nothing can be saved now; empty where all is well, or no file is wanted."""
        return self._store.trouble

    @property
    def retry_seconds(self) -> float:
        """How long to wait before the next ``tend``."""
        young = self._clock.monotonic() - self._since < LOCKED_SECONDS
        return LOCKED_RETRY_SECONDS if self._locked and young else RETRY_SECONDS

    def take_up(self) -> bool:
        """Open the file and restore what it holds; returns whether that could be done."""
        try:
            state = self._ledger.take_up(self._keep_gone, self._clock.now().timestamp())
        except StoreError as error:
            self._locked = isinstance(error, StoreLockedError)
            self._failed(str(error))
            return False
        self._locked = False
        self._book.restore(state.intensity)
        if self._told:
            log.info("the state file is in use now, totals follow")
            self._told = ""
        self.status.finished([])
        return True

    def _failed(self, why: str) -> None:
        if why != self._told:
            log.error("the state file cannot be used: totals are withheld", error=why)
            self._told = why
        self.status.finished([(Reason.UNREACHABLE, why)])

    def tend(self) -> bool:
        """Try again what did not work; returns whether the file was taken up just now."""
        self._store.notice()
        if not self._store.opened:
            return self.take_up()
        if self._store.trouble:
            commit(self._ledger, self.status)
        return False
