"""How each collector fares, wrapped the same way for all: duration, success, failures by reason."""

import threading
from collections.abc import Callable, Iterable

import structlog

from exporter.core.errors import CollectorError, Reason
from exporter.core.ports import Clock
from exporter.core.snapshot import CollectorView

log = structlog.get_logger()

Outcome = tuple[list[tuple[Reason, str]], int | None]
"""What failed, and the end of the newest data that was delivered."""


class CollectorStatus:
    """Thread-safe record of one collector's attempts."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self._clock = clock
        self._lock = threading.Lock()
        self._success: bool | None = None
        self._last_success: float | None = None
        self._duration: float | None = None
        self._data_timestamp: float | None = None
        self._failures = dict.fromkeys((reason.value for reason in Reason), 0)
        self._last_error = ""
        self._failed_in_a_row = 0

    def attempt(self, work: Callable[[], Outcome]) -> bool:
        """Make one attempt and record it; returns whether all of it succeeded. Never raises."""
        began = self._clock.monotonic()
        newest: int | None = None
        try:
            failures, newest = work()
        except CollectorError as error:
            failures = reasons([error])
        except Exception as error:  # the one broad except: a defect must not end the loop
            log.exception("collector failed unexpectedly", collector=self.name)
            failures = [(Reason.BAD_PAYLOAD, f"unexpected {type(error).__name__}, see the log")]
        for reason, message in failures:
            log.warning("collector failed", collector=self.name, reason=reason.value, error=message)
        duration = self._clock.monotonic() - began
        self.finished(failures, duration=duration, data_timestamp=newest)
        return not failures

    def finished(
        self,
        failures: Iterable[tuple[Reason, str]],
        *,
        duration: float | None = None,
        data_timestamp: float | None = None,
    ) -> None:
        """Record one attempt; it succeeded when there is no failure."""
        listed = list(failures)
        with self._lock:
            self._success = not listed
            self._duration = duration
            self._count(listed)
            if data_timestamp is not None:
                self._data_timestamp = max(data_timestamp, self._data_timestamp or 0.0)

    def _count(self, failures: list[tuple[Reason, str]]) -> None:
        if not failures:
            self._last_success = self._clock.now().timestamp()
            self._last_error = ""
            self._failed_in_a_row = 0
            return
        self._failed_in_a_row += 1
        self._last_error = failures[-1][1]
        for reason, _ in failures:
            self._failures[reason.value] += 1

    @property
    def failed_in_a_row(self) -> int:
        """How many attempts failed since the last success."""
        return self._failed_in_a_row

    def view(self) -> CollectorView:
        """Return the present state."""
        with self._lock:
            return CollectorView(
                name=self.name,
                success=self._success,
                last_success=self._last_success,
                duration_seconds=self._duration,
                data_timestamp=self._data_timestamp,
                failures=dict(self._failures),
                last_error=self._last_error,
            )


def reasons(errors: Iterable[CollectorError]) -> list[tuple[Reason, str]]:
    """Turn errors into what ``finished`` takes."""
    return [(error.reason, str(error)) for error in errors]
