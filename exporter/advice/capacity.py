"""How much of its capacity deferrable work should use now: water-filling with deadlines.

The hours ahead are ordered by their intensity, and as many of the cleanest are filled as the work
needs. If the present hour is one of them, capacity is full, else it is at the floor, or at what the
deadlines demand. Work is conserved: what is not run now is run later, never dropped. A signal that
only follows the intensity saves half as much at equal work, and lets deadlines pass.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import NamedTuple

from exporter.advice.curves import Curve
from exporter.core.units import SECONDS_PER_HOUR

RESERVE = 0.5
"""Share of the work that is expected to arrive within the horizon for which clean hours are kept:
much of it may run after the horizon. Best of 0.5, 0.75 and 1 on 45 zones (bench/policies)."""


class Reason(StrEnum):
    """Why the target is what it is."""

    CLEAN = "clean"
    DIRTY = "dirty"
    DUE = "due"
    NO_BACKLOG = "no_backlog"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Share of full capacity to use now, 0..1, until ``until`` (epoch seconds).

    ``threshold`` is the intensity up to which capacity is full, gCO2eq per kWh of IT energy;
    None where nothing is known.
    """

    ratio: float
    reason: Reason
    until: int
    threshold: float | None = None


class Due(NamedTuple):
    """Work in steps of full capacity that must be done within so many steps, the present one too.

    ``within`` 1 is what must run in the present step.
    """

    within: int
    work: float


def target(  # noqa: PLR0913 -- each is a fact of the work
    curve: Curve | None,
    *,
    now: float,
    backlog: Sequence[Due] | None,
    arrivals: Sequence[float] = (),
    deadline: int,
    floor: float = 0.0,
    reserve: float = RESERVE,
) -> Target:
    """Return the share of capacity for the present step of the curve.

    ``backlog`` is the work that waits, None where nobody knows it; ``arrivals`` is what is expected
    in each later step, in steps of full capacity; ``deadline`` is how many steps work may wait. The
    target fails to 1: without knowledge of the grid or of the work everything runs at once.

    Raises:
        ValueError: a share or an amount is out of range.
    """
    if not 0.0 <= floor <= 1.0 or reserve < 0.0 or deadline < 1:
        message = "floor is a share of 0 to 1, reserve 0 or more, deadline one step or more"
        raise ValueError(message)
    if any(one.work < 0.0 for one in backlog or ()) or any(work < 0.0 for work in arrivals):
        message = "work is 0 or more"
        raise ValueError(message)
    if curve is None or (present := curve.since(int(now))) is None:
        return Target(ratio=1.0, reason=Reason.UNKNOWN, until=int(now))
    until = present.start + present.step
    if backlog is None and not arrivals:
        return Target(ratio=1.0, reason=Reason.NO_BACKLOG, until=until)
    ahead = present.central[:deadline]
    waiting = backlog or ()
    need = sum(one.work for one in waiting) + reserve * sum(arrivals[: len(ahead) - 1])
    count = max(1, min(ceil(need - 1e-9), len(ahead)))
    threshold = sorted(ahead)[count - 1]
    clean = ahead[0] <= threshold
    must = min(1.0, demanded(waiting))
    ratio = 1.0 if clean else max(floor, must)
    reason = Reason.CLEAN if clean else Reason.DUE if must > floor else Reason.DIRTY
    return Target(
        ratio=ratio,
        reason=reason,
        until=_until(present, threshold, clean=clean) if reason is not Reason.DUE else until,
        threshold=threshold,
    )


def signal(  # noqa: PLR0913 -- what is known of the work
    curve: Curve | None,
    *,
    now: float,
    deadline: float,
    load: float | None = None,
    backlog: float | None = None,
    oldest: float = 0.0,
    floor: float = 0.0,
) -> Target:
    """Return the share of capacity to use now, for work of which little is known.

    ``deadline`` is how many seconds work may wait. ``backlog`` is the work that waits, in hours of
    full capacity; the oldest of it has waited ``oldest`` seconds, and its ages are taken to be
    spread evenly up to that. ``load`` is the share of full capacity that arrives on average: alone
    it asks for that share of the hours ahead, beside a backlog clean hours are kept for it. With
    neither the target is 1.

    Raises:
        ValueError: a share or an amount is out of range.
    """
    step = curve.step if curve else 1
    steps = max(1, int(deadline // step))
    arrivals = [] if not load else [load] * (steps - 1)
    waiting = None
    if backlog is not None:
        work, aged = backlog * SECONDS_PER_HOUR / step, min(steps, int(oldest // step) + 1)
        waiting = [Due(steps - age, work / aged) for age in range(aged)]
    return target(
        curve,
        now=now,
        backlog=waiting,
        arrivals=arrivals,
        deadline=steps,
        floor=floor,
        reserve=1.0 if backlog is None else RESERVE,
    )


def demanded(backlog: Sequence[Due]) -> float:
    """Least work that must run in this step so that full capacity can still keep every deadline.

    Above 1 a deadline is lost whatever is done.
    """
    least, due = 0.0, 0.0
    for within, work in sorted(backlog):
        due += work
        least = max(least, due - (max(within, 1) - 1))
    return least


def _until(curve: Curve, threshold: float, *, clean: bool) -> int:
    """Return when the intensity next crosses the threshold, or where knowledge ends."""
    for index, value in enumerate(curve.central):
        if (value <= threshold) is not clean:
            return curve.start + index * curve.step
    return curve.end


class Queue:
    """Work that waits, first in first out, each piece with its deadline.

    Amounts are in steps of full capacity. It is what ``simulate`` and callers with a real queue use
    to say what is due.
    """

    def __init__(self, deadline: int) -> None:
        self._deadline = deadline
        self._pieces: list[tuple[int, float]] = []

    def put(self, step: int, work: float) -> None:
        """Let work arrive in a step."""
        if work > 0.0:
            self._pieces.append((step, work))

    def waiting(self, step: int) -> list[Due]:
        """Return what waits, seen at the begin of a step: what came D steps ago must run in it."""
        return [Due(at + self._deadline - step + 1, work) for at, work in self._pieces]

    def take(self, step: int, room: float) -> Iterator[tuple[int, float]]:
        """Run up to ``room`` of the oldest work; yields (steps waited, work)."""
        while self._pieces and room > 1e-12:  # noqa: PLR2004 -- below it only rounding is left
            at, work = self._pieces[0]
            done = min(work, room)
            room -= done
            if done >= work - 1e-12:
                self._pieces.pop(0)
            else:
                self._pieces[0] = (at, work - done)
            yield step - at, done

    @property
    def total(self) -> float:
        """Work that waits."""
        return sum(work for _, work in self._pieces)
