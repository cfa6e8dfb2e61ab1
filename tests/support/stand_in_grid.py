"""A grid source that tells what a test gave it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import pytest

from exporter import app
from exporter.app.build import build as build_app
from exporter.core.errors import CollectorError
from exporter.core.model import Basis, GridReading, IntensityPoint, Method, Standing
from exporter.core.ports import Clock, GridSource
from exporter.core.units import GCO2eqPerKwh
from exporter.settings import Settings

HOUR = 3600

Values = Callable[[int], float | None]
"""The value of the hour that starts at an epoch second, None where the source has none."""


def always(grams: float) -> Values:
    return lambda _hour: grams


class StandIn:
    """Hourly values of some zones up to the running hour; forecast and standings if given."""

    refresh_seconds = 900
    history_seconds = 0

    def __init__(
        self,
        values: Mapping[str, Values],
        clock: Clock,
        *,
        name: str = "breeze",
        method: Method = Method.AVERAGE,
        basis: Basis = Basis.LIFECYCLE,
    ) -> None:
        self.name = name
        self.method = method
        self.basis = basis
        self.forecast: Mapping[str, Values] = {}
        self.standings: tuple[Standing, ...] = ()
        self.estimated = False
        self.trouble: CollectorError | None = None
        self.at_once: int | None = None
        """How many zones it answers for in one question; None for all."""
        self.asked: list[list[str]] = []
        self._values = values
        self._clock = clock

    def covers(self, zone: str) -> bool:
        return zone in self._values

    def fetch(self, zones: Collection[str], start: int, end: int) -> GridReading:
        chosen = sorted(zones)[: self.at_once]
        self.asked.append(chosen)
        if self.trouble is not None:
            raise self.trouble
        points = [
            point
            for zone in chosen
            for point in (
                *self._points(zone, self._values[zone], range(start // HOUR * HOUR, end, HOUR)),
                *self._expected(zone, end // HOUR * HOUR + HOUR),
            )
        ]
        return GridReading(points=tuple(points), standings=self.standings)

    def close(self) -> None:
        pass

    def _expected(self, zone: str, first: int) -> list[IntensityPoint]:
        if zone not in self.forecast:
            return []
        hours = range(first, first + 48 * HOUR, HOUR)
        told = self._points(zone, self.forecast[zone], hours)
        return [replace(point, forecast=True) for point in told]

    def _points(self, zone: str, values: Values, hours: Sequence[int]) -> list[IntensityPoint]:
        return [
            IntensityPoint(
                zone=zone,
                start=hour,
                end=hour + HOUR,
                gco2eq_per_kwh=GCO2eqPerKwh(grams),
                estimated=self.estimated,
            )
            for hour in hours
            if (grams := values(hour)) is not None
        ]


def stand_in(monkeypatch: pytest.MonkeyPatch, clock: Clock, *sources: GridSource) -> None:
    """Let the command line find these sources in place of the configured ones."""

    def build(settings: Settings) -> app.App:
        bare = build_app(settings.model_copy(update={"grids": ()}), clock=clock)
        return replace(bare, sources=sources)

    monkeypatch.setattr(app, "build", build)
