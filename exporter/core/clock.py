"""Time as an argument: the real clock, and whole seconds as the ledger's time base."""

import time
from datetime import UTC, datetime


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds from an arbitrary origin; never goes back."""
        return time.monotonic()


def epoch(moment: datetime) -> float:
    """Seconds since 1970-01-01 UTC of an aware datetime."""
    if moment.tzinfo is None:
        message = f"naive datetime {moment!r}: all times are aware and in UTC"
        raise ValueError(message)
    return moment.timestamp()


def from_epoch(seconds: float) -> datetime:
    """Aware UTC datetime of seconds since 1970-01-01 UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def floor_to(seconds: float, resolution: int) -> int:
    """Largest multiple of ``resolution`` that is not after ``seconds``."""
    return int(seconds // resolution) * resolution
