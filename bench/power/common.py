"""What all modelled machines err by together: an error that no sum over machines averages out.

A sum over many machines is off by what their errors have in common. Two recordings tell of it, and
neither of a cloud's shared machines:

* the seven bare machines: the sum of their reference watts over that of the model's, at each load.
  The root of the mean square over the four loads is the common error; its interval is the bootstrap
  of the machines (drawn with replacement, 90 %);
* the SPECpower servers, no CPU of their model known: mean over the families of each family's mean
  error, by load, with 90 % by the spread between families.

``COMMON_ERROR`` of ``exporter/engine/estimate.py`` is the first, at the assumed factor of 1.2 from
packages and memory to the wall.
"""

import math
import random
from collections.abc import Iterator, Sequence
from statistics import fmean, stdev
from typing import Final, NamedTuple

from bench.power import metal
from bench.power.crossval import Case, by_family, outcomes
from bench.power.predictors import Own
from exporter.engine.estimate import COMMON_ERROR

DRAWS: Final = 2000
_SEED: Final = 20261201
_NORMAL_90: Final = 1.645


class Shared(NamedTuple):
    """A common error with its interval of 90 %."""

    low: float
    central: float
    high: float


def of_metals(points: Sequence[metal.Point], rest: float = metal.REST) -> Shared:
    """Return what the sum of bare machines is off by, over the loads."""
    by_machine: dict[str, list[metal.Point]] = {}
    for point in points:
        by_machine.setdefault(point.name, []).append(point)
    machines = list(by_machine.values())
    # A fixed seed: the page is the same on each run.
    draw = random.Random(_SEED)  # noqa: S311 - statistics, no secret
    drawn = sorted(_off([draw.choice(machines) for _ in machines], rest) for _ in range(DRAWS))
    return Shared(drawn[DRAWS // 20], _off(machines, rest), drawn[-(DRAWS // 20)])


def _off(machines: Sequence[Sequence[metal.Point]], rest: float) -> float:
    return math.sqrt(fmean(error * error for error in by_load(machines, rest).values()))


def by_load(machines: Sequence[Sequence[metal.Point]], rest: float) -> dict[float, float]:
    """Return the true sum over the modelled one, less 1, by utilisation."""
    true: dict[float, float] = {}
    modelled: dict[float, float] = {}
    for point in (point for one in machines for point in one):
        at = point.utilization
        true[at] = true.get(at, 0.0) + point.reference(rest)
        modelled[at] = modelled.get(at, 0.0) + metal.bounds(point).central
    return {at: true[at] / modelled[at] - 1.0 for at in sorted(true)}


def of_servers(unseen: Sequence[Case], level: int) -> Shared:
    """Return what the families' servers are off by together, at a level of 0 to 10."""
    families = by_family(outcomes(Own(), unseen)).values()
    means = [fmean(o.server.watts[level] / o.watts[level] - 1.0 for o in each) for each in families]
    middle, half = fmean(means), _NORMAL_90 * stdev(means) / math.sqrt(len(means))
    return Shared(middle - half, middle, middle + half)


def lines(points: Sequence[metal.Point], unseen: Sequence[Case]) -> Iterator[str]:
    """Yield what was found, and what is shipped."""
    machines = [[p for p in points if p.name == name] for name in {p.name: None for p in points}]
    for rest in metal.RESTS:
        off = ", ".join(f"{e:+.1%} at {at:.0%}" for at, e in by_load(machines, rest).items())
        found = of_metals(points, rest)
        yield f"{len(machines)} bare machines, factor {rest:g}: {off}; {_told(found)}"
    for level in (0, 1, 5, 10):
        yield f"SPECpower servers, {level * 10} % of load: {_told(of_servers(unseen, level))}"
    yield f"shipped: {COMMON_ERROR:.0%}"


def _told(found: Shared) -> str:
    return f"common {found.central:.1%} ({found.low:.1%} to {found.high:.1%})"
