import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.advice.capacity import Due, Queue, Reason, demanded, signal, target
from exporter.advice.curves import Curve

GRAMS = st.integers(1, 900).map(float)


def a_curve(values: list[float]) -> Curve:
    return Curve(place="FR", start=0, step=1, central=tuple(values))


def test_the_cleanest_steps_that_the_work_needs_run_at_full() -> None:
    clean = target(a_curve([10, 50, 20]), now=0, backlog=[Due(3, 1.0)], deadline=3)
    assert (clean.ratio, clean.reason, clean.until, clean.threshold) == (1.0, Reason.CLEAN, 1, 10)
    dirty = target(a_curve([50, 40, 20]), now=0, backlog=[Due(3, 1.0)], deadline=3)
    assert (dirty.ratio, dirty.reason, dirty.until) == (0.0, Reason.DIRTY, 2)
    floored = target(a_curve([50, 40]), now=0, backlog=[Due(2, 1.0)], deadline=2, floor=0.25)
    assert floored.ratio == 0.25


def test_a_deadline_goes_before_carbon() -> None:
    told = target(a_curve([90, 10, 10]), now=0, backlog=[Due(1, 0.4)], deadline=3)
    assert told.reason is Reason.DUE
    assert told.ratio == pytest.approx(0.4)
    crowded = target(a_curve([90, 10, 10, 10]), now=0, backlog=[Due(2, 1.75)], deadline=4)
    assert crowded.ratio == pytest.approx(0.75)


def test_without_knowledge_everything_runs() -> None:
    assert target(None, now=7, backlog=[], deadline=3).reason is Reason.UNKNOWN
    unknown = target(a_curve([1.0]), now=9, backlog=[], deadline=3)
    assert (unknown.ratio, unknown.reason) == (1.0, Reason.UNKNOWN)
    none = target(a_curve([90, 10]), now=0, backlog=None, deadline=2)
    assert (none.ratio, none.reason) == (1.0, Reason.NO_BACKLOG)


@given(st.lists(st.tuples(st.integers(1, 9), st.floats(0, 1)), max_size=9))
def test_what_is_demanded_keeps_every_deadline_that_can_be_kept(
    drawn: list[tuple[int, float]],
) -> None:
    backlog = [Due(*one) for one in drawn]
    least = demanded(backlog)
    for within in range(1, 10):
        due = sum(work for at, work in backlog if at <= within)
        assert least + (within - 1) >= due - 1e-9


@given(
    st.lists(GRAMS, min_size=40, max_size=60),
    st.lists(st.floats(0, 0.95), min_size=20, max_size=30),
    st.integers(1, 9),
    st.floats(0, 1),
)
def test_work_is_conserved_and_none_is_overdue_where_capacity_suffices(
    grams: list[float], arrivals: list[float], deadline: int, floor: float
) -> None:
    queue, ran = Queue(deadline), 0.0
    for step in range(len(grams)):
        queue.put(step, arrivals[step] if step < len(arrivals) else 0.0)
        told = target(
            a_curve(grams),
            now=step,
            backlog=queue.waiting(step),
            arrivals=arrivals[step + 1 :],
            deadline=deadline,
            floor=floor,
        )
        for waited, work in queue.take(step, told.ratio):
            assert waited <= deadline
            ran += work
    assert ran + queue.total == pytest.approx(sum(arrivals), abs=1e-6)
    assert queue.total == pytest.approx(0.0, abs=1e-6) or len(grams) - len(arrivals) < deadline + 1


@given(st.lists(GRAMS, min_size=2, max_size=20), st.floats(0, 20))
def test_the_target_is_a_share(grams: list[float], work: float) -> None:
    told = target(a_curve(grams), now=0, backlog=[Due(1, work)], deadline=5)
    assert 0.0 <= told.ratio <= 1.0
    assert told.ratio >= min(1.0, work) - 1e-9


def test_amounts_below_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="work is 0 or more"):
        target(a_curve([1.0]), now=0, backlog=[Due(1, -1.0)], deadline=1)
    with pytest.raises(ValueError, match="floor is a share"):
        target(a_curve([1.0]), now=0, backlog=[], deadline=1, floor=1.5)


def hourly(values: list[float]) -> Curve:
    return Curve(place="FR", start=0, step=3600, central=tuple(values))


@pytest.mark.parametrize(
    ("grams", "ratio", "reason"),
    [
        ([10, 20, 30, 40], 1.0, Reason.CLEAN),
        ([20, 10, 30, 40], 1.0, Reason.CLEAN),
        ([30, 20, 10, 40], 0.0, Reason.DIRTY),
    ],
)
def test_a_load_alone_asks_for_its_share_of_the_hours(
    grams: list[float], ratio: float, reason: Reason
) -> None:
    told = signal(hourly(grams), now=0, deadline=4 * 3600, load=0.6)
    assert (told.ratio, told.reason) == (ratio, reason)


def test_a_backlog_that_has_waited_long_is_due_bit_by_bit() -> None:
    curve = hourly([90, 10, 20, 30])
    young = signal(curve, now=0, deadline=4 * 3600, backlog=2.0)
    assert (young.ratio, young.reason) == (0.0, Reason.DIRTY)
    old = signal(curve, now=0, deadline=4 * 3600, backlog=2.0, oldest=4 * 3600)
    assert (old.ratio, old.reason) == (0.5, Reason.DUE)


def test_with_neither_load_nor_backlog_the_target_is_full() -> None:
    assert signal(hourly([90, 1]), now=0, deadline=7200).reason is Reason.NO_BACKLOG
    assert signal(None, now=0, deadline=7200, load=0.5).reason is Reason.UNKNOWN
