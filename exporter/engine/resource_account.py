"""One machine in the ledger: its runs, its open buckets and its totals."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from exporter.core.clock import floor_to
from exporter.core.model import Machine, Usage
from exporter.core.units import GCO2eqPerKwh, GramsCO2eq, Ratio
from exporter.engine.estimate import (
    NOTHING,
    Accrual,
    MachineModel,
    accrue,
    accrue_embodied,
    plus,
)
from exporter.engine.running_spans import Run
from exporter.engine.store import RESOURCE_QUANTITIES, BucketRow, ProgressRow, TallyRow


class Missing(StrEnum):
    """What to count for a bucket of a running machine that never got a value."""

    SKIP = "skip"
    IDLE = "idle"
    LAST = "last"


class Tally:
    """Sums that may be corrected downwards, and the counters that show them and may not."""

    __slots__ = ("accounted", "exposed")

    def __init__(self, accounted: Iterable[float], exposed: Iterable[float]) -> None:
        self.accounted = list(accounted)
        self.exposed = list(exposed)

    @classmethod
    def zero(cls, quantities: int) -> "Tally":
        """Start at nothing, so that a counter is seen at 0 before its first increment."""
        return cls([0.0] * quantities, [0.0] * quantities)

    def add(self, deltas: Iterable[float]) -> None:
        """Add to the sums."""
        for place, delta in enumerate(deltas):
            self.accounted[place] += delta

    def expose(self) -> None:
        """Let each counter follow where its sum passes what it has shown: once that is saved."""
        self.exposed = self._following()

    def row(self) -> TallyRow:
        """Copy for the store: counters as they will be shown once this is saved."""
        return TallyRow(list(self.accounted), self._following())

    def _following(self) -> list[float]:
        return list(map(max, self.exposed, self.accounted))


class Latest(NamedTuple):
    """The newest bucket with data."""

    start: int
    end: int
    usage: Usage


class Unwatched(NamedTuple):
    """A span (epoch seconds) in which nobody looked, and of which nothing can be read any more."""

    start: float
    end: int

    def rest(self, start: float, end: float) -> tuple[tuple[float, float], ...]:
        """Return what of a span lies before and after it."""
        return (start, min(end, self.start)), (max(start, self.end), end)


@dataclass(slots=True, kw_only=True)
class ResourceAccount:
    """One machine in the ledger. Mutable, touched only under the ledger's lock."""

    ident: int
    collector: str
    machine: Machine
    runs: list[Run]
    watermark: int
    last_seen: float
    last: Usage | None = None
    """Usage of the newest closed bucket that had one."""
    tally: Tally = field(default_factory=lambda: Tally.zero(RESOURCE_QUANTITIES))
    buckets: dict[int, BucketRow] = field(default_factory=dict)
    models: list[MachineModel] = field(default_factory=list)
    latest: Latest | None = None
    """Newest bucket with data that was read in this process."""
    read_until: int = 0
    """End of the newest bucket that was asked for and answered."""
    read_for_good: int = 0
    """Time before which its buckets were read for the last time, and wait for a listing at most."""
    primed: bool = False
    """Whether its look-back was read in this process: the first read serves gauges and chart."""
    observed_at: float = 0.0
    """When the inventory last told its state in this process, be it that it is gone."""
    unwatched: Unwatched | None = None
    """A long absence of ours that is still to be closed."""
    gone_since: float | None = None
    shown: bool = True
    """Whether its series go on; an account outlives them, lest a machine that comes back counts
    again."""

    @property
    def model(self) -> MachineModel | None:
        """Model of the latest run."""
        return self.models[-1] if self.models else None

    def zone_at(self, end: int) -> str:
        """Grid zone of the latest run that began before the end of a bucket."""
        if len(self.models) == 1:  # nearly all
            return self.models[0].grid_zone
        begun = (m for run, m in zip(self.runs, self.models, strict=True) if run.start < end)
        *_, model = (self.models[0], *begun)
        return model.grid_zone

    @property
    def restarted(self) -> bool:
        """Whether its newest data is of an earlier run, perhaps on other hardware."""
        return self.latest is not None and self.latest.end <= self.runs[-1].start

    @property
    def newest(self) -> Usage | None:
        """Newest usage there is; after a start, that of before it until the first read."""
        return self.last if self.latest is None else self.latest.usage

    def filled(self, start: int, usage: Usage) -> Usage:
        """Fill up with what an open bucket has: an answer without a signal does not take it back.

        Agents and meters that fall silent for a poll would else turn what they measured into an
        assumption, and turn it again with the next poll.
        """
        bucket = self.buckets.get(start)
        if bucket is None:
            return usage
        cpu, gpu, units, watts = usage
        return Usage(
            bucket.cpu if cpu is None else cpu,
            bucket.gpu if gpu is None else gpu,
            units,
            bucket.watts if watts is None else watts,
        )

    def overlap(self, start: int, end: int) -> float:
        """Running seconds in a span."""
        if len(self.runs) == 1:  # nearly all, and asked for each bucket
            return self.runs[0].overlap(start, end)
        return sum(run.overlap(start, end) for run in self.runs)

    def certain_overlap(self, start: float, end: float) -> float:
        """Seconds in a span during which it surely ran."""
        return sum(run.certain_overlap(start, end) for run in self.runs)

    @property
    def ended(self) -> float:
        """End of its last run, as far as told or supposed; 0 where it never ran."""
        return max((run.end for run in self.runs if run.end is not None), default=0.0)

    @property
    def finished(self) -> bool:
        """Whether it is gone and all that it ran is closed."""
        return self.gone_since is not None and all(
            run.end is not None and run.end <= self.watermark for run in self.runs
        )

    @property
    def wanted_from(self) -> int:
        """Begin of what is still to be read; what is open for want of a listing only is not."""
        return max(self.watermark, self.read_for_good)

    def closable(self, until: int, resolution: int) -> int:
        """Limit to where its runs are known: unseen, it may have stopped or started since."""
        until = min(until, floor_to(self.observed_at, resolution))
        if self.gone_since is None:
            return until
        # Not beyond its last run: should it be listed again as running on, the time in which it
        # was not listed is still open, and is read.
        return min(until, -floor_to(-self.ended, resolution))


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketRules:
    """How one collector's buckets are accounted, in seconds."""

    resolution: int
    settle: int
    look_back: int
    max_catch_up: int
    keep_gone: int
    missing: Missing = Missing.SKIP


def accrual(  # noqa: PLR0913 — a bucket and its three factors
    account: ResourceAccount,
    start: int,
    resolution: int,
    usage: Usage,
    price: GCO2eqPerKwh,
    *,
    seconds_of: Callable[[Run, float, float], float] = Run.overlap,
) -> Accrual:
    """What a bucket comes to, each run in it by its own model."""
    total = NOTHING
    for run, model in zip(account.runs, account.models, strict=True):
        seconds = seconds_of(run, start, start + resolution)
        if seconds > 0:
            total = plus(total, accrue(model, usage, price, seconds))
    return total


def embodied_alone(account: ResourceAccount, start: float, end: float) -> Accrual:
    """What a span without usage comes to: as many units as last were there all the same.

    Nothing where nobody watched: weeks of manufacture, booked in the minute of our return, would
    stand in the wrong month and look like a spike.
    """
    units, absence = _units(account), account.unwatched
    spans = ((start, end),) if absence is None else absence.rest(start, end)
    grams = sum(
        accrue_embodied(model, run.certain_overlap(*span), units)
        for run, model in zip(account.runs, account.models, strict=True)
        for span in spans
    )
    return NOTHING._replace(embodied=GramsCO2eq(grams))


def _units(account: ResourceAccount) -> float:
    return 1.0 if account.last is None else account.last.units


def progress(account: ResourceAccount) -> ProgressRow:
    """Copy for the store of what changes with each cycle.

    Until an absence of ours is closed, the file says when it began: the next process notes it too.
    """
    seen = account.last_seen if account.unwatched is None else account.unwatched.start
    return ProgressRow(account.watermark, seen, account.last, account.tally.row())


def stand_in(account: ResourceAccount, policy: Missing) -> Usage | None:
    """Usage that the user wants assumed for a bucket without one."""
    if policy is Missing.IDLE:
        return Usage(Ratio(0.0), units=_units(account))
    return account.last if policy is Missing.LAST else None
