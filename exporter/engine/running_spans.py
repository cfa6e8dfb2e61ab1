"""When a machine ran: the history of its runs, kept because clouds tell only the latest one.

AWS moves LaunchTime at each start and forgets the stop time at the next; so each observation is
merged into what earlier ones showed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from exporter.core.clock import epoch
from exporter.core.model import Disk, Machine, RunState, Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What decides a machine's power model; may change between runs (a resize needs a stop)."""

    instance_type: str
    cpu_platform: str = ""
    grid_zone: str = ""
    pue: float | None = None
    shape: Shape | None = None
    disks: tuple[Disk, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run ``[start, end)`` in epoch seconds; ``end`` is None while it goes on.

    Where the cloud did not tell the stop time, ``end`` is the latest possible one and
    ``certain_end`` the last time the machine was seen running: between the two, a bucket with data
    counts, and one without is not held to be missing.
    """

    start: float
    end: float | None
    certain_end: float | None
    spec: Spec

    def overlap(self, start: float, end: float) -> float:
        """Seconds of this run inside ``[start, end)``."""
        last = end if self.end is None else min(end, self.end)
        return max(0.0, last - max(start, self.start))

    def certain_overlap(self, start: float, end: float) -> float:
        """Seconds inside ``[start, end)`` during which it surely ran."""
        last = end if self.certain_end is None else min(end, self.certain_end)
        return max(0.0, last - max(start, self.start))


def spec_of(machine: Machine) -> Spec:
    """Take from a machine what its power depends on."""
    return Spec(
        instance_type=machine.instance_type,
        cpu_platform=machine.cpu_platform,
        grid_zone=machine.grid_zone,
        pue=machine.pue,
        shape=machine.shape,
        disks=machine.disks,
    )


def _kept(known: Spec, seen: Spec) -> Spec:
    """Keep what a cloud told earlier in a run and tells no more, as Google does while it stops."""
    if seen.instance_type != known.instance_type:
        return seen
    return replace(
        seen,
        cpu_platform=seen.cpu_platform or known.cpu_platform,
        shape=seen.shape or known.shape,
        disks=seen.disks or known.disks,
    )


def merge(runs: Sequence[Run], machine: Machine, seen_at: float, last_seen: float) -> list[Run]:
    """Add one observation to the known runs.

    Args:
        runs: known runs, oldest first.
        machine: the machine as the inventory shows it at ``seen_at``.
        seen_at: time of this observation.
        last_seen: time of the last observation at which it was running (or a run's start).
    """
    known = list(runs)
    if machine.state is RunState.RUNNING:
        return _running(known, machine, seen_at, last_seen)
    return _stopped(known, machine, seen_at, last_seen)


def _running(runs: list[Run], machine: Machine, seen_at: float, last_seen: float) -> list[Run]:
    launched = None if machine.launched_at is None else epoch(machine.launched_at)
    if runs and _same_run(runs[-1], launched):
        same = runs.pop()
        begun = _begun(runs, same.start if launched is None else launched, machine)
        runs.append(replace(begun, spec=_kept(same.spec, begun.spec)))
        return runs
    start = seen_at if launched is None else launched
    if runs:
        runs[-1] = _closed(runs[-1], told=None, latest=start, last_seen=last_seen)
    runs.append(_begun(runs, start, machine))
    return runs


def _stopped(runs: list[Run], machine: Machine, seen_at: float, last_seen: float) -> list[Run]:
    launched = None if machine.launched_at is None else epoch(machine.launched_at)
    told = None if machine.stopped_at is None else epoch(machine.stopped_at)
    # A launch later than the known run's: it was started and stopped again between two looks. That
    # run is entered first, and then closed like any other. Closing the known one alone would lose
    # the short run, and give the stop time, which is the short run's, to the long one before it.
    if launched is not None and (not runs or launched > runs[-1].start):
        if told is None and not runs:
            return runs  # it ran once, but when it stopped nobody knows
        if runs:
            # The run before ended at some time until this launch; seen for sure only at last_seen.
            runs[-1] = _closed(runs[-1], told=None, latest=launched, last_seen=last_seen)
        runs.append(_begun(runs, launched, machine))
        last_seen = launched  # nobody saw it run; that it was launched is all that is certain
    if runs:
        # Each later look closes it again: `_closed` keeps the earliest end, so that the time of the
        # first look at the stopped machine stays, and a stop time that is told late still corrects.
        runs[-1] = _closed(runs[-1], told=told, latest=seen_at, last_seen=last_seen)
    return runs


def _same_run(run: Run, launched: float | None) -> bool:
    """Whether a running machine is still in this run: then a supposed end was wrong.

    A launch time that moved back is a better one of the same run: a restart moves it forward.
    """
    if launched is None:
        return run.end is None
    return launched <= run.start


def _begun(earlier: Sequence[Run], start: float, machine: Machine) -> Run:
    """Make a run that does not overlap with those before it: no second counts twice."""
    start = max([start, *(run.end for run in earlier if run.end is not None)])
    return Run(start=start, end=None, certain_end=None, spec=spec_of(machine))


def _closed(run: Run, *, told: float | None, latest: float, last_seen: float) -> Run:
    if told is not None and told >= run.start:
        return replace(run, end=told, certain_end=told)
    # Not told: it ended between the last time it was seen running and `latest`. A bucket with data
    # in between counts, as data proves that it ran; one without is not held to be missing. Both
    # ends stay within the run, whatever a clock that was stepped says of the two times.
    certain = min(last_seen, latest) if run.certain_end is None else run.certain_end
    certain = max(run.start, certain)
    end = latest if run.end is None else min(run.end, latest)
    return replace(run, end=max(certain, end), certain_end=certain)


def forget(runs: Sequence[Run], before: float) -> list[Run]:
    """Drop runs that ended before the watermark; the latest always stays."""
    return [run for run in runs[:-1] if run.end is None or run.end > before] + list(runs[-1:])
