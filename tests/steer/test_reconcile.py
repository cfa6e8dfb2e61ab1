"""What comes next in a move: each rule by itself, and any sequence of mishaps."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.core.steering import (
    Finish,
    FleetView,
    Intent,
    Route,
    Scale,
    Share,
    Side,
    State,
    Turn,
    Verdict,
)
from exporter.steer.reconcile import Decision, Limits, Sight, Timers, decide

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOME, AWAY, THIRD = "aws/eu-west-1", "aws/eu-west-3", "aws/eu-north-1"
NEED = 3
LIMITS = Limits(
    interval=timedelta(seconds=5),
    gate=timedelta(seconds=60),
    gate_timeout=timedelta(seconds=600),
    bake=timedelta(seconds=60),
    drain=timedelta(seconds=300),
)


def side(desired: int, healthy: int, weight: int, **more: object) -> Side:
    """A side whose fleet and balancer agree."""
    busy = more.pop("busy", None)
    fleet = FleetView(
        desired=desired,
        minimum=0,
        maximum=12,
        serving=healthy,
        starting=max(0, desired - healthy),
        busy=busy if isinstance(busy, str) else None,
        as_of=NOW,
    )
    share = Share(weight=weight, healthy=healthy, in_flight=0)
    return Side(fleet=fleet, share=replace(share, **more))  # type: ignore[arg-type]


def intent(verdict: Verdict = Verdict.MOVE, **more: object) -> Intent:
    """Home to away, begun now."""
    made = Intent(
        id="1",
        group="web",
        source=HOME,
        target=AWAY,
        since=NOW,
        verdict=verdict,
        why="cleaner",
        need=NEED,
    )
    return replace(made, **more)  # type: ignore[arg-type]


LONG = Timers(
    gate_since=NOW - timedelta(hours=1),
    weight=0,
    weight_since=NOW - timedelta(hours=1),
    alone_since=NOW - timedelta(hours=1),
)
"""Timers that have run out, but for those that another weight begins anew."""


def at_weight(weight: int) -> Timers:
    """Timers that have run out, with the target at a weight."""
    return replace(LONG, weight=weight)


def ask(
    sides: Mapping[str, Side] | None,
    wanted: Intent | None,
    timers: Timers = LONG,
    *,
    frozen: bool = False,
) -> Decision:
    """Decide at NOW."""
    return decide(Sight(sides=sides, at=NOW, frozen=frozen), wanted, timers, LIMITS)


@pytest.mark.parametrize(
    ("home", "away", "timers", "state", "action"),
    [
        (side(3, 3, 100), side(0, 0, 0), LONG, State.WARMING, Scale(region=AWAY, size=NEED)),
        (side(3, 3, 100), side(3, 2, 0), LONG, State.WARMING, None),
        (side(3, 3, 100), side(3, 3, 0), Timers(), State.HEALTH_GATE, None),
        (
            side(3, 3, 100),
            side(3, 3, 0),
            LONG,
            State.SHIFTING,
            Route(shares={AWAY: 10, HOME: 90}),
        ),
        (side(3, 3, 90), side(3, 3, 10), replace(LONG, weight=None), State.SHIFTING, None),
        (
            side(3, 3, 90),
            side(3, 3, 10),
            at_weight(10),
            State.SHIFTING,
            Route(shares={AWAY: 50, HOME: 50}),
        ),
        (
            side(3, 3, 50),
            side(3, 3, 100),
            at_weight(100),
            State.SHIFTING,
            Route(shares={AWAY: 100, HOME: 0}),
        ),
        (side(3, 3, 0), side(3, 3, 100), replace(LONG, alone_since=None), State.BAKING, None),
        (
            side(3, 3, 0, in_flight=2),
            side(3, 3, 100),
            replace(at_weight(100), alone_since=NOW - timedelta(seconds=90)),
            State.DRAINING,
            None,
        ),
        (
            side(3, 3, 0, in_flight=None),
            side(3, 3, 100),
            replace(at_weight(100), alone_since=NOW - timedelta(seconds=90)),
            State.DRAINING,
            None,
        ),
        (
            side(3, 3, 0, in_flight=2),
            side(3, 3, 100),
            at_weight(100),
            State.RELEASING,
            Scale(region=HOME, size=0),
        ),
        (side(0, 0, 0), side(3, 3, 100), at_weight(100), State.DONE, Finish()),
    ],
)
def test_a_clean_move_goes_through_its_states_in_order(
    home: Side, away: Side, timers: Timers, state: State, action: object
) -> None:
    """Make, gate, shift in steps, bake, drain, release."""
    decision = ask({HOME: home, AWAY: away}, intent(), timers)

    assert (decision.state, decision.action) == (state, action)


@pytest.mark.parametrize(
    "sick",
    [
        side(3, 2, 50),
        side(3, 3, 50, error_ratio=0.02),
        side(3, 3, 50, p95_seconds=0.14),
    ],
)
def test_a_target_that_cannot_carry_its_traffic_is_left_at_once(sick: Side) -> None:
    """By health, by errors and by latency, held against the source when the move began."""
    wanted = intent(p95_seconds=0.1)

    decision = ask({HOME: side(3, 3, 50), AWAY: sick}, wanted)

    assert decision.state is State.ROLLING_BACK
    assert isinstance(decision.action, Turn)


def test_a_target_no_worse_than_the_source_was_is_not_left() -> None:
    """Two per cent of errors were there before: the region is not to blame."""
    wanted = intent(error_ratio=0.02)
    sides = {HOME: side(3, 3, 50), AWAY: side(3, 3, 50, error_ratio=0.02)}

    assert not isinstance(ask(sides, wanted, at_weight(50)).action, Turn)


def test_a_sick_target_is_not_left_for_a_source_that_is_worse() -> None:
    """Nothing is gained by turning to a side that is not there."""
    sides = {HOME: side(3, 1, 50), AWAY: side(3, 2, 50)}

    assert ask(sides, intent()).state is State.WARMING


def test_a_target_that_never_comes_is_given_up_and_released() -> None:
    """The way back is the same function with the sides exchanged."""
    sides = {HOME: side(3, 3, 100), AWAY: side(3, 0, 0)}
    late = intent(since=NOW - timedelta(hours=1))
    assert isinstance(ask(sides, late).action, Turn)

    back = intent(Verdict.TURN, source=AWAY, target=HOME)
    decision = ask(sides, back, Timers())
    assert decision.action == Scale(region=AWAY, size=0)


def test_a_target_that_came_late_is_taken() -> None:
    """The time-out is about health; once healthy, only the gate counts."""
    late = intent(since=NOW - timedelta(hours=1))

    decision = ask({HOME: side(3, 3, 100), AWAY: side(3, 3, 0)}, late, Timers())

    assert decision.state is State.HEALTH_GATE


def test_a_turn_gives_back_all_traffic_in_one_call() -> None:
    """Without gate or steps: home was carrying it a moment ago."""
    back = intent(Verdict.TURN, source=AWAY, target=HOME)
    sides = {HOME: side(3, 3, 50), AWAY: side(3, 0, 50)}

    decision = ask(sides, back, Timers())

    assert decision.action == Route(shares={HOME: 100, AWAY: 0})


def test_frozen_before_traffic_turns_and_frozen_with_traffic_goes_on() -> None:
    """Half a move is worse than either end."""
    before = {HOME: side(3, 3, 100), AWAY: side(3, 3, 0)}
    during = {HOME: side(3, 3, 90), AWAY: side(3, 3, 10)}

    assert isinstance(ask(before, intent(), frozen=True).action, Turn)
    assert isinstance(ask(during, intent(), at_weight(10), frozen=True).action, Route)


def test_whoever_cannot_see_does_nothing_and_begins_the_gate_anew() -> None:
    """A side that does not answer, and an answer that is too old."""
    old = side(3, 3, 100)
    old = replace(old, fleet=replace(old.fleet, as_of=NOW - timedelta(seconds=16)))

    for sides in (None, {HOME: old, AWAY: side(3, 3, 0)}):
        decision = ask(sides, intent())
        assert (decision.state, decision.action) == (State.BLIND, None)
        assert decision.timers.gate_since is None


@pytest.mark.parametrize(
    ("home", "away", "third"),
    [
        (side(3, 3, 37), side(3, 3, 63), side(0, 0, 0)),
        (side(3, 3, 40), side(3, 3, 50), side(0, 0, 0)),
        (side(3, 3, 0), side(3, 3, 0), side(0, 0, 0)),
        (side(3, 3, 50), side(3, 3, 50), side(3, 3, 10)),
    ],
)
def test_weights_of_somebody_else_are_not_touched(home: Side, away: Side, third: Side) -> None:
    """Neither a step of this move nor a pair between two of its calls."""
    decision = ask({HOME: home, AWAY: away, THIRD: third}, intent())

    assert (decision.state, decision.action) == (State.UNCLEAR, None)


def test_without_an_intent_nothing_is_done_whatever_is_seen() -> None:
    """Drift is told, never repaired."""
    fine = {HOME: side(3, 3, 100), AWAY: side(0, 0, 0)}
    drifted = (
        {HOME: side(3, 3, 50), AWAY: side(3, 3, 50)},
        {HOME: side(3, 3, 100), AWAY: side(2, 2, 0)},
        {HOME: side(3, 3, 0), AWAY: side(0, 0, 0)},
    )

    assert ask(fine, None).state is State.IDLE
    for sides in drifted:
        decision = ask(sides, None)
        assert (decision.state, decision.action) == (State.UNCLEAR, None)


def test_a_fleet_that_is_busy_with_a_deploy_is_not_scaled() -> None:
    """The move waits where it is."""
    sides = {HOME: side(3, 3, 100), AWAY: side(0, 0, 0, busy="an instance refresh")}

    decision = ask(sides, intent())

    assert (decision.state, decision.action) == (State.WARMING, None)
    assert "instance refresh" in decision.why


@dataclass
class World:
    """Two fleets and a balancer that boot slowly, forget, lose answers and drift."""

    now: datetime = NOW
    desired: dict[str, int] = field(default_factory=lambda: {HOME: NEED, AWAY: 0})
    booted: dict[str, list[datetime]] = field(
        default_factory=lambda: {HOME: [NOW] * NEED, AWAY: []}
    )
    weight: dict[str, int] = field(default_factory=lambda: {HOME: 100, AWAY: 0})
    sick: set[str] = field(default_factory=set)
    sessions: int = 5
    scaled: list[tuple[str, int]] = field(default_factory=list)
    wanted: Intent | None = field(default_factory=intent)
    timers: Timers = field(default_factory=Timers)

    def healthy(self, region: str) -> int:
        if region in self.sick:
            return 0
        return sum(1 for at in self.booted[region] if at <= self.now)

    def pass_time(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        for region, size in self.desired.items():
            have = self.booted[region]
            del have[size:]
            have.extend([self.now + timedelta(seconds=20)] * (size - len(have)))
        if self.weight[HOME] == 0:
            self.sessions = max(0, self.sessions - 1)

    def seen(self) -> dict[str, Side]:
        sides = {}
        for region in (HOME, AWAY):
            made = side(self.desired[region], self.healthy(region), self.weight[region])
            fleet = replace(made.fleet, as_of=self.now)
            left = self.sessions if region == HOME else 0
            sides[region] = Side(fleet=fleet, share=replace(made.share, in_flight=left))
        return sides

    def carried(self) -> bool:
        """Whether every side with traffic can carry all of it."""
        loaded = [region for region, weight in self.weight.items() if weight]
        return bool(loaded) and all(self.healthy(region) >= NEED for region in loaded)

    def look(self, *, blind: bool, crash: str) -> None:
        """One turn of the controller, which may die before, within or after its call."""
        wanted = self.wanted
        sight = Sight(sides=None if blind else self.seen(), at=self.now)
        decision = decide(sight, wanted, self.timers, LIMITS)
        self.timers = decision.timers
        if crash == "before":
            self.timers = Timers()
            return
        match decision.action:
            case Scale(region=region, size=size):
                if self.weight[region]:
                    assert size >= self.desired[region], "a side with traffic was shrunk"
                assert not (size < self.desired[region] and self.healthy_elsewhere(region) < NEED)
                self.desired[region] = size
                self.scaled.append((region, size))
            case Route(shares=shares):
                grows = max(shares, key=lambda region: shares[region] - self.weight[region])
                self.weight[grows] = shares[grows]
                if crash != "within":
                    self.weight.update(shares)
                assert sum(self.weight.values()) >= 100
                assert any(self.weight.values())
            case Turn(why=why):
                assert wanted is not None
                self.wanted = replace(
                    wanted,
                    id=wanted.id + "'",
                    source=wanted.target,
                    target=wanted.source,
                    since=self.now,
                    verdict=Verdict.TURN,
                    why=why,
                )
                self.timers = Timers()
            case Finish():
                self.wanted = None
        if crash in {"within", "after"}:
            self.timers = Timers()

    def healthy_elsewhere(self, region: str) -> int:
        return max(self.healthy(other) for other in self.desired if other != region)


CRASHES = st.sampled_from(["", "", "", "before", "within", "after"])
TURNS = st.tuples(st.integers(1, 120), st.booleans(), CRASHES)


@settings(
    max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(st.lists(TURNS, max_size=40), st.integers(0, 40), st.integers(0, 40))
def test_any_sequence_of_crashes_and_blindness_ends_well(
    turns: list[tuple[int, bool, str]], falls_ill: int, recovers: int
) -> None:
    """Whoever is loaded can carry it, two scale calls are enough, and every sequence ends."""
    world = World()
    for turn, (seconds, blind, crash) in enumerate(turns):
        if turn == falls_ill:
            world.sick.add(AWAY)
        if turn == falls_ill + recovers:
            world.sick.discard(AWAY)
        world.pass_time(seconds)
        carried = world.carried()
        world.look(blind=blind, crash=crash)
        # What we do never takes traffic from a side that can to one that cannot.
        assert world.carried() or not carried or world.sick

    world.sick.clear()
    for _ in range(400):  # faults have ceased
        if world.wanted is None:
            break
        world.pass_time(5)
        carried = world.carried()
        world.look(blind=False, crash="")
        assert world.carried() or not carried

    assert world.wanted is None, "the move never ended"
    assert sorted(world.weight.values()) == [0, 100]
    loaded = next(region for region, weight in world.weight.items() if weight)
    assert world.desired[loaded] == NEED
    assert sum(world.desired.values()) == NEED
    assert len(world.scaled) <= 2
