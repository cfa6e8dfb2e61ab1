"""What an inventory of today says of a machine's past, and what its data adds to that.

Clouds tell when the latest run of a machine began and ended, and forget those before. But a machine
that has data was running: so earlier runs are made from the buckets that have some, whole ones,
because nothing tells when in its first bucket a machine started.
"""

from dataclasses import dataclass, field, replace
from math import inf

from exporter.core.clock import epoch, floor_to, from_epoch
from exporter.core.model import Machine, RunState


@dataclass(slots=True)
class InferredRuns:
    """One machine through time. ``runs`` were found in the data, ``told`` is the inventory's."""

    machine: Machine
    told: tuple[float, float] | None
    begin: float
    """From here on the told run holds, before it the data; infinite where nothing was told."""
    created: float = -inf
    """Before this nothing can have run."""
    listed_after_end: int = 0
    """For how many seconds a machine that is gone is still listed."""
    runs: list[list[float]] = field(default_factory=list)
    _shown: tuple[object, Machine] | None = None

    @classmethod
    def of(cls, machine: Machine, since: float, listed_after_end: int) -> "InferredRuns":
        """Read an inventory's record of a machine, whose word about starts is whole ``since``."""
        told = _told(machine)
        if told is None:
            return cls(machine, None, inf, listed_after_end=listed_after_end)
        whole = told[0] >= since
        begin = told[0] if whole else min(since, told[1])
        created = -inf if since == -inf else told[0]
        return cls(machine, told, begin, created, listed_after_end)

    def may_have_run(self, start: int) -> bool:
        """Whether it can have data after a time."""
        return self.told is None or self.told[1] > start

    def learn(self, starts: list[int], resolution: int) -> None:
        """Take in the buckets that have data, in rising order and later than all before."""
        limit = floor_to(self.begin, resolution) if self.begin < inf else inf
        for start in starts:
            if start >= limit:
                return
            if self.runs and self.runs[-1][1] == start:
                self.runs[-1][1] = start + resolution
            else:
                self.runs.append([max(float(start), self.created), start + resolution])

    def forget(self, before: float) -> None:
        """Drop the runs found that ended before a time; the last one stays."""
        self.runs = [run for run in self.runs[:-1] if run[1] >= before] + self.runs[-1:]

    def at(self, moment: float, read_until: float, resolution: int) -> Machine | None:
        """Return it as an inventory of that time would have shown it; None where it would not.

        ``read_until`` is how far its data is known: what runs up to there goes on.
        """
        if self.told is not None and moment >= self.begin:
            start, end = self._start(resolution), self.told[1]
        else:
            run = next((run for run in reversed(self.runs) if run[0] <= moment), None)
            if run is None:
                return self._never_ran()
            start, end = run[0], inf if run[1] >= read_until else run[1]
        if moment < end:
            return self._show(RunState.RUNNING, start, None)
        gone = self.machine.state is RunState.GONE and self._is_last(end)
        if gone and moment >= end + self.listed_after_end:
            return None
        return self._show(RunState.GONE if gone else RunState.STOPPED, start, end)

    def _start(self, resolution: int) -> float:
        """Start of the told run: where its begin is not whole, the data tells."""
        joined = self.runs and self.runs[-1][1] == floor_to(self.begin, resolution)
        whole = self.told is not None and self.begin == self.told[0]
        return self.runs[-1][0] if joined and not whole else self.begin

    def _is_last(self, end: float) -> bool:
        return (self.told is None and end == self.runs[-1][1]) or (
            self.told is not None and end == self.told[1]
        )

    def _never_ran(self) -> Machine | None:
        """A machine that nobody saw running is shown where it is stopped to this day."""
        if self.told is not None or self.runs or self.machine.state is not RunState.STOPPED:
            return None
        return replace(self.machine, launched_at=None, stopped_at=None)

    def _show(self, state: RunState, start: float, end: float | None) -> Machine:
        looks = (state, start, end)
        if self._shown is None or self._shown[0] != looks:
            stopped = None if end is None else from_epoch(end)
            launched = from_epoch(start)
            self._shown = (
                looks,
                replace(self.machine, state=state, launched_at=launched, stopped_at=stopped),
            )
        return self._shown[1]


def _told(machine: Machine) -> tuple[float, float] | None:
    """Return the run that the inventory tells, where it tells both its begin and its end."""
    if machine.launched_at is None:
        return None
    start = epoch(machine.launched_at)
    if machine.state is RunState.RUNNING:
        return start, inf
    return None if machine.stopped_at is None else (start, epoch(machine.stopped_at))
