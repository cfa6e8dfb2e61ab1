"""PromQL that the dashboards share. Names and labels are those of the metric catalogue."""

from typing import Final

RESOURCE: Final = "provider, account, cloud_region, resource_type, resource_id"
"""Identity labels of a machine."""

_JOB: Final = 'job=~"$job"'

_SELECTED: Final = (_JOB, 'provider=~"$provider"', 'account=~"$account"', 'cloud_region=~"$region"')
"""What the dashboard's variables pick."""

JOULES_PER_KWH: Final = "3.6e6"
"""1,000 watts for 3,600 seconds, as PromQL writes it."""

RECENT: Final = "1h"
"""Window for rates that say "now": twelve five-minute buckets, so one late bucket moves little."""


def estate(metric: str, *matchers: str) -> str:
    """Select a metric for the providers, accounts and regions that the reader picked."""
    return f"{metric}{{{', '.join((*_SELECTED, *matchers))}}}"


def exporter(metric: str, *matchers: str) -> str:
    """Select a metric that belongs to no account, for the scrape job that the reader picked."""
    return f"{metric}{{{', '.join((_JOB, *matchers))}}}"


def total(metric: str, *by: str, offset: str = "") -> str:
    """Sum a metric over the picked estate, now or so long ago, split by labels if any are given."""
    split = f" by ({', '.join(by)})" if by else ""
    shifted = f" offset {offset}" if offset else ""
    return f"sum{split} ({estate(metric)}{shifted})"


def coverage() -> str:
    """Share of the machines' running time that was accounted from measured CPU."""
    seconds = "carbon_observed_seconds_total"
    measured = estate(seconds, 'quality="measured"')
    return f"sum (rate({measured}[{RECENT}])) / sum (rate({estate(seconds)}[{RECENT}]))"


def covered(expression: str, before: str) -> str:
    """Keep a sum over an earlier time range only if the estate was watched when it began.

    ``before`` is how much earlier it is. A sum of half a day is no measure for a whole one.
    """
    watched = f"count ({estate('carbon_resources')} offset {before})"
    began = f"last_over_time(({watched})[30m:5m] offset $__range)"
    return f"({expression}) and on () {began}"


def of_picked(metric: str, *matchers: str) -> str:
    """Select a machine's metric for the estate and the machine ids that the reader picked."""
    return estate(metric, 'resource_id=~"$machine"', *matchers)


def picked_machines() -> str:
    """Select the machines that the reader picked by tag and by id."""
    return of_picked("carbon_resource_info", 'tag_$tag=~"$value"')


def of_machine(metric: str) -> str:
    """One value for each picked machine: the sum of its components or scopes."""
    return f"sum by ({RESOURCE}) ({estate(metric)})"


def among_picked(expression: str) -> str:
    """Keep only the machines that the reader picked by tag and by id."""
    return among(expression, picked_machines())


def largest(count: int, metric: str) -> str:
    """Choose the picked machines with the highest sum of a metric at the end of the time range.

    The choice holds for the whole range, so that lines do not come and go.
    """
    seen = f"last_over_time({of_picked(metric)}[{RECENT}] @ end ())"
    picked = f"last_over_time({picked_machines()}[{RECENT}] @ end ())"
    return f"topk ({count}, sum by ({RESOURCE}) ({seen}) and on ({RESOURCE}) {picked})"


def named(expression: str) -> str:
    """Add ``machine`` (its name, or its id where it has none) and ``instance_type``.

    The info series is grouped first, so that two exporters of one estate cannot break the join.
    """
    info = f"group by ({RESOURCE}, name, instance_type) ({estate('carbon_resource_info')})"
    joined = f"({expression}) * on ({RESOURCE}) group_left (name, instance_type) {info}"
    by_id = f'label_replace({joined}, "machine", "$1", "resource_id", "(.*)")'
    return f'label_replace({by_id}, "machine", "$1", "name", "(.+)")'


def top_emitters(count: int) -> str:
    """Return the machines with the highest present emissions, in grams per hour."""
    return f"topk ({count}, {of_machine('carbon_resource_emissions_gco2eq_per_hour')})"


def among(expression: str, chosen: str) -> str:
    """Keep only the machines that another expression has chosen."""
    return f"{expression} and on ({RESOURCE}) {chosen}"


def our_zones(metric: str, *by: str) -> str:
    """Average-method grid series of the zones that the picked machines draw from."""
    series = exporter(metric, 'method="average"')
    ours = f"{series} and on (grid_zone) {estate('carbon_resource_info')}"
    return f"max by ({', '.join(('grid_zone', *by))}) ({ours})"


def simulated_zones() -> str:
    """Return how many grid zones the demo made up; 0 on real data, nothing without any data."""
    intensity = "carbon_grid_intensity_gco2eq_per_kwh"
    invented = exporter(intensity, 'source="demo"')
    return f"count (last_over_time({invented}[1h])) or 0 * count ({exporter(intensity)})"


def of_collector(metric: str) -> str:
    """One value for each collector, also where two exporters report it."""
    return f"max by (collector) ({exporter(metric)})"


def collector_age(timestamp_metric: str) -> str:
    """Seconds since a timestamp of each collector; 0 where it lies ahead, as a forecast's does."""
    return f"clamp_min (time () - {of_collector(timestamp_metric)}, 0)"


def data_age_of_providers() -> str:
    """Seconds since the newest data of each collector of a picked provider."""
    age = collector_age("carbon_collector_data_timestamp_seconds")
    provider = f'label_replace({age}, "provider", "$1", "collector", "([^:]+).*")'
    return f"{provider} and on (provider) {estate('carbon_resources')}"


def collector_failures() -> str:
    """Failed runs of each collector in a day, for whatever reason."""
    failures = exporter("carbon_collector_failures_total")
    return f"sum by (collector) (increase({failures}[24h]))"
