"""One machine a zone under a flat load, a grid that tells each hour late, and the time they see."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf

from bench.forecast.replay import HOUR, Replay, points
from exporter.core.clock import epoch, from_epoch
from exporter.core.model import (
    Basis,
    Bounds,
    Confidence,
    Factor,
    GridReading,
    Inventory,
    Machine,
    Method,
    PermissionCheck,
    Power,
    Reading,
    ResourceKey,
    RunState,
    UsageSeries,
    Window,
)
from exporter.core.units import Ratio, Watts
from exporter.engine.estimate import MachineModel
from exporter.engine.running_spans import Spec
from exporter.grids._shared.windows import newest_or_within
from exporter.grids.eia import HISTORY_SECONDS, REACH

WATTS = 100.0
CLOUD = "replay"


class Time:
    """Implements ``core.ports.Clock``: stands still until it is moved."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> datetime:
        """Return the time that it was moved to."""
        return from_epoch(self.at)

    def monotonic(self) -> float:
        """Return the same in seconds."""
        return float(self.at)


class LateGrid:
    """Implements ``core.ports.GridSource``: hours of a recording, each ``lag`` s after its end.

    It refreshes, reaches back and answers a window that is too recent as the EIA's source does.
    """

    name = "late"
    method = Method.AVERAGE
    basis = Basis.LIFECYCLE
    refresh_seconds = HOUR
    history_seconds = HISTORY_SECONDS

    def __init__(self, recording: Replay, lag: int, clock: Time) -> None:
        self._recording = recording
        self._lag = lag
        self._clock = clock

    def covers(self, zone: str) -> bool:
        """Whether the recording has the zone."""
        return zone in self._recording

    def fetch(self, zones: Collection[str], start: int, end: int) -> GridReading:
        """Return what is known by now of a window, or else the newest before it."""
        now = int(epoch(self._clock.now()))
        told = (now - self._lag) // HOUR * HOUR
        first = min(start, now - REACH) // HOUR * HOUR
        known = [
            point
            for zone in zones
            for point in points(zone, self._recording[zone], first, min(told, end))
        ]
        if not known:  # the recording has nothing before its first hour: no failure of a source
            return GridReading(points=())
        return newest_or_within(GridReading(points=tuple(known)), zones, start, end, source="late")

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True)
class OneEach:
    """Implements ``core.ports.Provider``: a machine in each zone, half busy in ``[begin, end)``."""

    zones: Sequence[str]
    begin: int
    end: int
    clock: Time
    name: str = CLOUD
    kind: str = CLOUD
    settle: int = 300
    listed_after_end: int = HOUR

    def discover(self) -> Inventory:
        """List all machines; after the end they are stopped."""
        stopped = self.clock.at >= self.end
        return Inventory(
            machines=tuple(
                Machine(
                    key=ResourceKey(CLOUD, "bench", zone, "machine", zone),
                    name=zone,
                    instance_type="flat",
                    state=RunState.STOPPED if stopped else RunState.RUNNING,
                    launched_at=from_epoch(self.begin),
                    stopped_at=from_epoch(self.end) if stopped else None,
                )
                for zone in self.zones
            )
        )

    def read(self, machines: Sequence[Machine], window: Window) -> Reading:
        """Return the same utilisation in every bucket that is over and in which they ran."""
        last = min(self.clock.at - window.resolution, self.end - 1)
        half = {at: Ratio(0.5) for at in window.buckets if self.begin <= at <= last}
        return Reading(series=tuple(UsageSeries(key=each.key, cpu=half) for each in machines))

    def retention(self, _resolution: int) -> int:
        """Keep everything."""
        return self.end - self.begin

    def told_since(self, _machine: Machine, _asked_at: float) -> float:
        """Know each machine's one run from its begin."""
        return -inf

    def permissions(self) -> Sequence[PermissionCheck]:
        """Need none."""
        return ()

    def monthly_cost(self, _machines: int, _poll_interval: timedelta) -> float | None:
        """Bill nothing."""
        return None

    def close(self) -> None:
        """Nothing is open."""


class Flat:
    """Implements ``core.ports.PowerProfile``: always the same watts, nothing embodied."""

    confidence = Confidence.METERED
    group = "flat"
    modelled = True

    def power(self, _utilization: Ratio, _gpu: Ratio | None = None) -> Power:
        """Return the same power for any utilisation."""
        none = Watts(0.0)
        return Power(Watts(WATTS), none, none, none, none)

    def bounds(self, _utilization: Ratio, _gpu: Ratio | None = None) -> Bounds:
        """Return it without an error."""
        return Bounds(WATTS, WATTS, WATTS)

    def embodied(self) -> Bounds:
        """Return nothing, so that all grams are the grid's."""
        return Bounds(0.0, 0.0, 0.0)

    def explain(self, _utilization: Ratio, _gpu: Ratio | None = None) -> tuple[Factor, ...]:
        """Explain nothing."""
        return ()

    def with_gpu_watts(self, _watts: Bounds) -> "Flat":
        """Return the same machine: it has no accelerators."""
        return self


def model_of(key: ResourceKey, _spec: Spec) -> MachineModel:
    """Return the flat model; the region of a machine here is the name of its grid zone."""
    return MachineModel(profile=Flat(), pue=1.0, grid_zone=key.cloud_region)


def truth(hours: Mapping[int, float], begin: int, end: int) -> float:
    """Grams of one machine by arithmetic alone: kilowatts times what each hour's kWh emitted."""
    return WATTS / 1000 * sum(hours[start] for start in range(begin, end, HOUR))
