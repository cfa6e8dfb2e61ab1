"""One grid source before the simulated API that it asks: what the contract suite looks at."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import pytest

from exporter.core.model import GridReading
from exporter.core.ports import AdapterContext, GridSource
from exporter.demo.grid import GridFake
from tests.support.clock import ManualClock
from tests.support.grids import Subject, context, now

DAY: Final = 86400


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One source, the simulated grid that it asks, and the clock of both."""

    subject: Subject
    source: GridSource
    fake: GridFake
    clock: ManualClock
    setting: AdapterContext

    @property
    def now(self) -> int:
        return now(self.clock)

    @property
    def step(self) -> int:
        return self.subject.step

    @property
    def running(self) -> int:
        """Start of the running interval."""
        return self.now // self.step * self.step

    @property
    def requests(self) -> int:
        usage = self.setting.meter.usage()
        return sum(used.requests for (kind, _), used in usage.items() if kind == self.subject.kind)

    def begin(self, days: int = 1) -> int:
        """Start of a window so long, or as long as the API looks back."""
        longest = self.subject.history_seconds
        return self.running - (days * DAY if longest is None else min(days * DAY, longest))

    def fetch(self, start: int, end: int) -> GridReading:
        return self.source.fetch([self.subject.zone], start, end)

    def last_days(self, days: int = 1) -> GridReading:
        return self.fetch(self.begin(days), self.now)

    def starts(self, reading: GridReading) -> list[int]:
        """Return the observed intervals; they are of the zone that was asked for."""
        assert {point.zone for point in reading.points} == {self.subject.zone}
        return [point.start for point in reading.points if not point.forecast]

    def assert_true_values(self, reading: GridReading) -> None:
        for point in reading.points:
            true = self.subject.intensity(point.zone, point.start)
            assert point.gco2eq_per_kwh == pytest.approx(true, rel=1e-12)
            assert point.end - point.start == self.step
        for standing in reading.standings:
            assert (standing.zone, standing.source) == (self.subject.zone, self.subject.kind)
            assert (standing.moment, standing.percentile) == (
                self.running,
                self.subject.percentile,
            )


@contextmanager
def stage(subject: Subject) -> Iterator[Scene]:
    """Make a source and its API, at 12:40 UTC on a Monday."""
    clock = ManualClock(datetime(2026, 3, 2, 12, 40, tzinfo=UTC))
    setting = context(clock)
    with (
        subject.fake(clock) as fake,
        closing(subject.build(fake.url, setting)) as source,
    ):
        yield Scene(subject=subject, source=source, fake=fake, clock=clock, setting=setting)
