from collections import Counter
from datetime import UTC, datetime
from functools import cache
from math import fsum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.app.build import build
from exporter.core.model import Machine, ResourceKey, RunState
from exporter.core.ports import PowerProfile
from exporter.core.units import Ratio, Watts
from exporter.data.machine_types import machine_types
from exporter.demo.estate import (
    VISIBLE_AFTER_END,
    Estate,
    EstateMachine,
    EstateState,
    FacilityWatts,
    demo_estate,
    surge,
)
from exporter.demo.estate.schedules import DAY, MONDAY, SHORTEST
from exporter.settings import Settings

START = int(datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC).timestamp())
USUAL = demo_estate()
MINUTE = 60
GROUP = "demo-checkout-runaway"


def runaways(estate: Estate) -> tuple[EstateMachine, ...]:
    return tuple(machine for machine in estate.machines if machine.name.startswith(GROUP))


def ids(machines: tuple[EstateMachine, ...]) -> set[str]:
    return {machine.resource_id for machine in machines}


def states(estate: Estate, moment: int) -> Counter[EstateState]:
    return Counter(estate.state_at(machine, moment) for machine in runaways(estate))


def test_an_estate_has_no_accident_unless_one_is_asked_for() -> None:
    assert runaways(USUAL) == ()


def test_an_accident_changes_nothing_else() -> None:
    estate = demo_estate(surge_at=START)
    assert estate.machines == (*USUAL.machines, *runaways(estate))
    assert estate.groups == USUAL.groups
    assert (estate.accounts, estate.zones) == (USUAL.accounts, USUAL.zones)
    assert demo_estate(surge_at=START).machines == estate.machines


def test_all_machines_are_launched_within_a_minute_and_terminated_within_another() -> None:
    estate = demo_estate(surge_at=START)
    assert states(estate, START - 1) == {EstateState.ABSENT: surge.SIZE}
    assert states(estate, START + MINUTE) == {EstateState.RUNNING: surge.SIZE}
    end = START + surge.SECONDS
    assert states(estate, end - MINUTE) == {EstateState.RUNNING: surge.SIZE}
    assert states(estate, end) == {EstateState.TERMINATED: surge.SIZE}
    assert states(estate, end + VISIBLE_AFTER_END) == {EstateState.ABSENT: surge.SIZE}


def test_lists_show_them_from_their_launch_until_they_are_forgotten() -> None:
    estate = demo_estate(surge_at=START)
    end = START + surge.SECONDS
    for moment, seen in [
        (START - 1, False),
        (START + MINUTE, True),
        (end, True),
        (end + VISIBLE_AFTER_END, False),
    ]:
        listed = ids(estate.machines_between(moment, moment + 1))
        assert (ids(runaways(estate)) <= listed) is seen
        assert ids(runaways(estate)).isdisjoint(listed) is not seen


def test_it_is_one_scaling_group_that_belongs_to_the_checkout() -> None:
    machines = runaways(demo_estate(surge_at=START))
    assert len({(m.account, m.region, m.instance_type) for m in machines}) == 1
    assert {m.tags["aws:autoscaling:groupName"] for m in machines} == {GROUP}
    assert {(m.tags["team"], m.tags["service"]) for m in machines} == {("shop", "demo-checkout")}
    known = {shipped.name for shipped in machine_types() if shipped.provider == "aws"}
    assert machines[0].instance_type in known


@settings(max_examples=20)
@given(start=st.integers(MONDAY, MONDAY + 700 * DAY), later=st.integers(1, DAY))
def test_another_accident_has_other_machines_of_the_same_kind(start: int, later: int) -> None:
    first, second = (surge.machines(moment) for moment in (start, start + later))
    assert ids(first).isdisjoint(ids(second))
    assert len(ids(first)) == len(ids(second)) == surge.SIZE
    assert [machine.name for machine in first] == [machine.name for machine in second]


@settings(max_examples=20)
@given(start=st.integers(MONDAY, MONDAY + 700 * DAY))
def test_each_runs_long_enough_to_be_seen_and_nearly_at_its_limit(start: int) -> None:
    estate = Estate(machines=surge.machines(start))
    for machine in estate.machines:
        (run,) = estate.runs(machine, 0, start + DAY)
        assert run.end is not None
        assert run.end - run.start >= SHORTEST
        assert estate.utilization(machine, start // MINUTE + 5) == pytest.approx(0.95, abs=0.03)


def test_a_larger_estate_has_a_larger_accident() -> None:
    larger = demo_estate(3 * len(USUAL.machines), surge_at=START)
    assert len(runaways(larger)) == 3 * surge.SIZE


@pytest.mark.parametrize("hours", range(0, 7 * 24, 29))
def test_the_estate_emits_two_to_three_times_as_much(hours: int, watts: FacilityWatts) -> None:
    start = START // MINUTE * MINUTE + hours * 3600
    estate = demo_estate(surge_at=start)
    begin, end = start + 2 * MINUTE, start + 12 * MINUTE

    def grams(machines: tuple[EstateMachine, ...]) -> float:
        return fsum(
            estate.truth(m, begin, end, resolution=MINUTE, facility_watts=watts).grams
            for m in machines
        )

    usual = grams(USUAL.machines_between(begin, end))
    assert 2 < (usual + grams(runaways(estate))) / usual < 3


@pytest.fixture(scope="module")
def watts() -> FacilityWatts:
    """Return what the product's power model and PUE make of a machine of the estate."""
    app = build(Settings.model_validate({"providers": [{"kind": "host"}]}))

    @cache
    def site(machine: EstateMachine) -> tuple[PowerProfile, float]:
        place = (machine.provider, machine.account, machine.region)
        known = Machine(
            key=ResourceKey(*place, machine.resource_type, machine.resource_id),
            name=machine.name,
            instance_type=machine.instance_type,
            state=RunState.RUNNING,
            cpu_platform=machine.cpu_platform,
            disks=machine.disks,
        )
        return app.power.profile(known), app.regions.find(machine.provider, machine.region).pue

    def drawn(
        machine: EstateMachine, utilization: Ratio, gpu: Ratio | None, _read: Watts | None
    ) -> Watts:
        profile, pue = site(machine)
        return Watts(profile.power(utilization, gpu).it * pue)

    app.close()
    return drawn
