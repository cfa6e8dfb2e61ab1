"""Whether a job that may wait should run now: the pure part of ``wait``.

Asked again at each refresh of the forecast. The latest start always wins over carbon; what is not
known is never taken for clean; whatever fails, the job still runs in time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from math import inf

from exporter.advice.curves import Curve, aligned, steps_of
from exporter.advice.windows import ImpossibleError, Job, Slice, plan
from exporter.core.units import PERCENT


class Why(StrEnum):
    """The reason of a decision."""

    LATEST_START = "latest_start"
    BEST_NOW = "best_now"
    CLEAN_ENOUGH = "clean_enough"
    LATER_IS_BETTER = "later_is_better"
    TOO_DIRTY = "too_dirty"
    KEPT_PLAN = "kept_plan"
    NOTHING_KNOWN = "nothing_known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """When a job may start by itself, besides the best remaining time.

    ``max_intensity`` (gCO2eq per kWh of IT energy) or ``percentile`` (0..100, of the starts that
    are left) set a limit in place of the best: the job starts as soon as a place is at or below it.
    ``caution`` is the share of the way to the 90 % quantile at which the future is priced.
    """

    max_intensity: float | None = None
    percentile: float | None = None
    caution: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Run now, or wait until ``start`` (epoch seconds) unless a newer forecast says otherwise.

    ``place`` is where, empty where nothing is known. ``saving`` is the share that ``start`` is
    expected to save against now; ``starts`` the number of starts that were compared; both are 0 and
    None where nothing was. ``planned`` is the time at which a forecast last said ``start``.
    """

    run: bool
    why: Why
    start: int
    place: str
    latest: int
    saving: float | None = None
    starts: int = 0
    planned: int | None = None


def decide(  # noqa: PLR0913 -- what is known, wanted, and was decided
    curves: Sequence[Curve],
    job: Job,
    *,
    now: float,
    latest: int,
    wish: Wish | None = None,
    last: Decision | None = None,
) -> Decision:
    """Decide at ``now`` about a job that must start at ``latest`` or before.

    ``curves`` are the newest beliefs, empty where none could be had: then the last plan is kept,
    and without one the job waits for its latest start. Never raises for what curves hold: what
    cannot be used counts as not known.
    """
    if now >= latest:
        place = last.place if last else _now_in(curves, now)
        return Decision(run=True, why=Why.LATEST_START, start=int(now), place=place, latest=latest)
    try:
        found = _ahead(curves, now, latest + job.duration)
    except ValueError:
        found = ()
    if not found:
        return _kept(last, now, latest)
    wish = wish or Wish()
    if wish.max_intensity is not None or wish.percentile is not None:
        return _limited(found, wish, now=now, latest=latest)
    return _best(found, job, wish, now=now, latest=latest)


def _now_in(curves: Sequence[Curve], now: float) -> str:
    """Return the place that is the cleanest at a time, empty where nothing is known."""
    known = [(value, c.place) for c in curves if (value := c.at(now)) is not None]
    return min(known)[1] if known else ""


def _ahead(curves: Sequence[Curve], now: float, end: int) -> tuple[Curve, ...]:
    """Cut curves to the time from now on; those that ended are not known any more."""
    live = [c for c in curves if c.at(now) is not None]
    parts = [part for c in aligned(live, cut=False) if (part := c.since(int(now)))]
    return tuple(one for part in parts if (one := part.until(end + part.step)))


def _kept(last: Decision | None, now: float, latest: int) -> Decision:
    """Go by the last plan, if any."""
    if last is None or last.planned is None:
        return Decision(run=False, why=Why.NOTHING_KNOWN, start=latest, place="", latest=latest)
    start = min(last.start, latest)
    return Decision(
        run=now >= start,
        why=Why.KEPT_PLAN,
        start=start,
        place=last.place,
        latest=latest,
        saving=last.saving,
        planned=last.planned,
    )


def _best(curves: tuple[Curve, ...], job: Job, wish: Wish, *, now: float, latest: int) -> Decision:
    """Compare the starts up to the latest, of which the forecast covers the run."""
    step = curves[0].step
    work = steps_of(job.duration, step)
    first = curves[0].start
    longest = max(len(c.central) for c in curves)
    starts = min((latest - first) // step, longest - work) + 1
    if starts < 1:  # the forecast ends before one run: all that it tells is what it still covers
        work, starts = 1, min((latest - first) // step + 1, longest)
    cut = [part for c in curves if (part := c.until(first + (starts - 1 + work) * step))]
    whole = Job(duration=work * step, power=job.power, home=job.home, transfer_kwh=job.transfer_kwh)
    try:
        best = plan(cut, whole, caution=wish.caution)
        at_once = plan([p for c in cut if (p := c.until(first + work * step))], whole)
    except ImpossibleError:
        return Decision(run=False, why=Why.NOTHING_KNOWN, start=latest, place="", latest=latest)
    run = best.start <= now
    saving = 1.0 - best.grams / at_once.grams if at_once.grams else None
    return Decision(
        run=run,
        why=Why.BEST_NOW if run else Why.LATER_IS_BETTER,
        start=int(now) if run else min(best.start, latest),
        place=best.place,
        latest=latest,
        saving=0.0 if run else saving,
        starts=starts,
        planned=int(now),
    )


def _limited(curves: tuple[Curve, ...], wish: Wish, *, now: float, latest: int) -> Decision:
    """Start at the first time at which a place is clean enough."""
    step, first = curves[0].step, curves[0].start
    columns = zip_longest(*(c.central for c in curves), fillvalue=inf)
    lowest = [min(values) for values in columns][: (latest - first) // step + 1]
    limit = wish.max_intensity
    if limit is None:
        limit = _percentile(lowest, wish.percentile or 0.0)
    clean = next((n for n, value in enumerate(lowest) if value <= limit), None)
    at = 0 if clean is None else clean
    place = min((c.central[at], c.place) for c in curves if at < len(c.central))[1]
    run = clean == 0
    start = latest if clean is None else first + clean * step
    return Decision(
        run=run,
        why=Why.CLEAN_ENOUGH if run else Why.TOO_DIRTY,
        start=int(now) if run else min(start, latest),
        place=place,
        latest=latest,
        saving=1.0 - lowest[at] / lowest[0] if lowest[0] and clean is not None else None,
        starts=len(lowest),
        planned=int(now),
    )


def _percentile(values: Sequence[float], percent: float) -> float:
    """Return the value below or at which that share of the values lies; the least for 0."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(percent / PERCENT * len(ordered)))]


def window_of(decision: Decision, job: Job) -> Slice:
    """Return the run that a decision expects."""
    return Slice(decision.place, decision.start, decision.start + job.duration)
