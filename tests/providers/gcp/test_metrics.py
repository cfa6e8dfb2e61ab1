"""Reading utilisation: windows, stamps, units, identity, and answers that are not whole."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from google.cloud.monitoring_v3 import Aggregation
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.errors import BadPayloadError, CollectorError, Reason
from exporter.core.model import ResourceKey, Window
from exporter.core.units import Ratio
from exporter.providers.gcp import metrics
from exporter.providers.gcp.errors import Call
from exporter.providers.gcp.kinds.gce import CPU
from exporter.providers.gcp.metrics import Question, monthly_cost, question, read
from tests.support.gcp_series import page, series_of

CALL = Call(permission=metrics.PERMISSION, project="test-shop-123456")
ONE = ResourceKey("gcp", "test-shop-123456", "europe-west1", "gce_instance", "1")
START = 1_772_409_600
ASKED = Question(metric=CPU, target="test-shop-123456", start=START, end=START + 900, period=300)

Values = dict[int, Ratio]


def read_one(
    pages: Iterable[Any], *, limit: float = 1.0, asked: Question = ASKED
) -> tuple[Values, tuple[CollectorError, ...]]:
    found, failures = read(pages, {ONE: limit}, asked, CALL)
    return found[ONE], failures


resolutions = st.sampled_from([60, 120, 300, 900, 3600])


@given(
    resolution=resolutions,
    first=st.integers(min_value=490_000, max_value=500_000),
    buckets=st.integers(min_value=1, max_value=40),
)
def test_the_answer_to_a_window_fills_exactly_its_buckets(
    resolution: int, first: int, buckets: int
) -> None:
    start = first * 3600
    window = Window(start=start, end=start + buckets * resolution, resolution=resolution)
    asked = question(CPU, window, "test-shop-123456", "", window.end + 300)
    assert asked is not None

    # The server's rule: stamps are in (start, end], and periods count back from the end.
    stamps = range(asked.end, asked.start, -asked.period)
    points, _ = read_one([page(series_of(ONE, dict.fromkeys(stamps, 0.5)))], asked=asked)

    assert set(points) == set(window.buckets)


@given(value=st.floats(min_value=0.0, max_value=1.0), buckets=st.integers(1, 12))
def test_a_bucket_has_the_value_stamped_with_its_end(value: float, buckets: int) -> None:
    asked = Question(metric=CPU, target="t", start=START, end=START + buckets * 300, period=300)
    end = START + buckets * 300

    points, failures = read_one([page(series_of(ONE, {end: value}))], asked=asked)

    assert points == {end - 300: value}
    assert not failures


def test_stamps_outside_the_window_are_left_out() -> None:
    ends = {START: 0.1, START + 300: 0.2, START + 900: 0.3, START + 1200: 0.4}

    points, _ = read_one([page(series_of(ONE, ends))])

    assert points == {START: 0.2, START + 600: 0.3}


@pytest.mark.parametrize("shift", [1, 60, -1])
def test_a_stamp_off_the_grid_is_refused(shift: int) -> None:
    with pytest.raises(BadPayloadError, match="on the 300 s grid"):
        read_one([page(series_of(ONE, {START + 300 + shift: 0.1}))])


@pytest.mark.parametrize("odd", [START + 301, -62135596800, 253402300800, 2**62])
def test_an_odd_stamp_is_left_out_and_told_while_its_neighbours_count(odd: int) -> None:
    series = series_of(ONE, {START + 300: 0.1, START + 600: 0.2})
    series.points[0].interval.end_time.seconds = odd

    points, failures = read_one([page(series)])

    assert len(points) == 1
    assert [failure.minor for failure in failures] == [True] * bool(odd % 300)


def test_buckets_under_a_minute_take_the_minute_that_they_lie_in() -> None:
    window = Window(start=START + 30, end=START + 120, resolution=30)
    asked = question(CPU, window, "test-shop-123456", "", START + 600)
    assert asked is not None
    assert (asked.start, asked.end, asked.period) == (START, START + 120, 60)

    points, _ = read_one([page(series_of(ONE, {START + 60: 0.2, START + 120: 0.8}))], asked=asked)

    assert metrics.on_buckets(points, asked.period, window) == {
        START + 30: 0.2,
        START + 60: 0.8,
        START + 90: 0.8,
    }


def test_what_is_no_longer_kept_is_not_asked_for() -> None:
    window = Window(start=START, end=START + 86_400, resolution=300)
    six_weeks = 42 * 86_400

    partly = question(CPU, window, "t", "", START + six_weeks + 3600 + 1)
    nothing = question(CPU, window, "t", "", START + six_weeks + 2 * 86_400)

    assert partly is not None
    assert partly.start == START + 3900
    assert nothing is None


def test_the_question_names_metric_resource_project_and_alignment() -> None:
    asked = Question(
        metric=CPU, target="scope", only="shop", start=START, end=START + 600, period=300
    )

    request = asked.request()

    assert request.name == "projects/scope"
    assert request.filter == (
        'metric.type = "compute.googleapis.com/instance/cpu/utilization" AND '
        'resource.type = "gce_instance" AND resource.labels.project_id = "shop"'
    )
    assert request.aggregation.per_series_aligner == Aggregation.Aligner.ALIGN_MEAN
    assert request.aggregation.alignment_period == timedelta(seconds=300)
    assert request.aggregation.cross_series_reducer == Aggregation.Reducer.REDUCE_NONE
    assert int(request.interval.start_time.timestamp()) == START
    assert int(request.interval.end_time.timestamp()) == START + 600


@pytest.mark.parametrize(
    "stranger",
    [
        ONE._replace(resource_id="2"),
        ONE._replace(account="test-data-654321"),
        ONE._replace(cloud_region="us-central1"),
    ],
)
def test_a_series_of_another_machine_project_or_region_is_not_taken(stranger: ResourceKey) -> None:
    both = page(series_of(stranger, {START + 300: 0.9}), series_of(ONE, {START + 300: 0.1}))

    points, _ = read_one([both])

    assert points == {START: 0.1}


def test_a_series_that_goes_on_over_pages_or_under_a_new_name_is_one_machine() -> None:
    pages = [
        page(series_of(ONE, {START + 900: 0.3})),
        page(
            series_of(ONE, {START + 600: 0.2}),
            series_of(ONE, {START + 300: 0.1}, name="its-old-name"),
        ),
    ]

    points, _ = read_one(pages)

    assert points == {START: 0.1, START + 300: 0.2, START + 600: 0.3}


@pytest.mark.parametrize(
    ("told", "limit", "taken"),
    [(-1e-9, 1.0, 0.0), (1.3, 1.0, 1.0), (1.3, 8.0, 1.3), (7.9, 8.0, 7.9), (8.4, 8.0, 8.0)],
)
def test_only_machines_that_may_burst_go_above_one(told: float, limit: float, taken: float) -> None:
    points, failures = read_one([page(series_of(ONE, {START + 300: told}))], limit=limit)

    assert points == {START: taken}
    assert not failures


@pytest.mark.parametrize("told", [float("nan"), float("inf"), 42.0])
def test_a_value_that_is_no_utilisation_is_left_out_and_told(told: float) -> None:
    points, failures = read_one([page(series_of(ONE, {START + 300: told, START + 600: 0.5}))])

    assert points == {START + 300: 0.5}
    assert [failure.reason for failure in failures] == [Reason.BAD_PAYLOAD]


def test_a_series_that_holds_no_fractions_is_refused_and_not_read_as_zero() -> None:
    series = series_of(ONE, {START + 300: 0.5})
    series.value_type = 2

    with pytest.raises(BadPayloadError, match="no fractions"):
        read_one([page(series)])


@pytest.mark.parametrize(
    ("code", "reason"),
    [(13, Reason.UNREACHABLE), (8, Reason.THROTTLED), (7, Reason.AUTH), (4, Reason.UNREACHABLE)],
)
def test_an_incomplete_answer_is_no_answer_at_all(code: int, reason: Reason) -> None:
    pages = [page(series_of(ONE, {START + 300: 0.5})), page(errors=[code])]

    with pytest.raises(CollectorError) as refused:
        read_one(pages)

    assert refused.value.reason == reason
    assert "told by the server" not in str(refused.value)


def test_the_bill_follows_machines_and_polls() -> None:
    assert monthly_cost(1000, timedelta(minutes=5)) == pytest.approx(4.32)
    assert monthly_cost(10_000, timedelta(hours=1)) == pytest.approx(3.60)
    assert monthly_cost(0, timedelta(minutes=5)) == 0.0
