"""The grids of the estate on loopback, and the production sources that ask them."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from exporter.core.clock import epoch
from exporter.core.model import GridReading, IntensityPoint
from exporter.core.plugins import load
from exporter.core.ports import GridSource
from exporter.demo.estate import intensity
from exporter.demo.grid import GridFake
from tests.support.clock import ManualClock
from tests.support.grids import clients_of, context

HOUR = 3600
DAY = 24 * HOUR
TWO_WEEKS = 14 * DAY
ZONES = ("BE", "DE", "FR", "GB", "IE", "SE-SE3", "US-MIDA-PJM")

SECTIONS: dict[str, Callable[[GridFake], dict[str, object]]] = {
    "demo": lambda fake: {"url": fake.url},
    "neso": lambda fake: {"base_url": fake.url},
    "energy_charts": lambda fake: {"base_url": fake.url, "requests_per_minute": 1000},
    "electricity_maps": lambda fake: {"base_url": fake.electricity_maps_url, "token": fake.token},
}


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One source, the simulated grid that it asks, and the clock of both."""

    fake: GridFake
    clock: ManualClock
    source: GridSource

    @property
    def now(self) -> int:
        return int(epoch(self.clock.now()))

    def running(self, step: int) -> int:
        """Start of the running interval."""
        return self.now // step * step

    def fetch(self, zone: str, seconds: int = DAY) -> GridReading:
        return self.source.fetch([zone], self.now - seconds, self.now)

    def be_impatient(self) -> None:
        """Give the source a time-out that a test can wait for."""
        for client in clients_of(self.source):
            client._http.timeout = httpx.Timeout(0.2)


def scene(stack: ExitStack, kind: str, **section: object) -> Scene:
    """Start the fake and build a source in front of it as the composition root does."""
    clock = ManualClock(datetime(2026, 3, 17, 12, 40, tzinfo=UTC))
    fake = stack.enter_context(GridFake(intensity, clock, zones=ZONES))
    module: Any = load("exporter.grids", kind)
    config = module.Config.model_validate({"kind": kind, **SECTIONS[kind](fake), **section})
    (source,) = module.build(config, context(clock))
    stack.callback(source.close)
    return Scene(fake=fake, clock=clock, source=source)


def seen(reading: GridReading) -> list[IntensityPoint]:
    return [point for point in reading.points if not point.forecast]


def ahead(reading: GridReading) -> list[IntensityPoint]:
    return [point for point in reading.points if point.forecast]


def hourly(zone: str, start: int) -> float:
    """Mean of the two half-hours of an hour."""
    return (intensity(zone, start) + intensity(zone, start + HOUR // 2)) / 2
