"""What a zone receives and what its consumption emits, one hop away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.grids.price import solved
from exporter.core.model import Bounds
from exporter.grids._shared.tracing import Supply, consumed, imports

CLEAN, DIRTY = Bounds(5.0, 10.0, 20.0), Bounds(900.0, 1000.0, 1100.0)
BORDERS = [(here, there) for here in "ABC" for there in "ABC" if here != there]


def test_a_border_is_the_mean_of_what_both_sides_tell_or_what_one_does() -> None:
    assert imports({("A", "B"): 120.0, ("B", "A"): -80.0}) == {"B": {"A": 100.0}}
    assert imports({("A", "B"): -30.0}) == {"A": {"B": 30.0}}
    assert imports({("A", "B"): 0.0}) == {}


@given(flows=st.dictionaries(st.sampled_from(BORDERS), st.floats(-9, 9)))
def test_nobody_both_sends_and_receives_over_one_border(
    flows: dict[tuple[str, str], float],
) -> None:
    received = imports(flows)
    assert all(amount > 0 for by in received.values() for amount in by.values())
    assert not any(here in received.get(there, {}) for here, by in received.items() for there in by)
    mirrored = imports({(b, a): -amount for (a, b), amount in flows.items()})
    assert mirrored == received


def test_consumption_is_the_mean_of_all_supplies_with_their_bounds() -> None:
    found = consumed(Supply(300.0, CLEAN), [Supply(100.0, DIRTY)])
    assert found == Bounds((3 * 5 + 900) / 4, (3 * 10 + 1000) / 4, (3 * 20 + 1100) / 4)
    assert consumed(Supply(300.0, CLEAN), []) == CLEAN


def test_the_benchmark_solves_equations() -> None:
    assert solved([[0.0, 2.0, 4.0], [3.0, 1.0, 5.0]]) == pytest.approx([1.0, 2.0])
