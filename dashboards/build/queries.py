"""PromQL that the dashboards share. Names and labels are those of the metric catalogue."""

from typing import Final

RESOURCE: Final = "provider, account, cloud_region, resource_type, resource_id"
"""Identity labels of a machine."""

_SELECTED: Final = ('provider=~"$provider"', 'account=~"$account"', 'cloud_region=~"$region"')
"""What the dashboard's variables pick."""

RECENT: Final = "1h"
"""Window for rates that say "now": twelve five-minute buckets, so one late bucket moves little."""


def estate(metric: str, *matchers: str) -> str:
    """Select a metric for the providers, accounts and regions that the reader picked."""
    return f"{metric}{{{', '.join((*_SELECTED, *matchers))}}}"


def total(metric: str, *by: str) -> str:
    """Sum a metric over the picked estate, split by labels if any are given."""
    split = f" by ({', '.join(by)})" if by else ""
    return f"sum{split} ({estate(metric)})"


def grams_in_range() -> str:
    """Grams in the panel's time range; a counter reset by a restart is no loss."""
    return f"sum (increase({estate('carbon_emissions_gco2eq_total')}[$__range]))"


def coverage() -> str:
    """Share of the machines' running time that was accounted from measured CPU."""
    seconds = "carbon_observed_seconds_total"
    measured = estate(seconds, 'quality="measured"')
    return f"sum (rate({measured}[{RECENT}])) / sum (rate({estate(seconds)}[{RECENT}]))"


def of_machine(metric: str) -> str:
    """One value for each picked machine: the sum of its components or scopes."""
    return f"sum by ({RESOURCE}) ({estate(metric)})"


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
    series = f'{metric}{{method="average"}}'
    ours = f"{series} and on (grid_zone) {estate('carbon_resource_info')}"
    return f"max by ({', '.join(('grid_zone', *by))}) ({ours})"


def simulated_zones() -> str:
    """Return how many grid zones the demo made up; 0 on real data, nothing without any data."""
    intensity = "carbon_grid_intensity_gco2eq_per_kwh"
    made_up = f'count (last_over_time({intensity}{{source="demo"}}[1h]))'
    return f"{made_up} or 0 * count ({intensity})"


def of_collector(metric: str) -> str:
    """One value for each collector, also where two exporters report it."""
    return f"max by (collector) ({metric})"


def collector_age(timestamp_metric: str) -> str:
    """Seconds since a timestamp of each collector; 0 where it lies ahead, as a forecast's does."""
    return f"clamp_min (time () - {of_collector(timestamp_metric)}, 0)"


def collector_failures() -> str:
    """Failed runs of each collector in a day, for whatever reason."""
    return "sum by (collector) (increase(carbon_collector_failures_total[24h]))"
