"""Leave servers out, predict them, and compare."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, median
from typing import Final

from bench.power.predictors import Own, Predictor, Training
from bench.power.servers import Server
from exporter.core.model import Bounds

PREDECESSOR: Final = {"Emerald Rapids": "Sapphire Rapids"}
"""Families with too few results, which take another's."""


class Left(StrEnum):
    """What is left out of the training."""

    SERVER = "one server out"
    TWINS = "twins out"
    CPU = "CPU model out"


@dataclass(frozen=True, slots=True)
class Case:
    """One unseen server and what may be learnt from."""

    server: Server
    training: Training


@dataclass(frozen=True, slots=True)
class Outcome:
    """Predicted watts of one unseen server."""

    server: Server
    watts: tuple[float, ...]

    def errors(self, levels: Sequence[int]) -> Iterator[float]:
        """Return relative errors, signed, at levels given as indices."""
        for level in levels:
            yield self.watts[level] / self.server.watts[level] - 1.0


def cases(servers: Sequence[Server], left: Left) -> tuple[Case, ...]:
    """Return every server that something of its family remains to predict from."""
    made = (Case(server, _training(servers, server, left)) for server in servers)
    return tuple(case for case in made if case.training.family)


def _training(servers: Sequence[Server], out: Server, left: Left) -> Training:
    same: Callable[[Server], bool]
    if left is Left.SERVER:
        same = lambda server: server is out  # noqa: E731 - three rules, one line each
    elif left is Left.TWINS:
        same = lambda server: _twins(server, out)  # noqa: E731
    else:
        same = lambda server: (server.family, server.cpu) == (out.family, out.cpu)  # noqa: E731
    rest = tuple(server for server in servers if not same(server))
    name = PREDECESSOR.get(out.family, out.family)
    return Training(tuple(server for server in rest if server.family == name), rest)


def _twins(server: Server, out: Server) -> bool:
    """Whether two results are of one machine, or nearly: same CPU, number of them and memory."""
    facts = (server.family, server.cpu, server.sockets, server.memory_gib)
    return facts == (out.family, out.cpu, out.sockets, out.memory_gib)


def outcomes(predictor: Predictor, tests: Sequence[Case]) -> tuple[Outcome, ...]:
    """Predict every unseen server."""
    return tuple(Outcome(t.server, tuple(predictor(t.training, t.server))) for t in tests)


def error(found: Sequence[Outcome], levels: Sequence[int] = range(11)) -> float:
    """Mean absolute relative error over servers and levels."""
    return fmean(abs(e) for outcome in found for e in outcome.errors(levels))


def middle_error(found: Sequence[Outcome]) -> float:
    """Median absolute relative error over servers and levels."""
    return median(abs(e) for outcome in found for e in outcome.errors(range(11)))


def bias(found: Sequence[Outcome]) -> float:
    """Mean signed relative error."""
    return fmean(e for outcome in found for e in outcome.errors(range(11)))


def by_family(found: Sequence[Outcome]) -> dict[str, tuple[Outcome, ...]]:
    """Group by the family of the server."""
    names = dict.fromkeys(outcome.server.family for outcome in found)
    return {n: tuple(o for o in found if o.server.family == n) for n in names}


def held(model: Own, tests: Sequence[Case]) -> tuple[tuple[bool, ...], ...]:
    """For each unseen server and level, whether the bounds hold the measured watts."""
    return tuple(
        tuple(
            _inside(b, w)
            for b, w in zip(model.bounds(t.training, t.server), t.server.watts, strict=True)
        )
        for t in tests
    )


def _inside(bounds: Bounds, watts: float) -> bool:
    return bounds.low <= watts <= bounds.high
