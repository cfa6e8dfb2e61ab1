"""Measured watts and units from the provider to the page: joules and grams by hand calculation."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import pytest

from exporter.core.clock import from_epoch
from exporter.core.model import (
    Confidence,
    Inventory,
    Machine,
    MeteredPower,
    Reading,
    ResourceKey,
    RunState,
    UsageSeries,
    Window,
)
from exporter.core.snapshot import ResourceNow, ResourceState, ResourceView
from exporter.core.units import Ratio, Watts
from exporter.engine.resource_account import Missing
from exporter.exposition.render import Renderer
from tests.support.clock import ManualClock
from tests.support.providers import Plain
from tests.support.rig import DAY, HOUR, RULES, T0, Rig, same
from tests.support.sim import KINDS, SimGrid, grid_value, region_of, watts_of

PUE = region_of("sim", "fr-one").pue
BEGIN = T0 - 300
"""Where counting begins: T0 less ``settle``."""
STEP = 300


KEY = ResourceKey("sim", "acct", "fr-one", "vm", "m")
_Value = TypeVar("_Value")


def _column(window: Window, signal: Callable[[int], _Value | None]) -> dict[int, _Value]:
    told = {start: signal(start) for start in window.buckets}
    return {start: value for start, value in told.items() if value is not None}


@dataclass(kw_only=True)
class Metered(Plain):
    """Implements ``core.ports.Provider``: one resource, each signal a function of a bucket."""

    clock: ManualClock
    instance_type: str = "gpu"
    cpu: Callable[[int], float | None] = lambda _: None
    gpu: Callable[[int], float | None] = lambda _: None
    units: Callable[[int], float | None] | None = None
    watts: Callable[[int], MeteredPower | None] = lambda _: None
    name: str = "sim"
    kind: str = "sim"
    settle: int = 300
    asked: list[Window] = field(default_factory=list)

    def discover(self) -> Inventory:
        machine = Machine(
            key=KEY,
            name="m",
            instance_type=self.instance_type,
            state=RunState.RUNNING,
            launched_at=from_epoch(T0 - DAY),
        )
        return Inventory(machines=(machine,))

    def read(self, machines: Sequence[Machine], window: Window) -> Reading:
        self.asked.append(window)
        assert [machine.key for machine in machines] == [KEY]

        series = UsageSeries(
            key=KEY,
            cpu={start: Ratio(value) for start, value in _column(window, self.cpu).items()},
            gpu={start: Ratio(value) for start, value in _column(window, self.gpu).items()},
            units=None if self.units is None else _column(window, self.units),
            watts=_column(window, self.watts),
        )
        return Reading(series=(series,))

    def close(self) -> None:
        pass


def wave(start: int) -> float:
    """Return something between 0 and 1 that differs from bucket to bucket."""
    return 0.5 + 0.5 * math.sin(start / 700)


def wall(start: int) -> MeteredPower:
    return MeteredPower(node=Watts(100 + 200 * wave(start)), whole=True, low=0.97, high=1.03)


def rig_of(state: Path, cloud: Metered, missing: Missing = Missing.SKIP) -> Rig:
    grids = [SimGrid(clock=cloud.clock)]
    return Rig(state, [cloud], grids, cloud.clock, rules=replace(RULES, missing=missing))


def assert_came_to(
    rig: Rig,
    it_watts: Callable[[int], float],
    units: Callable[[int], float] = lambda _: 1.0,
    until: int | None = None,
) -> None:
    """Every bucket came to watts × units × PUE × seconds, at the price of its time."""
    buckets = range(BEGIN, rig.final if until is None else until, STEP)
    joules = [it_watts(start) * units(start) * PUE * STEP for start in buckets]
    grams = [
        energy / 3.6e6 * grid_value("FR", start // 1800 * 1800)
        for start, energy in zip(buckets, joules, strict=True)
    ]
    embodied = [KINDS["gpu"].embodied * units(start) * STEP / 3600 for start in buckets]
    truth = [math.fsum(column) for column in (joules, grams, embodied)]
    said = rig.accounted()["m"]
    assert all(map(same, said, truth)), (said, truth)
    assert all(map(same, rig.region_sums()["fr-one"][:3], truth))


def view_of(rig: Rig) -> ResourceView:
    (view,) = rig.look().resources
    return view


def now_of(rig: Rig) -> ResourceNow:
    now = view_of(rig).now
    assert now is not None
    return now


def page_of(rig: Rig) -> list[str]:
    page = Renderer(version="0", tags=(), max_series=1000).render(rig.look()).text.plain
    return [line for line in page.decode().splitlines() if line.startswith("carbon_resource_")]


# --- end to end -----------------------------------------------------------------------------------


def test_watts_of_a_wall_meter_are_the_energy_and_nothing_is_modelled(
    state: Path, clock: ManualClock
) -> None:
    rig = rig_of(state, Metered(clock=clock, watts=wall))
    rig.every(300, T0 + 2 * HOUR)
    rig.kill()
    rig.every(300, T0 + 4 * HOUR)
    rig.restart()
    rig.every(900, T0 + 6 * HOUR)
    assert_came_to(rig, lambda start: wall(start).node or math.nan)
    assert rig.region_sums()["fr-one"][3] == rig.final - BEGIN, "all of it measured"


def test_units_multiply_energy_and_embodied_grams(state: Path, clock: ManualClock) -> None:
    def units(start: int) -> float:
        return float(start // STEP % 7)  # none at times

    rig = rig_of(state, Metered(clock=clock, cpu=wave, units=units))
    rig.every(300, T0 + 2 * HOUR)
    rig.kill()
    rig.every(900, T0 + 5 * HOUR)
    assert_came_to(rig, lambda start: watts_of("gpu", wave(start)), units)


def test_measured_accelerators_stand_beside_a_modelled_rest(
    state: Path, clock: ManualClock
) -> None:
    def accelerators(start: int) -> MeteredPower:
        return MeteredPower(gpu=Watts(300 * wave(start + 100)), low=0.95, high=1.05)

    rig = rig_of(state, Metered(clock=clock, cpu=wave, gpu=lambda _: 0.9, watts=accelerators))
    rig.every(300, T0 + HOUR)
    rig.kill()
    rig.every(300, T0 + 3 * HOUR)
    assert_came_to(rig, lambda start: watts_of("gpu", wave(start), 0.0) + 300 * wave(start + 100))
    newest = rig.final - STEP
    assert now_of(rig).power.gpu == 300 * wave(newest + 100)
    assert now_of(rig).gpu_utilization == 0.9
    assert view_of(rig).confidence is Confidence.SKU, "its CPU is modelled"


def test_watts_are_of_one_unit(state: Path, clock: ManualClock) -> None:
    rig = rig_of(state, Metered(clock=clock, watts=wall, units=lambda _: 3.0))
    rig.every(300, T0 + HOUR)
    assert_came_to(rig, lambda start: wall(start).node or math.nan, lambda _: 3.0)


# --- corrections ----------------------------------------------------------------------------------


def test_corrected_watts_are_counted_once_and_no_counter_falls(
    state: Path, clock: ManualClock
) -> None:
    """A meter whose newest half-hour reads too high: each bucket is corrected downwards later."""
    cloud = Metered(clock=clock)

    def settling(start: int) -> MeteredPower:
        young = clock.now().timestamp() - start < 1800 and start < T0 + 3 * HOUR
        watts = wall(start).node or math.nan
        return MeteredPower(node=Watts(watts * (1.4 if young else 1.0)), whole=True)

    cloud.watts = settling
    rig = rig_of(state, cloud)
    rig.every(300, T0 + 2 * HOUR)
    rig.kill()
    snapshot = rig.every(300, T0 + 4 * HOUR)
    assert snapshot.buckets_corrected == 3 * HOUR // STEP + 1
    assert_came_to(rig, lambda start: wall(start).node or math.nan)


def test_corrected_units_are_counted_once_and_no_counter_falls(
    state: Path, clock: ManualClock
) -> None:
    cloud = Metered(clock=clock, cpu=wave)

    def settling(start: int) -> float:
        young = clock.now().timestamp() - start < 1800 and start < T0 + 3 * HOUR
        return 9.0 if young else 4.0

    cloud.units = settling
    rig = rig_of(state, cloud)
    rig.every(300, T0 + 2 * HOUR)
    rig.restart()
    snapshot = rig.every(300, T0 + 4 * HOUR)
    assert snapshot.buckets_corrected == 3 * HOUR // STEP + 1
    assert_came_to(rig, lambda start: watts_of("gpu", wave(start)), lambda _: 4.0)


def test_a_bucket_is_modelled_until_its_watts_come(state: Path, clock: ManualClock) -> None:
    cloud = Metered(clock=clock, cpu=wave)
    rig = rig_of(state, cloud)
    rig.every(300, T0 + 1500)
    assert_came_to(rig, lambda start: watts_of("gpu", wave(start)))
    assert view_of(rig).confidence is Confidence.SKU
    cloud.watts = wall
    rig.run()
    assert_came_to(rig, lambda start: wall(start).node or math.nan)
    assert view_of(rig).confidence is Confidence.METERED
    assert now_of(rig).utilization == wave(rig.final - STEP), "still known, and shown"


@pytest.mark.parametrize("how", ["go on", "kill", "restart"])
def test_an_answer_without_watts_takes_none_back(state: Path, clock: ManualClock, how: str) -> None:
    cloud = Metered(clock=clock, cpu=wave, gpu=wave, watts=wall)
    rig = rig_of(state, cloud)
    rig.every(300, T0 + 1500)
    before = rig.accounted()
    cloud.watts, cloud.gpu = lambda _: None, lambda _: None
    if how != "go on":
        getattr(rig, how)()
    assert rig.run().buckets_corrected == 0
    assert rig.accounted() == before
    assert view_of(rig).confidence is Confidence.METERED
    assert now_of(rig).usage.watts == wall(rig.final - STEP)


# --- which buckets are complete -------------------------------------------------------------------


def test_watts_of_accelerators_alone_are_no_bucket(state: Path, clock: ManualClock) -> None:
    cloud = Metered(clock=clock, gpu=wave, watts=lambda _: MeteredPower(gpu=Watts(200.0)))
    rig = rig_of(state, cloud)
    snapshot = rig.every(300, T0 + HOUR)
    assert rig.accounted()["m"].energy == 0.0
    assert snapshot.resources[0].state is ResourceState.SILENT
    cloud.cpu = wave
    rig.run()
    assert_came_to(rig, lambda start: watts_of("gpu", wave(start), 0.0) + 200)


def test_a_bucket_whose_units_are_not_known_yet_waits(state: Path, clock: ManualClock) -> None:
    cloud = Metered(clock=clock, cpu=wave, units=lambda _: None)
    rig = rig_of(state, cloud)
    rig.every(300, T0 + 1500)
    assert rig.accounted()["m"].energy == 0.0
    cloud.units = lambda _: 6.0
    rig.run()
    assert_came_to(rig, lambda start: watts_of("gpu", wave(start)), lambda _: 6.0)


@pytest.mark.parametrize(
    "odd",
    [
        MeteredPower(node=Watts(math.nan), whole=True),
        MeteredPower(node=Watts(-5.0), whole=True),
        MeteredPower(cpu=Watts(10.0), gpu=Watts(math.inf)),
        MeteredPower(whole=True),
        MeteredPower(node=Watts(10.0), whole=True, low=1.5),
        MeteredPower(node=Watts(10.0), whole=True, high=math.nan),
    ],
    ids=str,
)
def test_an_odd_reading_is_left_out_and_its_neighbours_count(
    state: Path, clock: ManualClock, odd: MeteredPower
) -> None:
    def watts(start: int) -> MeteredPower:
        return odd if start == T0 + 600 else wall(start)

    rig = rig_of(state, Metered(clock=clock, cpu=wave, watts=watts))
    rig.every(300, T0 + HOUR)
    assert_came_to(
        rig,
        lambda start: (
            watts_of("gpu", wave(start)) if start == T0 + 600 else wall(start).node or math.nan
        ),
    )


@pytest.mark.parametrize("odd", [math.nan, math.inf, -1.0])
def test_an_odd_number_of_units_is_none(state: Path, clock: ManualClock, odd: float) -> None:
    cloud = Metered(clock=clock, cpu=wave, units=lambda start: odd if start == T0 else 2.0)
    rig = rig_of(state, cloud)
    rig.every(300, T0 + 1500)
    seconds = rig.region_sums()["fr-one"][3]
    assert seconds == rig.final - BEGIN - STEP
    cloud.units = lambda _: 2.0
    rig.run()
    assert_came_to(rig, lambda start: watts_of("gpu", wave(start)), lambda _: 2.0)


# --- buckets without data -------------------------------------------------------------------------


def silent_after(
    limit: int, signal: Callable[[int], _Value | None]
) -> Callable[[int], _Value | None]:
    return lambda start: signal(start) if start < limit else None


@pytest.mark.parametrize("missing", list(Missing))
def test_what_is_counted_for_missing_buckets_follows_the_last_usage(
    state: Path, clock: ManualClock, missing: Missing
) -> None:
    """The last usage comes from the state file: the process is killed before it is needed."""
    silent = T0 + HOUR
    cloud = Metered(
        clock=clock,
        watts=silent_after(silent, wall),
        units=silent_after(silent, lambda _: 5.0),
    )
    rig = rig_of(state, cloud, missing)
    rig.every(300, T0 + 4 * HOUR)
    with rig.ledger.reading() as (accounts, _):
        (account,) = accounts
        closed = account.watermark
    rig.kill()
    rig.every(300, T0 + 6 * HOUR)
    with rig.ledger.reading() as (accounts, _):
        (account,) = accounts
        assert account.watermark > closed > silent
        closed = account.watermark
    assumed = {
        Missing.SKIP: 0.0,
        Missing.IDLE: watts_of("gpu", 0.0),
        Missing.LAST: wall(silent - STEP).node or math.nan,
    }[missing]
    assert_came_to(
        rig,
        lambda start: (wall(start).node or math.nan) if start < silent else assumed,
        lambda _: 5.0,
        until=closed,
    )


# --- what is shown --------------------------------------------------------------------------------


def test_a_metered_machine_shows_its_node_and_nothing_that_is_not_known(
    state: Path, clock: ManualClock
) -> None:
    rig = rig_of(state, Metered(clock=clock, watts=wall))
    rig.every(300, T0 + 900)
    watts = wall(rig.final - STEP).node or math.nan
    now, view = now_of(rig), view_of(rig)
    assert (view.confidence, view.state) == (Confidence.METERED, ResourceState.MEASURED)
    assert (now.power.node, now.power.it) == (watts, watts)
    assert now.power_bounds == pytest.approx((0.97 * watts * PUE, watts * PUE, 1.03 * watts * PUE))
    page = page_of(rig)
    power = [line for line in page if line.startswith("carbon_resource_power_watts{")]
    assert [line.split('component="')[1] for line in power] == [
        f'node"}} {watts!r}',
        f'overhead"}} {now.overhead!r}',
    ]
    assert not [line for line in page if "utilization" in line]
    assert 'confidence="metered"' in page[0]


def test_components_that_are_measured_apart_are_shown_apart(
    state: Path, clock: ManualClock
) -> None:
    apart = MeteredPower(gpu=Watts(210.0), cpu=Watts(40.0), node=Watts(25.0))
    rig = rig_of(state, Metered(clock=clock, watts=lambda _: apart))
    rig.every(300, T0 + 900)
    power = now_of(rig).power
    assert (power.cpu, power.gpu, power.node) == (40.0, 210.0, 25.0)
    assert power.memory == pytest.approx(0.25 * watts_of("gpu", 0.5, 0.0)), "at half load"
    page = page_of(rig)
    for component, watts in {"cpu": 40.0, "gpu": 210.0, "node": 25.0}.items():
        assert [line for line in page if line.endswith(f'component="{component}"}} {watts!r}')]


def test_a_modelled_machine_has_no_node(state: Path, clock: ManualClock) -> None:
    rig = rig_of(state, Metered(clock=clock, cpu=wave))
    rig.every(300, T0 + 900)
    assert not [line for line in page_of(rig) if 'component="node"' in line]


def test_a_machine_of_an_unknown_type_is_measured_where_its_watts_are(
    state: Path, clock: ManualClock
) -> None:
    cloud = Metered(clock=clock, instance_type="odd", cpu=wave)
    rig = rig_of(state, cloud)
    rig.every(300, T0 + 900)
    assert view_of(rig).state is ResourceState.UNMODELLED
    cloud.watts = wall
    rig.run()
    assert view_of(rig).state is ResourceState.MEASURED


def test_a_start_does_not_forget_that_a_machine_is_metered(state: Path, clock: ManualClock) -> None:
    """The info series would else change its labels at each start, until the first read."""
    rig = rig_of(state, Metered(clock=clock, watts=wall))
    rig.every(300, T0 + 2 * HOUR)
    rig.kill()
    assert view_of(rig).confidence is Confidence.METERED
