"""Exact means from cumulative counters, and honest gaps."""

import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.clock import SystemClock
from exporter.core.errors import UnreachableError
from exporter.core.model import Window
from exporter.providers.host.sampler import CpuTimes, Sampler, _mean
from tests.support.clock import ManualClock
from tests.support.provider_host import CPUS, MINUTE, Counters, level
from tests.support.providers import now

STEP = 5


class Bench:
    """A sampler that is driven by hand."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.counters = Counters(self.clock)
        self.sampler = Sampler(self.clock, self.counters.read, keep=7200.0)
        self.start = now(self.clock)
        self.sampler.sample()

    def run(self, seconds: int, step: int = STEP) -> None:
        for _ in range(seconds // step):
            self.counters.advance(step)
            self.sampler.sample()

    def means(self, first: int, last: int) -> dict[int, float]:
        """Return means of the minutes numbered from the start."""
        over = Window(
            start=self.start + first * MINUTE, end=self.start + last * MINUTE, resolution=MINUTE
        )
        means = self.sampler.means(over)
        return {(at - self.start) // MINUTE: mean for at, mean in means.items()}

    def true(self, minute: int) -> float:
        return level(self.start // MINUTE + minute)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_bucket_is_the_exact_mean_of_its_time(bench: Bench) -> None:
    bench.run(5 * MINUTE)

    assert bench.means(0, 5) == pytest.approx({n: bench.true(n) for n in range(5)}, rel=1e-12)


def test_samples_need_not_fall_on_the_edges(bench: Bench) -> None:
    bench.run(10 * MINUTE, step=7)
    whole = Window(start=bench.start, end=bench.start + 540, resolution=540)

    mean = bench.sampler.means(whole)[bench.start]

    # Only the last edge lies between two samples: within it at most 7 s of work are misplaced.
    assert mean == pytest.approx(sum(bench.true(n) for n in range(9)) / 9, abs=7 / 540 * 0.97)


@given(st.lists(st.integers(1, 20), min_size=30, max_size=60))
def test_means_of_parts_make_up_the_mean_of_the_whole(steps: list[int]) -> None:
    bench = Bench()
    for step in steps:
        bench.run(step, step=step)
    minutes = sum(steps) // MINUTE
    parts = bench.means(0, minutes)

    start, span = bench.start, minutes * MINUTE
    whole = _mean(list(bench.sampler._samples), start, start + span) if minutes else None

    assert set(parts) == set(range(minutes))
    assert all(0.0 <= mean <= 1.0 for mean in parts.values())
    if whole is not None:
        assert sum(parts.values()) / minutes == pytest.approx(whole, rel=1e-9)


def test_a_bucket_that_has_not_ended_is_absent(bench: Bench) -> None:
    bench.run(MINUTE + 55)

    assert set(bench.means(0, 3)) == {0}


def test_time_before_the_first_sample_has_no_data(bench: Bench) -> None:
    bench.run(2 * MINUTE)

    assert set(bench.means(-3, 2)) == {0, 1}


@pytest.mark.parametrize(("observed", "there"), [(25, False), (30, True), (35, True)])
def test_a_bucket_counts_when_half_of_it_was_observed(observed: int, there: bool) -> None:
    bench = Bench()
    bench.clock.advance(MINUTE - observed)
    late = Sampler(bench.clock, bench.counters.read)
    bench.sampler = late
    late.sample()
    bench.run(observed)

    means = bench.means(0, 1)

    assert (0 in means) is there
    if there:
        assert means[0] == pytest.approx(bench.true(0), rel=1e-12)


def test_a_suspended_machine_has_a_gap_and_not_idle_time(bench: Bench) -> None:
    bench.run(2 * MINUTE)
    bench.clock.set(bench.clock.now() + timedelta(minutes=4))  # the steady clock stood still
    bench.sampler.sample()
    bench.run(2 * MINUTE)

    assert set(bench.means(0, 8)) == {0, 1, 6, 7}


def test_a_long_silence_is_a_gap(bench: Bench) -> None:
    bench.run(2 * MINUTE)
    bench.counters.advance(2 * MINUTE)
    bench.run(2 * MINUTE)

    assert set(bench.means(0, 6)) == {0, 1, 4, 5}


def test_a_short_delay_is_bridged_exactly(bench: Bench) -> None:
    bench.run(MINUTE)
    bench.run(MINUTE, step=30)

    assert bench.means(0, 2) == pytest.approx({0: bench.true(0), 1: bench.true(1)}, rel=1e-12)


def test_after_the_clock_was_set_back_the_stretch_is_observed_anew(bench: Bench) -> None:
    bench.run(4 * MINUTE)
    bench.clock.set(bench.clock.now() - timedelta(minutes=2))
    bench.sampler.sample()
    first = bench.means(0, 2)

    bench.run(2 * MINUTE)

    assert set(first) == {0, 1}
    assert set(bench.means(0, 4)) == {0, 1, 2, 3}
    assert bench.means(0, 2) == first


def test_a_processor_that_goes_offline_leaves_a_gap(bench: Bench) -> None:
    bench.run(MINUTE)
    lower = CpuTimes(busy=1.0, total=2.0)
    bench.clock.advance(STEP)
    bench.sampler._read = lambda: lower
    bench.sampler.sample()

    assert set(bench.means(0, 1)) == {0}
    assert not bench.sampler._samples[-1].joined


def test_memory_is_bounded(bench: Bench) -> None:
    bench.run(3 * 3600)

    assert len(bench.sampler._samples) == 7200 // STEP + 1
    assert bench.means(0, 60) == {}


def test_counters_that_cannot_be_read_are_told_until_they_can(bench: Bench) -> None:
    bench.counters.broken = True
    with pytest.raises(UnreachableError):
        bench.sampler.sample()
    assert bench.sampler.failure is not None

    bench.counters.broken = False
    bench.sampler.sample()

    assert bench.sampler.failure is None


def test_the_thread_samples_survives_failures_and_stops() -> None:
    enough = threading.Event()
    taken = 0

    def read() -> CpuTimes:
        nonlocal taken
        taken += 1
        if taken == 2:
            message = "not now"
            raise UnreachableError(message)
        if taken == 4:
            enough.set()
        return CpuTimes(busy=float(taken), total=float(2 * taken))

    sampler = Sampler(SystemClock(), read, interval=0.001)
    sampler.start()
    sampler.start()
    assert enough.wait(30)
    sampler.stop()
    sampler.stop()
    after = taken

    assert all(thread.name != "host-sampler" for thread in threading.enumerate())
    assert taken == after


def test_all_processors_count(bench: Bench) -> None:
    bench.run(MINUTE)

    assert bench.counters.read().total == CPUS * MINUTE
