"""The factors of the bounds: quantiles of true over predicted watts on unseen servers.

Split conformal intervals: of n ratios, the 5 % quantile is the floor((n + 1) x 0.05)-th smallest,
the 95 % one the ceil((n + 1) x 0.95)-th, so that a further ratio of the same kind lies between
with a probability of at least 90 %.
"""

import math
from collections.abc import Iterable, Iterator, Sequence

from bench.power.crossval import Case
from bench.power.predictors import Own, Training
from bench.power.servers import Server
from exporter.power.measured import Spread

TAIL = 0.05


def spread(model: Own, tests: Sequence[Case]) -> Spread:
    """Return the factors for servers that the model has not seen."""
    return _spread((t.server, model(t.training, t.server)) for t in tests)


def proxy_spread(servers: Sequence[Server]) -> Spread:
    """Return the factors where a family is predicted by the curve of every other one."""
    return _spread(_by_others(servers))


def _by_others(servers: Sequence[Server]) -> Iterator[tuple[Server, Sequence[float]]]:
    by_family: dict[str, list[Server]] = {}
    for server in servers:
        by_family.setdefault(server.family, []).append(server)
    groups = {name: tuple(several) for name, several in by_family.items()}
    model = Own()
    for server in servers:
        for name, several in groups.items():
            if name != server.family:
                yield server, model(Training(several, tuple(servers)), server)


def _spread(predicted: Iterable[tuple[Server, Sequence[float]]]) -> Spread:
    idle: list[float] = []
    loaded: list[float] = []
    for server, watts in predicted:
        ratios = [true / told for true, told in zip(server.watts, watts, strict=True)]
        idle.append(ratios[0])
        loaded += ratios[1:]
    return Spread(*_ends(loaded), *_ends(idle))


def _ends(ratios: Sequence[float]) -> tuple[float, float]:
    ordered, places = sorted(ratios), len(ratios) + 1
    low = max(0, math.floor(places * TAIL) - 1)
    high = min(len(ordered) - 1, math.ceil(places * (1.0 - TAIL)) - 1)
    return round(ordered[low], 2), round(ordered[high], 2)
