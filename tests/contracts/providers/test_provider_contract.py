"""One suite for every provider: what the engine builds on, whatever the cloud."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from exporter.core.clock import epoch, from_epoch
from exporter.core.errors import BadPayloadError, CollectorError, Reason, UnreachableError
from exporter.core.model import Machine, ResourceKey, RunState, Window
from exporter.demo._faults import FaultKind
from exporter.providers._shared.config import CYCLE_TIMEOUTS
from tests.support.contracts import harnesses, resource_types
from tests.support.provider_aws import MANY, REGIONS
from tests.support.provider_fakes import AWKWARD
from tests.support.providers import (
    HOUR,
    SECRET,
    Fleet,
    Harness,
    Part,
    Trouble,
    final_window,
    now,
    one_with,
    points,
    running,
)

Make = Callable[[Fleet], Harness]
Need = Callable[[Part, Fleet], Harness]

REASONS = {
    Trouble.UNREADABLE: Reason.UNREACHABLE,
    Trouble.THROTTLED: Reason.THROTTLED,
    Trouble.UNAVAILABLE: Reason.UNREACHABLE,
    Trouble.RESET: Reason.UNREACHABLE,
    Trouble.EXPIRED: Reason.AUTH,
    Trouble.INVALID: Reason.AUTH,
    Trouble.DENIED: Reason.AUTH,
    Trouble.GARBAGE: Reason.BAD_PAYLOAD,
    Trouble.TRUNCATED: Reason.BAD_PAYLOAD,
}
PARTS = {
    Trouble.UNREADABLE: Part.COUNTERS,
    Trouble.THROTTLED: Part.NETWORK,
    Trouble.UNAVAILABLE: Part.NETWORK,
    Trouble.RESET: Part.NETWORK,
    Trouble.EXPIRED: Part.CREDENTIALS,
    Trouble.INVALID: Part.CREDENTIALS,
    Trouble.DENIED: Part.CREDENTIALS,
    Trouble.GARBAGE: Part.ANSWERS,
    Trouble.TRUNCATED: Part.ANSWERS,
}
CYCLE_SECONDS = CYCLE_TIMEOUTS * 0.3
SLACK_SECONDS = 5.0
"""A busy machine; an answer that drips would take minutes."""
REMOTE = [trouble for trouble in Trouble if trouble is not Trouble.UNREADABLE]


MAKERS = {kind: one.make for kind, one in harnesses("providers").items() if hasattr(one, "make")}


@pytest.fixture(params=sorted(MAKERS))
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    made: list[Harness] = []

    def build(fleet: Fleet) -> Harness:
        harness: Harness = MAKERS[request.param](fleet, tmp_path)
        made.append(harness)
        return harness

    yield build
    for harness in made:
        harness.close()


@pytest.fixture
def harness(make: Make) -> Harness:
    return make(Fleet.USUAL)


@pytest.fixture
def impatient(request: pytest.FixtureRequest, make: Make, tmp_path: Path) -> Iterator[Harness]:
    """Make a harness whose provider waits as shortly as a test can."""
    lacks = make(Fleet.USUAL).lacks
    if Part.NETWORK in lacks:
        pytest.skip(f"network: {lacks[Part.NETWORK]}")
    kind = request.node.callspec.params["make"]
    harness: Harness = MAKERS[kind](Fleet.USUAL, tmp_path, timeout=timedelta(seconds=0.3))
    yield harness
    harness.close()


@pytest.fixture
def need(make: Make) -> Need:
    """Make a harness for a part of the contract, or skip the test with the harness's reason."""

    def build(part: Part, fleet: Fleet = Fleet.USUAL) -> Harness:
        harness = make(fleet)
        if part in harness.lacks:
            pytest.skip(f"{part.value}: {harness.lacks[part]}")
        return harness

    return build


def true_mean(harness: Harness, key: ResourceKey, bucket: int, resolution: int) -> float | None:
    """Return the mean of the bucket, or of the longer one that the cloud measures."""
    step = max(resolution, harness.native_resolution(key))
    start = bucket // step * step
    return harness.mean(key, start, start + step)


# What it tells of itself


def test_every_kind_of_its_resources_is_read_here(harness: Harness) -> None:
    machines = running(harness.provider.discover().machines)

    read = harness.provider.read(machines, final_window(harness))

    kinds = set(resource_types(harness.provider.kind).values())
    assert {series.key.resource_type for series in read.series if series.cpu} >= kinds


def test_the_past_that_can_be_read_is_longer_than_a_catch_up_or_nothing(harness: Harness) -> None:
    for resolution in (60, 300, 3600):
        kept = harness.provider.retention(resolution)
        assert kept == 0 or kept >= 14 * 24 * HOUR


def test_the_word_about_starts_is_whole_from_some_time_before_it_was_given(
    harness: Harness,
) -> None:
    for one in harness.provider.discover().machines:
        assert harness.provider.told_since(one, 1e9) <= 1e9


def test_a_bill_grows_with_what_is_read(harness: Harness) -> None:
    few, many = (
        harness.provider.monthly_cost(count, timedelta(minutes=5)) for count in (100, 1000)
    )

    assert (few is None) == (many is None)
    assert few is None or many is None or 0 < few < many


# Inventory


def test_building_a_provider_sends_nothing(harness: Harness) -> None:
    assert sum(harness.requests().values()) == 0


def test_identity_labels_are_complete_and_unique(harness: Harness) -> None:
    inventory = harness.provider.discover()

    assert not inventory.failures
    assert not inventory.unseen_regions
    assert not inventory.unseen_all
    keys = [machine.key for machine in inventory.machines]
    assert keys
    assert len(set(keys)) == len(keys)
    assert all(all(label for label in key) for key in keys)
    assert {key.provider for key in keys} == {harness.provider.kind}


def test_identity_does_not_change_from_one_listing_to_the_next(harness: Harness) -> None:
    first = harness.provider.discover().machines
    harness.pass_time(300)

    assert {m.key for m in harness.provider.discover().machines} == {m.key for m in first}


def test_times_are_aware_in_utc_and_in_order(harness: Harness) -> None:
    for machine in harness.provider.discover().machines:
        assert machine.launched_at is not None
        assert machine.launched_at.utcoffset() == timedelta(0)
        assert machine.launched_at.tzinfo is UTC
        assert machine.stopped_at is None or machine.stopped_at > machine.launched_at
        assert machine.stopped_at is None or machine.state is not RunState.RUNNING


def test_a_type_that_no_table_knows_comes_with_its_shape(harness: Harness) -> None:
    for machine in harness.provider.discover().machines:
        assert machine.instance_type
        assert machine.shape is not None
        assert machine.shape.vcpus > 0
        assert machine.shape.memory_gib > 0
        assert machine.shape.threads_per_core in {0, 1, 2}


def test_any_text_in_a_tag_arrives_as_it_was_written(need: Need) -> None:
    harness = need(Part.TAGS, Fleet.USUAL)

    tagged = [m for m in harness.provider.discover().machines if AWKWARD in m.tags.values()]

    assert len(tagged) == 1
    assert tagged[0].name == AWKWARD
    assert tagged[0].tags["empty"] == ""


def test_the_volumes_of_running_machines_are_told(need: Need) -> None:
    harness = need(Part.DISKS, Fleet.USUAL)

    machines = running(harness.provider.discover().machines)

    assert any(machine.disks for machine in machines)
    assert any(not machine.disks for machine in machines)
    for machine in machines:
        assert machine.disks == harness.disks(machine.key)


@pytest.mark.parametrize(
    ("part", "state"), [(Part.STOPS, RunState.STOPPED), (Part.ENDED, RunState.GONE)]
)
def test_states_and_stop_times_are_told(need: Need, part: Part, state: RunState) -> None:
    harness = need(part, Fleet.USUAL)

    machine = one_with(harness.provider.discover().machines, state)

    assert machine.stopped_at is not None
    stopped = int(epoch(machine.stopped_at))
    assert harness.mean(machine.key, stopped // 60 * 60 - 60, stopped // 60 * 60) is not None
    assert harness.mean(machine.key, stopped // 60 * 60 + 60, now(harness.clock)) is None


def test_a_machine_that_starts_again_has_a_new_launch_time(need: Need) -> None:
    harness = need(Part.STOPS, Fleet.USUAL)
    before = one_with(harness.provider.discover().machines, RunState.STOPPED)
    harness.pass_time(2 * HOUR - 300)

    after = next(m for m in harness.provider.discover().machines if m.key == before.key)

    assert before.launched_at is not None
    assert after.launched_at is not None
    assert after.launched_at > before.launched_at


def test_an_empty_account_is_no_failure(need: Need) -> None:
    harness = need(Part.EMPTY, Fleet.EMPTY)

    inventory = harness.provider.discover()

    assert inventory.machines == ()
    assert inventory.failures == ()
    assert harness.provider.read((), final_window(harness)).series == ()


def test_every_page_of_a_large_account_is_read(need: Need) -> None:
    harness = need(Part.MANY, Fleet.MANY)
    machines = harness.provider.discover().machines
    window = final_window(harness, seconds=600)

    reading = harness.provider.read(machines, window)

    assert len({machine.key for machine in machines}) == MANY
    assert not reading.failures
    assert len(reading.series) == MANY
    for key, values in list(points(reading).items())[::50]:
        assert set(values) == set(window.buckets)
        for bucket, value in values.items():
            assert value == pytest.approx(true_mean(harness, key, bucket, 300), rel=1e-12)


# CPU


@pytest.mark.parametrize("resolution", [60, 300, 900])
def test_every_bucket_has_its_own_exact_mean(harness: Harness, resolution: int) -> None:
    machines = harness.provider.discover().machines
    window = final_window(harness, resolution=resolution)

    reading = harness.provider.read(machines, window)

    assert not reading.unread
    assert not reading.failures
    assert {series.key for series in reading.series} == {machine.key for machine in machines}
    for key, values in points(reading).items():
        for bucket, value in values.items():
            assert bucket in window.buckets
            assert 0.0 <= value <= 1.0
            assert value == pytest.approx(true_mean(harness, key, bucket, resolution), rel=1e-9)


@pytest.mark.parametrize("resolution", [60, 300, 900])
def test_no_bucket_of_a_running_machine_is_left_out(harness: Harness, resolution: int) -> None:
    machines = running(harness.provider.discover().machines)
    window = final_window(harness, resolution=resolution)
    # Where points are longer than buckets, those after the last whole point come later.
    longest = max(harness.native_resolution(machine.key) for machine in machines)
    complete = window.end // longest * longest

    values = points(harness.provider.read(machines, window))

    for machine in machines:
        assert set(values[machine.key]) >= {b for b in window.buckets if b < complete}


def test_a_window_holds_its_start_and_not_its_end(harness: Harness) -> None:
    machines = running(harness.provider.discover().machines)
    whole = final_window(harness)
    one = Window(start=whole.start, end=whole.start + 300, resolution=300)

    values = points(harness.provider.read(machines, one))

    assert all(set(points_) == {one.start} for points_ in values.values())


def test_an_empty_window_has_no_points(harness: Harness) -> None:
    machines = harness.provider.discover().machines
    at = final_window(harness).end
    nothing = Window(start=at, end=at, resolution=300)

    reading = harness.provider.read(machines, nothing)

    assert not reading.unread
    assert not any(points(reading).values())


def test_the_same_bucket_is_the_same_in_any_window(harness: Harness) -> None:
    machines = running(harness.provider.discover().machines)
    long = final_window(harness)
    short = Window(start=long.start + 900, end=long.end - 900, resolution=300)

    of_long = points(harness.provider.read(machines, long))
    of_short = points(harness.provider.read(machines, short))

    for machine in machines:
        shared = {b: of_long[machine.key][b] for b in short.buckets}
        assert of_short[machine.key] == pytest.approx(shared, rel=1e-12)


def test_a_bucket_that_is_not_there_yet_is_absent_and_not_zero(harness: Harness) -> None:
    machines = running(harness.provider.discover().machines)
    at = now(harness.clock) // 300 * 300
    young = Window(start=at, end=at + 300, resolution=300)
    harness.pass_time(300 - harness.unstable_seconds)

    early = harness.provider.read(machines, young)

    assert not early.unread
    assert all(not values for values in points(early).values())


def test_a_bucket_is_there_when_the_provider_calls_it_final(harness: Harness) -> None:
    machines = running(harness.provider.discover().machines)
    at = now(harness.clock) // 300 * 300
    young = Window(start=at, end=at + 300, resolution=300)
    harness.pass_time(300 + harness.provider.settle)

    final = harness.provider.read(machines, young)

    assert all(set(values) == {at} for values in points(final).values())


def test_a_corrected_value_is_what_a_later_read_returns(need: Need) -> None:
    harness = need(Part.CORRECTIONS, Fleet.LATE)
    machines = running(harness.provider.discover().machines)
    window = final_window(harness, seconds=3 * HOUR)
    newest = Window(start=window.end, end=window.end + 300, resolution=300)

    first = points(harness.provider.read(machines, newest))
    harness.pass_time(2 * HOUR)
    later = points(harness.provider.read(machines, newest))

    assert first != later
    for machine in machines:
        true = true_mean(harness, machine.key, newest.start, 300)
        assert later[machine.key] == {newest.start: pytest.approx(true, rel=1e-12)}


def test_a_machine_has_no_points_while_it_is_stopped(need: Need) -> None:
    harness = need(Part.STOPS, Fleet.USUAL)
    machines = harness.provider.discover().machines
    window = final_window(harness, seconds=3 * HOUR)

    values = points(harness.provider.read(machines, window))

    for machine in machines:
        ran = {b for b in window.buckets if harness.mean(machine.key, b, b + 300) is not None}
        assert set(values[machine.key]) == ran
    assert len(values[one_with(machines, RunState.STOPPED).key]) < len(window.buckets)


@pytest.mark.parametrize("resolution", [60, 300, 900])
def test_gpus_that_are_reported_have_the_mean_of_each_bucket(need: Need, resolution: int) -> None:
    harness = need(Part.GPUS, Fleet.USUAL)
    machines = running(harness.provider.discover().machines)
    window = final_window(harness, resolution=resolution)

    reading = harness.provider.read(machines, window)

    assert not reading.failures
    assert sum(bool(series.gpu) for series in reading.series) == 1
    for series in reading.series:
        true = {b: harness.gpu(series.key, b, b + resolution) for b in window.buckets}
        assert series.gpu == pytest.approx({b: v for b, v in true.items() if v is not None})


def test_a_machine_that_nobody_knows_is_read_and_has_no_points(harness: Harness) -> None:
    known = harness.provider.discover().machines[0]
    stranger = Machine(
        key=known.key._replace(resource_id=f"{known.key.resource_id}0"),
        name="",
        instance_type=known.instance_type,
        state=RunState.GONE,
        stopped_at=from_epoch(now(harness.clock)),
    )

    reading = harness.provider.read((known, stranger), final_window(harness))

    assert not reading.unread
    assert points(reading)[stranger.key] == {}
    assert points(reading)[known.key]


# Failures


@pytest.mark.parametrize("trouble", REASONS)
def test_a_listing_that_fails_says_why_without_a_secret(need: Need, trouble: Trouble) -> None:
    harness = need(PARTS[trouble], Fleet.USUAL)
    harness.cause(trouble)

    with pytest.raises(CollectorError) as failed:
        harness.provider.discover()

    assert failed.value.reason == REASONS[trouble]
    assert_presentable(failed.value)


@pytest.mark.parametrize("trouble", REASONS)
def test_a_read_that_fails_says_why_and_loses_nothing(need: Need, trouble: Trouble) -> None:
    harness = need(PARTS[trouble], Fleet.USUAL)
    machines = harness.provider.discover().machines
    window = final_window(harness)
    before = points(harness.provider.read(machines, window))

    harness.cause(trouble)
    with pytest.raises(CollectorError) as failed:
        harness.provider.read(machines, window)
    harness.heal()

    assert failed.value.reason == REASONS[trouble]
    assert_presentable(failed.value)
    assert points(harness.provider.read(machines, window)) == before


@pytest.mark.parametrize("trouble", REMOTE)
def test_a_listing_recovers_without_a_restart(need: Need, trouble: Trouble) -> None:
    harness = need(PARTS[trouble], Fleet.USUAL)
    before = harness.provider.discover().machines

    harness.cause(trouble)
    with pytest.raises(CollectorError):
        harness.provider.discover()
    harness.heal()

    assert harness.provider.discover().machines == before


@pytest.mark.parametrize("trouble", REMOTE)
def test_one_region_fails_alone(need: Need, trouble: Trouble) -> None:
    harness = need(Part.SCOPES, Fleet.USUAL)
    all_machines = harness.provider.discover().machines
    window = final_window(harness)
    healthy = points(harness.provider.read(all_machines, window))
    lost = REGIONS[1]

    harness.cause(trouble, scope=lost)
    inventory = harness.provider.discover()
    reading = harness.provider.read(all_machines, window)

    assert inventory.unseen_regions == {lost}
    assert {m.key.cloud_region for m in inventory.machines} == set(REGIONS) - {lost}
    assert [failure.reason for failure in inventory.failures] == [REASONS[trouble]]
    assert reading.unread == {m.key for m in all_machines if m.key.cloud_region == lost}
    assert [failure.reason for failure in reading.failures] == [REASONS[trouble]]
    kept = {key: values for key, values in healthy.items() if key.cloud_region != lost}
    assert points(reading) == kept


# What does not end, or is too large

NEVER_ENDING = [
    (FaultKind.DRIP, 0.05),
    (FaultKind.DRIP_HEADERS, 0.05),
    (FaultKind.ENDLESS_INFORMATIONAL, 0.02),
    (FaultKind.HALF_OPEN, 0.0),
]


@pytest.mark.parametrize(("kind", "every"), NEVER_ENDING)
def test_a_listing_that_does_not_end_is_cut_off(
    impatient: Harness, kind: FaultKind, every: float
) -> None:
    impatient.spoil(kind, every)
    began = time.monotonic()

    with pytest.raises(UnreachableError) as failed:
        impatient.provider.discover()

    assert time.monotonic() - began < CYCLE_SECONDS + SLACK_SECONDS
    assert_presentable(failed.value)


@pytest.mark.parametrize(("kind", "every"), NEVER_ENDING)
def test_a_read_that_does_not_end_is_cut_off_and_loses_nothing(
    impatient: Harness, kind: FaultKind, every: float
) -> None:
    if Part.READS_OVER_HTTP in impatient.lacks and kind is not FaultKind.HALF_OPEN:
        pytest.skip(impatient.lacks[Part.READS_OVER_HTTP])
    machines = impatient.provider.discover().machines
    window = final_window(impatient)
    before = points(impatient.provider.read(machines, window))

    impatient.spoil(kind, every)
    began = time.monotonic()
    with pytest.raises(UnreachableError):
        impatient.provider.read(machines, window)
    assert time.monotonic() - began < CYCLE_SECONDS + SLACK_SECONDS
    impatient.heal()

    assert points(impatient.provider.read(machines, window)) == before


def test_a_bomb_is_refused_before_it_is_unpacked(impatient: Harness) -> None:
    impatient.spoil(FaultKind.GZIP_BOMB, 0.0)

    with pytest.raises(BadPayloadError, match="larger than") as failed:
        impatient.provider.discover()

    assert_presentable(failed.value)


# Cost


def test_every_request_and_dollar_is_counted(need: Need) -> None:
    harness = need(Part.COST, Fleet.USUAL)
    machines = harness.provider.discover().machines
    harness.provider.read(machines, final_window(harness))

    usage = harness.meter.usage()

    assert {provider for provider, _ in usage} == {harness.provider.kind}
    counted = {api: used.requests for (_, api), used in usage.items() if used.requests}
    assert counted == harness.requests()
    spent = sum(used.dollars for used in usage.values())
    assert spent == pytest.approx(harness.dollars(), rel=1e-12)
    assert spent > 0


def test_closing_twice_is_harmless(harness: Harness) -> None:
    harness.provider.discover()

    harness.provider.close()
    harness.provider.close()


def assert_presentable(error: CollectorError) -> None:
    """One line with a cause and a fix; no secret, nothing of the answer itself."""
    text = str(error)
    assert "\n" not in text
    assert " — " in text
    assert SECRET not in text
    assert "portal" not in text
