"""Any sequence of deliveries, corrections, failures and restarts counts what was delivered."""

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.core.errors import UnreachableError
from exporter.core.model import Machine, Reading, UsageSeries, Window
from exporter.core.ports import Clock
from exporter.core.units import Ratio
from tests.support.clock import ManualClock
from tests.support.rig import T0, Rig, same
from tests.support.sim import (
    JOULES_PER_KWH,
    SimCloud,
    SimGrid,
    SimMachine,
    Span,
    grid_value,
    region_of,
    watts_of,
)

STEP = 300
PUE = region_of("sim", "fr-one").pue


@dataclass(kw_only=True)
class Told(SimCloud):
    """A cloud that shows what it was told to show, and remembers what it has delivered."""

    clock: Clock
    shown: dict[int, float] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
    delivered: dict[int, float] = field(default_factory=dict)
    fails: bool = False
    reads_none: bool = False

    def read(self, machines: Sequence[Machine], window: Window) -> Reading:
        if self.fails:
            message = "no answer"
            raise UnreachableError(message)
        keys = frozenset(machine.key for machine in machines)
        if self.reads_none:
            return Reading(series=(), unread=keys)
        points = {s: Ratio(self.shown[s]) for s in window.buckets if s in self.visible()}
        self.delivered.update(points)
        return Reading(series=tuple(UsageSeries(key=key, cpu=points) for key in keys))

    def visible(self) -> set[int]:
        return self.shown.keys() - self.hidden


ages = st.integers(1, 6)
"""How many buckets before the newest final one."""
actions = st.one_of(
    st.tuples(st.just("show"), ages, st.floats(0, 1)),
    st.tuples(st.just("hide"), ages, st.just(0.0)),
    st.tuples(st.sampled_from(["poll"]), st.integers(0, 3), st.floats(0, 1)),
    st.tuples(
        st.sampled_from(["fail", "unread", "restart", "kill", "sleep"]), st.just(0), st.just(0.0)
    ),
)


def perform(rig: Rig, cloud: Told, what: str, number: int, value: float) -> None:
    """Do one thing; polls show ``number`` new values first."""
    if what == "show":
        cloud.shown[rig.final - number * STEP] = value
    elif what == "hide":
        cloud.hidden.add(rig.final - number * STEP)
    elif what in {"restart", "kill"}:
        getattr(rig, what)()
    elif what == "sleep":
        rig.clock.advance(4 * STEP)
    else:
        rig.clock.advance(STEP)
        cloud.shown.update({rig.final - i * STEP: value for i in range(1, number + 1)})
        cloud.fails, cloud.reads_none = what == "fail", what == "unread"
        rig.run()
        cloud.hidden.clear()


@settings(max_examples=120)
@given(st.lists(actions, max_size=60))
def test_sums_are_what_was_delivered_and_counters_never_fall(
    steps: list[tuple[str, int, float]],
) -> None:
    clock = ManualClock()
    machine = SimMachine(name="m", spans=[Span(T0 - 86400)])
    cloud = Told(clock=clock, machines=[machine])
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(Path(folder) / "state.db", [cloud], [SimGrid(clock=clock)], clock)
        rig.run()
        for what, number, value in steps:
            perform(rig, cloud, what, number, value)
            rig.look()
            counted = {start: v for start, v in cloud.delivered.items() if start >= T0 - STEP}
            joules = {s: watts_of("small", v) * PUE * STEP for s, v in counted.items()}
            grams = [
                j / JOULES_PER_KWH * grid_value("FR", s // 1800 * 1800) for s, j in joules.items()
            ]
            said = rig.accounted()["m"]
            assert same(said.energy, math.fsum(joules.values()))
            assert same(said.operational, math.fsum(grams))
            measured, estimated, _ = rig.region_sums()["fr-one"][3:]
            assert (measured, estimated) == (STEP * len(counted), 0)
        rig.store.close()
