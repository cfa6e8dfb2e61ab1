"""Measured utilisation of accelerators: counted where it is there, assumed where it is not."""

from pathlib import Path

import pytest

from exporter.core.snapshot import ResourceNow
from exporter.core.units import Ratio
from tests.support.clock import ManualClock
from tests.support.rig import DAY, HOUR, T0, Rig
from tests.support.sim import SimCloud, SimGrid, SimMachine, Span, region_of, watts_of

PUE = region_of("sim", "fr-one").pue
BUSY = 0.5


def rig_of(state: Path, clock: ManualClock) -> tuple[Rig, SimCloud]:
    machine = SimMachine(name="m", spans=[Span(T0 - DAY, kind="gpu")], busy=BUSY)
    cloud = SimCloud(clock=clock, machines=[machine])
    return Rig(state, [cloud], [SimGrid(clock=clock)], clock), cloud


def joules(seconds: float, gpu: float | None) -> float:
    return watts_of("gpu", BUSY, gpu) * PUE * seconds


def accounted(rig: Rig) -> float:
    return rig.accounted()["m"].energy


def shown(rig: Rig) -> ResourceNow:
    (view,) = rig.look().resources
    assert view.now is not None
    return view.now


def test_a_measured_utilisation_decides_the_joules(state: Path, clock: ManualClock) -> None:
    rig, cloud = rig_of(state, clock)
    cloud.gpu = lambda _, start: Ratio(0.25 if start < T0 + HOUR else 1.0)
    rig.every(300, T0 + 2 * HOUR)
    before, after = T0 + HOUR - (T0 - 300), rig.final - (T0 + HOUR)
    assert accounted(rig) == pytest.approx(joules(before, 0.25) + joules(after, 1.0), rel=1e-9)
    assert rig.region_sums()["fr-one"][0] == pytest.approx(accounted(rig), rel=1e-9)


def test_without_a_value_the_assumption_counts_and_no_ratio_is_shown(
    state: Path, clock: ManualClock
) -> None:
    rig, _ = rig_of(state, clock)
    rig.every(300, T0 + HOUR)
    assert accounted(rig) == pytest.approx(joules(rig.final - (T0 - 300), None), rel=1e-9)
    assert shown(rig).gpu_utilization is None
    assert shown(rig).power.gpu == 200.0


def test_the_present_is_shown_at_the_measured_utilisation(state: Path, clock: ManualClock) -> None:
    rig, cloud = rig_of(state, clock)
    cloud.gpu = lambda _, __: Ratio(0.75)
    rig.every(300, T0 + 600)
    now = shown(rig)
    assert now.gpu_utilization == 0.75
    assert now.power.gpu == 300.0
    assert now.power_bounds.central == pytest.approx(watts_of("gpu", BUSY, 0.75) * PUE)


def test_a_value_that_comes_late_corrects_the_bucket(state: Path, clock: ManualClock) -> None:
    rig, cloud = rig_of(state, clock)
    rig.every(300, T0 + 900)
    assumed, buckets = accounted(rig), (rig.final - (T0 - 300)) // 300
    assert shown(rig).gpu_utilization is None
    cloud.gpu = lambda _, __: Ratio(0.9)
    snapshot = rig.run()
    assert snapshot.buckets_corrected == buckets
    assert accounted(rig) == pytest.approx(joules(rig.final - (T0 - 300), 0.9), rel=1e-9)
    assert accounted(rig) > assumed
    assert shown(rig).gpu_utilization == 0.9, "the gauge follows though the CPU did not change"


def test_a_lower_late_value_is_a_debt_and_no_counter_falls(state: Path, clock: ManualClock) -> None:
    rig, cloud = rig_of(state, clock)
    rig.every(300, T0 + 900)
    high = rig.look().resources[0].energy
    cloud.gpu = lambda _, __: Ratio(0.0)
    in_debt = rig.run()
    assert in_debt.resources[0].energy == high
    assert accounted(rig) == pytest.approx(joules(rig.final - (T0 - 300), 0.0), rel=1e-9)


def test_an_answer_without_a_value_takes_none_back(state: Path, clock: ManualClock) -> None:
    rig, cloud = rig_of(state, clock)
    cloud.gpu = lambda _, __: Ratio(0.9)
    rig.every(300, T0 + 900)
    measured = accounted(rig)
    cloud.gpu = None
    snapshot = rig.run()
    assert accounted(rig) == measured
    assert snapshot.buckets_corrected == 0
    assert shown(rig).gpu_utilization == 0.9


def test_buckets_close_without_a_value_as_if_there_were_no_gpu(
    state: Path, clock: ManualClock
) -> None:
    rig, cloud = rig_of(state, clock)
    rig.every(300, T0 + 3 * HOUR)
    with rig.ledger.reading() as (accounts, _):
        (account,) = accounts
        watermark = account.watermark
    assert watermark == rig.final - HOUR
    cloud.gpu = lambda _, __: Ratio(1.0)
    rig.run()
    closed, still_open = watermark - (T0 - 300), rig.final - watermark
    expected = joules(closed, None) + joules(still_open, 1.0)
    assert accounted(rig) == pytest.approx(expected, rel=1e-9)


def test_open_buckets_keep_their_value_over_a_restart(state: Path, clock: ManualClock) -> None:
    rig, cloud = rig_of(state, clock)
    cloud.gpu = lambda _, __: Ratio(0.9)
    rig.every(300, T0 + 900)
    before = accounted(rig)
    cloud.gpu = None
    rig.kill()
    snapshot = rig.run()
    assert accounted(rig) == before
    assert snapshot.buckets_corrected == 0


def test_a_value_that_is_no_number_is_no_value(state: Path, clock: ManualClock) -> None:
    rig, cloud = rig_of(state, clock)
    cloud.gpu = lambda _, __: Ratio(float("nan"))
    rig.every(300, T0 + HOUR)
    assert accounted(rig) == pytest.approx(joules(rig.final - (T0 - 300), None), rel=1e-9)
