"""Dashboards and rules against the metrics that exist: each name is real, each metric is shown."""

from exporter.exposition.catalogue import FAMILIES, Kind
from tests.support.boards import BOARDS, RECORDED, RULES, expressions, variables
from tests.support.promql import Query, read

LABELS_OF = {family.name: frozenset(family.labels) for family in FAMILIES}
COUNTERS = {family.name for family in FAMILIES if family.kind is Kind.COUNTER}
OF_PROMETHEUS = {
    "ALERTS",
    "ALERTS_FOR_STATE",
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
}
"""Metrics that Prometheus itself makes."""
OF_SCRAPE = {"job", "instance", "__name__"}
"""Labels that Prometheus adds to every series."""
NOT_SHOWN = {
    "process_virtual_memory_bytes": "memory that is reserved says nothing of memory that is used",
    "process_max_fds": "a limit that does not move; only the alert of a full one would need it",
    "python_info": "for bug reports, not for a reader of dashboards",
}
"""Families that no dashboard shows, each with the reason."""

SHOWN = [
    (f"{name}: {text}", read(text))
    for name, board in BOARDS.items()
    for text in (*variables(board), *expressions(board))
]
QUERIES = [*SHOWN, *((f"{name}: {rule['expr']}", read(rule["expr"])) for name, rule in RULES)]


def known(label: str, labels: frozenset[str]) -> bool:
    tag = label.startswith("tag_") and "instance_type" in labels
    return label in labels or label in OF_SCRAPE or tag


def labels_of(query: Query) -> frozenset[str]:
    if query.metrics & RECORDED:
        return frozenset().union(*LABELS_OF.values())
    if "ALERTS" in query.metrics:
        return frozenset({"alertname", "alertstate", "severity"}).union(*LABELS_OF.values())
    return frozenset().union(*(LABELS_OF.get(metric, ()) for metric in query.metrics))


def unknown_labels(query: Query) -> list[str]:
    """Labels of matchers that the metric they stand at does not have."""
    return [
        f"{selector.metric}.{label}"
        for selector in query.selectors
        if selector.metric in LABELS_OF
        for label in selector.labels
        if not known(label, LABELS_OF[selector.metric])
    ]


def misread(query: Query) -> list[str]:
    """Counters read as they stand, and gauges read as counters.

    Sums of hours take differences of counters, as the recording rules do whose tests try them.
    """
    hours = {f"{metric.split(':')[1]}_total" for metric in query.metrics if "increase1h" in metric}
    return [
        str(selector.metric)
        for selector in query.selectors
        if selector.metric not in hours
        and (selector.metric in COUNTERS) != (selector.function in {"rate", "increase"})
    ]


def test_there_are_queries_to_look_at() -> None:
    assert len(SHOWN) > len(BOARDS)
    assert len(QUERIES) > len(SHOWN)


def test_every_metric_is_in_the_catalogue_or_made_by_a_rule() -> None:
    real = LABELS_OF.keys() | RECORDED | OF_PROMETHEUS
    assert {name: query.metrics - real for name, query in QUERIES if query.metrics - real} == {}


def test_every_query_of_a_dashboard_asks_for_a_metric() -> None:
    assert [name for name, query in SHOWN if not query.metrics] == []


def test_matchers_name_labels_of_the_metric_they_stand_at() -> None:
    wrong = {name: unknown_labels(query) for name, query in QUERIES}
    assert {name: labels for name, labels in wrong.items() if labels} == {}


def test_groupings_and_joins_name_labels_of_the_metrics_or_made_ones() -> None:
    wrong = {}
    for name, query in QUERIES:
        labels = labels_of(query) | query.made
        wrong[name] = [x for x in query.grouped | query.read if not known(x, labels)]
    assert {name: labels for name, labels in wrong.items() if labels} == {}


def test_dashboards_read_counters_only_through_increase_or_rate() -> None:
    wrong = {name: misread(query) for name, query in SHOWN}
    assert {name: metrics for name, metrics in wrong.items() if metrics} == {}


def test_each_family_is_on_a_dashboard_or_has_a_reason_not_to_be() -> None:
    shown = {metric for _, query in SHOWN for metric in query.metrics}
    assert LABELS_OF.keys() - shown == NOT_SHOWN.keys()
