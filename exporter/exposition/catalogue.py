"""Every metric family that exists, as data: one table.

An entry says what a family is called and means, how its samples are read off a snapshot, and
whether it has a past that ``backfill`` tells. A new one is an entry here and nothing else: the
renderer emits these and no others, ``docs/metrics.md`` is generated from them, and the tests of the
dashboards check against them. Names and labels are public API: a rename is a breaking change.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from enum import Enum, StrEnum, auto
from functools import partial
from typing import Final, Generic, TypeVar

from exporter.core.errors import Reason
from exporter.core.model import COMPONENTS, USUAL_COMPONENTS, Method
from exporter.core.snapshot import (
    CollectorView,
    Quality,
    RegionView,
    ResourceNow,
    ResourceState,
    ResourceView,
    Snapshot,
)
from exporter.core.units import SECONDS_PER_HOUR

REGION: Final = ("provider", "account", "cloud_region")
RESOURCE: Final = (*REGION, "resource_type", "resource_id")
"""Identity labels of a resource, in the order of ``core.model.ResourceKey``."""

INFO: Final[Mapping[str, Callable[[ResourceView], str]]] = {
    "name": lambda view: view.machine.name,
    "instance_type": lambda view: view.machine.instance_type,
    "cloud_zone": lambda view: view.machine.cloud_zone,
    "grid_zone": lambda view: view.grid_zone,
    "group": lambda view: view.machine.group,
    "provider_id": lambda view: view.machine.provider_id,
    "kubernetes_cluster": lambda view: view.machine.cluster,
    "node_pool": lambda view: view.machine.node_pool,
    "lifecycle": lambda view: view.machine.lifecycle,
    "confidence": lambda view: view.confidence or "",
}
"""Labels of the info series besides the identity and the allow-listed tags, and their values.

They may depend on the machine, its grid zone and its confidence: the renderer writes them anew
when one of these changes.
"""


def _components(*, usual: bool) -> str:
    return ", ".join(f"`{one}`" for one in COMPONENTS if (one in USUAL_COMPONENTS) is usual)


LABELS: Final[Mapping[str, str]] = {
    "provider": "Cloud: `aws`, `gcp`, `azure`; `host` is the machine that the exporter runs on",
    "account": "AWS account id, Google Cloud project, Azure subscription, or the host's name",
    "cloud_region": "Region as the cloud names it, for example `eu-west-3`",
    "resource_type": "Kind of resource, for example `ec2_instance` or `rds_instance`",
    "resource_id": "Id as the cloud gives it, for example `i-0abc…`",
    "name": "Name that people gave the machine; empty where it has none",
    "instance_type": "Machine type, for example `m5.large`",
    "cloud_zone": "Availability zone",
    "direction": "`up` or `down`: whether totals grew or shrank",
    "grid_zone": "Electricity grid zone that feeds the region, for example `FR` or `US-CAL-CISO`",
    "group": "Auto Scaling group or scale set that made the machine; empty where none did, and in "
    "Google Cloud, which does not list it",
    "provider_id": "The machine as Kubernetes calls a node on it (`spec.providerID`), in the "
    "spelling of the cloud's controller; empty for what cannot be a node",
    "kubernetes_cluster": "Kubernetes cluster (EKS, GKE, AKS) that the machine is a node of; empty "
    "where none",
    "node_pool": "Node group or node pool of that cluster",
    "lifecycle": "`spot` (the cloud may take the machine back) or `on_demand`; empty where unknown",
    "confidence": "How the CPU of a machine is known, the best first: `metered` (its watts "
    "are measured), `sku`, `family`, `multi-family`, `proxy`, `unknown-type`; empty for one that "
    "never ran while it was watched",
    "latitude": "Degrees north; empty where the table lacks the region",
    "longitude": "Degrees east",
    "location": "Where the region is, in words",
    "tag_*": "One label per allow-listed tag; empty where the machine lacks the tag",
    "component": f"{_components(usual=True)}, `overhead` (cooling and conversion: PUE) always, but "
    "the first two of a machine that a meter reads as a whole; "
    f"{_components(usual=False)} only where they draw power",
    "scope": "`operational` (electricity) or `embodied` (share of the machine's manufacture)",
    "quality": "`measured`, `estimated` or `missing`: how a second of a machine was counted",
    "state": "`measured`, `stopped`, `unmodelled` (type in no table) or `silent` (no fresh data); "
    "every machine is in exactly one",
    "source": "Where a value of the grid comes from; `demo` is invented",
    "method": "`average` (all generation) or `marginal` (the plant that answers one more kWh)",
    "basis": "`lifecycle` or `direct` (combustion only); never compare one with the other",
    "horizon": "How far ahead: `1h`, `3h`, `6h`, `12h` or `24h`",
    "collector": "One per provider account and per grid source; `store` is the state file",
    "reason": "`auth`, `throttled`, `unreachable`, `bad_payload` or `no_data`",
    "api": "API operation that was called",
    "version": "Version of the exporter; on `python_info` that of Python",
    "implementation": "Python implementation",
    "major": "Python major version",
    "minor": "Python minor version",
    "patchlevel": "Python patch level",
}
"""Meaning of every label."""


class Kind(StrEnum):
    """Metric types in use."""

    GAUGE = "gauge"
    COUNTER = "counter"


class Section(StrEnum):
    """Chapters of the reference page, in its order."""

    RESOURCE = "Machines"
    TOTALS = "Totals by provider, account and region"
    GRID = "Grid"
    COLLECTOR = "Collectors"
    SELF = "The exporter itself"


class Past(Enum):
    """Families that backfill tells, in the order of its file."""

    MACHINES = auto()
    TOTALS = auto()
    GRIDS = auto()
    """What belongs to no machine and no account."""


Samples = Iterable[tuple[tuple[str, ...], float | None]]
"""Label values and a value; None is left out."""


_Of = TypeVar("_Of")


@dataclass(frozen=True, slots=True)
class Series(Generic[_Of]):
    """One series of every machine: its value, and its labels beyond the identity.

    The value is None where the machine has no such series, or has none now. ``optional`` says
    that this depends on the machine, not only on whether it has current values.
    """

    value: Callable[[_Of], float | None]
    labels: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """One metric family: its name as queried, its type, fixed labels, meaning and unit.

    Its samples are ``series`` of every machine, ``current`` series of the machines that have
    current values, or ``samples`` of a snapshot; a family that has none of them is filled by the
    renderer, which alone knows the values.
    """

    name: str
    labels: tuple[str, ...]
    help: str
    unit: str = ""
    """As in the name; empty where the value is a count, a level, a flag or an info series."""
    _: KW_ONLY
    kind: Kind
    series: tuple[Series[ResourceView], ...] = ()
    current: tuple[Series[ResourceNow], ...] = ()
    samples: Callable[[Snapshot], Samples] | None = None
    past: Past | None = None
    """None for what looks ahead, and for what the exporter tells of itself."""

    @property
    def openmetrics_name(self) -> str:
        """The name in OpenMetrics metadata, where a counter goes without ``_total``."""
        return self.name.removesuffix("_total") if self.kind is Kind.COUNTER else self.name

    @property
    def section(self) -> Section:
        """Chapter of the reference page."""
        matches = (part for prefix, part in _SECTIONS.items() if self.name.startswith(prefix))
        return next(matches, Section.TOTALS)


gauge: Final = partial(Family, kind=Kind.GAUGE)
"""A value that goes up and down."""

counter: Final = partial(Family, kind=Kind.COUNTER)
"""A value that only grows."""

_SECTIONS: Final = {
    "carbon_resource_": Section.RESOURCE,
    "carbon_grid_": Section.GRID,
    "carbon_region_": Section.GRID,
    "carbon_collector_": Section.COLLECTOR,
    "carbon_api_": Section.COLLECTOR,
    "carbon_buckets_": Section.COLLECTOR,
    "carbon_catch_up_": Section.COLLECTOR,
    "carbon_exposition_": Section.SELF,
    "carbon_build_": Section.SELF,
    "process_": Section.SELF,
    "python_": Section.SELF,
}


def _vcpus(view: ResourceView) -> float | None:
    return None if view.now is None else view.vcpus


def _counted(value: Callable[[ResourceView], float]) -> Callable[[ResourceView], float | None]:
    """Return what a machine came to, where that may be shown."""
    return lambda view: None if view.withheld else value(view)


def _component(place: int, name: str) -> Series[ResourceNow]:
    if name in USUAL_COMPONENTS:
        return Series(lambda now: None if now.whole_only else now.power[place], (name,))
    return Series(
        lambda now: watts if (watts := now.power[place]) > 0 else None, (name,), optional=True
    )


HORIZONS: Final = (1, 3, 6, 12, 24)
"""Hours ahead that the forecast is exposed for."""


def _regions(value: Callable[[RegionView], float | None]) -> Callable[[Snapshot], Samples]:
    return lambda snapshot: ((region.key, value(region)) for region in snapshot.regions)


def _collectors(value: Callable[[CollectorView], float | None]) -> Callable[[Snapshot], Samples]:
    return lambda snapshot: (((view.name,), value(view)) for view in snapshot.collectors)


def _shown(snapshot: Snapshot) -> Iterator[RegionView]:
    """Yield the regions whose totals may be shown."""
    return (region for region in snapshot.regions if not region.withheld)


def _emissions(snapshot: Snapshot) -> Iterator[tuple[tuple[str, ...], float]]:
    for region in _shown(snapshot):
        yield (*region.key, "operational"), region.operational
        yield (*region.key, "embodied"), region.embodied


def _observed(snapshot: Snapshot) -> Iterator[tuple[tuple[str, ...], float]]:
    for region in _shown(snapshot):
        for quality in Quality:
            yield (*region.key, quality), region.observed_seconds.get(quality, 0.0)


def _states(snapshot: Snapshot) -> Iterator[tuple[tuple[str, ...], float]]:
    for region in snapshot.regions:
        for state in ResourceState:
            yield (*region.key, state), region.states.get(state, 0)


def _forecasts(snapshot: Snapshot) -> Iterator[tuple[tuple[str, ...], float]]:
    for outlook in snapshot.outlooks:
        for horizon in HORIZONS:
            at = snapshot.time + horizon * SECONDS_PER_HOUR
            hour = next((each for each in outlook.hours if each.start <= at < each.end), None)
            if hour is not None:
                yield (outlook.zone, outlook.method, f"{horizon}h"), hour.gco2eq_per_kwh


def _region_intensities(snapshot: Snapshot) -> Iterator[tuple[tuple[str, ...], float]]:
    marginal = {one.zone: one for one in snapshot.grids if one.method is Method.MARGINAL}
    for view in snapshot.region_intensities:
        region = view.region
        yield (region.provider, region.name, view.grid.method), view.it_gco2eq_per_kwh
        if region.grid_zone in marginal:
            grams = marginal[region.grid_zone].gco2eq_per_kwh
            yield (region.provider, region.name, Method.MARGINAL), grams * region.pue


def _region_infos(snapshot: Snapshot) -> Iterator[tuple[tuple[str, ...], float]]:
    for view in snapshot.region_intensities:
        region = view.region
        place = (_degrees(region.latitude), _degrees(region.longitude))
        yield (region.provider, region.name, region.grid_zone, region.location, *place), 1


def _degrees(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _failures(snapshot: Snapshot) -> Iterator[tuple[tuple[str, ...], float]]:
    for collector in snapshot.collectors:
        counts = dict.fromkeys(map(str, Reason), 0) | dict(collector.failures)
        for reason, count in counts.items():
            yield (collector.name, reason), count


RESOURCE_INFO: Final = gauge(
    "carbon_resource_info",
    (*RESOURCE, *INFO),
    "What is known about a machine; always 1, to be joined on the identity labels.",
    series=(Series(lambda _view: 1.0),),
    past=Past.MACHINES,
)

EXPOSITION_SERIES: Final = gauge(
    "carbon_exposition_series", (), "Series on this page, this one included."
)
EXPOSITION_LIMIT: Final = gauge(
    "carbon_exposition_series_limit", (), "Series allowed before machines are left out."
)
EXPOSITION_DROPPED: Final = gauge(
    "carbon_exposition_series_dropped",
    (),
    "Series left out because of the limit: whole machines, gone or emitting least first.",
)
BUILD_INFO: Final = gauge("carbon_build_info", ("version",), "The running version; always 1.")
PROCESS: Final = (
    gauge("process_virtual_memory_bytes", (), "Virtual memory size.", "bytes"),
    gauge("process_resident_memory_bytes", (), "Resident memory size.", "bytes"),
    gauge(
        "process_start_time_seconds",
        (),
        "When the process started, seconds since 1970.",
        "seconds",
    ),
    counter("process_cpu_seconds_total", (), "CPU time spent, user and system.", "seconds"),
    gauge("process_open_fds", (), "Open file descriptors."),
    gauge("process_max_fds", (), "Limit of open file descriptors."),
    gauge(
        "python_info",
        ("implementation", "major", "minor", "patchlevel", "version"),
        "The Python that runs the exporter; always 1.",
    ),
)
"""From prometheus_client's collectors; ``process_*`` exists on Linux only."""

FAMILIES: Final[tuple[Family, ...]] = (
    RESOURCE_INFO,
    gauge(
        "carbon_resource_vcpus",
        RESOURCE,
        "vCPUs of a machine with current values; absent where its type is known to nobody.",
        series=(Series(_vcpus, optional=True),),
        past=Past.MACHINES,
    ),
    gauge(
        "carbon_resource_cpu_utilization_ratio",
        RESOURCE,
        "Mean CPU utilisation of the last final bucket, 0 to 1. Absent while stale or stopped.",
        "ratio",
        current=(Series(lambda now: now.utilization),),
        past=Past.MACHINES,
    ),
    gauge(
        "carbon_resource_gpu_utilization_ratio",
        RESOURCE,
        "Mean utilisation of a machine's GPUs over the last final bucket, 0 to 1. Only where it is "
        "measured; GPUs without it are taken to be half busy.",
        "ratio",
        current=(Series(lambda now: now.gpu_utilization, optional=True),),
        past=Past.MACHINES,
    ),
    gauge(
        "carbon_resource_power_watts",
        (*RESOURCE, "component"),
        "Power by component in the last final bucket; the components add up to what "
        "the grid delivers.",
        "watts",
        current=(
            *(_component(*one) for one in enumerate(COMPONENTS)),
            Series(lambda now: now.overhead, ("overhead",)),
        ),
        past=Past.MACHINES,
    ),
    gauge(
        "carbon_resource_emissions_gco2eq_per_hour",
        (*RESOURCE, "scope"),
        "Current emission rate in grams of CO2 equivalent per hour.",
        "gco2eq_per_hour",
        current=(
            Series(lambda now: now.rate.operational, ("operational",)),
            Series(lambda now: now.rate.embodied, ("embodied",)),
        ),
        past=Past.MACHINES,
    ),
    counter(
        "carbon_resource_energy_joules_total",
        RESOURCE,
        "Energy drawn from the grid, data-centre overhead included.",
        "joules",
        series=(Series(_counted(lambda view: view.energy)),),
        past=Past.MACHINES,
    ),
    counter(
        "carbon_resource_emissions_gco2eq_total",
        (*RESOURCE, "scope"),
        "Grams of CO2 equivalent emitted.",
        "gco2eq",
        series=(
            Series(_counted(lambda view: view.operational), ("operational",)),
            Series(_counted(lambda view: view.embodied), ("embodied",)),
        ),
        past=Past.MACHINES,
    ),
    counter(
        "carbon_energy_joules_total",
        REGION,
        "Energy of all machines, vanished ones included: for months and budgets.",
        "joules",
        samples=_regions(lambda region: None if region.withheld else region.energy),
        past=Past.TOTALS,
    ),
    counter(
        "carbon_emissions_gco2eq_total",
        (*REGION, "scope"),
        "Grams of CO2 equivalent of all machines, vanished ones included: for months and budgets.",
        "gco2eq",
        samples=_emissions,
        past=Past.TOTALS,
    ),
    gauge(
        "carbon_power_watts",
        REGION,
        "Power of all machines with a current value.",
        "watts",
        samples=_regions(lambda region: region.power and region.power.central),
        past=Past.TOTALS,
    ),
    gauge(
        "carbon_power_low_watts",
        REGION,
        "Low bound of carbon_power_watts.",
        "watts",
        samples=_regions(lambda region: region.power and region.power.low),
        past=Past.TOTALS,
    ),
    gauge(
        "carbon_power_high_watts",
        REGION,
        "High bound of carbon_power_watts.",
        "watts",
        samples=_regions(lambda region: region.power and region.power.high),
        past=Past.TOTALS,
    ),
    gauge(
        "carbon_emissions_gco2eq_per_hour",
        REGION,
        "Current emission rate of all machines with a current value, all scopes.",
        "gco2eq_per_hour",
        samples=_regions(lambda region: region.rate and region.rate.central),
        past=Past.TOTALS,
    ),
    gauge(
        "carbon_emissions_low_gco2eq_per_hour",
        REGION,
        "Low bound of carbon_emissions_gco2eq_per_hour.",
        "gco2eq_per_hour",
        samples=_regions(lambda region: region.rate and region.rate.low),
        past=Past.TOTALS,
    ),
    gauge(
        "carbon_emissions_high_gco2eq_per_hour",
        REGION,
        "High bound of carbon_emissions_gco2eq_per_hour.",
        "gco2eq_per_hour",
        samples=_regions(lambda region: region.rate and region.rate.high),
        past=Past.TOTALS,
    ),
    gauge(
        "carbon_budget_month_gco2eq",
        (),
        "What a calendar month shall stay below: all machines, both scopes. Absent "
        "without a budget.",
        "gco2eq",
        samples=lambda snapshot: (((), snapshot.budget_month),),
        past=Past.GRIDS,
    ),
    counter(
        "carbon_observed_seconds_total",
        (*REGION, "quality"),
        "Machine-seconds of running machines by how they were counted: the coverage.",
        "seconds",
        samples=_observed,
        past=Past.TOTALS,
    ),
    gauge(
        "carbon_resources",
        (*REGION, "state"),
        "Machines by state; every state is present.",
        samples=_states,
        past=Past.TOTALS,
    ),
    gauge(
        "carbon_grid_intensity_gco2eq_per_kwh",
        ("grid_zone", "source", "method", "basis"),
        "Carbon intensity in force in a grid zone.",
        "gco2eq_per_kwh",
        samples=lambda snapshot: (
            ((grid.zone, grid.source, grid.method, grid.basis), grid.gco2eq_per_kwh)
            for grid in snapshot.grids
        ),
        past=Past.GRIDS,
    ),
    gauge(
        "carbon_grid_intensity_timestamp_seconds",
        ("grid_zone", "method"),
        "From when the intensity in force is valid, seconds since 1970.",
        "seconds",
        samples=lambda snapshot: (
            ((grid.zone, grid.method), grid.valid_from) for grid in snapshot.grids
        ),
        past=Past.GRIDS,
    ),
    gauge(
        "carbon_grid_intensity_fallback_level",
        ("grid_zone", "method"),
        "0 live, 1 second source, 2 last known, 3 forecast, 4 annual average.",
        samples=lambda snapshot: (
            ((grid.zone, grid.method), int(grid.level)) for grid in snapshot.grids
        ),
        past=Past.GRIDS,
    ),
    gauge(
        "carbon_grid_intensity_estimated",
        ("grid_zone", "method"),
        "1 where the source itself calls the value in force an estimate, else 0.",
        samples=lambda snapshot: (
            ((grid.zone, grid.method), int(grid.estimated)) for grid in snapshot.grids
        ),
        past=Past.GRIDS,
    ),
    gauge(
        "carbon_grid_forecast_gco2eq_per_kwh",
        ("grid_zone", "method", "horizon"),
        "Carbon intensity expected so far ahead, from the source itself or from the "
        "seasonal model.",
        "gco2eq_per_kwh",
        samples=_forecasts,
    ),
    gauge(
        "carbon_grid_marginal_percentile",
        ("grid_zone", "source"),
        "Marginal intensity now, as its percentile among that of the next 24 hours in the same "
        "zone: "
        "0 cleanest, 100 dirtiest. Where a source tells it; absent an hour after it last did.",
        samples=lambda snapshot: (
            ((one.zone, one.source), one.percentile) for one in snapshot.standings
        ),
    ),
    gauge(
        "carbon_region_info",
        ("provider", "cloud_region", "grid_zone", "location", "latitude", "longitude"),
        "Every region of the clouds that are watched, with machines or not; always 1.",
        samples=_region_infos,
        past=Past.GRIDS,
    ),
    gauge(
        "carbon_region_intensity_gco2eq_per_kwh",
        ("provider", "cloud_region", "method"),
        "Grid intensity times PUE: grams per kWh of IT energy, the key to rank regions by.",
        "gco2eq_per_kwh",
        samples=_region_intensities,
        past=Past.GRIDS,
    ),
    gauge(
        "carbon_region_pue_ratio",
        ("provider", "cloud_region"),
        "Power usage effectiveness: facility energy per IT energy.",
        "ratio",
        samples=lambda snapshot: (
            ((view.region.provider, view.region.name), view.region.pue)
            for view in snapshot.region_intensities
        ),
        past=Past.GRIDS,
    ),
    gauge(
        "carbon_regions_unknown",
        ("provider",),
        "Cloud regions with machines that the shipped table lacks: priced with the world's grid.",
        samples=lambda snapshot: (
            ((provider,), snapshot.unknown_regions.get(provider, 0))
            for provider in dict.fromkeys(v.region.provider for v in snapshot.region_intensities)
        ),
        past=Past.GRIDS,
    ),
    gauge(
        "carbon_collector_success",
        ("collector",),
        "1 if the last attempt succeeded, 0 if it failed. Absent before the first attempt.",
        samples=_collectors(lambda view: None if view.success is None else int(view.success)),
    ),
    gauge(
        "carbon_collector_last_success_timestamp_seconds",
        ("collector",),
        "When the collector last succeeded, seconds since 1970.",
        "seconds",
        samples=_collectors(lambda view: view.last_success),
    ),
    gauge(
        "carbon_collector_duration_seconds",
        ("collector",),
        "How long the last attempt took.",
        "seconds",
        samples=_collectors(lambda view: view.duration_seconds),
    ),
    gauge(
        "carbon_collector_data_timestamp_seconds",
        ("collector",),
        "End of the newest data that the collector delivered, seconds since 1970.",
        "seconds",
        samples=_collectors(lambda view: view.data_timestamp),
    ),
    counter(
        "carbon_collector_failures_total",
        ("collector", "reason"),
        "Failures by reason; every reason is present from the start.",
        samples=_failures,
    ),
    counter(
        "carbon_api_requests_total",
        ("provider", "api"),
        "Requests sent to cloud and grid APIs.",
        samples=lambda snapshot: ((key, usage.requests) for key, usage in snapshot.api.items()),
    ),
    counter(
        "carbon_api_cost_dollars_total",
        ("provider", "api"),
        "List price of those requests in US dollars.",
        "dollars",
        samples=lambda snapshot: ((key, usage.dollars) for key, usage in snapshot.api.items()),
    ),
    counter(
        "carbon_buckets_corrected_total",
        (),
        "Open buckets counted again: the cloud changed their value, or the grid its intensity.",
        samples=lambda snapshot: (((), snapshot.buckets_corrected),),
    ),
    counter(
        "carbon_repriced_gco2eq_total",
        ("grid_zone", "direction"),
        "Grams that the grid's own value, coming late, added to totals (up) or took off (down).",
        "gco2eq",
        samples=lambda snapshot: snapshot.repriced.items(),
    ),
    gauge(
        "carbon_catch_up_remaining_seconds",
        ("collector",),
        "Past time that is still to be read, after a stop or an outage.",
        "seconds",
        samples=lambda snapshot: (
            ((name,), seconds) for name, seconds in snapshot.catch_up_remaining_seconds.items()
        ),
    ),
    gauge(
        "carbon_exposition_timestamp_seconds",
        (),
        "When the state that this page shows was taken, seconds since 1970. Absent before "
        "the first.",
        "seconds",
        samples=lambda snapshot: (((), snapshot.time),),
    ),
    EXPOSITION_SERIES,
    EXPOSITION_LIMIT,
    EXPOSITION_DROPPED,
    BUILD_INFO,
    *PROCESS,
)
"""All of them, in the order of the exposition."""

HISTORIC: Final = tuple(family for part in Past for family in FAMILIES if family.past is part)
"""Families that have a past, in the order of backfill's file."""
