"""What a series of inventories tells of when a machine ran."""

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from exporter.core.clock import from_epoch
from exporter.core.model import Machine, RunState, Shape
from exporter.engine.running_spans import Run, forget, merge, spec_of
from tests.support.sim import SimMachine, Span

RUNNING, STOPPED, GONE = RunState.RUNNING, RunState.STOPPED, RunState.GONE


def machine(
    state: RunState = RUNNING,
    launched: float | None = 100,
    stopped: float | None = None,
    kind: str = "small",
) -> Machine:
    return Machine(
        key=SimMachine(name="m", spans=[]).key("sim"),
        name="m",
        instance_type=kind,
        state=state,
        launched_at=None if launched is None else from_epoch(launched),
        stopped_at=None if stopped is None else from_epoch(stopped),
    )


def observed(*observations: tuple[float, Machine]) -> list[Run]:
    """Merge observations as the ledger does."""
    runs: list[Run] = []
    last_seen = observations[0][0]
    for at, seen in observations:
        runs = merge(runs, seen, at, last_seen)
        last_seen = at if seen.state is RUNNING else last_seen
    return runs


def spans(runs: list[Run]) -> list[tuple[float, float | None, float | None]]:
    return [(run.start, run.end, run.certain_end) for run in runs]


def test_a_running_machine_runs_from_its_launch_on() -> None:
    runs = observed((500, machine()), (800, machine()))
    assert spans(runs) == [(100, None, None)]
    assert runs[0].overlap(0, 300) == 200
    assert runs[0].overlap(300, 600) == runs[0].certain_overlap(300, 600) == 300


def test_without_a_launch_time_it_runs_from_when_it_was_first_seen() -> None:
    unknown = machine(launched=None)
    assert spans(observed((500, unknown), (800, unknown))) == [(500, None, None)]


def test_without_a_launch_time_a_second_run_begins_when_it_is_seen_again() -> None:
    unknown = machine(launched=None)
    stopped = machine(STOPPED, launched=None)
    runs = observed((500, unknown), (800, stopped), (1100, unknown))
    assert spans(runs) == [(500, 800, 500), (1100, None, None)]


def test_a_stop_time_that_the_cloud_tells_is_exact() -> None:
    runs = observed((500, machine()), (800, machine(STOPPED, stopped=612)))
    assert spans(runs) == [(100, 612, 612)]


def test_an_untold_stop_lies_between_last_seen_running_and_first_seen_stopped() -> None:
    runs = observed((500, machine()), (800, machine(STOPPED)), (1100, machine(STOPPED)))
    assert spans(runs) == [(100, 800, 500)]
    assert runs[0].overlap(600, 900) == 200
    assert runs[0].certain_overlap(300, 600) == 200
    assert runs[0].certain_overlap(600, 900) == 0


def test_a_stop_time_learnt_later_replaces_the_guess() -> None:
    runs = observed((500, machine()), (800, machine(GONE)), (1100, machine(GONE, stopped=555)))
    assert spans(runs) == [(100, 555, 555)]


def test_a_restart_between_two_polls_makes_two_runs() -> None:
    runs = observed((500, machine()), (800, machine(launched=700, kind="large")))
    assert spans(runs) == [(100, 700, 500), (700, None, None)]
    assert [run.spec.instance_type for run in runs] == ["small", "large"]


def test_a_stop_and_a_whole_run_between_two_polls_are_both_known() -> None:
    runs = observed((500, machine()), (1700, machine(STOPPED, launched=700, stopped=900)))
    assert spans(runs) == [(100, 700, 500), (700, 900, 900)]


def test_a_whole_run_of_an_unknown_machine_is_known_when_the_cloud_tells_both_ends() -> None:
    assert spans(observed((500, machine(STOPPED, stopped=300)))) == [(100, 300, 300)]


def test_a_machine_first_seen_stopped_without_a_stop_time_never_ran_for_us() -> None:
    assert observed((500, machine(STOPPED)), (800, machine(GONE))) == []


def test_a_machine_that_flickers_out_of_the_inventory_never_stopped() -> None:
    runs = observed((500, machine()), (800, machine(GONE)), (1100, machine()))
    assert spans(runs) == [(100, None, None)]


def test_a_terminated_machine_keeps_the_end_that_was_told() -> None:
    told = machine(GONE, stopped=640)
    runs = observed((500, machine()), (800, told), (1100, told), (1400, machine(GONE)))
    assert spans(runs) == [(100, 640, 640)]


def test_a_launch_time_that_moves_back_is_the_same_run() -> None:
    runs = observed((500, machine(launched=130)), (800, machine(launched=100)))
    assert spans(runs) == [(100, None, None)]


def test_a_launch_time_that_moves_into_an_earlier_run_counts_no_second_twice() -> None:
    before = (500, machine(STOPPED, stopped=400))
    again = (1000, machine(launched=900))
    moved = (1300, machine(launched=250))
    runs = observed(before, again, moved, moved)
    assert spans(runs) == [(100, 400, 400), (400, None, None)]


def test_a_launch_told_before_the_stop_of_the_run_before_counts_no_second_twice() -> None:
    runs = observed((500, machine(STOPPED, stopped=400)), (800, machine(launched=399)))
    assert spans(runs) == [(100, 400, 400), (400, None, None)]


def test_a_stop_told_before_the_launch_is_not_believed() -> None:
    runs = observed((500, machine()), (800, machine(STOPPED, stopped=50)))
    assert spans(runs) == [(100, 800, 500)]


def test_an_end_that_a_wrong_clock_put_into_the_future_comes_back() -> None:
    runs = observed((500, machine()), (200_000, machine(STOPPED)), (1100, machine(STOPPED)))
    assert spans(runs) == [(100, 1100, 500)]


def test_a_spec_learnt_during_a_run_is_that_runs() -> None:
    shape = Shape(vcpus=2, memory_gib=4)
    learnt = Machine(
        key=machine().key,
        name="m",
        instance_type="odd",
        state=RUNNING,
        launched_at=from_epoch(100),
        shape=shape,
    )
    runs = observed((500, machine()), (800, learnt))
    assert [run.spec for run in runs] == [spec_of(learnt)]


def test_forgotten_are_runs_before_the_watermark_but_never_the_latest() -> None:
    spec = spec_of(machine())
    runs = [Run(start=s, end=s + 50, certain_end=s + 50, spec=spec) for s in (0, 100, 200)]
    assert forget(runs, 140) == runs[1:]
    assert forget(runs, 150) == runs[2:]
    assert forget(runs, 9999) == runs[2:]
    assert forget([], 9999) == []


@given(
    gaps=st.lists(st.integers(1, 2000), min_size=2, max_size=12),
    polls=st.lists(st.integers(0, 12_000), min_size=1, max_size=30),
    tells_stop=st.booleans(),
    tells_launch=st.booleans(),
)
def test_runs_never_overlap_and_never_exceed_what_inventories_allow(
    gaps: list[int], polls: list[int], tells_stop: bool, tells_launch: bool
) -> None:
    edges = [float(sum(gaps[: i + 1])) for i in range(len(gaps))]
    true = [Span(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    sim = SimMachine(name="m", spans=true, tells_stop=tells_stop, tells_launch=tells_launch)
    looks = [(t, m) for t in sorted(set(polls)) if (m := sim.listing("sim", t)) is not None]
    if not looks:
        return
    runs = observed(*((float(t), m) for t, m in looks))
    ends = [math.inf if run.end is None else run.end for run in runs]
    assert all(run.start <= end for run, end in zip(runs, ends, strict=True))
    assert all(end <= run.start for end, run in zip(ends, runs[1:], strict=False))
    for run in runs:
        certain = run.certain_overlap(0, looks[-1][0])
        assert certain <= run.overlap(0, looks[-1][0]) + 1e-9
        if tells_launch:
            assert run.start in {span.start for span in true}
        lived = sum(span.overlap(run.start, run.start + certain) for span in true)
        if tells_stop and tells_launch:
            assert lived >= certain - 1e-6, "what surely ran did run"


def test_what_was_known_of_a_run_is_kept_when_the_cloud_tells_it_no_more() -> None:
    known = replace(machine(), cpu_platform="AMD Rome", shape=Shape(vcpus=2, memory_gib=8))
    runs = observed((500, known), (800, machine()))
    assert runs[0].spec == spec_of(known)


def test_what_is_learnt_of_a_run_later_counts_for_all_of_it() -> None:
    learnt = replace(machine(), cpu_platform="AMD Rome")
    runs = observed((500, machine()), (800, learnt))
    assert [run.spec.cpu_platform for run in runs] == ["AMD Rome"]
