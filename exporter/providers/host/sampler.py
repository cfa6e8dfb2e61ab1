"""Cumulative CPU times, read every few seconds and turned into exact means of any bucket."""

import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from exporter.core.clock import epoch
from exporter.core.errors import CollectorError
from exporter.core.model import Window
from exporter.core.ports import Clock
from exporter.core.units import Ratio

INTERVAL_SECONDS: Final = 5.0
"""Between two samples. Means are exact at any interval; only their edges are interpolated."""

KEEP_SECONDS: Final = 86_400.0
"""How far back buckets can be read."""

_LONGEST_STEP_SECONDS: Final = 60.0
"""Two samples further apart do not tell what lay between: the machine may have been suspended."""

_CLOCK_TOLERANCE_SECONDS: Final = 1.0
"""Where wall clock and steady clock differ more between two samples, the wall clock was set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuTimes:
    """CPU seconds since boot, of all CPUs together: busy ones, and all that passed."""

    busy: float
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """Counters at a time; ``joined`` where nothing is in doubt since the sample before."""

    time: float
    steady: float
    times: CpuTimes
    joined: bool


class Sampler:
    """A day of samples in memory. ``read`` raises CollectorError where the counters are unreadable.

    ``start`` adds samples from a thread of its own; ``sample`` adds one from outside.
    """

    def __init__(
        self,
        clock: Clock,
        read: Callable[[], CpuTimes],
        *,
        interval: float = INTERVAL_SECONDS,
        keep: float = KEEP_SECONDS,
    ) -> None:
        self._clock = clock
        self._read = read
        self._interval = interval
        self._keep = keep
        self._lock = threading.Lock()
        self._samples: deque[_Sample] = deque()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: CollectorError | None = None

    @property
    def failure(self) -> CollectorError | None:
        """Why the latest sample could not be taken; None where it could."""
        return self._failure

    def start(self) -> None:
        """Take the first sample and keep sampling until ``stop``. Does nothing if it already runs.

        Raises:
            CollectorError: the counters cannot be read.
        """
        if self._thread is not None:
            return
        self.sample()
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="host-sampler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; the samples stay readable."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def sample(self) -> None:
        """Read the counters now.

        Raises:
            CollectorError: the counters cannot be read.
        """
        try:
            times = self._read()
        except CollectorError as error:
            self._failure = error
            raise
        time, steady = epoch(self._clock.now()), self._clock.monotonic()
        with self._lock:
            joined = bool(self._samples) and _joined(self._samples[-1], time, steady, times)
            while self._samples and self._samples[-1].time >= time:
                self._samples.pop()  # the clock was set back: this stretch is observed anew
            self._samples.append(_Sample(time=time, steady=steady, times=times, joined=joined))
            while self._samples[0].time < time - self._keep:
                self._samples.popleft()
        self._failure = None

    def means(self, window: Window) -> dict[int, Ratio]:
        """Mean utilisation of each bucket that is over and was observed for half its span or more.

        Half, because the mean of the observed part stands for the whole bucket: with less, the
        unknown part outweighs the known one.
        """
        with self._lock:
            samples = list(self._samples)
        means = {}
        for start in window.buckets:
            mean = _mean(samples, start, start + window.resolution)
            if mean is not None:
                means[start] = mean
        return means

    def _run(self) -> None:
        while not self._stopping.wait(self._interval):
            with suppress(CollectorError):  # kept in ``failure``; the gap has no data
                self.sample()


def _joined(before: _Sample, time: float, steady: float, times: CpuTimes) -> bool:
    elapsed = time - before.time
    return (
        0 < elapsed <= _LONGEST_STEP_SECONDS
        and abs(elapsed - (steady - before.steady)) <= _CLOCK_TOLERANCE_SECONDS
        and times.busy >= before.times.busy
        and times.total > before.times.total  # a CPU taken offline takes its counters with it
    )


def _mean(samples: list[_Sample], start: int, end: int) -> Ratio | None:
    """Busy over total CPU seconds in ``[start, end)``, interpolated at the edges."""
    if not samples or samples[-1].time < end:
        return None
    busy = total = observed = 0.0
    first = max(0, bisect_left(samples, float(start), key=_time) - 1)
    last = bisect_left(samples, float(end), key=_time) + 1
    for before, after in pairwise(samples[first:last]):
        span = min(end, after.time) - max(start, before.time)
        if not after.joined or span <= 0:
            continue
        share = span / (after.time - before.time)
        busy += share * (after.times.busy - before.times.busy)
        total += share * (after.times.total - before.times.total)
        observed += span
    if observed * 2 < end - start:
        return None
    return Ratio(min(1.0, busy / total))


def _time(sample: _Sample) -> float:
    return sample.time
