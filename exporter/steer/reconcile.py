"""What to do next with a group: a pure function of its intent and of what is seen now.

No step is stored. After a crash, a lost answer or a hand that changed something, the sides are
looked at again and the first rule that matches says what is next; repeating it is harmless. Only
timers live in memory: losing them makes the controller wait again, never hurry.

The order of the rules is what makes a move safe:

* the target gets traffic only with ``need`` healthy instances, unbroken for ``gate``;
* the source keeps its full size until the target has baked with all of the traffic, so that turning
  round takes one call;
* weights are never all zero, and the side that grows is written first (or both in one call);
* whoever cannot see does nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from exporter.core.steering import (
    FULL_WEIGHT,
    Action,
    Finish,
    Intent,
    Route,
    Scale,
    Side,
    State,
    Turn,
    Verdict,
)
from exporter.core.units import PERCENT

BLIND_AFTER: Final = 3
"""An observation older than this many intervals is no basis for an action."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How carefully a group is moved."""

    interval: timedelta = timedelta(seconds=5)
    """How often the controller looks."""
    steps: tuple[int, ...] = (10, 50, FULL_WEIGHT)
    """Per cent of the traffic that the target gets, one after the other."""
    gate: timedelta = timedelta(minutes=3)
    """How long the target must be healthy without a break before it gets traffic."""
    gate_timeout: timedelta = timedelta(minutes=15)
    """How long after its beginning a move waits for that; then it turns round."""
    bake: timedelta = timedelta(minutes=5)
    """How long each step is watched before the next, and the last before the source is drained."""
    drain: timedelta = timedelta(minutes=10)
    """How long the source may finish its sessions at most."""
    linger: timedelta = timedelta(0)
    """How long a source may still get new requests without weight: TTL, deregistration delay."""
    max_error_ratio: float = 0.01
    """Share of failed answers of the target above which a move turns round, unless the source
    failed as much when the move began."""
    max_p95_ratio: float = 1.3
    """Latency of the target over that of the source when the move began; above it, it turns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timers:
    """Since when something holds, as far as this process has seen it."""

    gate_since: datetime | None = None
    weight: int | None = None
    """The target's weight that ``weight_since`` is about."""
    weight_since: datetime | None = None
    alone_since: datetime | None = None
    """Since when the target has all of the traffic and the source none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Where a group is, what to do next, and why, in one line for people."""

    state: State
    action: Action | None = None
    why: str = ""
    timers: Timers = Timers()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What was seen of a group at one moment."""

    sides: Mapping[str, Side] | None
    """Every side of the group, by region; None where one of them could not be seen."""
    at: datetime
    frozen: bool = False
    """Whether somebody said stop."""
    floor_away: int = 0
    """What a side without traffic keeps when nothing is under way."""


def decide(sight: Sight, intent: Intent | None, timers: Timers, limits: Limits) -> Decision:
    """Return the state of a group and its next action; the first rule that matches wins."""
    if sight.sides is None or (old := _stale(sight.sides, limits, sight.at)):
        # The gate is about unbroken health, and a blind moment breaks it.
        why = "a side cannot be seen" if sight.sides is None else f"{old}: seen too long ago"
        return Decision(state=State.BLIND, why=why, timers=replace(timers, gate_since=None))
    if intent is None:
        odd = _drift(sight.sides, sight.floor_away)
        return Decision(state=State.UNCLEAR if odd else State.IDLE, why=odd)
    if odd := _meddled(sight.sides, intent, limits):
        return Decision(state=State.UNCLEAR, why=odd, timers=timers)
    move = _Move(
        intent=intent,
        source=sight.sides[intent.source],
        target=sight.sides[intent.target],
        limits=limits,
        now=sight.at,
        frozen=sight.frozen,
    )
    timers = _kept(timers, move)
    for rule in (_stop, _turn, _make, _gate, _shift, _drained):
        decision = rule(move, timers)
        if decision is not None:
            return decision
    why = f"{intent.target} carries all"
    return Decision(state=State.DONE, action=Finish(), why=why, timers=timers)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    """An intent and its two sides, as seen now."""

    intent: Intent
    source: Side
    target: Side
    limits: Limits
    now: datetime
    frozen: bool

    @property
    def forward(self) -> bool:
        """Whether it may still turn round; a turn goes back to what has just carried traffic."""
        return self.intent.verdict is Verdict.MOVE

    @property
    def weight(self) -> int:
        """Per cent of the traffic that the target has."""
        return self.target.share.weight

    @property
    def healthy(self) -> bool:
        return self.target.ready >= self.intent.need


def _stop(move: _Move, timers: Timers) -> Decision | None:
    """Frozen before the target had traffic: go back. With traffic on both sides, finish."""
    if not (move.forward and move.frozen and move.weight == 0):
        return None
    why = "frozen before the target had traffic"
    return Decision(state=State.STOPPING, action=Turn(why=why), why=why, timers=timers)


def _turn(move: _Move, timers: Timers) -> Decision | None:
    """Traffic on a side that cannot carry it while the other one can, or a target that never came.

    Before all else: whatever waits below would leave requests failing.
    """
    if not move.forward:
        return None
    why = ""
    if move.weight:
        why = _ill(move) if move.source.ready >= move.intent.need else ""
    elif not move.healthy and move.now - move.intent.since > move.limits.gate_timeout:
        why = f"{_health(move)} after {_seconds(move.limits.gate_timeout)}"
    if not why:
        return None
    return Decision(state=State.ROLLING_BACK, action=Turn(why=why), why=why, timers=timers)


def _make(move: _Move, timers: Timers) -> Decision | None:
    """Ask for the size, and wait for health as the balancer sees it."""
    intent, fleet = move.intent, move.target.fleet
    if fleet.desired < intent.need:
        return _scaled(State.WARMING, intent.target, intent.need, move.target, timers)
    if not move.healthy:
        return Decision(state=State.WARMING, why=_health(move), timers=timers)
    return None


def _gate(move: _Move, timers: Timers) -> Decision | None:
    """Wait until the target has been healthy for long enough without a break."""
    held = move.now - (timers.gate_since or move.now)
    if not move.forward or move.weight == FULL_WEIGHT or held >= move.limits.gate:
        return None
    why = f"healthy for {_seconds(held)} of {_seconds(move.limits.gate)}"
    return Decision(state=State.HEALTH_GATE, why=why, timers=timers)


def _shift(move: _Move, timers: Timers) -> Decision | None:
    """Give the target its traffic in steps, each watched; a turn goes in one."""
    state = State.SHIFTING if move.forward else State.ROLLING_BACK
    step = FULL_WEIGHT
    if move.forward and move.weight < FULL_WEIGHT:
        held = move.now - (timers.weight_since or move.now)
        if move.weight and held < move.limits.bake:
            why = f"{move.weight} % for {_seconds(held)} of {_seconds(move.limits.bake)}"
            return Decision(state=state, why=why, timers=timers)
        step = next((step for step in move.limits.steps if step > move.weight), FULL_WEIGHT)
    elif move.weight == FULL_WEIGHT and move.source.share.weight == 0:
        return None
    # Also repairs a pair of which only the side that grows was written.
    shares = {move.intent.target: step, move.intent.source: FULL_WEIGHT - step}
    why = f"{step} % to {move.intent.target}"
    return Decision(state=state, action=Route(shares=shares), why=why, timers=timers)


def _drained(move: _Move, timers: Timers) -> Decision | None:
    """Watch the target with all of the traffic, let the source finish, and only then let it go."""
    limits, intent = move.limits, move.intent
    alone = move.now - (timers.alone_since or move.now)
    if move.forward and alone < limits.bake:
        why = f"all traffic for {_seconds(alone)} of {_seconds(limits.bake)}"
        return Decision(state=State.BAKING, why=why, timers=timers)
    if move.source.fleet.desired <= intent.floor:
        return None
    left = move.source.share.in_flight
    if alone < limits.linger or (left != 0 and alone < limits.drain):
        told = "sessions unknown" if left is None else f"{left} sessions"
        why = f"{told}, {_seconds(alone)} without weight"
        return Decision(state=State.DRAINING, why=why, timers=timers)
    return _scaled(State.RELEASING, intent.source, intent.floor, move.source, timers)


def _kept(timers: Timers, move: _Move) -> Timers:
    """Return the timers that still hold, and those that begin now."""
    if timers.weight != move.weight:
        timers = replace(timers, weight=move.weight, weight_since=move.now)
    gate = (timers.gate_since or move.now) if move.healthy else None
    alone = move.weight == FULL_WEIGHT and move.source.share.weight == 0
    since = (timers.alone_since or move.now) if alone else None
    return replace(timers, gate_since=gate, alone_since=since)


def _scaled(state: State, region: str, size: int, side: Side, timers: Timers) -> Decision:
    """Scale a side, unless its fleet is busy with something of somebody else's."""
    if side.fleet.busy:
        return Decision(state=state, why=f"{region} is busy: {side.fleet.busy}", timers=timers)
    why = f"{region}: {side.fleet.desired} to {size}"
    return Decision(state=state, action=Scale(region=region, size=size), why=why, timers=timers)


def _ill(move: _Move) -> str:
    """Tell in words why the target cannot carry traffic; empty if it can, or nothing is known."""
    if not move.healthy:
        return _health(move)
    intent, share, limits = move.intent, move.target.share, move.limits
    bearable = max(limits.max_error_ratio, intent.error_ratio or 0.0)
    if share.error_ratio is not None and share.error_ratio > bearable:
        failed = f"{PERCENT * share.error_ratio:.1f} % of the answers fail"
        return f"{failed}, above {PERCENT * bearable:.1f} %"
    if share.p95_seconds is not None and intent.p95_seconds:
        ratio = share.p95_seconds / intent.p95_seconds
        if ratio > limits.max_p95_ratio:
            return f"p95 is {ratio:.2f} times the source's, above {limits.max_p95_ratio:g}"
    return ""


def _health(move: _Move) -> str:
    return f"{move.target.ready} of {move.intent.need} healthy"


def _drift(seen: Mapping[str, Side], floor_away: int) -> str:
    """Tell in words what a group without an intent should not look like; empty if it is fine."""
    loaded = sorted(region for region, side in seen.items() if side.share.weight)
    if not loaded:
        return "no side has traffic"
    if len(loaded) > 1:
        return f"traffic is spread over {', '.join(loaded)} and no move is under way"
    large = sorted(
        region
        for region, side in seen.items()
        if side.fleet.desired > floor_away and region not in loaded
    )
    if large:
        return f"{', '.join(large)} has instances without traffic and no move is under way"
    return ""


def _meddled(seen: Mapping[str, Side], intent: Intent, limits: Limits) -> str:
    """Tell in words that somebody else writes weights: none that a move of ours can leave.

    A balancer whose weights cannot be set in one call is seen between two of ours: the side that
    grows has its new weight and the other one still the old.
    """
    gone = sorted({intent.source, intent.target} - seen.keys())
    if gone:
        return f"{', '.join(gone)} is no side of the group any more"
    others = sorted(
        region
        for region, side in seen.items()
        if side.share.weight and region not in {intent.source, intent.target}
    )
    if others:
        return f"{', '.join(others)} has traffic and no part in this move"
    ours = {0, FULL_WEIGHT, *limits.steps} | {FULL_WEIGHT - step for step in limits.steps}
    pair = (seen[intent.target].share.weight, seen[intent.source].share.weight)
    if sum(pair) < FULL_WEIGHT or not ours.issuperset(pair):
        return f"weights {pair[0]} and {pair[1]} are none of this move's: somebody changed them"
    return ""


def _stale(seen: Mapping[str, Side], limits: Limits, now: datetime) -> str:
    return ", ".join(
        sorted(
            region
            for region, side in seen.items()
            if now - side.fleet.as_of > BLIND_AFTER * limits.interval
        )
    )


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.0f} s"
