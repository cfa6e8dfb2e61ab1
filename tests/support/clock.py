"""A clock that moves only when told to."""

from datetime import UTC, datetime, timedelta


class ManualClock:
    """Stands still until ``advance`` or ``set``; ``monotonic`` follows ``advance`` only."""

    def __init__(self, start: datetime = datetime(2026, 3, 2, tzinfo=UTC)) -> None:
        self._now = start
        self._monotonic = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds

    def set(self, moment: datetime) -> None:
        """Step the wall clock, as NTP or an operator would; monotonic time goes on."""
        self._now = moment
