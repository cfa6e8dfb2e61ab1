"""Where a cluster should run now: a receding horizon over the hours ahead, and gates before a move.

At each hour the cheapest way through the next day is found, with what moving costs, and only its
first step is taken. With a perfect forecast of a day that is as good as knowing all of the future;
what is lost in practice is lost by forecasts and by late data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, NamedTuple

from exporter.advice.curves import Curve, aligned, by_place
from exporter.core.units import PERCENT, SECONDS_PER_HOUR, GramsCO2eq

HORIZON: Final = 86400
"""Seconds that a plan looks ahead: further ahead nothing is won even by a perfect forecast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What moving costs, and when it is allowed.

    ``kilowatts`` is the IT power of what moves. For ``overlap`` seconds both sides run at full
    size; ``transfer_kwh`` moves its data, half on each grid. ``caution`` is how far a destination
    is priced towards its 90 % quantile, and the present place towards its 10 % one. ``cost_factor``
    multiplies what a move costs in the plan. A move must lower the present intensity by the share
    ``min_gap`` and save ``min_gain`` grams over the horizon. ``stay_away_at_least`` seconds must
    have passed since the last move, unless the move leads home: a long stay in the wrong place is
    the most dangerous of all rules. ``max_error`` is the largest relative error that the values of
    both places may have.
    """

    kilowatts: float = 1.0
    overlap: float = 900.0
    transfer_kwh: float = 0.0
    horizon: int = HORIZON
    caution: float = 0.3
    cost_factor: float = 1.0
    min_gap: float = 0.05
    min_gain: float = 0.0
    stay_away_at_least: float = 0.0
    max_error: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One condition of a move: what was found, and what it is held against. None: not known."""

    name: str
    passed: bool
    value: float | None
    limit: float | None
    unit: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Where to be now, and why.

    ``target`` is the first step of the cheapest way, ``go`` whether every gate lets it. ``gain`` is
    what the way saves against one that stays now, grams over the horizon after the cost ``move`` of
    the first step, at the cautious price. ``static`` is the place whose mean over the horizon is
    the lowest, ``static_saving`` what choosing it once saves of the present place's mean.
    """

    current: str
    target: str
    go: bool
    gain: GramsCO2eq
    move: GramsCO2eq
    static: str
    static_saving: float
    gates: tuple[Gate, ...]

    @property
    def blocked(self) -> tuple[Gate, ...]:
        """The gates that are closed."""
        return tuple(gate for gate in self.gates if not gate.passed)


class FirstStep(NamedTuple):
    """The cheapest first step, its advantage over staying now, and the cost of the step, g/kW."""

    place: int
    advantage: float
    move: float


def first_step(
    columns: Sequence[Sequence[float]],
    current: int,
    *,
    overlap: float,
    transfer: float = 0.0,
    cost_factor: float = 1.0,
) -> FirstStep:
    """Return the best place for the present step; ``columns[i][p]`` is step ``i`` in place ``p``.

    ``overlap`` is in steps, ``transfer`` in kWh per kW and step. A move at the begin of a step
    costs ``cost_factor × (overlap × source + transfer × (source + target) / 2)``, and the step is
    spent in the target. The cost is a sum of a part of each side, so that a step takes time linear
    in the places.
    """
    later = [0.0] * len(columns[0])
    half, out = cost_factor * transfer / 2.0, cost_factor * (overlap + transfer / 2.0)
    for column in reversed(columns[1:]):
        there = [c + v for c, v in zip(column, later, strict=True)]
        reach = (
            min(there)
            if not half
            else min(t + half * c for t, c in zip(there, column, strict=True))
        )
        later = [
            t if t <= (moved := reach + out * c) else moved
            for t, c in zip(there, column, strict=True)
        ]
    present = columns[0]
    stay = present[current] + later[current]
    best, place = inf, current
    for p, (c, v) in enumerate(zip(present, later, strict=True)):
        cost = c + v + (out * present[current] + half * c if p != current else 0.0)
        if cost < best or (cost == best and p == current):
            best, place = cost, p
    move = 0.0 if place == current else out * present[current] + half * present[place]
    return FirstStep(place, stay - best, move)


def decide(  # noqa: PLR0913 -- the state of a cluster, each a fact of its own
    curves: Sequence[Curve],
    terms: Terms,
    *,
    current: str,
    home: str,
    now: float,
    last_move: float | None = None,
    vetoes: Sequence[str] = (),
) -> Verdict | None:
    """Decide whether a cluster should move.

    A place of which nothing is known has no curve and is no target; the verdict is None where
    nothing is known of ``current``. ``vetoes`` are reasons of others against any move; each closes
    a gate.

    Raises:
        ValueError: the curves do not fit together.
    """
    known = by_place(curves)
    if current not in known:
        return None
    found = aligned(curves)
    ends = [part for c in found if (part := c.until(c.start + terms.horizon))]
    names = [c.place for c in ends]
    here, step = names.index(current), ends[0].step / SECONDS_PER_HOUR
    priced = [c.cautious(-terms.caution if c.place == current else terms.caution) for c in ends]
    overlap = terms.overlap / ends[0].step
    transfer = terms.transfer_kwh / terms.kilowatts / step if terms.kilowatts else 0.0
    first = first_step(
        list(zip(*priced, strict=True)),
        here,
        overlap=overlap,
        transfer=transfer,
        cost_factor=terms.cost_factor,
    )
    grams = terms.kilowatts * step
    means = [sum(c.central) / len(c.central) for c in ends]
    lowest = min(means)
    target, gain = names[first.place], first.advantage * grams
    gates = (
        *_gates(terms, known[current], known[target], gain),
        _stay(terms, to_home=target == home, now=now, last_move=last_move),
        *(_veto(reason) for reason in vetoes),
    )
    return Verdict(
        current=current,
        target=target,
        go=target != current and all(gate.passed for gate in gates),
        gain=GramsCO2eq(gain),
        move=GramsCO2eq(first.move * grams),
        static=names[means.index(lowest)],
        static_saving=1.0 - lowest / means[here] if means[here] else 0.0,
        gates=gates,
    )


def _gates(terms: Terms, source: Curve, target: Curve, gain: float) -> tuple[Gate, ...]:
    """Return the conditions on the values themselves."""
    here, there = source.central[0], target.central[0]
    gap = 1.0 - there / here if here else 0.0
    errors = [one.error for one in (source, target)]
    worst = max((e for e in errors if e is not None), default=None)
    limit = inf if terms.max_error is None else terms.max_error
    sure = all((inf if error is None else error) <= limit for error in errors)
    return (
        Gate(
            name="better",
            passed=target.place != source.place,
            value=None,
            limit=None,
            unit="",
            says=f"the cheapest way through the horizon begins in {target.place}",
        ),
        Gate(
            name="gap",
            passed=gap > terms.min_gap,
            value=PERCENT * gap,
            limit=PERCENT * terms.min_gap,
            unit="%",
            says="how much lower the present intensity is there",
        ),
        Gate(
            name="gain",
            passed=gain > terms.min_gain,
            value=gain,
            limit=terms.min_gain,
            unit="g",
            says="what the way saves after the cost of moving",
        ),
        Gate(
            name="error",
            passed=sure,
            value=None if worst is None else PERCENT * worst,
            limit=None if terms.max_error is None else PERCENT * terms.max_error,
            unit="%",
            says="how far the present values may be off",
        ),
    )


def _stay(terms: Terms, *, to_home: bool, now: float, last_move: float | None) -> Gate:
    since = None if last_move is None else now - last_move
    return Gate(
        name="stay",
        passed=to_home or since is None or since >= terms.stay_away_at_least,
        value=None if since is None else since / SECONDS_PER_HOUR,
        limit=0.0 if to_home else terms.stay_away_at_least / SECONDS_PER_HOUR,
        unit="h",
        says="since the last move; the way home is always free",
    )


def _veto(reason: str) -> Gate:
    return Gate(name="veto", passed=False, value=None, limit=None, unit="", says=reason)


def optimum(
    columns: Sequence[Sequence[float]], start: int, *, overlap: float, transfer: float = 0.0
) -> tuple[float, int]:
    """Return what one who knows all of ``columns`` would emit, and the moves: the offline best.

    Units are those of ``first_step``; a move counts at the begin of the step that follows it. Of
    equal ways the one with fewer moves is counted.
    """
    half, out = transfer / 2.0, overlap + transfer / 2.0
    costs = [inf] * len(columns[0])
    moves = [0] * len(columns[0])
    costs[start] = 0.0
    for column in columns:
        leaving = min(
            (cost + out * c, n + 1) for cost, n, c in zip(costs, moves, column, strict=True)
        )
        for p, c in enumerate(column):
            arrived = (leaving[0] + half * c, leaving[1])
            cost, count = min((costs[p], moves[p]), arrived)
            costs[p], moves[p] = cost + c, count
    return min(zip(costs, moves, strict=True))
