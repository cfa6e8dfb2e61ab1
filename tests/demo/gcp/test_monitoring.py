from collections.abc import Callable
from datetime import timedelta

import pytest
from google.api_core.exceptions import InvalidArgument, NotFound, PermissionDenied
from google.cloud.monitoring_v3 import (
    Aggregation,
    ListTimeSeriesRequest,
    MetricServiceClient,
    TimeSeries,
)

from exporter.demo.estate import Estate, EstateMachine
from exporter.demo.gcp import GcpFake, Limits
from tests.demo.gcp.asking import (
    FILTER,
    GROUPS,
    NOON,
    SHOP,
    START,
    ask,
    by_id,
    connected,
    named,
    points,
    question,
)
from tests.support.clock import ManualClock

DAY = 86_400


def mean(estate: Estate, machine: EstateMachine, start: int, end: int) -> float:
    value = estate.mean_utilization(machine, start, end)
    assert value is not None
    return value


def test_a_shared_core_may_be_busier_than_its_share(
    client: MetricServiceClient, estate: Estate
) -> None:
    machine = named(estate, "demo-bastion-ghislain-01")
    series = by_id(ask(client, question(period=60)))[machine.resource_id]
    assert max(series.values()) > 1


def test_the_window_is_open_at_its_start_and_closed_at_its_end(
    client: MetricServiceClient, clock: ManualClock, web: EstateMachine
) -> None:
    clock.set(NOON + timedelta(hours=1))
    stamps = by_id(ask(client, question(START - 900, START)))[web.resource_id]
    assert sorted(stamps) == [START - 600, START - 300, START]


def test_points_come_newest_first_and_span_their_period(
    client: MetricServiceClient, clock: ManualClock
) -> None:
    clock.set(NOON + timedelta(hours=1))
    series = ask(client, question())[0]
    ends = [point.interval.end_time for point in series.points]
    assert ends == sorted(ends, reverse=True)
    assert len(ends) == 12
    for point in series.points:
        assert point.interval.end_time - point.interval.start_time == timedelta(minutes=5)


def test_without_an_aligner_each_minute_is_an_instant(
    client: MetricServiceClient, estate: Estate, clock: ManualClock, web: EstateMachine
) -> None:
    clock.set(NOON + timedelta(hours=1))
    found = ask(client, question(START - 300, START, period=0))
    assert by_id(found)[web.resource_id] == {
        end: pytest.approx(mean(estate, web, end - 60, end), rel=1e-15)
        for end in range(START - 240, START + 1, 60)
    }
    for point in found[0].points:
        assert point.interval.start_time == point.interval.end_time


def test_periods_count_back_from_the_end_of_the_question(
    client: MetricServiceClient, estate: Estate, clock: ManualClock, web: EstateMachine
) -> None:
    clock.set(NOON + timedelta(hours=1))
    odd = START - 77
    series = by_id(ask(client, question(odd - 900, odd)))[web.resource_id]
    minute = odd // 60 * 60
    assert sorted(series) == [odd - 600, odd - 300, odd]
    assert series[odd] == pytest.approx(mean(estate, web, minute - 300, minute), rel=1e-15)


def test_a_point_is_hidden_until_the_lag_after_its_end(
    client: MetricServiceClient, clock: ManualClock, web: EstateMachine
) -> None:
    seen = []
    for seconds in (239, 240):
        clock.set(NOON + timedelta(seconds=seconds))
        seen.append(START in by_id(ask(client, question()))[web.resource_id])
    assert seen == [False, True]


def test_the_lag_is_a_parameter(estate: Estate, clock: ManualClock, web: EstateMachine) -> None:
    with GcpFake(estate, clock, lag_seconds=20) as fast, connected(fast) as client:
        assert START in by_id(ask(client, question()))[web.resource_id]


def test_series_say_which_machine_of_which_project_and_zone_they_are_of(
    client: MetricServiceClient, estate: Estate, web: EstateMachine
) -> None:
    found = ask(client, question())
    (series,) = [s for s in found if s.resource.labels["instance_id"] == web.resource_id]
    assert dict(series.resource.labels) == {
        "project_id": SHOP,
        "zone": web.zone,
        "instance_id": web.resource_id,
    }
    assert dict(series.metric.labels) == {"instance_name": web.name}
    assert series.metric.type == "compute.googleapis.com/instance/cpu/utilization"
    assert series.resource.type == "gce_instance"
    assert (series.metric_kind, series.value_type) == (1, 3)
    assert "machine_type" not in str(series.metadata)
    assert {s.resource.labels["project_id"] for s in found} == {SHOP}
    assert len(found) == sum(
        bool(estate.runs(m, START - 3600, START))
        for m in estate.of("gcp").machines_between(START - 3600, START)
        if m.account == SHOP
    )


def test_the_machine_type_comes_only_when_it_is_grouped_by(
    client: MetricServiceClient, web: EstateMachine
) -> None:
    plain, grouped = ask(client, question()), ask(client, question(groups=GROUPS))
    assert by_id(plain) == by_id(grouped)
    types = {
        s.resource.labels["instance_id"]: TimeSeries.pb(s).metadata.system_labels["machine_type"]
        for s in grouped
    }
    assert types[web.resource_id] == "e2-standard-2"
    without = ask(client, question(groups=GROUPS[:3]))
    assert not any(s.metadata.system_labels or s.metric.labels for s in without)


@pytest.mark.parametrize("size", [7, 12, 100])
def test_a_page_counts_points(client: MetricServiceClient, size: int) -> None:
    whole = by_id(ask(client, question()))
    pages = list(client.list_time_series(request=question(page_size=size), retry=None).pages)
    counts = [sum(len(s.points) for s in page.time_series) for page in pages]
    assert all(count == size for count in counts[:-1])
    assert sum(counts) == sum(len(series) for series in whole.values())
    joined: dict[str, dict[int, float]] = {}
    for series in (s for page in pages for s in page.time_series):
        joined.setdefault(series.resource.labels["instance_id"], {}).update(points(series))
    assert joined == whole


def test_a_page_is_never_larger_than_the_limit(estate: Estate, clock: ManualClock) -> None:
    limits = Limits(points=10)
    with GcpFake(estate, clock, limits=limits) as fake, connected(fake) as client:
        page = next(iter(client.list_time_series(request=question(page_size=99)).pages))
    assert sum(len(series.points) for series in page.time_series) == 10
    assert page.next_page_token


def test_pages_of_one_answer_show_the_same_time(
    client: MetricServiceClient, clock: ManualClock
) -> None:
    pages = client.list_time_series(request=question(page_size=50), retry=None).pages
    first = next(pages)
    clock.advance(3600)
    stamps = {end for page in [first, *pages] for s in page.time_series for end in points(s)}
    assert max(stamps) == START - 300


def test_headers_have_no_points(client: MetricServiceClient) -> None:
    headers = ListTimeSeriesRequest.TimeSeriesView.HEADERS
    found = ask(client, question(view=headers, page_size=3))
    assert len(found) == len(ask(client, question()))
    assert not any(series.points for series in found)


@pytest.mark.parametrize(
    ("term", "test"),
    [
        ('resource.labels.zone="europe-west9-b"', lambda m: m.zone == "europe-west9-b"),
        ('resource.label.zone = "europe-west9-b"', lambda m: m.zone == "europe-west9-b"),
        ('resource.labels.zone!="europe-west9-b"', lambda m: m.zone != "europe-west9-b"),
        (
            'metric.labels.instance_name=starts_with("demo-web")',
            lambda m: m.name.startswith("demo-web"),
        ),
        (
            'metric.labels.instance_name=one_of("demo-edge-01","demo-api-seine-01")',
            lambda m: m.name in ("demo-edge-01", "demo-api-seine-01"),
        ),
    ],
)
def test_a_filter_narrows_the_answer(
    client: MetricServiceClient,
    estate: Estate,
    term: str,
    test: Callable[[EstateMachine], bool],
) -> None:
    found = by_id(ask(client, question(filter=f"{FILTER} AND {term}")))
    whole = by_id(ask(client, question()))
    seen = estate.of("gcp").machines_between(START - 3600, START)
    wanted = {m.resource_id for m in seen if test(m)} & set(whole)
    assert set(found) == wanted
    assert wanted


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"filter": 'resource.type="gce_instance"'}, "single metric type"),
        ({"filter": f"{FILTER} AND"}, "parse filter"),
        ({"filter": f'{FILTER} AND colour="green"'}, "unknown term"),
        ({"filter": f"{FILTER} OR {FILTER}"}, "parse filter"),
        ({"filter": FILTER.replace("gce_instance", "aws_ec2_instance")}, "does not match"),
        ({"name": SHOP}, "must begin"),
        ({"page_size": -1}, "page_size"),
        ({"page_token": "bm90IG91cnM="}, "page_token"),
        ({"interval": {"start_time": {"seconds": START}}}, "end_time"),
        (
            {"interval": {"start_time": {"seconds": START}, "end_time": {"seconds": START - 1}}},
            "start_time",
        ),
        ({"aggregation": {"per_series_aligner": Aggregation.Aligner.ALIGN_MAX}}, "ALIGN_MEAN"),
        ({"aggregation": {"cross_series_reducer": Aggregation.Reducer.REDUCE_SUM}}, "aligner"),
        (
            {
                "aggregation": {
                    "alignment_period": {"seconds": 30},
                    "per_series_aligner": Aggregation.Aligner.ALIGN_MEAN,
                }
            },
            "60 s",
        ),
    ],
)
def test_what_google_would_not_understand_is_refused(
    client: MetricServiceClient, changes: dict[str, object], text: str
) -> None:
    with pytest.raises(InvalidArgument, match=text):
        ask(client, question(**changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("groups", [["resource.label.zone"], [*GROUPS, "metric.label.colour"]])
def test_groups_that_would_mix_machines_or_do_not_exist_are_refused(
    client: MetricServiceClient, groups: list[str]
) -> None:
    with pytest.raises(InvalidArgument, match=r"group.by"):
        ask(client, question(groups=groups))


def test_a_metric_that_does_not_exist_is_not_found(client: MetricServiceClient) -> None:
    with pytest.raises(NotFound, match="Cannot find metric"):
        ask(client, question(filter=FILTER.replace("cpu/utilization", "cpu/colour")))


def test_a_project_of_nobody_is_not_told_from_one_without_permission(
    client: MetricServiceClient,
) -> None:
    with pytest.raises(PermissionDenied, match=r"monitoring\.timeSeries\.list"):
        ask(client, question(project="somebody-elses"))


def test_what_is_older_than_six_weeks_is_forgotten(
    client: MetricServiceClient, web: EstateMachine
) -> None:
    old = START - 42 * DAY
    found = by_id(ask(client, question(old - 900, old + 900)))[web.resource_id]
    assert min(found) >= old + 300
