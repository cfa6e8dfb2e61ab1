"""Everything the product knows at one instant, immutable: what exposition projects.

The engine builds one after each cycle and swaps a reference; a scrape never sees a half-made one.
None means "not known now" and is never rendered as 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from exporter.core.meter import ApiUsage
from exporter.core.model import (
    Bounds,
    Confidence,
    IntensityInForce,
    Machine,
    Method,
    Power,
    Rate,
    RegionKey,
)
from exporter.core.units import GCO2eqPerKwh, GramsCO2eq, Joules, Ratio, Watts


class Quality(StrEnum):
    """How a second of a running machine was accounted."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    MISSING = "missing"


class ResourceState(StrEnum):
    """The ``state`` label of ``carbon_resources``; every machine is in exactly one."""

    MEASURED = "measured"
    STOPPED = "stopped"
    UNMODELLED = "unmodelled"
    SILENT = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceNow:
    """Latest final bucket of one machine. Absent as a whole when stale or stopped."""

    bucket_start: int
    bucket_end: int
    utilization: Ratio
    power: Power
    overhead: Watts
    power_bounds: Bounds
    """Facility watts: IT bounds times PUE."""
    rate: Rate
    rate_bounds: Bounds
    """Grams per hour, both scopes together."""
    intensity: IntensityInForce
    gpu_utilization: Ratio | None = None
    """Mean of its accelerators; None where nothing measured it and the power is an assumption."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceView:
    """One machine: identity, state, current values (if fresh) and counters."""

    machine: Machine
    grid_zone: str
    state: ResourceState
    confidence: Confidence
    now: ResourceNow | None
    energy: Joules
    operational: GramsCO2eq
    embodied: GramsCO2eq


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionView:
    """One (provider, account, cloud region): counters that outlive machines, and the present."""

    key: RegionKey
    energy: Joules
    operational: GramsCO2eq
    embodied: GramsCO2eq
    observed_seconds: Mapping[Quality, float]
    states: Mapping[ResourceState, int]
    power: Bounds | None
    """Facility watts of all machines with a current value; None where no machine has one."""
    rate: Bounds | None
    """Grams per hour of the same machines, both scopes together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionIntensityView:
    """Grid times PUE of a cloud region: grams per kWh of IT energy, the ranking key."""

    provider: str
    cloud_region: str
    grid_zone: str
    method: Method
    gco2eq_per_kwh: GCO2eqPerKwh
    pue: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorView:
    """One provider account, grid source or the store, as the loop saw it."""

    name: str
    success: bool | None
    """None before the first attempt."""
    last_success: float | None
    duration_seconds: float | None
    data_timestamp: float | None
    """End of the newest data that the collector delivered, epoch seconds."""
    failures: Mapping[str, int]
    """Reason to count; every reason is present, at 0 before its first failure."""
    last_error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPoint:
    """Mean watts and grams per hour of the whole estate over one bucket, for the page's chart."""

    start: int
    end: int
    watts: Watts
    grams_per_hour: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All of it at one time (epoch seconds)."""

    time: float
    resources: tuple[ResourceView, ...] = ()
    regions: tuple[RegionView, ...] = ()
    grids: tuple[IntensityInForce, ...] = ()
    region_intensities: tuple[RegionIntensityView, ...] = ()
    collectors: tuple[CollectorView, ...] = ()
    api: Mapping[tuple[str, str], ApiUsage] = field(default_factory=dict)
    buckets_corrected: int = 0
    catch_up_remaining_seconds: Mapping[str, float] = field(default_factory=dict)
    """Collector name to seconds still to be accounted."""
    history: tuple[HistoryPoint, ...] = ()
    simulated: bool = False
    """True in the demo: the estate and its grids are invented, and every surface says so."""
