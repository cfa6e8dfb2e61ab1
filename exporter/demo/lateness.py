"""When a bucket's value comes to be seen, and how complete it is then."""

from dataclasses import dataclass
from typing import Final

from exporter.demo.estate import EstateMachine
from exporter.demo.estate.hashing import mix, share

PARTIAL_FACTOR: Final = 0.6
"""What a value that is shown too early has of the final one."""
_EARLIEST_LATE: Final = 600.0
_LATE_SPREAD: Final = 1800.0
_SHORTEST_PARTIAL: Final = 60.0
_PARTIAL_SPREAD: Final = 240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """Shares of points that misbehave, chosen by hash of machine and bucket.

    ``late_share`` come 10 to 40 minutes after they are due. ``partial_share`` show 0.6 of their
    value in the first one to five minutes and are then corrected. ``never_share`` never come.
    """

    late_share: float = 0.005
    partial_share: float = 0.05
    never_share: float = 0.0

    def factor(self, machine: EstateMachine, bucket: int, since_due: float) -> float | None:
        """Return what is shown of a value so many seconds after it is due; None while hidden."""
        key = mix(machine.seed, bucket)
        if since_due < 0 or share(key, 1) < self.never_share:
            return None
        late = share(key, 2) < self.late_share
        shown_for = since_due - (_EARLIEST_LATE + _LATE_SPREAD * share(key, 3) if late else 0.0)
        if shown_for < 0:
            return None
        partial = share(key, 4) < self.partial_share
        settled = shown_for >= _SHORTEST_PARTIAL + _PARTIAL_SPREAD * share(key, 5)
        return PARTIAL_FACTOR if partial and not settled else 1.0


PUNCTUAL: Final = Lateness(late_share=0.0, partial_share=0.0)
"""Every point is there, and final, when it is due."""
