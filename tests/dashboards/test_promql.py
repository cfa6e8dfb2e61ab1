"""The reader of PromQL that the drift tests rely on."""

from tests.support.promql import read


def test_it_finds_metrics_and_the_labels_of_their_matchers() -> None:
    query = read('sum by (a, b) (up{job=~"x{1}", b!="by (c)"}) / on (a) group_left (d) carbon_x')
    assert query.metrics == {"up", "carbon_x"}
    assert {s.metric: s.labels for s in query.selectors} == {"up": {"job", "b"}, "carbon_x": set()}
    assert query.grouped == {"a", "b", "d"}


def test_it_finds_windows_and_the_function_around_a_counter() -> None:
    query = read('sum (increase(a_total{x="y"}[$__range] offset 1d)) or avg_over_time((b)[7d:15m])')
    first, second = query.selectors
    assert (first.function, first.window) == ("increase", "$__range")
    assert (second.metric, second.window) == ("b", "")


def test_labels_that_a_query_makes_are_told_from_those_it_reads() -> None:
    query = read(
        'label_replace(label_replace(m, "o", "-", "t", ".*"), "o", "$1", "tag_$tag", "(.+)")'
    )
    assert query.made == {"o"}
    assert query.read == {"t", "tag_$tag"}
    assert query.metrics == {"m"}


def test_variables_name_a_metric_and_a_label() -> None:
    query = read('label_values(info{job=~"$job"}, tag_$tag)')
    assert query.metrics == {"info"}
    assert query.grouped == {"tag_$tag"}
    assert read('label_names(info{job=~"$job"})').metrics == {"info"}


def test_grafanas_numbers_and_times_are_no_metrics() -> None:
    query = read("clamp_min (days_in_month () * 24 - $__range_s / 3600, 0) + x @ end ()")
    assert query.metrics == {"x"}
