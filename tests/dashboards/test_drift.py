"""Dashboards and rules against the metrics that exist: each name is real, each metric is shown."""

import pytest

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

_ASKED = [
    (f"{name}:{text}", read(text))
    for name, board in BOARDS.items()
    for text in (*variables(board), *expressions(board))
]
_RULED = [(f"{name}:{rule['expr']}", read(rule["expr"])) for name, rule in RULES]
_SHOWN = [pytest.param(query, id=name) for name, query in _ASKED]
QUERIES = [pytest.param(query, id=name) for name, query in (*_ASKED, *_RULED)]


def known(label: str, labels: frozenset[str]) -> bool:
    tag = label.startswith("tag_") and "instance_type" in labels
    return label in labels or label in OF_SCRAPE or tag


def labels_of(query: Query) -> frozenset[str]:
    if query.metrics & RECORDED:
        return frozenset().union(*LABELS_OF.values())
    return frozenset().union(*(LABELS_OF.get(metric, ()) for metric in query.metrics))


@pytest.mark.parametrize("query", QUERIES)
def test_every_metric_is_in_the_catalogue_or_made_by_a_rule(query: Query) -> None:
    assert query.metrics <= LABELS_OF.keys() | RECORDED | OF_PROMETHEUS


@pytest.mark.parametrize("query", _SHOWN)
def test_every_query_of_a_dashboard_asks_for_a_metric(query: Query) -> None:
    assert query.metrics


@pytest.mark.parametrize("query", QUERIES)
def test_matchers_name_labels_of_the_metric_they_stand_at(query: Query) -> None:
    for selector in query.selectors:
        if selector.metric in LABELS_OF:
            own = LABELS_OF[selector.metric]
            assert [label for label in selector.labels if not known(label, own)] == []


@pytest.mark.parametrize("query", QUERIES)
def test_groupings_and_joins_name_labels_of_the_metrics_or_made_ones(query: Query) -> None:
    labels = labels_of(query) | query.made
    assert [label for label in query.grouped | query.read if not known(label, labels)] == []


@pytest.mark.parametrize("query", _SHOWN)
def test_dashboards_read_counters_only_through_increase_or_rate(query: Query) -> None:
    raw = [
        s
        for s in query.selectors
        if s.metric in COUNTERS and s.function not in {"rate", "increase"}
    ]
    assert raw == []
    assert all(s.metric in COUNTERS for s in query.selectors if s.function in {"rate", "increase"})


def test_each_family_is_on_a_dashboard_or_has_a_reason_not_to_be() -> None:
    shown = {metric for _, query in _ASKED for metric in query.metrics}
    assert LABELS_OF.keys() - shown == NOT_SHOWN.keys()
