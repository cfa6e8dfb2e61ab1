"""Choose the model's constants without looking at the servers that they are judged on."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Final, NamedTuple

from bench.power.crossval import Case, Left, by_family, error, outcomes
from bench.power.predictors import scaled_median


class Constants(NamedTuple):
    """Exponents of TDP when idle and at full load, and of the number of sockets."""

    idle: float
    full: float
    sockets: float


GRID: Final = tuple(
    Constants(idle, full, sockets)
    for idle, full, sockets in product((0.0, 0.2, 0.4, 1.0), (0.5, 0.7, 0.9, 1.0), (0.7, 0.8, 1.0))
    if idle <= full
)

Sums = Mapping[str, tuple[float, int]]
"""By family: sum of the errors, and number of servers."""


def nested(tests: Mapping[Left, Sequence[Case]]) -> tuple[dict[Left, float], set[Constants]]:
    """Return the mean error where each family's constants are the best of all other families.

    The second value is the set of constants that were chosen.
    """
    sums = {c: {left: _sums(c, cases) for left, cases in tests.items()} for c in GRID}
    families = {name for by_left in sums.values() for found in by_left.values() for name in found}
    chosen = {name: _best(sums, name) for name in families}
    errors = {left: _error(sums, chosen, left) for left in tests}
    return errors, set(chosen.values())


def _best(sums: Mapping[Constants, Mapping[Left, Sums]], without: str) -> Constants:
    return min(GRID, key=lambda constants: _total(sums[constants], without))


def _sums(constants: Constants, tests: Sequence[Case]) -> Sums:
    found = outcomes(scaled_median(**constants._asdict()), tests)
    return {name: (error(o) * len(o), len(o)) for name, o in by_family(found).items()}


def _total(by_left: Mapping[Left, Sums], without: str) -> float:
    """Sum of the mean errors of both ways to leave out, over all families but one."""
    rest = [[s for name, s in sums.items() if name != without] for sums in by_left.values()]
    return sum(sum(e for e, _ in sums) / sum(n for _, n in sums) for sums in rest)


def _error(
    sums: Mapping[Constants, Mapping[Left, Sums]], chosen: Mapping[str, Constants], left: Left
) -> float:
    own = [sums[c][left][name] for name, c in chosen.items() if name in sums[c][left]]
    return sum(e for e, _ in own) / sum(n for _, n in own)
