"""PromQL that the dashboards share. Names and labels are those of the metric catalogue."""

from typing import Final

from exporter.engine.estimate import COMMON_ERROR
from exporter.exposition.catalogue import FAMILIES

RESOURCE: Final = "provider, account, cloud_region, resource_type, resource_id"
"""Identity labels of a machine."""

_LABELS: Final = {family.name: ", ".join(family.labels) for family in FAMILIES}


def picks(label: str, variable: str) -> str:
    """Make the matcher of a label by what the reader picked of a variable.

    A raw string: picked values may hold quotes and backslashes. A backtick is the one character
    that cannot be picked so.
    """
    return f"{label}=~`${{{variable}:regex}}`"


_JOB: Final = picks("job", "job")

PLACE: Final = (
    picks("provider", "provider"),
    picks("account", "account"),
    picks("cloud_region", "region"),
)
"""What the dashboard's variables pick of accounts and regions."""

_SELECTED: Final = (_JOB, *PLACE)

JOULES_PER_KWH: Final = "3.6e6"
"""1,000 watts for 3,600 seconds, as PromQL writes it."""

RECENT: Final = "1h"
"""Window for rates that say "now": twelve five-minute buckets, so one late bucket moves little."""


def selected(*matchers: str) -> str:
    """Put matchers in braces."""
    return f"{{{', '.join(matchers)}}}"


def estate(metric: str, *matchers: str) -> str:
    """Select a metric for the providers, accounts and regions that the reader picked."""
    return f"{metric}{selected(*_SELECTED, *matchers)}"


def exporter(metric: str, *matchers: str) -> str:
    """Select a metric that belongs to no account, for the scrape job that the reader picked."""
    return f"{metric}{selected(_JOB, *matchers)}"


def single(metric: str, *matchers: str, offset: str = "", window: str = "") -> str:
    """Take one value of each of the estate's series, also where two exporters watch it.

    They may disagree: the higher one is taken. ``window`` takes the last value of so long before
    the end of the time range, the same at every point.
    """
    shifted = f" offset {offset}" if offset else ""
    series = f"{estate(metric, *matchers)}{shifted}"
    if window:
        series = f"last_over_time({estate(metric, *matchers)}[{window}] @ end ())"
    return f"max by ({_LABELS[metric]}) ({series})"


def total(metric: str, *by: str, offset: str = "") -> str:
    """Sum a metric over the picked estate, now or so long ago, split by labels if any are given."""
    split = f" by ({', '.join(by)})" if by else ""
    return f"sum{split} ({single(metric, offset=offset)})"


def bound(metric: str, edge: str) -> str:
    """Give the end of the interval of a sum over the estate, at the side of ``edge``.

    The error of each region has a part that all machines share, which adds up linearly, and the
    rest, which is independent of the others' and adds up in quadrature: what the exporter does
    with each cause of error, from what its page tells of each region. It may differ by some
    hundredths of the interval, because machines of one CPU family, or on one grid, err together.

    ``metric`` is the central value's name, ``edge`` that of its low or high end.
    """
    central, sign = single(metric), "-" if "_low_" in edge else "+"
    error = f"abs ({single(edge)} - {central})"
    shared = f"{COMMON_ERROR} * {central}"
    common = f"({error} < {shared} or {shared})"
    independent = f"sum ({error} ^ 2 - {common} ^ 2)"
    return f"sum ({central}) {sign} sqrt (sum ({common}) ^ 2 + {independent})"


def exporters_watching() -> str:
    """Count the exporters that watched each region, on the average of the time range.

    What several counted each for itself, as a pair for high availability does, is divided by it;
    one that got a new address within the range is one.
    """
    measured = estate("carbon_resources", 'state="measured"')
    watching = f"count by ({REGION}) ({measured})"
    return f"(avg_over_time(({watching})[$__range:5m]) or {watching})"


REGION: Final = "provider, account, cloud_region"
"""Identity labels of an account's region."""


def grown(metric: str, offset: str = "") -> str:
    """Give what each machine's counter grew by in the time range, or in one so long before it."""
    shifted = f" offset {offset}" if offset else ""
    growth = f"sum by ({RESOURCE}) (increase({estate(metric)}[$__range]{shifted}))"
    return f"{growth} / on ({REGION}) group_left () {exporters_watching()}"


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
    return estate(metric, picks("resource_id", "machine"), *matchers)


def picked_machines() -> str:
    """Select the machines that the reader picked by tag and by id."""
    return of_picked("carbon_resource_info", picks("tag_$tag", "value"))


def of_machine(metric: str) -> str:
    """One value for each picked machine: the sum of its components or scopes."""
    return f"sum by ({RESOURCE}) ({single(metric)})"


def among_picked(expression: str) -> str:
    """Keep only the machines that the reader picked by tag and by id."""
    return among(expression, picked_machines())


def largest(count: int, metric: str) -> str:
    """Choose the picked machines with the highest sum of a metric at the end of the time range.

    The choice holds for the whole range, so that lines do not come and go.
    """
    seen = single(metric, picks("resource_id", "machine"), window=RECENT)
    picked = f"last_over_time({picked_machines()}[{RECENT}] @ end ())"
    return f"topk ({count}, sum by ({RESOURCE}) ({seen}) and on ({RESOURCE}) {picked})"


def leaders(count: int, metric: str, label: str) -> str:
    """Choose the values of a label with the highest sum of a metric, for the whole time range."""
    mean = f"avg_over_time(({total(metric, label)})[$__range:$__interval] @ end ())"
    return f"topk ({count}, {mean})"


def named(expression: str) -> str:
    """Add ``machine`` (its name, or its id where it has none) and ``instance_type``.

    One info series is taken for each machine, so that two exporters that disagree about a name or
    a type cannot break the join.
    """
    info = one_info("name", "instance_type")
    joined = f"({expression}) * on ({RESOURCE}) group_left (name, instance_type) {info}"
    by_id = f'label_replace({joined}, "machine", "$1", "resource_id", "(.*)")'
    return f'label_replace({by_id}, "machine", "$1", "name", "(.+)")'


def one_info(*labels: str, matchers: tuple[str, ...] = ()) -> str:
    """Take one info series of each machine, with some of its labels."""
    kept = ", ".join((RESOURCE, *labels))
    info = estate("carbon_resource_info", *matchers)
    return f"topk by ({RESOURCE}) (1, group by ({kept}) ({info}))"


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


def age_in_force() -> str:
    """Seconds since the period began that the value in force is of; not of an annual average."""
    stamp, level = "carbon_grid_intensity_timestamp_seconds", "carbon_grid_intensity_fallback_level"
    annual = f"{our_zones(level)} == {ANNUAL}"
    return f"time () - ({our_zones(stamp)} unless on (grid_zone) {annual})"


ANNUAL: Final = 4
"""Fallback level of an annual average."""


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
