import itertools
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from math import fsum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.core.model import DiskKind
from exporter.core.units import Ratio, Watts
from exporter.data.machine_types import hardware_type, machine_types
from exporter.data.regions import RegionTable
from exporter.demo.estate import (
    GRID_STEP,
    VISIBLE_AFTER_END,
    Cycle,
    EstateMachine,
    EstateState,
    Once,
    demo_estate,
    intensity,
)
from exporter.demo.estate.schedules import DAY, MONDAY, SHORTEST, WEEK

ESTATE = demo_estate()
NOW = int(datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC).timestamp())
HOUR = 3600
MINUTES = st.integers(MONDAY // 60, MONDAY // 60 + 500 * 1440)
MACHINES = st.sampled_from(ESTATE.machines)


def named(name: str) -> EstateMachine:
    return next(machine for machine in ESTATE.machines if machine.name == name)


def watts(
    machine: EstateMachine, utilization: Ratio, _gpu: Ratio | None, _read: Watts | None = None
) -> Watts:
    return Watts(machine.vcpus * (3.0 + 7.0 * utilization**0.7))


def test_the_same_arguments_give_the_same_estate() -> None:
    again = demo_estate()
    assert again.machines == ESTATE.machines
    assert again.groups == ESTATE.groups
    assert again.machines_between(NOW, NOW + DAY) == ESTATE.machines_between(NOW, NOW + DAY)


def test_it_spans_three_clouds() -> None:
    assert ESTATE.providers == ("aws", "gcp", "azure")
    assert len(ESTATE.accounts) == 6
    assert sum(len(ESTATE.of(cloud).machines) for cloud in ESTATE.providers) == len(ESTATE.machines)
    assert all(ESTATE.of(cloud).groups for cloud in ESTATE.providers)


def test_what_one_cloud_has_is_an_estate_of_its_own() -> None:
    for cloud in ESTATE.providers:
        assert {machine.provider for machine in ESTATE.of(cloud).templates} == {cloud}
        assert ESTATE.of(cloud).of(cloud).machines == ESTATE.of(cloud).machines
    assert ESTATE.of("mainframe").templates == ()


def test_aws_has_what_a_demo_needs_to_show() -> None:
    aws = ESTATE.of("aws")
    families = {machine.instance_type.split(".")[0] for machine in aws.machines}
    assert len(aws.machines) >= 60
    assert len({machine.region for machine in aws.machines}) == 4
    assert len(aws.accounts) == 2
    assert all(len(account) == 12 and account.isdigit() for account in aws.accounts)
    assert {"m5", "c5", "m7i", "m6a", "c7a", "m6g", "c7g", "t3", "t4g", "g4dn", "p3"} <= families
    assert "x99z.4xlarge" in {machine.instance_type for machine in aws.machines}
    assert {machine.detailed for machine in aws.machines} == {True, False}


def test_google_has_what_a_demo_needs_to_show() -> None:
    gcp = ESTATE.of("gcp")
    types = {machine.instance_type for machine in gcp.machines}
    assert len(gcp.machines) == 30
    assert len({machine.region for machine in gcp.machines}) == 3
    assert len(gcp.accounts) == 2
    assert {"e2", "n2", "n2d", "c3", "t2d", "t2a", "c4a", "a2", "g2"} <= {
        name.split("-")[0] for name in types
    }
    assert {"e2-micro", "n2-custom-8-16384", "x9-standard-8"} <= types
    assert all(re.fullmatch(r"1\d{18}", machine.resource_id) for machine in gcp.machines)
    assert any("goog-k8s-node-pool-name" in machine.tags for machine in gcp.machines)


def test_azure_has_what_a_demo_needs_to_show() -> None:
    azure = ESTATE.of("azure")
    types = {machine.instance_type for machine in azure.machines}
    assert len(azure.machines) == 25
    assert len({machine.region for machine in azure.machines}) == 3
    assert len(azure.accounts) == 2
    assert {"Standard_D2s_v5", "Standard_E4s_v5", "Standard_D4ps_v5", "Standard_B2s"} <= types
    assert {"Standard_F4s_v2", "Standard_NC4as_T4_v3", "Standard_HB120rs_v3"} <= types
    assert "Standard_X8z_v9" in types
    assert {m.resource_type for m in azure.templates} == {"azure_vm", "azure_vmss_vm"}
    assert any("aks-managed-poolName" in machine.tags for machine in azure.machines)


def test_azure_ids_have_capitals_in_the_cloud_only() -> None:
    for machine in ESTATE.of("azure").machines:
        assert machine.resource_id == machine.cloud_id.lower() != machine.cloud_id


def test_each_cloud_has_spot_machines_and_stopped_ones() -> None:
    for cloud in map(ESTATE.of, ESTATE.providers):
        states = {cloud.state_at(machine, NOW) for machine in cloud.machines}
        assert EstateState.STOPPED in states
        assert any(machine.spot for machine in cloud.templates)
    kept = [m for m in ESTATE.machines if m.keeps_hardware]
    assert [ESTATE.state_at(machine, NOW) for machine in kept] == [EstateState.STOPPED]


def test_one_name_exists_in_two_zones_two_projects_and_two_subscriptions() -> None:
    twins = [machine for machine in ESTATE.machines if machine.name == "demo-edge-01"]
    gcp, azure = ([m for m in twins if m.provider == cloud] for cloud in ("gcp", "azure"))
    assert len({m.zone for m in gcp}) == len({m.account for m in gcp}) == 2
    assert len(gcp) == 3
    assert len({m.account for m in azure}) == len(azure) == 2


def test_zones_and_regions_are_those_of_the_region_table() -> None:
    table = RegionTable()
    for machine in ESTATE.templates:
        region = table.find(machine.provider, machine.region)
        assert region.known
        assert region.grid_zone == machine.grid_zone
        assert not machine.zone or machine.zone.startswith(machine.region)


def test_types_are_those_of_the_type_table_except_for_the_odd_ones() -> None:
    known = {(listed.provider, listed.name) for listed in machine_types()}
    named = {(machine.provider, machine.instance_type) for machine in ESTATE.templates}
    used = {(provider, hardware_type(provider, name)) for provider, name in named}
    assert {name for _, name in used - known} == {
        "x99z.4xlarge",
        "n2-custom-8-16384",
        "x9-standard-8",
        "Standard_X8z_v9",
    }


def test_azure_machines_start_and_stop_on_whole_five_minutes() -> None:
    azure = ESTATE.of("azure")
    members = azure.members_between(NOW, NOW + DAY)
    for machine in (*azure.machines, *members):
        for run in azure.runs(machine, NOW - DAY, NOW + DAY):
            assert run.start % 300 == 0
            assert (run.end or 0) % 300 == 0


def test_deleted_google_machines_ended_on_whole_five_minutes() -> None:
    gcp = ESTATE.of("gcp")
    runs = [gcp.runs(m, NOW - DAY, NOW + 2 * DAY)[0] for m in gcp.members_between(NOW, NOW + DAY)]
    assert all((run.end or 0) % 300 == 0 for run in runs)
    assert any(run.start % 300 for run in runs)


@settings(deadline=None)
@given(minute=MINUTES)
def test_a_shared_core_is_lent_more_than_its_share_at_times(minute: int) -> None:
    machine = named("demo-bastion-ghislain-01")
    values = [ESTATE.utilization(machine, minute + i) for i in range(41)]
    assert max(values) > 1.4
    assert min(values) < 0.5


def test_every_name_says_demo_and_every_id_is_its_own() -> None:
    machines = demo_estate(5000).machines
    assert len(machines) == 5000
    assert len({machine.resource_id for machine in machines}) == 5000
    places = {(machine.account, machine.zone, machine.name) for machine in machines}
    assert len(places) == 5000
    assert all("demo" in machine.name for machine in machines)


def test_a_bigger_estate_keeps_its_character() -> None:
    usual = len(ESTATE.machines)
    small, big = (
        Counter(m.instance_type for m in demo_estate(n).machines) for n in (usual, 10 * usual)
    )
    assert big == Counter({name: 10 * times for name, times in small.items()})
    assert demo_estate(10 * usual).machines[:usual] == ESTATE.machines


def test_an_estate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="1 or more"):
        demo_estate(0)


def test_tags_hold_the_awkward_text_that_formats_break_on() -> None:
    values = [value for machine in ESTATE.machines for value in machine.tags.values()]
    for part in ('"', "\n", "\\", "🌱", "خدمة", "צ", "<", "&"):
        assert any(part in value for value in values), part
    assert "" in values
    assert max(len(value) for value in values) == 256


def test_google_labels_are_as_google_allows_them() -> None:
    labels = [label for machine in ESTATE.of("gcp").templates for label in machine.tags.items()]
    for key, value in labels:
        assert re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key)
        assert len(value) <= 63
        assert value == value.lower()
        assert all(sign.isalnum() or sign in "_-" for sign in value)
    assert max(len(value) for _, value in labels) == 63


@pytest.mark.parametrize("number", range(len(ESTATE.machines)))
def test_runs_and_pauses_last_long_enough_to_be_seen(number: int) -> None:
    runs = ESTATE.runs(ESTATE.machines[number], MONDAY + 400 * DAY, MONDAY + 430 * DAY)
    for run in runs:
        assert run.end is None or run.end - run.start >= SHORTEST
    for before, after in itertools.pairwise(runs):
        assert before.end is not None
        assert after.start - before.end >= SHORTEST


def test_stop_times_are_odd() -> None:
    stops = [ESTATE.stopped_at(machine, NOW + WEEK) for machine in ESTATE.machines]
    assert any(stop is not None and stop % 60 for stop in stops)


def test_the_weekly_restart_is_off_for_eleven_odd_minutes() -> None:
    machine = named("demo-search-virginia-01")
    wednesday = int(datetime(2026, 3, 4, 10, 2, 37, tzinfo=UTC).timestamp())
    back = wednesday + 11 * 60 + 34
    assert ESTATE.state_at(machine, wednesday - 1) is EstateState.RUNNING
    assert ESTATE.state_at(machine, wednesday) is EstateState.STOPPED
    assert ESTATE.stopped_at(machine, wednesday + 60) == wednesday
    assert ESTATE.state_at(machine, back) is EstateState.RUNNING
    assert ESTATE.launched_at(machine, back) == back
    assert ESTATE.stopped_at(machine, back) is None


def test_office_machines_sleep_at_night_and_at_the_weekend() -> None:
    machine = named("demo-desk-paris-01")
    monday_noon = NOW
    assert ESTATE.state_at(machine, monday_noon) is EstateState.RUNNING
    assert ESTATE.state_at(machine, monday_noon + 12 * HOUR) is EstateState.STOPPED
    assert ESTATE.state_at(machine, monday_noon + 5 * DAY) is EstateState.STOPPED


def test_the_terminated_machine_stays_visible_for_fifty_minutes() -> None:
    machine = named("demo-trial-virginia-01")
    end = int(datetime(2026, 3, 4, 15, 17, 43, tzinfo=UTC).timestamp())
    assert ESTATE.state_at(machine, end - 1) is EstateState.RUNNING
    assert ESTATE.state_at(machine, end) is EstateState.TERMINATED
    assert ESTATE.exists(machine, end + 2999)
    assert not ESTATE.exists(machine, end + 3000)
    assert machine in ESTATE.machines_between(end + 2999, end + 4000)
    assert machine not in ESTATE.machines_between(end + 3000, end + 4000)


def test_a_machine_is_absent_before_its_first_launch() -> None:
    machine = ESTATE.machines[0]
    assert ESTATE.state_at(machine, MONDAY - 1) is EstateState.ABSENT
    assert ESTATE.launched_at(machine, MONDAY - 1) is None


def test_burst_machines_come_and_go_under_new_ids() -> None:
    day = ESTATE.members_between(NOW, NOW + DAY)
    burst = [machine for machine in day if "aws:autoscaling:groupName" in machine.tags]
    assert {machine.provider for machine in day} == {"aws", "gcp", "azure"}
    assert len(burst) >= 2 * 24
    assert len({machine.resource_id for machine in day}) == len(day)
    assert all(machine.terminates for machine in day)
    for machine in day:
        (run,) = ESTATE.runs(machine, NOW - DAY, NOW + 2 * DAY)
        assert run.end is not None
        assert run.end - run.start >= SHORTEST


@settings(deadline=None)
@given(offset=st.integers(0, WEEK), length=st.integers(1, DAY))
def test_members_of_a_window_are_those_that_exist_in_it(offset: int, length: int) -> None:
    start, end = NOW + offset, NOW + offset + length
    found = ESTATE.members_between(start, end)
    around = ESTATE.members_between(start - 2 * DAY, end + 2 * DAY)
    for machine in around:
        (run,) = ESTATE.runs(machine, start - 5 * DAY, end + 5 * DAY)
        assert run.end is not None
        exists = run.start < end and run.end + VISIBLE_AFTER_END > start
        assert (machine in found) == exists


def test_a_group_whose_runs_outlive_their_generation_is_refused() -> None:
    with pytest.raises(ValueError, match="outlive"):
        replace(ESTATE.groups[0], longest=4000)


@settings(deadline=None)
@given(machine=MACHINES, minute=MINUTES)
def test_utilization_is_a_ratio(machine: EstateMachine, minute: int) -> None:
    assert 0.0 <= ESTATE.utilization(machine, minute) <= machine.machine_type.most
    assert ESTATE.utilization(machine, minute) == ESTATE.utilization(machine, minute)


@settings(deadline=None)
@given(minute=MINUTES)
def test_any_ten_minutes_hold_part_of_a_spike(minute: int) -> None:
    machine = named("demo-checkout-dublin-01")
    values = [ESTATE.utilization(machine, minute + i) for i in range(10)]
    assert max(values) > 0.85
    assert min(values) < 0.4


@settings(deadline=None)
@given(minute=MINUTES)
def test_the_zombie_does_next_to_nothing(minute: int) -> None:
    assert ESTATE.utilization(named("demo-forgotten-dublin-01"), minute) < 0.01


def test_batch_machines_work_at_night_only() -> None:
    machine = named("demo-reports-mumbai-01")
    midnight = NOW // DAY * DAY - machine.utc_offset_minutes * 60
    assert ESTATE.utilization(machine, (midnight + 2 * HOUR) // 60) > 0.85
    assert ESTATE.utilization(machine, (midnight + 12 * HOUR) // 60) < 0.1


def test_the_web_is_quieter_at_night_and_on_sundays() -> None:
    machine = named("demo-web-dublin-01")
    noon, night, sunday = (
        ESTATE.mean_utilization(machine, start, start + HOUR) or 0.0
        for start in (NOW - 30, NOW - 30 + 14 * HOUR, NOW - 30 + 6 * DAY)
    )
    assert night < 0.6 * noon
    assert sunday < 0.8 * noon


def test_machines_of_one_row_do_not_move_in_step() -> None:
    one, other = named("demo-web-dublin-01"), named("demo-web-dublin-02")
    start = NOW - 30
    assert ESTATE.mean_utilization(one, start, start + 300) != ESTATE.mean_utilization(
        other, start, start + 300
    )


@settings(deadline=None)
@given(machine=MACHINES, minute=MINUTES, resolution=st.sampled_from([60, 300, 900]))
def test_the_mean_of_an_hour_is_the_weighted_mean_of_its_parts(
    machine: EstateMachine, minute: int, resolution: int
) -> None:
    start, end = minute * 60, minute * 60 + HOUR
    parts = []
    for bucket in range(start, end, resolution):
        mean = ESTATE.mean_utilization(machine, bucket, bucket + resolution)
        running = sum(
            min(run.end or end, bucket + resolution) - max(run.start, bucket)
            for run in ESTATE.runs(machine, bucket, bucket + resolution)
        )
        assert (mean is None) == (running == 0)
        parts.append(((mean or 0.0) * running, running))
    whole = ESTATE.mean_utilization(machine, start, end)
    seconds = sum(running for _, running in parts)
    if whole is None:
        assert seconds == 0
    else:
        assert whole == pytest.approx(fsum(value for value, _ in parts) / seconds, rel=1e-12)


def test_a_bucket_is_weighted_by_the_seconds_of_each_minute() -> None:
    machine = replace(named("demo-web-dublin-01"), schedule=Once(start=90, end=150))
    one, two = ESTATE.utilization(machine, 1), ESTATE.utilization(machine, 2)
    assert ESTATE.mean_utilization(machine, 0, 300) == pytest.approx((one * 30 + two * 30) / 60)
    assert ESTATE.mean_utilization(machine, 180, 300) is None


def test_bounds_between_minutes_are_refused() -> None:
    with pytest.raises(ValueError, match="whole minutes"):
        ESTATE.mean_utilization(ESTATE.machines[0], 30, 90)


def test_truth_of_a_steady_hour_is_power_times_time_times_intensity() -> None:
    machine = replace(ESTATE.machines[0], schedule=Once(start=0), grid_zone="FR")
    start = NOW // GRID_STEP * GRID_STEP
    truth = ESTATE.truth(
        machine, start, start + HOUR, resolution=300, facility_watts=lambda *_: Watts(100.0)
    )
    grams = 100.0 * 0.5 / 1000 * (intensity("FR", start) + intensity("FR", start + GRID_STEP))
    assert truth.joules == pytest.approx(360_000.0, rel=1e-15)
    assert truth.grams == pytest.approx(grams, rel=1e-14)
    assert truth.running_seconds == HOUR


@pytest.mark.parametrize("agent", [True, False])
def test_truth_knows_how_busy_gpus_are_where_an_agent_tells(agent: bool) -> None:
    training = named("demo-training-virginia-01")
    machine = replace(training, schedule=Once(start=0), gpu_agent=agent)
    seen: list[tuple[float, float | None]] = []
    end = NOW // 300 * 300

    def watch(_: EstateMachine, cpu: Ratio, gpu: Ratio | None, _read: Watts | None) -> Watts:
        seen.append((cpu, gpu))
        return Watts(1.0)

    ESTATE.truth(machine, end - 300, end, resolution=300, facility_watts=watch)

    [(cpu, gpu)] = seen
    assert gpu == (pytest.approx(0.1 + 0.8 * cpu) if agent else None)


def test_a_machine_without_gpus_or_off_has_no_gpu_utilisation() -> None:
    training = named("demo-training-virginia-01")
    off = replace(training, schedule=Once(start=0, end=60))

    assert ESTATE.mean_gpu_utilization(named("demo-web-dublin-01"), 300, 600) is None
    assert ESTATE.mean_gpu_utilization(off, 300, 600) is None


def test_all_kinds_of_volumes_exist_in_each_cloud() -> None:
    kinds = {(m.provider, disk.kind) for m in ESTATE.machines for disk in m.disks}
    copies = {(m.provider, disk.copies) for m in ESTATE.machines for disk in m.disks}

    assert kinds == {(cloud, kind) for cloud in ("aws", "gcp", "azure") for kind in DiskKind}
    assert copies == {("aws", 2), ("gcp", 1), ("gcp", 2), ("azure", 3)}
    with_volumes = {machine.resource_type for machine in ESTATE.templates if machine.disks}
    assert {"ec2_instance", "gce_instance", "azure_vm"} <= with_volumes
    assert all(m.disks for m in ESTATE.templates if m.resource_type in with_volumes)


def test_truth_of_a_bucket_with_two_runs_counts_the_seconds_of_both() -> None:
    cycle = Cycle(anchor=50, period=200, length=70)
    machine = replace(ESTATE.machines[0], schedule=cycle)
    truth = ESTATE.truth(machine, 0, 300, resolution=300, facility_watts=lambda *_: Watts(2.0))
    assert truth.running_seconds == 70 + 50
    assert truth.joules == 240.0


@settings(deadline=None)
@given(
    machine=MACHINES,
    start=st.integers(MONDAY // HOUR, MONDAY // HOUR + 9000),
    resolution=st.sampled_from([60, 300]),
)
def test_truth_adds_up_over_time(machine: EstateMachine, start: int, resolution: int) -> None:
    first, middle, end = start * HOUR, (start + 1) * HOUR, (start + 3) * HOUR
    whole, one, two = (
        ESTATE.truth(machine, a, b, resolution=resolution, facility_watts=watts)
        for a, b in ((first, end), (first, middle), (middle, end))
    )
    assert whole.joules == pytest.approx(one.joules + two.joules, rel=1e-12)
    assert whole.grams == pytest.approx(one.grams + two.grams, rel=1e-12)
    assert whole.running_seconds == one.running_seconds + two.running_seconds


@pytest.mark.parametrize(("start", "resolution"), [(30, 60), (0, 90), (0, 7200), (60, 300)])
def test_truth_needs_whole_buckets_within_grid_steps(start: int, resolution: int) -> None:
    with pytest.raises(ValueError, match=r"divide|whole buckets"):
        ESTATE.truth(ESTATE.machines[0], start, 7200, resolution=resolution, facility_watts=watts)
