"""What a policy would have won: it is run over a history, knowing at each hour only what was known.

Five questions: a job with a window, one that may pause, one that may also move, a cluster that
follows the cleanest place, and a queue of work behind a capacity signal. Each is answered beside
what one reaches who does nothing, and one who knows what comes. Power is constant, PUE 1 unless the
history holds it.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Final, NamedTuple, Protocol

from exporter.advice import capacity
from exporter.advice.curves import Curve
from exporter.advice.placement import Terms, first_step, optimum
from exporter.core.clock import floor_to
from exporter.core.model import IntensityPoint
from exporter.core.ports import Forecaster
from exporter.core.units import SECONDS_PER_HOUR, GCO2eqPerKwh

HOUR: Final = int(SECONDS_PER_HOUR)
WARM_UP: Final = 72
"""Hours at the begin that only teach the forecaster."""
_WEEK: Final = 168


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Hourly intensities of several places over the same hours, gCO2eq per kWh.

    ``start`` is the epoch second of the first hour.

    Raises:
        ValueError: the places' lengths differ, or there is none.
    """

    start: int
    values: Mapping[str, Sequence[float]]

    def __post_init__(self) -> None:
        if len({len(values) for values in self.values.values()}) != 1:
            message = "a history holds one place or more, each over the same hours"
            raise ValueError(message)

    @property
    def hours(self) -> int:
        """How many hours it has."""
        return len(next(iter(self.values.values())))

    @property
    def places(self) -> tuple[str, ...]:
        """The places in order."""
        return tuple(self.values)


class Ahead(NamedTuple):
    """What is expected of the hours after one: central, 10 and 90 % quantile, one entry an hour."""

    central: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


class Beliefs(Protocol):
    """What was believed at an hour about those after it."""

    def ahead(self, place: str, hour: int) -> Ahead:
        """Return what was expected when the given hour was the last one known.

        ``hour`` counts from the start of the history. At least as many hours are told as the
        longest plan needs, or up to the end of the history.
        """
        ...


class Foreseen:
    """Beliefs of a forecaster, each made once: quantiles cost several times the central value."""

    def __init__(self, history: History, forecaster: Forecaster, hours: int) -> None:
        self._history, self._forecaster, self._hours = history, forecaster, hours
        self._points = {
            place: [
                IntensityPoint(
                    zone=place,
                    start=history.start + i * HOUR,
                    end=history.start + (i + 1) * HOUR,
                    gco2eq_per_kwh=GCO2eqPerKwh(value),
                )
                for i, value in enumerate(values)
            ]
            for place, values in history.values.items()
        }
        self._made: dict[tuple[str, int], Ahead] = {}

    def ahead(self, place: str, hour: int) -> Ahead:
        """Ask the forecaster, unless it was asked before."""
        known = self._made.get((place, hour))
        if known is None:
            told = self._forecaster.forecast(self._points[place][: hour + 1], self._hours)
            central = tuple(h.gco2eq_per_kwh for h in told)
            known = Ahead(
                central,
                tuple(h.gco2eq_per_kwh if h.low is None else h.low for h in told),
                tuple(h.gco2eq_per_kwh if h.high is None else h.high for h in told),
            )
            self._made[place, hour] = known
        return known


class Perfect:
    """Beliefs of one who knows what comes."""

    def __init__(self, history: History) -> None:
        self._values = history.values

    def ahead(self, place: str, hour: int) -> Ahead:
        """Return the truth."""
        rest = self._values[place][hour + 1 :]
        return Ahead(rest, rest, rest)


def _believed(  # noqa: PLR0913 -- whose belief, of when, and how cautious
    beliefs: Beliefs, truth: Sequence[float], place: str, hour: int, *, count: int, caution: float
) -> list[float]:
    """Return the present hour, which is known, and ``count - 1`` hours after it."""
    ahead = beliefs.ahead(place, hour)
    central = ahead.central[: count - 1]
    if caution:
        central = [c + caution * (h - c) for c, h in zip(central, ahead.high, strict=False)]
    return [truth[hour], *central]


# --- jobs -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class JobScore:
    """A job that was submitted at many hours: what it emitted, per kW, summed over them.

    ``now`` starts at once, ``chosen`` follows the policy, ``best`` knows what comes. ``worse`` is
    the share of the submissions from which waiting emitted more than starting at once.
    """

    now: float
    chosen: float
    best: float
    submissions: int
    worse: float

    @property
    def saved(self) -> float:
        """Share of starting at once that the policy saves."""
        return 1.0 - self.chosen / self.now if self.now else 0.0

    @property
    def possible(self) -> float:
        """Share of starting at once that one saves who knows what comes."""
        return 1.0 - self.best / self.now if self.now else 0.0


def _scored(rows: Sequence[tuple[float, float, float]]) -> JobScore:
    now, chosen, best = (sum(row[i] for row in rows) for i in range(3))
    worse = sum(row[1] > row[0] * 1.001 for row in rows) / len(rows) if rows else 0.0
    return JobScore(now=now, chosen=chosen, best=best, submissions=len(rows), worse=worse)


def windows(  # noqa: PLR0913 -- the job and the policy
    history: History,
    beliefs: Beliefs,
    place: str,
    *,
    work: int,
    deadline: int,
    replan: bool = True,
    caution: float = 0.0,
    every: int = 1,
    warm_up: int = WARM_UP,
) -> JobScore:
    """Submit a job of ``work`` hours every ``every`` hours; it must be done ``deadline`` hours on.

    With ``replan`` it is decided anew each hour by the newest forecast, else once.
    """
    truth = history.values[place]
    sums = [0.0, *accumulate(truth)]
    rows = []
    for at in range(warm_up, history.hours - deadline, every):
        chosen = _start(beliefs, truth, place, at, (work, deadline), replan, caution)
        costs = [sums[at + k + work] - sums[at + k] for k in range(deadline - work + 1)]
        rows.append((costs[0], costs[chosen], min(costs)))
    return _scored(rows)


def _start(  # noqa: PLR0913, PLR0917 -- see windows
    beliefs: Beliefs,
    truth: Sequence[float],
    place: str,
    at: int,
    job: tuple[int, int],
    replan: bool,  # noqa: FBT001
    caution: float,
) -> int:
    """Return how many hours later the job starts."""
    work, deadline = job
    for k in range(deadline - work + 1):
        count = deadline - k
        values = _believed(beliefs, truth, place, at + k, count=count, caution=caution)
        sums = [0.0, *accumulate(values)]
        costs = [after - before for before, after in zip(sums, sums[work:], strict=False)]
        best = costs.index(min(costs))
        if not replan or best == 0:
            return k + best
    return deadline - work


def interruptible(  # noqa: PLR0913 -- the job and the policy
    history: History,
    beliefs: Beliefs,
    place: str,
    *,
    work: int,
    deadline: int,
    replan: bool = True,
    caution: float = 0.0,
    resume: float = 0.0,
    every: int = 3,
    warm_up: int = WARM_UP,
) -> JobScore:
    """Run ``work`` hours in any of the next ``deadline`` ones; a resume costs ``resume`` hours.

    What a resume costs is part of the plan. ``best`` knows what comes and resumes for nothing.
    """
    truth = history.values[place]
    rows = []
    for at in range(warm_up, history.hours - deadline, every):
        span = truth[at : at + deadline]
        run = _hours_run(beliefs, truth, place, at, (work, deadline), replan, caution, resume)
        breaks = [k for k, before in zip(run[1:], run, strict=False) if k != before + 1]
        cost = sum(span[k] for k in run) + resume * sum(span[k] for k in breaks)
        rows.append((sum(span[:work]), cost, sum(sorted(span)[:work])))
    return _scored(rows)


def _hours_run(  # noqa: PLR0913, PLR0917 -- see interruptible
    beliefs: Beliefs,
    truth: Sequence[float],
    place: str,
    at: int,
    job: tuple[int, int],
    replan: bool,  # noqa: FBT001
    caution: float,
    resume: float,
) -> list[int]:
    """Return the hours after ``at`` in which the job runs."""
    left, deadline = job
    run: list[int] = []
    for k in range(deadline):
        if not left:
            break
        values = _believed(beliefs, truth, place, at + k, count=deadline - k, caution=caution)
        running = bool(run) and run[-1] == k - 1
        chosen = best_hours(values, left, resume, running=running, begun=bool(run))
        if not replan:
            return [k + hour for hour in chosen]
        if chosen[0] == 0:
            run.append(k)
            left -= 1
    return run


def best_hours(
    values: Sequence[float], work: int, resume: float, *, running: bool, begun: bool
) -> list[int]:
    """Return the hours in which ``work`` hours are cheapest, with what resuming costs.

    ``running`` says that the job ran in the hour before the first, ``begun`` that it ever ran: its
    first start costs nothing.
    """
    if not resume:
        return sorted(sorted(range(len(values)), key=values.__getitem__)[:work])
    # run[r], idle[r]: least cost of r hours of work from an hour on, after a run or a pause.
    count = len(values)
    inf = math.inf
    run, idle = [0.0, *[inf] * work], [0.0, *[inf] * work]
    steps: list[tuple[list[bool], list[bool]]] = []
    for hour in range(count - 1, -1, -1):
        value = values[hour]
        on, start = [False] * (work + 1), [False] * (work + 1)
        new_run, new_idle = [0.0] * (work + 1), [0.0] * (work + 1)
        for r in range(1, work + 1):
            go = value + run[r - 1]
            begin = go + (resume * value if begun or r < work else 0.0)
            on[r], start[r] = go <= idle[r], begin <= idle[r]
            new_run[r], new_idle[r] = min(go, idle[r]), min(begin, idle[r])
        run, idle = new_run, new_idle
        steps.append((on, start))
    chosen, left = [], work
    for hour, (on, start) in enumerate(reversed(steps)):
        if not left:
            break
        running = on[left] if running else start[left]
        if running:
            chosen.append(hour)
            left -= 1
    return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class MovingScore:
    """An interruptible job over several places, per kW and summed over its submissions.

    ``home`` runs at once in the first place, ``static`` at once in the place that was the cleanest
    in the warm-up, ``timed`` there at its best hours, ``chosen`` by the policy, ``best`` with full
    knowledge.
    """

    home: float
    static: float
    timed: float
    chosen: float
    best: float


def moving(  # noqa: PLR0913 -- the job and the policy
    history: History,
    beliefs: Beliefs,
    places: Sequence[str],
    *,
    work: int,
    deadline: int,
    caution: float = 0.0,
    every: int = 3,
    warm_up: int = WARM_UP,
) -> MovingScore:
    """Run ``work`` hours in any of the next ``deadline`` ones and any of the places, re-planned."""
    truths = [history.values[place] for place in places]
    means = [sum(truth[:warm_up]) for truth in truths]
    static = truths[means.index(min(means))]
    sums = [0.0] * 5
    for at in range(warm_up, history.hours - deadline, every):
        lowest = [min(t[at + k] for t in truths) for k in range(deadline)]
        left, cost = work, 0.0
        for k in range(deadline):
            if not left:
                break
            hours = [
                _believed(beliefs, truth, place, at + k, count=deadline - k, caution=caution)
                for place, truth in zip(places, truths, strict=True)
            ]
            values = [min(several) for several in zip(*hours, strict=True)]
            if best_hours(values, left, 0.0, running=False, begun=True)[0] == 0:
                cost, left = cost + lowest[k], left - 1
        row = (
            sum(truths[0][at : at + work]),
            sum(static[at : at + work]),
            sum(sorted(static[at : at + deadline])[:work]),
            cost,
            sum(sorted(lowest)[:work]),
        )
        sums = [a + b for a, b in zip(sums, row, strict=True)]
    home, at_once, timed, chosen, best = sums
    return MovingScore(home=home, static=at_once, timed=timed, chosen=chosen, best=best)


# --- clusters -------------------------------------------------------------------------------------


class Follow(StrEnum):
    """A way to follow the cleanest place."""

    HORIZON = "horizon"
    NAIVE = "naive"
    HYSTERESIS = "hysteresis"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hysteresis:
    """A simple rule: the gap must exceed ``gap`` for ``confirm`` hours, ``stay`` after a move."""

    gap: float = 0.1
    confirm: int = 2
    stay: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementScore:
    """What a cluster emitted, grams per kW, from the warm-up to the end.

    ``static`` is the best single place, known afterwards; ``best`` knows all that comes and pays
    for its moves; ``free`` moves for nothing. ``weeks`` are the savings of each week against the
    same place, as shares.
    """

    chosen: float
    static: float
    best: float
    free: float
    moves: int
    best_moves: int
    weeks: tuple[float, ...]

    @property
    def saved(self) -> float:
        """Share of the best static place's grams."""
        return 1.0 - self.chosen / self.static if self.static else 0.0

    @property
    def possible(self) -> float:
        """The same of one who knows all that comes."""
        return 1.0 - self.best / self.static if self.static else 0.0

    @property
    def crosses(self) -> bool:
        """Whether free following could save more than half a percent: the places take turns."""
        return self.static > 0 and 1.0 - self.free / self.static > 0.005  # noqa: PLR2004


def placement(  # noqa: PLR0913 -- the policy and its circumstances
    history: History,
    beliefs: Beliefs,
    places: Sequence[str],
    terms: Terms,
    *,
    follow: Follow = Follow.HORIZON,
    rule: Hysteresis | None = None,
    lag: int = 0,
    home: str = "",
    warm_up: int = WARM_UP,
) -> PlacementScore:
    """Let a cluster of 1 kW follow a policy, beginning in ``home`` or the best static place.

    ``lag`` is how many hours the signal is late: then the present hour too is a forecast. A move
    costs ``terms.overlap`` at the source and the transfer, half on each grid.
    """
    truths = [history.values[place] for place in places]
    spans = [truth[warm_up:] for truth in truths]
    totals = [sum(span) for span in spans]
    static = totals.index(min(totals))
    current = places.index(home) if home else static
    overlap, transfer = terms.overlap / SECONDS_PER_HOUR, terms.transfer_kwh / terms.kilowatts
    policy = _Following(history, beliefs, places, terms, follow, rule or Hysteresis(), lag)
    cost, moves, steps = 0.0, 0, []
    for hour in range(warm_up, history.hours):
        target = policy.target(hour, current, home=places.index(home) if home else static)
        here = truths[current][hour]
        spent = truths[target][hour]
        if target != current:
            moves += 1
            spent += overlap * here + transfer * (here + truths[target][hour]) / 2.0
            current = target
        steps.append((spent, truths[static][hour]))
        cost += spent
    columns = list(zip(*spans, strict=True))
    best, best_moves = optimum(
        columns,
        places.index(home) if home else static,
        overlap=overlap,
        transfer=transfer,
    )
    return PlacementScore(
        chosen=cost,
        static=totals[static],
        best=best,
        free=sum(min(column) for column in columns),
        moves=moves,
        best_moves=best_moves,
        weeks=tuple(_weeks(steps)),
    )


def _weeks(steps: Sequence[tuple[float, float]]) -> Iterator[float]:
    """Yield the saving of each whole week, or of all where there is none."""
    length = min(_WEEK, len(steps))
    for start in range(0, len(steps) - length + 1, max(length, 1)):
        spent, static = (sum(s[i] for s in steps[start : start + length]) for i in (0, 1))
        yield 1.0 - spent / static if static else 0.0


class _Following:
    """Decides each hour where a cluster should be."""

    def __init__(  # noqa: PLR0913, PLR0917 -- see placement
        self,
        history: History,
        beliefs: Beliefs,
        places: Sequence[str],
        terms: Terms,
        follow: Follow,
        rule: Hysteresis,
        lag: int,
    ) -> None:
        self._truths = [history.values[place] for place in places]
        self._beliefs, self._places, self._terms = beliefs, places, terms
        self._follow, self._rule, self._lag = follow, rule, lag
        self._streak = 0
        self._last = -math.inf

    def target(self, hour: int, current: int, home: int) -> int:
        """Return the place for an hour."""
        known = hour - self._lag
        now = [truth[known] for truth in self._truths]
        if self._follow is Follow.HORIZON:
            chosen = self._by_plan(known, current, home, now, hour)
        else:
            lowest = min(range(len(now)), key=now.__getitem__)
            chosen = lowest if self._simple(hour, current, lowest, now) else current
        if chosen != current:
            self._last, self._streak = hour, 0
        return chosen

    def _simple(self, hour: int, current: int, lowest: int, now: Sequence[float]) -> bool:
        if lowest == current or now[lowest] >= now[current]:
            self._streak = 0
            return False
        if self._follow is Follow.NAIVE:
            return True
        gap = 1.0 - now[lowest] / now[current]
        self._streak = self._streak + 1 if gap > self._rule.gap else 0
        return self._streak >= self._rule.confirm and hour - self._last >= self._rule.stay

    def _by_plan(self, known: int, current: int, home: int, now: Sequence[float], hour: int) -> int:
        terms, lag = self._terms, self._lag
        horizon = terms.horizon // HOUR
        rows = []
        for p, place in enumerate(self._places):
            ahead = self._beliefs.ahead(place, known)
            if lag:
                row, first = [ahead.central[lag - 1]], lag
            else:
                row, first = [now[p]], 0
            central = ahead.central[first : first + horizon - 1]
            share, ends = terms.caution, ahead.low if p == current else ahead.high
            if share:
                ends = ends[first : first + horizon - 1]
                row += [c + share * (e - c) for c, e in zip(central, ends, strict=True)]
            else:
                row += central
            rows.append(row)
        step = first_step(
            list(zip(*rows, strict=True)),
            current,
            overlap=terms.overlap / SECONDS_PER_HOUR,
            transfer=terms.transfer_kwh / terms.kilowatts,
            cost_factor=terms.cost_factor,
        )
        gap = 1.0 - now[step.place] / now[current] if now[current] else 0.0
        stayed = (hour - self._last) * HOUR >= terms.stay_away_at_least
        free = step.place == home or stayed
        won = step.advantage * terms.kilowatts > terms.min_gain
        return step.place if gap > terms.min_gap and free and won else current


# --- queues ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityScore:
    """A queue behind a signal, grams per kW of full capacity.

    ``chosen`` is what its work emitted, ``now`` what the same work had emitted if all of it had run
    as it came. ``delay`` is the mean wait of the work and ``longest`` the longest, in hours.
    ``left`` is work that had not run at the end; it is priced at the mean of the last day.
    """

    chosen: float
    now: float
    work: float
    left: float
    delay: float
    longest: int
    overdue: float

    @property
    def saved(self) -> float:
        """How much cleaner the same work was."""
        return 1.0 - self.chosen / self.now if self.now else 0.0


def diurnal(load: float, hour: int, swing: float = 0.5) -> float:
    """Work that arrives in an hour of the day, in hours of full capacity: most at 14 h UTC."""
    return load * (1.0 + swing * math.cos(2.0 * math.pi * (hour % 24 - 14) / 24.0))


def queue(  # noqa: PLR0913 -- the work and the policy
    history: History,
    beliefs: Beliefs,
    place: str,
    *,
    load: float,
    deadline: int,
    floor: float = 0.0,
    reserve: float = capacity.RESERVE,
    shape: Callable[[int], float] | None = None,
    warm_up: int = WARM_UP,
) -> CapacityScore:
    """Let work arrive over the day and run as the signal says; machines shrunk draw nothing.

    ``deadline`` is how many hours work may wait. Full capacity is one hour of work an hour.
    ``shape`` gives the capacity of an hour in place of the product's signal, for comparison: it
    knows nothing of the work, and what is due runs beside it.
    """
    truth = history.values[place]
    waiting, at_once = capacity.Queue(deadline), capacity.Queue(deadline)
    cost = base = work = late = overdue = 0.0
    longest = 0
    for hour in range(warm_up, history.hours):
        arrived = diurnal(load, hour + history.start // HOUR)
        for one in (waiting, at_once):
            one.put(hour, arrived)
        base += truth[hour] * sum(w for _, w in at_once.take(hour, 1.0))
        if shape is None:
            ratio = _signal(
                history, beliefs, place, hour, waiting, (load, deadline, floor, reserve)
            )
        else:
            due = sum(one.work for one in waiting.waiting(hour) if one.within <= 1)
            ratio = max(shape(hour), min(1.0, due))
        for waited, done in waiting.take(hour, ratio):
            cost, work, late = cost + truth[hour] * done, work + done, late + waited * done
            longest = max(longest, waited)
            overdue += done if waited > deadline else 0.0
    last = truth[-24:]
    mean = sum(last) / len(last)
    return CapacityScore(
        chosen=cost + waiting.total * mean,
        now=base + at_once.total * mean,
        work=work,
        left=waiting.total,
        delay=late / work if work else 0.0,
        longest=longest,
        overdue=overdue,
    )


def _signal(  # noqa: PLR0913, PLR0917 -- see queue
    history: History,
    beliefs: Beliefs,
    place: str,
    hour: int,
    waiting: capacity.Queue,
    work: tuple[float, int, float, float],
) -> float:
    """Return the product's signal of an hour."""
    load, deadline, floor, reserve = work
    count = min(deadline, history.hours - hour)
    ahead = beliefs.ahead(place, hour).central[: count - 1]
    first = hour + history.start // HOUR
    told = capacity.target(
        Curve(place=place, start=hour, step=1, central=(history.values[place][hour], *ahead)),
        now=hour,
        backlog=waiting.waiting(hour),
        arrivals=[diurnal(load, first + k) for k in range(1, count)],
        deadline=deadline,
        floor=floor,
        reserve=reserve,
    )
    return told.ratio


def history_of(points: Mapping[str, Mapping[int, float]]) -> History:
    """Make a history of hourly values by epoch second: the hours that all places have in a row.

    The longest run without a gap is taken, of equals the latest.

    Raises:
        ValueError: no hour is known of all places.
    """
    common = sorted(set.intersection(*(set(hours) for hours in points.values())) if points else ())
    if any(floor_to(start, HOUR) != start for start in common):
        message = "the values are not hourly"
        raise ValueError(message)
    best = run = range(0)
    for place, start in enumerate(common):
        follows = place > 0 and common[place - 1] == start - HOUR
        run = range(run.start if follows else place, place + 1)
        best = run if len(run) >= len(best) else best
    if not best:
        message = "no hour is known of all places"
        raise ValueError(message)
    span = common[best.start : best.stop]
    values = {place: tuple(hours[t] for t in span) for place, hours in points.items()}
    return History(start=span[0], values=values)
