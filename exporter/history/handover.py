"""Where history hands over to the live counters: known from the state file of the daemon.

The samples next to it come ever closer, until they are as close as scrapes. ``rate`` of Prometheus
looks for the begin of its window no further back than 1.1 times the mean distance of the samples in
it, and leaves out what lies before (``extrapolatedRate`` in its promql/functions.go). Where samples
of five minutes go over into scrapes of seconds, a third of a window of 15 minutes would be missing:
a dip that never was. So distances change slowly enough that the mean over any such window stays
near that at its begin.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from exporter.core.errors import StoreError
from exporter.engine.store import Changes, Origin, Store
from exporter.history.plan import Plan

SCRAPE_SECONDS: Final = 15
"""Distance of the last samples: a usual scrape interval."""
WINDOW_SECONDS: Final = 900.0
"""Window of ``rate`` over which the change of distances is kept small."""
_CHANGE: Final = 0.17
"""Share by which distances may differ over a window: its mean is then 8.5 % off, less than 10."""


def counted_since(state: Path) -> Mapping[str, int]:
    """Return since when each collector counts, epoch seconds; empty where there is no file.

    Raises:
        StoreError: it cannot be read; a daemon that runs keeps it locked.
    """
    if not state.exists():
        return {}
    store = Store.open(state, update=False)
    try:
        origins = store.load().origins
    finally:
        store.close()
    return {collector: origin.start for collector, origin in origins.items()}


def prepare_state(state: Path, plan: Plan) -> None:
    """Make a state file with which a daemon counts on from where the history ends.

    Raises:
        StoreError: it cannot be made, or is there already.
    """
    if state.exists():
        message = f"state file {state}: it is there already — name a new one, or leave it as it is"
        raise StoreError(message)
    store = Store.open(state)
    try:
        origins = {one.name: Origin(one.until, one.resolution) for one in plan.accounts}
        store.commit(Changes(origins=origins))
    finally:
        store.close()


def sample_spacing(first: int, last: int, step: int) -> tuple[int, ...]:
    """Return times from ``first`` on or later up to before ``last``, rising, ever closer.

    Before them, and up to the first of them, samples are ``step`` seconds apart.
    """
    times: list[int] = []
    distance, at = float(SCRAPE_SECONDS), float(last)
    while distance < step and at - distance > first:
        at -= distance
        times.append(round(at))
        distance *= 1.0 + _CHANGE * distance / WINDOW_SECONDS
    return tuple(reversed(times))


def within(times: Sequence[int], start: int, end: int) -> Sequence[int]:
    """Return the times in ``[start, end)``; with the start where they only begin in there."""
    found = times[bisect_left(times, start) : bisect_left(times, end)]
    return (start, *found) if found and found[0] == times[0] != start else found
