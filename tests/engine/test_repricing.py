"""Late intensity: what closed with a stand-in is priced again by what the grid says in the end."""

import math
import sqlite3
import tempfile
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.core.clock import epoch
from exporter.core.errors import StoreError
from exporter.core.model import (
    Basis,
    FallbackLevel,
    GridReading,
    IntensityInForce,
    Method,
    RegionKey,
)
from exporter.core.units import GCO2eqPerKwh
from exporter.engine.repricing import KEEP_SECONDS, IntensityOver, Late, LateHours, LateKey
from exporter.engine.store import Changes, Store
from tests.engine.test_any_sequence import PUE, STEP, Told, perform
from tests.support.clock import ManualClock
from tests.support.rig import DAY, HOUR, T0, Rig, assert_true, same
from tests.support.sim import (
    JOULES_PER_KWH,
    Judge,
    SimCloud,
    SimGrid,
    SimMachine,
    Span,
    grid_value,
    watts_of,
)

REGION = RegionKey("sim", "acct", "fr-one")


@dataclass(kw_only=True)
class LateGrid(SimGrid):
    """A grid by the hour, each hour told only ``lag`` seconds after its end."""

    step: int = HOUR
    refresh_seconds: int = HOUR
    lag: float = 0.0
    hidden: set[int] = field(default_factory=set)

    def fetch(self, zones: Collection[str], start: int, end: int) -> GridReading:
        now = epoch(self.clock.now())
        told = super().fetch(zones, start, end)
        known = [
            point
            for point in told.points
            if point.end + self.lag <= now and point.start not in self.hidden
        ]
        return replace(told, points=tuple(known))


def by_the_hour(zone: str, start: int) -> float:
    return grid_value(zone, start // HOUR * HOUR)


def estate() -> list[SimMachine]:
    return [
        SimMachine(name="steady", spans=[Span(T0 - DAY)]),
        SimMachine(name="large", spans=[Span(T0 + 5 * HOUR + 17, kind="large")], region="us-two"),
        SimMachine(
            name="nightly",
            spans=[
                Span(T0 + d * DAY + 3 * HOUR + 41, T0 + d * DAY + 9 * HOUR + 17) for d in range(14)
            ],
        ),
    ]


@pytest.mark.parametrize("lag", [12, 28])
def test_a_fortnight_of_a_grid_that_is_a_day_late_is_that_of_one_on_time(
    state: Path, clock: ManualClock, lag: int
) -> None:
    machines = estate()
    grid = LateGrid(clock=clock, lag=lag * HOUR, value=by_the_hour)
    rig = Rig(state, [SimCloud(clock=clock, machines=machines)], [grid], clock)
    rig.every(4 * HOUR, T0 + 7 * DAY)
    rig.kill()
    rig.every(4 * HOUR, T0 + 14 * DAY)
    priced = {zone: up - down for zone, (up, down) in rig.ledger.repriced.items()}
    assert priced.keys() == {"FR", "US"}
    judge = Judge(origin=T0 - 300, until=rig.final, grid=by_the_hour)
    clock.advance(lag * HOUR + HOUR)
    for cloud in rig.clouds:
        cloud.outages.append((0, math.inf))  # type: ignore[attr-defined] # no new buckets
    rig.run()
    said = rig.accounted()
    for machine in machines:
        assert said[machine.name].operational == pytest.approx(
            judge.of(machine).operational, rel=1e-3
        )


def test_late_values_on_a_grid_by_the_hour_are_the_truth_to_the_last_digit(
    state: Path, clock: ManualClock
) -> None:
    machines = estate()
    grid = LateGrid(clock=clock, lag=20 * HOUR, value=by_the_hour)
    cloud = SimCloud(clock=clock, machines=machines)
    rig = Rig(state, [cloud], [grid], clock)
    rig.every(900, T0 + 2 * DAY)
    until = rig.final
    cloud.outages.append((rig.now + 1, math.inf))
    rig.every(HOUR, rig.now + DAY)
    assert_true(rig, machines, Judge(origin=T0 - 300, until=until, grid=by_the_hour))


def test_the_total_of_a_region_follows_for_a_machine_that_is_long_forgotten(
    state: Path, clock: ManualClock
) -> None:
    gone = SimMachine(name="gone", spans=[Span(T0 - 500, T0 + 3000)], listed_until=T0 + HOUR)
    stays = SimMachine(name="stays", spans=[Span(T0 - 500)])
    grid = LateGrid(clock=clock, lag=40 * HOUR, value=by_the_hour)
    rig = Rig(state, [SimCloud(clock=clock, machines=[gone, stays])], [grid], clock)
    snapshot = rig.every(HOUR, T0 + 38 * HOUR)
    assert [view.machine.name for view in snapshot.resources] == ["stays"]
    rig.restart()
    judge = Judge(origin=T0 - 300, until=T0 + HOUR, grid=by_the_hour)
    stood_in = judge.of(gone).joules / JOULES_PER_KWH * 300.0
    before = rig.region_sums()["fr-one"][1] - rig.accounted()["stays"].operational
    assert before == pytest.approx(stood_in)
    rig.every(HOUR, T0 + 44 * HOUR)
    after = rig.region_sums()["fr-one"][1] - rig.accounted()["stays"].operational
    assert after == pytest.approx(judge.of(gone).operational)


def test_a_machine_with_live_prices_leaves_nothing_to_be_repriced(
    state: Path, clock: ManualClock
) -> None:
    cloud = SimCloud(clock=clock, machines=estate())
    rig = Rig(state, [cloud], [SimGrid(clock=clock)], clock)
    rig.every(300, T0 + 4 * HOUR)
    assert (rig.ledger.unpriced_since()[1], rig.ledger.repriced) == ({}, {})


def test_after_three_days_a_price_stays(state: Path, clock: ManualClock) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - 500)])
    grid = LateGrid(clock=clock, lag=KEEP_SECONDS + 6 * HOUR, value=by_the_hour)
    rig = Rig(state, [SimCloud(clock=clock, machines=[machine])], [grid], clock)
    rig.every(HOUR, T0 + 5 * DAY)
    assert rig.ledger.repriced == {}
    waiting = rig.ledger.unpriced_since()[1]["FR"]
    assert rig.now - KEEP_SECONDS <= waiting <= rig.now - KEEP_SECONDS + HOUR
    joules = rig.accounted()["m"].energy
    assert same(rig.accounted()["m"].operational, joules / JOULES_PER_KWH * 300.0)


def test_a_correction_downwards_is_a_debt_and_told_as_one(state: Path, clock: ManualClock) -> None:
    machine = SimMachine(name="m", spans=[Span(T0 - 500)])
    grid = LateGrid(clock=clock, lag=6 * HOUR, value=lambda _zone, _start: 100.0)
    rig = Rig(state, [SimCloud(clock=clock, machines=[machine])], [grid], clock)
    rig.every(HOUR, T0 + 12 * HOUR)
    (up, down) = rig.ledger.repriced["FR"]
    assert up == pytest.approx(0.0, abs=1e-9)
    assert down > 1.0
    (tally,) = [account.tally for account in rig.ledger._accounts.values()]
    assert tally.exposed[1] > tally.accounted[1]


# --- any order ------------------------------------------------------------------------------------

ages = st.integers(1, 6)
steps = st.one_of(
    st.tuples(st.just("show"), ages, st.floats(0, 1)),
    st.tuples(st.just("hide"), ages, st.just(0.0)),
    st.tuples(st.just("poll"), st.integers(0, 3), st.floats(0, 1)),
    st.tuples(
        st.sampled_from(["fail", "unread", "restart", "kill", "sleep"]), st.just(0), st.just(0.0)
    ),
    st.tuples(st.just("lag"), st.integers(0, 12), st.just(0.0)),
    st.tuples(st.just("lose"), st.integers(0, 12), st.just(0.0)),
    st.tuples(st.sampled_from(["pass", "ask"]), st.integers(1, 3), st.just(0.0)),
)


def advance(rig: Rig, cloud: Told, grid: LateGrid, step: tuple[str, int, float]) -> None:
    """Do one thing: to the grid, to time, or what any sequence of deliveries may hold."""
    what, number, _ = step
    if what == "lag":
        grid.lag = number * HOUR
    elif what == "lose":
        grid.hidden.add(rig.now // HOUR * HOUR - number * HOUR)
    elif what == "pass":
        rig.clock.advance(number * HOUR)
    elif what == "ask":
        rig.refresh()
    else:
        perform(rig, cloud, *step)


@settings(max_examples=200)
@given(st.lists(steps, max_size=40))
def test_repriced_grams_are_those_of_values_on_time(plan: Sequence[tuple[str, int, float]]) -> None:
    clock = ManualClock()
    cloud = Told(clock=clock, machines=[SimMachine(name="m", spans=[Span(T0 - DAY)])])
    grid = LateGrid(clock=clock, lag=3 * HOUR, value=by_the_hour)
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(Path(folder) / "state.db", [cloud], [grid], clock)
        rig.run()
        for step in plan:
            if rig.now < T0 + 2 * DAY:  # of what is older than three days the price stays
                advance(rig, cloud, grid, step)
                rig.look()
        grid.hidden.clear()
        grid.lag, cloud.fails, cloud.reads_none = 0, False, False
        for _ in range(2):
            clock.advance(HOUR)
            rig.run()
        counted = {start: v for start, v in cloud.delivered.items() if start >= T0 - STEP}
        joules = {start: watts_of("small", v) * PUE * STEP for start, v in counted.items()}
        grams = [j / JOULES_PER_KWH * by_the_hour("FR", s) for s, j in joules.items()]
        said = rig.accounted()["m"]
        assert same(said.energy, math.fsum(joules.values()))
        assert same(said.operational, math.fsum(grams))
        assert same(rig.region_sums()["fr-one"][1], math.fsum(grams))
        rig.store.close()


# --- the hours themselves -------------------------------------------------------------------------


def observed(zone: str, grams: float) -> IntensityOver:
    """Return a book that knows one zone."""

    def over(asked: str, start: int, _end: int) -> IntensityInForce:
        return IntensityInForce(
            zone=asked,
            gco2eq_per_kwh=GCO2eqPerKwh(grams),
            source="grid",
            method=Method.AVERAGE,
            basis=Basis.LIFECYCLE,
            level=FallbackLevel.LIVE if asked == zone else FallbackLevel.ANNUAL,
            valid_from=start,
        )

    return over


def test_a_resource_that_changes_its_zone_within_the_hour_keeps_both() -> None:
    late = LateHours()
    late.add("FR", REGION, Late(1, JOULES_PER_KWH, 50.0, T0, T0 + 1800))
    late.add("DE", REGION, Late(1, JOULES_PER_KWH, 50.0, T0 + 1800, T0 + 3600))
    changed = list(late.reprice(frozenset({"FR", "DE"}), observed("FR", 80.0)))
    assert [(key.grid_zone, change.grams) for key, change in changed] == [("FR", 30.0)]
    assert len(late) == 1
    assert list(late.reprice(frozenset({"FR"}), observed("DE", 80.0))) == []


def test_an_hour_is_priced_again_over_the_part_that_a_stand_in_priced() -> None:
    late, asked = LateHours(), list[tuple[int, int]]()
    for start in (T0 + 900, T0 + 600, T0 + 1200):
        late.add("FR", REGION, Late(7, 100.0, 1.0, start, start + 300))
    book = observed("FR", 0.0)

    def listening(zone: str, start: int, end: int) -> IntensityInForce:
        asked.append((start, end))
        return book(zone, start, end)

    (change,) = late.reprice(frozenset({"FR"}), listening)
    assert change[1].grams == -3.0
    assert asked == [(T0 + 600, T0 + 1500)]


resources = st.lists(
    st.tuples(
        st.integers(1, 2**32 - 1),
        st.floats(0, 1e12),
        st.floats(0, 1e9),
        st.integers(0, 11).map(lambda n: T0 + n * 300),
    ),
    max_size=20,
)


@given(resources)
def test_what_was_packed_comes_back(told: list[tuple[int, float, float, int]]) -> None:
    late, again = LateHours(), LateHours()
    for ident, joules, grams, start in told:
        late.add("FR", REGION, Late(ident, joules, grams, start, start + 300))
    for key, packed in late.changes().items():
        assert packed is not None
        again.restore(key, packed)
    zones, book = frozenset({"FR"}), observed("FR", 10.0)
    assert len(again) == len(late) == len({ident for ident, *_ in told})
    assert list(again.reprice(zones, book)) == list(late.reprice(zones, book))


@pytest.mark.parametrize("text", [b"", b"\1", b"\2\0\0\0" + bytes(24), bytes(30)])
def test_bytes_that_are_no_hours_are_a_damaged_state_file(state: Path, text: bytes) -> None:
    store = Store.open(state)
    store.commit(Changes(late={LateKey(T0, "FR", REGION): text or b"\0"}))
    with pytest.raises(StoreError, match="not understood"):
        store.load()
    store.close()


def test_it_takes_less_than_a_hundred_bytes_a_machine_and_hour_on_the_disk(state: Path) -> None:
    machines, hours = 50, 72
    late, store = LateHours(), Store.open(state)
    for hour in range(hours):
        for number in range(machines):
            region = RegionKey("aws", "123456789012", f"eu-west-{number % 5}")
            for start in range(T0 + hour * HOUR, T0 + (hour + 1) * HOUR, 900):
                late.add("US-MIDA-PJM", region, Late(number + 1, 1e5, 1.0, start, start + 900))
        store.commit(Changes(late=late.changes()))
    assert len(late) == machines * hours
    store.close()
    with closing(sqlite3.connect(state)) as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    assert (pages - free) * 4096 / (machines * hours) < 100
