"""Every metric family that exists, as data.

The renderer emits these and no others, ``docs/metrics.md`` is generated from them, and the tests of
the dashboards check against them. Names and labels are public API: a rename is a breaking change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

REGION: Final = ("provider", "account", "cloud_region")
RESOURCE: Final = (*REGION, "resource_type", "resource_id")
"""Identity labels of a resource, in the order of ``core.model.ResourceKey``."""

INFO: Final = (
    "name",
    "instance_type",
    "cloud_zone",
    "grid_zone",
    "group",
    "cluster",
    "node_pool",
    "lifecycle",
    "confidence",
)
"""Labels of the info series besides the identity and the allow-listed tags."""

LABELS: Final[Mapping[str, str]] = {
    "provider": "Cloud: `aws`, `gcp`, `azure`; `host` is the machine that the exporter runs on",
    "account": "AWS account id, Google Cloud project, Azure subscription, or the host's name",
    "cloud_region": "Region as the cloud names it, for example `eu-west-3`",
    "resource_type": "Kind of resource, for example `ec2_instance` or `rds_instance`",
    "resource_id": "Id as the cloud gives it, for example `i-0abc…`",
    "name": "Name that people gave the machine; empty where it has none",
    "instance_type": "Machine type, for example `m5.large`",
    "cloud_zone": "Availability zone",
    "grid_zone": "Electricity grid zone that feeds the region, for example `FR` or `US-CAL-CISO`",
    "group": "Auto Scaling group or scale set that made the machine; empty where none did, and in "
    "Google Cloud, which does not list it",
    "cluster": "Kubernetes cluster (EKS, GKE, AKS) that the machine is a node of; empty where none",
    "node_pool": "Node group or node pool of that cluster",
    "lifecycle": "`spot` (the cloud may take the machine back) or `on_demand`; empty where unknown",
    "confidence": "How the CPU of a machine is known, the best first: `sku`, `family`, "
    "`multi-family`, `proxy`, `unknown-type`; empty for one that never ran while it was watched",
    "latitude": "Degrees north; empty where the table lacks the region",
    "longitude": "Degrees east",
    "location": "Where the region is, in words",
    "tag_*": "One label per allow-listed tag; empty where the machine lacks the tag",
    "component": "`cpu`, `memory`, `overhead` (cooling and conversion: PUE) always; `gpu`, "
    "`storage`, `network` only where they draw power",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric family: its name as queried, its type, fixed labels, meaning and unit."""

    section: Section
    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    unit: str = ""
    """As in the name; empty where the value is a count, a level, a flag or an info series."""

    @property
    def openmetrics_name(self) -> str:
        """The name in OpenMetrics metadata, where a counter goes without ``_total``."""
        return self.name.removesuffix("_total") if self.kind is Kind.COUNTER else self.name


def gauge(name: str, labels: tuple[str, ...], text: str, unit: str = "") -> Family:
    """Describe a value that goes up and down."""
    return _family(name, Kind.GAUGE, labels, text, unit)


def counter(name: str, labels: tuple[str, ...], text: str, unit: str = "") -> Family:
    """Describe a value that only grows."""
    return _family(name, Kind.COUNTER, labels, text, unit)


def _family(name: str, kind: Kind, labels: tuple[str, ...], text: str, unit: str) -> Family:
    return Family(section=_section(name), name=name, kind=kind, labels=labels, help=text, unit=unit)


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


def _section(name: str) -> Section:
    matches = (section for prefix, section in _SECTIONS.items() if name.startswith(prefix))
    return next(matches, Section.TOTALS)


RESOURCE_INFO: Final = gauge(
    "carbon_resource_info",
    (*RESOURCE, *INFO),
    "What is known about a machine; always 1, to be joined on the identity labels.",
)
RESOURCE_VCPUS: Final = gauge(
    "carbon_resource_vcpus",
    RESOURCE,
    "vCPUs of a machine with current values; absent where its type is known to nobody.",
)
RESOURCE_UTILIZATION: Final = gauge(
    "carbon_resource_cpu_utilization_ratio",
    RESOURCE,
    "Mean CPU utilisation of the last final bucket, 0 to 1. Absent while stale or stopped.",
    "ratio",
)
RESOURCE_GPU_UTILIZATION: Final = gauge(
    "carbon_resource_gpu_utilization_ratio",
    RESOURCE,
    "Mean utilisation of a machine's GPUs over the last final bucket, 0 to 1. Only where it is "
    "measured; GPUs without it are taken to be half busy.",
    "ratio",
)
RESOURCE_POWER: Final = gauge(
    "carbon_resource_power_watts",
    (*RESOURCE, "component"),
    "Power by component in the last final bucket; the components add up to what the grid delivers.",
    "watts",
)
RESOURCE_RATE: Final = gauge(
    "carbon_resource_emissions_gco2eq_per_hour",
    (*RESOURCE, "scope"),
    "Current emission rate in grams of CO2 equivalent per hour.",
    "gco2eq_per_hour",
)
RESOURCE_ENERGY: Final = counter(
    "carbon_resource_energy_joules_total",
    RESOURCE,
    "Energy drawn from the grid, data-centre overhead included.",
    "joules",
)
RESOURCE_EMISSIONS: Final = counter(
    "carbon_resource_emissions_gco2eq_total",
    (*RESOURCE, "scope"),
    "Grams of CO2 equivalent emitted.",
    "gco2eq",
)

ENERGY: Final = counter(
    "carbon_energy_joules_total",
    REGION,
    "Energy of all machines, vanished ones included: for months and budgets.",
    "joules",
)
EMISSIONS: Final = counter(
    "carbon_emissions_gco2eq_total",
    (*REGION, "scope"),
    "Grams of CO2 equivalent of all machines, vanished ones included: for months and budgets.",
    "gco2eq",
)
POWER: Final = gauge(
    "carbon_power_watts", REGION, "Power of all machines with a current value.", "watts"
)
POWER_LOW: Final = gauge(
    "carbon_power_low_watts", REGION, "Low bound of carbon_power_watts.", "watts"
)
POWER_HIGH: Final = gauge(
    "carbon_power_high_watts", REGION, "High bound of carbon_power_watts.", "watts"
)
RATE: Final = gauge(
    "carbon_emissions_gco2eq_per_hour",
    REGION,
    "Current emission rate of all machines with a current value, all scopes.",
    "gco2eq_per_hour",
)
RATE_LOW: Final = gauge(
    "carbon_emissions_low_gco2eq_per_hour",
    REGION,
    "Low bound of carbon_emissions_gco2eq_per_hour.",
    "gco2eq_per_hour",
)
RATE_HIGH: Final = gauge(
    "carbon_emissions_high_gco2eq_per_hour",
    REGION,
    "High bound of carbon_emissions_gco2eq_per_hour.",
    "gco2eq_per_hour",
)
BUDGET: Final = gauge(
    "carbon_budget_month_gco2eq",
    (),
    "What a calendar month shall stay below: all machines, both scopes. Absent without a budget.",
    "gco2eq",
)
OBSERVED_SECONDS: Final = counter(
    "carbon_observed_seconds_total",
    (*REGION, "quality"),
    "Machine-seconds of running machines by how they were counted: the coverage.",
    "seconds",
)
RESOURCES: Final = gauge(
    "carbon_resources", (*REGION, "state"), "Machines by state; every state is present."
)

GRID_INTENSITY: Final = gauge(
    "carbon_grid_intensity_gco2eq_per_kwh",
    ("grid_zone", "source", "method", "basis"),
    "Carbon intensity in force in a grid zone.",
    "gco2eq_per_kwh",
)
GRID_TIMESTAMP: Final = gauge(
    "carbon_grid_intensity_timestamp_seconds",
    ("grid_zone", "method"),
    "From when the intensity in force is valid, seconds since 1970.",
    "seconds",
)
GRID_FALLBACK: Final = gauge(
    "carbon_grid_intensity_fallback_level",
    ("grid_zone", "method"),
    "0 live, 1 second source, 2 last known, 3 forecast, 4 annual average.",
)
GRID_ESTIMATED: Final = gauge(
    "carbon_grid_intensity_estimated",
    ("grid_zone", "method"),
    "1 where the source itself calls the value in force an estimate, else 0.",
)
GRID_FORECAST: Final = gauge(
    "carbon_grid_forecast_gco2eq_per_kwh",
    ("grid_zone", "method", "horizon"),
    "Carbon intensity expected so far ahead, from the source itself or from the seasonal model.",
    "gco2eq_per_kwh",
)
GRID_PERCENTILE: Final = gauge(
    "carbon_grid_marginal_percentile",
    ("grid_zone", "source"),
    "Marginal intensity now, as its percentile among that of the next 24 hours in the same zone: "
    "0 cleanest, 100 dirtiest. Where a source tells it; absent an hour after it last did.",
)
REGION_INFO: Final = gauge(
    "carbon_region_info",
    ("provider", "cloud_region", "grid_zone", "location", "latitude", "longitude"),
    "Every region of the clouds that are watched, with machines or not; always 1.",
)
REGION_INTENSITY: Final = gauge(
    "carbon_region_intensity_gco2eq_per_kwh",
    ("provider", "cloud_region", "method"),
    "Grid intensity times PUE: grams per kWh of IT energy, the key to rank regions by.",
    "gco2eq_per_kwh",
)
REGION_PUE: Final = gauge(
    "carbon_region_pue_ratio",
    ("provider", "cloud_region"),
    "Power usage effectiveness: facility energy per IT energy.",
    "ratio",
)

REGIONS_UNKNOWN: Final = gauge(
    "carbon_regions_unknown",
    ("provider",),
    "Cloud regions with machines that the shipped table lacks: priced with the world's grid.",
)

COLLECTOR_SUCCESS: Final = gauge(
    "carbon_collector_success",
    ("collector",),
    "1 if the last attempt succeeded, 0 if it failed. Absent before the first attempt.",
)
COLLECTOR_LAST_SUCCESS: Final = gauge(
    "carbon_collector_last_success_timestamp_seconds",
    ("collector",),
    "When the collector last succeeded, seconds since 1970.",
    "seconds",
)
COLLECTOR_DURATION: Final = gauge(
    "carbon_collector_duration_seconds",
    ("collector",),
    "How long the last attempt took.",
    "seconds",
)
COLLECTOR_DATA: Final = gauge(
    "carbon_collector_data_timestamp_seconds",
    ("collector",),
    "End of the newest data that the collector delivered, seconds since 1970.",
    "seconds",
)
COLLECTOR_FAILURES: Final = counter(
    "carbon_collector_failures_total",
    ("collector", "reason"),
    "Failures by reason; every reason is present from the start.",
)
API_REQUESTS: Final = counter(
    "carbon_api_requests_total", ("provider", "api"), "Requests sent to cloud and grid APIs."
)
API_COST: Final = counter(
    "carbon_api_cost_dollars_total",
    ("provider", "api"),
    "List price of those requests in US dollars.",
    "dollars",
)
BUCKETS_CORRECTED: Final = counter(
    "carbon_buckets_corrected_total",
    (),
    "Buckets whose value the cloud changed after they were first counted.",
)
CATCH_UP: Final = gauge(
    "carbon_catch_up_remaining_seconds",
    ("collector",),
    "Past time that is still to be read, after a stop or an outage.",
    "seconds",
)

EXPOSITION_TIMESTAMP: Final = gauge(
    "carbon_exposition_timestamp_seconds",
    (),
    "When the state that this page shows was taken, seconds since 1970. Absent before the first.",
    "seconds",
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
    "Series left out because of the limit: whole machines, those with the lowest emissions first.",
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
    RESOURCE_VCPUS,
    RESOURCE_UTILIZATION,
    RESOURCE_GPU_UTILIZATION,
    RESOURCE_POWER,
    RESOURCE_RATE,
    RESOURCE_ENERGY,
    RESOURCE_EMISSIONS,
    ENERGY,
    EMISSIONS,
    POWER,
    POWER_LOW,
    POWER_HIGH,
    RATE,
    RATE_LOW,
    RATE_HIGH,
    BUDGET,
    OBSERVED_SECONDS,
    RESOURCES,
    GRID_INTENSITY,
    GRID_TIMESTAMP,
    GRID_FALLBACK,
    GRID_ESTIMATED,
    GRID_FORECAST,
    GRID_PERCENTILE,
    REGION_INFO,
    REGION_INTENSITY,
    REGION_PUE,
    REGIONS_UNKNOWN,
    COLLECTOR_SUCCESS,
    COLLECTOR_LAST_SUCCESS,
    COLLECTOR_DURATION,
    COLLECTOR_DATA,
    COLLECTOR_FAILURES,
    API_REQUESTS,
    API_COST,
    BUCKETS_CORRECTED,
    CATCH_UP,
    EXPOSITION_TIMESTAMP,
    EXPOSITION_SERIES,
    EXPOSITION_LIMIT,
    EXPOSITION_DROPPED,
    BUILD_INFO,
    *PROCESS,
)
"""All of them, in the order of the exposition."""
