"""A day of the whole estate's power and emissions in memory, for the live page's small chart.

Long history belongs to Prometheus; this is what a page can show without one.
"""

from typing import Final

from exporter.core.clock import floor_to
from exporter.core.snapshot import HistoryPoint
from exporter.core.units import SECONDS_PER_HOUR, Watts
from exporter.engine.estimate import Accrual

KEEP_SECONDS: Final = 86400


class EstateChart:
    """Sums of joules and grams on steps of equal length: ``step`` seconds."""

    def __init__(self, step: int) -> None:
        self.step = step
        self._sums: dict[int, tuple[float, float]] = {}

    def add(self, start: int, amount: Accrual) -> None:
        """Add (or, by a negative amount, correct) what one bucket came to."""
        place = floor_to(start, self.step)
        joules, grams = self._sums.get(place, (0.0, 0.0))
        self._sums[place] = (
            joules + amount.energy,
            grams + amount.operational + amount.embodied,
        )

    def spread(self, hour: int, grams: float) -> None:
        """Put what changes in the grams of a clock hour on its steps in equal parts."""
        places = range(floor_to(hour, self.step), hour + int(SECONDS_PER_HOUR), self.step)
        for place in places:
            if place in self._sums:  # not before the chart begins
                joules, known = self._sums[place]
                self._sums[place] = joules, known + grams / len(places)

    def points(self, until: float) -> tuple[HistoryPoint, ...]:
        """Return whole steps that ended by ``until``, oldest first, and forget old ones."""
        for old in sorted(self._sums)[: -KEEP_SECONDS // self.step]:
            del self._sums[old]
        return tuple(
            HistoryPoint(
                start=start,
                end=start + self.step,
                watts=Watts(joules / self.step),
                grams_per_hour=grams / self.step * SECONDS_PER_HOUR,
            )
            for start, (joules, grams) in sorted(self._sums.items())
            if start + self.step <= until
        )
