"""PromQL of the exporter itself: its collectors, its API bill, its process, its scrapes."""

from typing import Final

from dashboards.build.queries import (
    RECENT,
    collector_age,
    estate,
    exporter,
    picks,
    simulated_zones,
    single,
)
from exporter.settings.model import Settings

POLL_SECONDS: Final = Settings.model_fields["poll_interval"].default.total_seconds()
"""Between two polls unless the exporter is told otherwise."""
PICKED: Final = picks("provider", "provider")
_AVERAGE: Final = 'method="average"'
_PROCESS: Final = "job, instance"
_DAY: Final = "24h"


def failing() -> str:
    """Count the collectors whose last run failed."""
    success = f"min by (collector) ({exporter('carbon_collector_success')})"
    return f"count ({success} == 0) or 0 * count ({success})"


def data_age() -> str:
    """Seconds since the end of each collector's newest data."""
    return collector_age("carbon_collector_data_timestamp_seconds")


def success_age() -> str:
    """Seconds since each collector last succeeded."""
    return collector_age("carbon_collector_last_success_timestamp_seconds")


def failures() -> str:
    """Failed runs in the last hour by reason."""
    return f"sum by (reason) (increase({exporter('carbon_collector_failures_total')}[{RECENT}]))"


def longest(metric: str) -> str:
    """Highest value of each collector, where several exporters report it."""
    return f"max by (collector) ({exporter(metric)})"


def zones_on(level: int) -> str:
    """Count the grid zones on a fallback level, of all regions of the watched clouds."""
    levels = f"max by (grid_zone) ({exporter('carbon_grid_intensity_fallback_level', _AVERAGE)})"
    return f"count ({levels} == {level})"


def qualities() -> str:
    """Share of the machines' running time by how it was counted."""
    seconds = estate("carbon_observed_seconds_total")
    each = f"sum by (quality) (rate({seconds}[{RECENT}]))"
    return f"{each} / on () group_left () sum (rate({seconds}[{RECENT}]))"


def requests_per_hour() -> str:
    """Requests to each provider's APIs in the last hour."""
    requests = exporter("carbon_api_requests_total", PICKED)
    return f"sum by (provider) (increase({requests}[{RECENT}]))"


def dollars_per_day() -> str:
    """List price of a day of requests at the pace of the last hour, by provider."""
    pace = f"sum by (provider) (rate({_dollars()}[{RECENT}])) * 86400"
    polled = (
        f"sum by (provider) (increase({_dollars()}[{RECENT}])) / on () group_left () {_polls()}"
    )
    return _as_in_production(pace, f"{polled} * {86400 / POLL_SECONDS:.0f}")


def dollars_per_month() -> str:
    """List price of this month's requests at the pace of the last day.

    The pace is that of the time for which there was an exporter, which on its first day and after
    a pause is less than a day. Nothing in the first hour.
    """
    seconds = f"count_over_time((count ({exporter('carbon_build_info')}))[{_DAY}:5m]) * 300"
    month = "scalar (days_in_month ()) * 86400"
    pace = f"sum (increase({_dollars()}[{_DAY}])) / ({seconds} >= 3600) * {month}"
    polled = f"sum (increase({_dollars()}[{RECENT}])) / {_polls()}"
    return _as_in_production(pace, f"{polled} * {month} / {POLL_SECONDS:.0f}")


def _polls() -> str:
    """Count the polls of a cloud in the last hour."""
    stamp = "carbon_collector_last_success_timestamp_seconds"
    clouds = exporter(stamp, 'collector=~".+:.+"')
    return f"avg (changes({clouds}[{RECENT}]) > 0)"


def _as_in_production(real: str, simulated: str) -> str:
    """Price the demo, which polls all the time so that its numbers move, at the usual interval."""
    demo = f"({simulated_zones()}) > 0"
    return f"({real}) unless on () ({demo}) or ({simulated}) and on () ({demo})"


def requests_of_the_day() -> str:
    """Requests of the last day by API."""
    requests = exporter("carbon_api_requests_total", PICKED)
    return f"sum by (provider, api) (increase({requests}[{_DAY}])) > 0"


def dollars_of_the_day() -> str:
    """List price of the last day's requests by API, where there were any."""
    paid = f"sum by (provider, api) (increase({_dollars()}[{_DAY}]))"
    return f"{paid} and on (provider, api) ({requests_of_the_day()})"


def corrected() -> str:
    """Buckets that the clouds changed afterwards, in the last hour."""
    return f"sum (increase({exporter('carbon_buckets_corrected_total')}[{RECENT}]))"


def repriced(direction: str) -> str:
    """Grams that late intensities changed in totals, in the last day."""
    series = exporter("carbon_repriced_gco2eq_total", f'direction="{direction}"')
    return f"sum (increase({series}[{_DAY}]))"


def unknown_regions() -> str:
    """Regions with machines that the tables lack; a machine of one's own is in none."""
    regions = exporter("carbon_regions_unknown", PICKED, 'provider!="host"')
    return f"sum (max by (provider) ({regions}))"


def machines_in(state: str) -> str:
    """Count the picked machines in a state."""
    matcher = f'state="{state}"'
    return f"sum ({single('carbon_resources', matcher)})"


def of_process(metric: str) -> str:
    """Value of each exporter."""
    return f"max by ({_PROCESS}) ({_exporters(metric)})"


def cpu_of_process() -> str:
    """CPU cores that each exporter keeps busy."""
    seconds = exporter("process_cpu_seconds_total")
    return f"sum by ({_PROCESS}) (rate({seconds}[15m]) {_BUILD})"


def age_of_process(metric: str) -> str:
    """Seconds since a timestamp of each exporter."""
    return f"time () - {of_process(metric)}"


def versions() -> str:
    """Return the exporters with their versions; always 1."""
    return f"max by ({_PROCESS}, version) ({exporter('carbon_build_info')})"


def dropped() -> str:
    """Series that the exporters left out because of their limit."""
    return f"sum ({exporter('carbon_exposition_series_dropped')})"


_BUILD: Final = f"and on ({_PROCESS}) {exporter('carbon_build_info')}"
"""What tells an exporter from other targets that a job may have."""


def _exporters(metric: str) -> str:
    return f"{exporter(metric)} {_BUILD}"


def _dollars() -> str:
    return exporter("carbon_api_cost_dollars_total", PICKED)
