"""When and where a job emits least: contiguous and interruptible plans, exact on their grid.

A plan costs ``power × ∫ intensity dt`` plus what interruptions and moves cost. Both are part of
what is minimised: a planner that ignores them loses up to a third in the worst zones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from itertools import accumulate
from math import inf
from typing import Final, NamedTuple

from exporter.advice.curves import Curve, aligned, coarser, steps_of
from exporter.core.units import SECONDS_PER_HOUR, WATTS_PER_KILOWATT, GramsCO2eq, Watts

ONE_KILOWATT: Final = Watts(WATTS_PER_KILOWATT)
_COARSE: Final = 900
"""Seconds of a step where a plan with interruptions would look at too much."""
_MOST: Final = 250_000
"""Steps × work × places that such a plan may look at, some 0.1 s, before it takes coarse steps."""
_TOO_LITTLE: Final = "the work does not fit into what is known"
_NEVER: Final = 1e12
"""Price of an hour of which nothing is known, g/kWh: no plan takes it. Not infinite, as differences
of running sums are taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be run.

    ``duration`` is seconds of work at ``power`` watts of IT; on a grid it takes whole steps.
    An interruptible job may pause; each start after the first one costs the energy of ``resume``
    seconds again, and each run lasts ``min_slice`` seconds or what is left of the work. ``home`` is
    where its data is, if anywhere: each change of place moves it, at ``transfer_kwh`` kWh drawn
    half from each of the two grids.
    """

    duration: int
    power: Watts = ONE_KILOWATT
    interruptible: bool = False
    resume: int = 0
    min_slice: int = 0
    home: str = ""
    transfer_kwh: float = 0.0

    @property
    def kilowatts(self) -> float:
        """Power in kW: grams per hour are this times the intensity."""
        return self.power / WATTS_PER_KILOWATT


class Slice(NamedTuple):
    """A run without a break, ``[start, end)`` in epoch seconds."""

    place: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """When and where to run; ``grams`` is what is expected of it by central values."""

    slices: tuple[Slice, ...]
    grams: GramsCO2eq

    @property
    def start(self) -> int:
        """When it begins."""
        return self.slices[0].start

    @property
    def end(self) -> int:
        """When it is done."""
        return self.slices[-1].end

    @property
    def place(self) -> str:
        """Where it begins."""
        return self.slices[0].place


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """The best plan beside those that one would follow without it.

    ``now`` starts at once at home (the first place, where the job names none), ``static`` starts at
    once in the place whose mean over the horizon is the lowest, ``latest`` is the last start that
    meets the deadline, in the place of the best plan. ``saving`` is the share of the grams of
    ``now``, None where these are 0. ``known_until`` is where the curves end, at most the deadline.
    """

    best: Plan
    now: Plan
    static: Plan
    latest: Plan
    saving: float | None
    deadline: int
    known_until: int


class ImpossibleError(ValueError):
    """The job does not fit: says into what."""


def advise(
    curves: Sequence[Curve], job: Job, *, deadline: int, caution: float = 0.0, earliest: int = 0
) -> Advice | None:
    """Plan a job that must be done by ``deadline``, among places with curves.

    ``caution`` is the share of the way to the 90 % quantile at which the future is priced; what is
    shown is priced at central values. Where a curve ends before the deadline, the plan keeps to
    what is known of its place. None where no curve holds the job: nothing is known, and nothing is
    called green.

    Raises:
        ImpossibleError: the job is longer than the time up to the deadline.
        ValueError: the curves do not fit together.
    """
    if not curves:
        return None
    found = aligned(curves, cut=False)
    begin = max(found[0].start, earliest)
    if deadline - begin < job.duration:
        message = f"{job.duration} s of work do not fit into {deadline - begin} s"
        raise ImpossibleError(message)
    within = [part for c in found if (p := c.since(begin)) and (part := p.until(deadline))]
    holds = [c for c in within if _work(job, c) <= len(c.central)]
    if not holds:
        return None
    best = plan(within, job, caution=caution)
    homes = [c for c in holds if c.place == job.home]
    at_once = _fixed(holds, job, (homes or holds)[0].place, 0)
    common = min(len(c.central) for c in holds)
    lowest = min(holds, key=lambda c: sum(c.central[:common]))
    [chosen] = [c for c in within if c.place == best.place]
    chosen = chosen if chosen in holds else lowest
    return Advice(
        best=best,
        now=at_once,
        static=_fixed(holds, job, lowest.place, 0),
        latest=_fixed(holds, job, chosen.place, len(chosen.central) - _work(job, chosen)),
        saving=1.0 - best.grams / at_once.grams if at_once.grams else None,
        deadline=deadline,
        known_until=max(c.end for c in within),
    )


def plan(curves: Sequence[Curve], job: Job, *, caution: float = 0.0) -> Plan:
    """Return the plan of least expected grams within the curves; of equals the earliest.

    Exact among all plans on the curves' grid, at the price that ``caution`` gives the hours. Where
    resuming, moving or a least slice matters and there is much to look at, an interruptible job is
    planned on steps of a quarter of an hour.

    Raises:
        ImpossibleError: the job is longer than the curves.
        ValueError: the curves do not fit together.
    """
    found = aligned(curves, cut=False)
    longest = max((len(c.central) for c in found), default=0)
    if not found or _work(job, found[0]) > longest:
        message = f"{job.duration} s of work do not fit into what is known"
        raise ImpossibleError(message)
    if not job.interruptible:
        return _contiguous(found, job, caution)
    plain = not job.resume and not job.transfer_kwh and job.min_slice <= found[0].step
    if plain:
        return _cheapest_steps(found, job, caution)
    step, coarse = found[0].step, -(-_COARSE // found[0].step) * found[0].step
    if longest * _work(job, found[0]) * len(found) > _MOST and step < coarse:
        long = [c for c in found if c.end - c.start >= coarse]
        means = tuple(coarser(c, coarse) for c in long)
        if max(len(c.central) for c in means) >= steps_of(job.duration, coarse):
            found = means
    return _Interrupted(found, job, caution).plan()


def emitted(slices: Sequence[Slice], job: Job, truth: Mapping[str, Curve]) -> GramsCO2eq:
    """Return what a plan emits where the intensities are those of ``truth``, by central values.

    Data that leaves a place after its curve has ended is priced at the last value known there, and
    data from a place without a curve at the target's. All curves begin at one time.

    Raises:
        ValueError: a slice lies outside a curve or off its grid.
    """
    grams, where = 0.0, job.home
    for number, (place, start, end) in enumerate(slices):
        curve = truth[place]
        first, odd = divmod(start - curve.start, curve.step)
        last, rest = divmod(end - curve.start, curve.step)
        if odd or rest or first < 0 or last > len(curve.central):
            message = f"{place}: the plan and the curve are on different grids"
            raise ValueError(message)
        hours = curve.step / SECONDS_PER_HOUR
        grams += job.kilowatts * hours * sum(curve.central[first:last])
        if number:
            grams += job.kilowatts * job.resume / SECONDS_PER_HOUR * curve.central[first]
        if job.transfer_kwh and where and where != place:
            here = curve.central[first]
            known = truth[where].central if where in truth else (here,)
            there = known[min(first, len(known) - 1)]
            grams += job.transfer_kwh * (here + there) / 2.0
        where = place
    return GramsCO2eq(grams)


def bounds(plan: Plan, job: Job, curves: Sequence[Curve]) -> tuple[GramsCO2eq, GramsCO2eq]:
    """Return what a plan emits if all hours come out at their 10 % quantile, and at their 90 %."""
    low = {c.place: replace(c, central=c.low) for c in curves}
    high = {c.place: replace(c, central=c.high) for c in curves}
    return emitted(plan.slices, job, low), emitted(plan.slices, job, high)


def _work(job: Job, curve: Curve) -> int:
    return steps_of(job.duration, curve.step)


def _fixed(curves: Sequence[Curve], job: Job, place: str, first: int) -> Plan:
    """Run without a break from a step on."""
    [curve] = [c for c in curves if c.place == place]
    start = curve.start + first * curve.step
    end = start + steps_of(job.duration, curve.step) * curve.step
    slices = (Slice(place, start, end),)
    return Plan(slices=slices, grams=emitted(slices, job, {c.place: c for c in curves}))


def _contiguous(curves: Sequence[Curve], job: Job, caution: float) -> Plan:
    """Try every start in every place: sliding sums make it linear in steps × places."""
    work = steps_of(job.duration, curves[0].step)
    hours = curves[0].step / SECONDS_PER_HOUR
    believed = {c.place: c.cautious(caution) for c in curves}
    home = believed.get(job.home)
    best = (inf, 0, 0)
    for number, curve in enumerate(curves):
        values = believed[curve.place]
        if len(values) < work:
            continue
        sums = [0.0, *accumulate(values)]
        costs = [after - before for before, after in zip(sums, sums[work:], strict=False)]
        if job.transfer_kwh and job.home and curve.place != job.home:
            share = job.transfer_kwh / 2.0 / hours / job.kilowatts
            there = [
                *(home or values),
                *[(home or values)[-1]] * (len(values) - len(home or values)),
            ]
            costs = [c + share * (a + b) for c, a, b in zip(costs, values, there, strict=False)]
        least = min(costs)
        best = min(best, (least, costs.index(least), number))
    return _fixed(curves, job, curves[best[2]].place, best[1])


def _cheapest_steps(curves: Sequence[Curve], job: Job, caution: float) -> Plan:
    """Without costs of pausing and moving, the cheapest steps are the plan."""
    work = steps_of(job.duration, curves[0].step)
    believed = [c.cautious(caution) for c in curves]
    longest = max(map(len, believed))
    believed = [(*values, *[inf] * (longest - len(values))) for values in believed]
    lowest = list(map(min, zip(*believed, strict=True)))
    cheapest = nsmallest(work, zip(lowest, range(longest), strict=True))
    chosen: list[tuple[int, int]] = []
    for index in sorted(index for _, index in cheapest):
        value = lowest[index]
        where = next(n for n, values in enumerate(believed) if values[index] == value)
        if chosen and chosen[-1][0] == index - 1 and believed[chosen[-1][1]][index] == value:
            where = chosen[-1][1]
        chosen.append((index, where))
    return _plan_of(chosen, curves, job)


def _plan_of(chosen: Sequence[tuple[int, int]], curves: Sequence[Curve], job: Job) -> Plan:
    """Join chosen (step, place) to slices, and price them."""
    slices: list[Slice] = []
    start, step = curves[0].start, curves[0].step
    for index, where in chosen:
        place, begin = curves[where].place, start + index * step
        if slices and slices[-1].place == place and slices[-1].end == begin:
            slices[-1] = slices[-1]._replace(end=begin + step)
        else:
            slices.append(Slice(place, begin, begin + step))
    found = tuple(slices)
    return Plan(slices=found, grams=emitted(found, job, {c.place: c for c in curves}))


class _Interrupted:
    """Dynamic programming over (step, work left, place): exact with every cost of a break.

    ``_run[t][left][p]`` is the least cost of ``left`` steps of work from step ``t`` on for a job
    that ran in place ``p`` just before; ``_idle`` is the same for one that pauses with its data in
    ``p`` (the last entry: nowhere yet). What moving costs is a sum of one part for each of the two
    places, so that the best of all targets is found once for all sources.
    """

    def __init__(self, curves: Sequence[Curve], job: Job, caution: float) -> None:
        self._curves, self._job = curves, job
        self._steps = max(len(c.central) for c in curves)
        believed = [c.cautious(caution) for c in curves]
        rest = [self._steps - len(values) for values in believed]
        self._costs = [(*v, *[_NEVER] * n) for v, n in zip(believed, rest, strict=True)]
        self._leaving = [(*v, *[v[-1]] * n) for v, n in zip(believed, rest, strict=True)]
        self._places = range(len(curves))
        self._work = steps_of(job.duration, curves[0].step)
        self._slice = min(self._work, steps_of(max(job.min_slice, 1), curves[0].step))
        hours = curves[0].step / SECONDS_PER_HOUR
        self._resume = job.resume / SECONDS_PER_HOUR / hours
        self._half = job.transfer_kwh / 2.0 / hours / job.kilowatts
        self._sums = [[0.0, *accumulate(costs)] for costs in self._costs]
        homes = [n for n, c in enumerate(curves) if c.place == job.home]
        self._home = homes[0] if homes else len(curves)
        self._away = bool(job.home) and not homes
        nothing = [[inf] * (len(curves) + 1)]
        done = [[0.0] * (len(curves) + 1)]
        self._run = [[*done, *nothing * self._work] for _ in range(self._steps + 1)]
        self._idle = [[*done, *nothing * self._work] for _ in range(self._steps + 1)]
        self._fill()

    def plan(self) -> Plan:
        """Walk along the best choices.

        Raises:
            ImpossibleError: the work does not fit into what is known.
        """
        if self._idle[0][self._work][self._home] >= _NEVER:
            raise ImpossibleError(_TOO_LITTLE)
        chosen: list[tuple[int, int]] = []
        t, left, where, running = 0, self._work, self._home, False
        while left:
            go = self._best_start(t, left, where)
            stay = self._step_on(t, left, where) if running else inf
            idle = self._idle[t + 1][left][where] if t < self._steps else inf
            if stay <= min(go[0], idle):
                length = 1
            elif go[0] <= idle:
                where, length = go[1], min(self._slice, left)
            else:
                t, running = t + 1, False
                continue
            chosen += [(t + n, where) for n in range(length)]
            t, left, running = t + length, left - length, True
        return _plan_of(chosen, self._curves, self._job)

    def _fill(self) -> None:
        for t in range(self._steps - 1, -1, -1):
            for left in range(1, min(self._work, self._steps - t) + 1):
                starts = self._starts(t, left)
                idle, later = [], self._idle[t + 1][left]
                least = min(cost + self._half * self._costs[p][t] for p, cost in starts)
                own = dict(starts)
                for p in self._places:
                    moved = least + self._half * self._leaving[p][t]
                    idle.append(min(later[p], own[p], moved))
                nowhere = self._from_nowhere(t, starts)
                idle.append(min(later[-1], nowhere[0]))
                self._idle[t][left] = idle
                self._run[t][left] = [
                    min(self._step_on(t, left, p), idle[p]) for p in self._places
                ] + [inf]

    def _step_on(self, t: int, left: int, p: int) -> float:
        return self._costs[p][t] + self._run[t + 1][left - 1][p] if t < self._steps else inf

    def _starts(self, t: int, left: int) -> list[tuple[int, float]]:
        """What starting in each place costs from here to the end, without moving data there."""
        length = min(self._slice, left)
        again = self._resume if left < self._work else 0.0
        return [
            (
                p,
                again * self._costs[p][t]
                + self._sums[p][t + length]
                - self._sums[p][t]
                + self._run[t + length][left - length][p],
            )
            for p in self._places
        ]

    def _from_nowhere(self, t: int, starts: Sequence[tuple[int, float]]) -> tuple[float, int]:
        """Start without data, or with data in a place that is not among those planned for."""
        share = 2.0 * self._half if self._away else 0.0
        return min((cost + share * self._costs[p][t], p) for p, cost in starts)

    def _best_start(self, t: int, left: int, where: int) -> tuple[float, int]:
        if left > self._steps - t:
            return inf, where
        starts = self._starts(t, left)
        if where == len(self._curves):
            return self._from_nowhere(t, starts)
        here = self._half * self._leaving[where][t]
        return min(
            (cost + (0.0 if p == where else here + self._half * self._costs[p][t]), p)
            for p, cost in starts
        )
