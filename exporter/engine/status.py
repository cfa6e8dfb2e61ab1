"""How each collector fares, wrapped the same way for all: duration, success, failures by reason."""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import structlog

from exporter.core.errors import CollectorError, Reason
from exporter.core.ports import Clock
from exporter.core.snapshot import CollectorView

log = structlog.get_logger()


class Failure(NamedTuple):
    """What failed. A minor one leaves the attempt a success, and is told once while it lasts."""

    reason: Reason
    message: str
    minor: bool = False


Outcome = tuple[list[Failure], int | None]
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
        self._minor: frozenset[str] = frozenset()
        """Minor failures of the latest attempt: what lasts is neither told nor counted again."""

    def attempt(self, work: Callable[[], Outcome]) -> bool:
        """Make one attempt and record it; returns whether all of it succeeded. Never raises."""
        began = self._clock.monotonic()
        newest: int | None = None
        try:
            failures, newest = work()
        except CollectorError as error:
            failures = [Failure(error.reason, str(error))]  # nothing was read, so it is not minor
        except Exception as error:  # the one broad except: a defect must not end the loop
            log.exception("collector failed unexpectedly", collector=self.name)
            what = f"unexpected {type(error).__name__}, see the log"
            failures = [Failure(Reason.BAD_PAYLOAD, what)]
        for failed in failures:
            if failed.minor and failed.message in self._minor:
                continue
            event = "left out" if failed.minor else "collector failed"
            reason = failed.reason.value
            log.warning(event, collector=self.name, reason=reason, error=failed.message)
        duration = self._clock.monotonic() - began
        self.finished(failures, duration=duration, data_timestamp=newest)
        return all(failed.minor for failed in failures)

    def finished(
        self,
        failures: Iterable[Failure | tuple[Reason, str]],
        *,
        duration: float | None = None,
        data_timestamp: float | None = None,
    ) -> None:
        """Record one attempt; it succeeded when there is no failure, or only minor ones."""
        listed = [Failure(*failed) for failed in failures]
        with self._lock:
            major = [failed for failed in listed if not failed.minor]
            minor = {failed.message: failed for failed in listed if failed.minor}
            self._success = not major
            self._duration = duration
            self._count(major)
            for message in minor.keys() - self._minor:
                self._failures[minor[message].reason.value] += 1
            self._minor = frozenset(minor)
            if data_timestamp is not None:
                self._data_timestamp = max(data_timestamp, self._data_timestamp or 0.0)

    def _count(self, failures: Sequence[Failure]) -> None:
        if not failures:
            self._last_success = self._clock.now().timestamp()
            self._last_error = ""
            self._failed_in_a_row = 0
            return
        self._failed_in_a_row += 1
        self._last_error = failures[-1].message
        for failed in failures:
            self._failures[failed.reason.value] += 1

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


def reasons(errors: Iterable[CollectorError]) -> list[Failure]:
    """Turn errors into what ``finished`` takes."""
    return [Failure(error.reason, str(error), error.minor) for error in errors]
