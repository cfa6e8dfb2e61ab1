"""Everything the product knows at one instant, immutable: what exposition projects.

The engine builds one after each cycle and swaps a reference; a scrape never sees a half-made one.
None means "not known now" and is never rendered as 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from exporter.core.meter import ApiUsage
from exporter.core.model import (
    AnnualIntensity,
    Bounds,
    Confidence,
    IntensityInForce,
    Machine,
    Outlook,
    Power,
    Rate,
    Region,
    RegionKey,
    Standing,
    Uncertain,
    Usage,
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
    usage: Usage
    power: Power
    """Of all units, measured or modelled."""
    overhead: Watts
    power_bounds: Bounds
    """Facility watts: IT bounds times PUE."""
    rate: Rate
    rate_bounds: Bounds
    """Grams per hour, both scopes together."""
    intensity: IntensityInForce
    power_known: Uncertain
    """The watts with their errors by cause, to be summed up; so are the grams per hour."""
    rate_known: Uncertain

    @property
    def utilization(self) -> Ratio | None:
        """CPU utilisation; None where only watts were measured."""
        return self.usage.cpu

    @property
    def gpu_utilization(self) -> Ratio | None:
        """Mean of its accelerators; None where nothing measured it."""
        return self.usage.gpu

    @property
    def whole_only(self) -> bool:
        """Whether a meter read the machine as a whole, so that CPU and memory are not known apart.

        Their 0 W are no data then, and nothing to show.
        """
        watts = self.usage.watts
        return watts is not None and watts.whole and watts.cpu is None and watts.memory is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceView:
    """One machine: identity, state, current values (if fresh) and counters."""

    machine: Machine
    grid_zone: str
    state: ResourceState
    confidence: Confidence | None
    """None for a machine that never ran while it was watched: nothing was modelled of it."""
    vcpus: float | None
    """Of all units; None where the type is known to nobody."""
    now: ResourceNow | None
    energy: Joules
    operational: GramsCO2eq
    embodied: GramsCO2eq
    withheld: bool = False
    """Its totals are not to be shown now: they may be less than what was shown before."""


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
    power_known: Uncertain | None = None
    rate_known: Uncertain | None = None
    """The same two with their errors by cause: intervals alone cannot be summed up."""
    withheld: bool = False
    """Its totals are not to be shown now: they may be less than what was shown before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionIntensityView:
    """A cloud region with its grid: what regions are ranked by."""

    region: Region
    grid: IntensityInForce
    mean_24h: GCO2eqPerKwh | None
    """Of the grid over the last 24 hours; None where a part of them is not known."""
    annual: AnnualIntensity
    weaker: bool = False
    """A live value of another basis exists, which must not be ranked with the others."""

    @property
    def it_gco2eq_per_kwh(self) -> GCO2eqPerKwh:
        """Grid times PUE: grams per kWh of IT energy, the ranking key."""
        return GCO2eqPerKwh(self.grid.gco2eq_per_kwh * self.region.pue)


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
    counting_since: int | None = None
    """From which time on its machines' counters count, epoch seconds; None where it has none."""


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
    """Values in force: of each zone the one that prices grams, and what is known besides it."""
    outlooks: tuple[Outlook, ...] = ()
    standings: tuple[Standing, ...] = ()
    """At most one of each zone, and none that is stale."""
    region_intensities: tuple[RegionIntensityView, ...] = ()
    collectors: tuple[CollectorView, ...] = ()
    api: Mapping[tuple[str, str], ApiUsage] = field(default_factory=dict)
    buckets_corrected: int | None = 0
    """None while it may be less than what was shown before."""
    repriced: Mapping[tuple[str, str], GramsCO2eq] = field(default_factory=dict)
    """Grid zone and direction (``up``, ``down``) to what late intensities changed in totals; none
    while they may be less than what was shown before."""
    catch_up_remaining_seconds: Mapping[str, float] = field(default_factory=dict)
    """Collector name to seconds still to be accounted."""
    unknown_regions: Mapping[str, int] = field(default_factory=dict)
    """Provider to the number of regions with machines that the table lacks."""
    history: tuple[HistoryPoint, ...] = ()
    budget_month: GramsCO2eq | None = None
    """What the user wants a calendar month to stay below; None where no budget was set."""
    state_trouble: str = ""
    """Why the state file that is wanted cannot be used: then no total is shown."""
    simulated: bool = False
    """True in the demo: the estate is invented, and each grid whose source is ``demo``."""
