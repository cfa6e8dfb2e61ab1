"""A source whose mixes are multiplied by what the user measured them to be off."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from exporter.core.model import Basis, GridReading, IntensityPoint, Method
from exporter.core.ports import GridSource
from exporter.core.units import GCO2eqPerKwh


class Calibrated:
    """Another source with the values of some zones times a factor each; the rest as it gives it."""

    def __init__(self, source: GridSource, factors: Mapping[str, float]) -> None:
        self._source = source
        self._factors = dict(factors)

    @property
    def name(self) -> str:
        """The name of the source."""
        return self._source.name

    @property
    def method(self) -> Method:
        """The method of the source."""
        return self._source.method

    @property
    def basis(self) -> Basis:
        """The basis of the source."""
        return self._source.basis

    @property
    def refresh_seconds(self) -> int:
        """How often asking the source makes sense."""
        return self._source.refresh_seconds

    @property
    def history_seconds(self) -> int:
        """How much of the past the source may be asked for."""
        return self._source.history_seconds

    def covers(self, zone: str) -> bool:
        """Whether the source declares the zone."""
        return self._source.covers(zone)

    def fetch(self, zones: Collection[str], start: int, end: int) -> GridReading:
        """Read the source, and multiply."""
        reading = self._source.fetch(zones, start, end)
        return replace(reading, points=tuple(self._calibrated(point) for point in reading.points))

    def close(self) -> None:
        """Release the connections of the source."""
        self._source.close()

    def _calibrated(self, point: IntensityPoint) -> IntensityPoint:
        factor = self._factors.get(point.zone)
        if factor is None:
            return point
        return replace(
            point,
            gco2eq_per_kwh=GCO2eqPerKwh(point.gco2eq_per_kwh * factor),
            low=_times(point.low, factor),
            high=_times(point.high, factor),
        )


def _times(grams: GCO2eqPerKwh | None, factor: float) -> GCO2eqPerKwh | None:
    return None if grams is None else GCO2eqPerKwh(grams * factor)
