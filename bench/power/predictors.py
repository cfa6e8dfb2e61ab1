"""Ways to tell the watts of a server that was never measured, from servers that were.

Each takes the measured servers of the family (``Training``) and the facts of the unseen one, and
answers wall watts at each level of load.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from statistics import fmean, median
from typing import Final, NamedTuple

from bench.power import fit
from bench.power.servers import LEVELS, Server
from exporter.core.model import Bounds, Confidence
from exporter.data.cpus import CpuFamily, CpuModel
from exporter.power import measured
from exporter.power.hardware import Cpu, Hardware, SizeSource
from exporter.power.measured import Curve, profile_of

OWN: Final = "this model"

TEADS_LEVELS: Final = (0, 10, 50, 100)
TEADS_RATIOS: Final = (0.12, 0.32, 0.75, 1.02)
"""Power over TDP at those levels (Teads, 2021), for a CPU that was not measured."""

_LOG_OFFSETS: Final = tuple(110.0 * step / 100 for step in range(1, 101))
"""Boavizta's a·ln(b·(u + c)) + d is fitted with c up to 110."""


class Training(NamedTuple):
    """Measured servers of the same family, and of all families."""

    family: tuple[Server, ...]
    all: tuple[Server, ...]


Predictor = Callable[[Training, Server], Sequence[float]]


def per_thread(training: Training, level: int) -> float:
    """Mean watts per thread of the family."""
    return fmean(server.watts[level // 10] / server.threads for server in training.family)


def linear(training: Training, server: Server) -> Sequence[float]:
    """Cloud Carbon Footprint: means of idle and maximum per thread, a straight line between."""
    idle, full = (server.threads * per_thread(training, level) for level in (0, 100))
    return [idle + (full - idle) * level / 100 for level in LEVELS]


def piecewise(training: Training, server: Server) -> Sequence[float]:
    """Teads' form: means per thread at 0, 10, 50 and 100 %, straight lines between."""
    points = [server.threads * per_thread(training, level) for level in TEADS_LEVELS]
    return _through(points)


def teads_ratios(_training: Training, server: Server) -> Sequence[float]:
    """Teads' ratios of TDP as published for CPUs that were not measured; nothing is fitted."""
    return _through([ratio * server.all_tdp for ratio in TEADS_RATIOS])


def _through(points: Sequence[float]) -> Sequence[float]:
    knots = list(zip(TEADS_LEVELS, points, strict=True))
    return [_between(knots, level) for level in LEVELS]


def _between(knots: Sequence[tuple[int, float]], level: int) -> float:
    for (left, low), (right, high) in pairwise(knots):
        if level <= right:
            return low + (high - low) * (level - left) / (right - left)
    raise ValueError(level)


def logarithm(training: Training, server: Server) -> Sequence[float]:
    """Boavizta's form: a·ln(u + c) + d, least squares over the family's means per thread."""
    means = [per_thread(training, level) for level in LEVELS]
    fits = (_log_fit(means, offset) for offset in _LOG_OFFSETS)
    _, a, c, d = min(fits)
    return [server.threads * (a * math.log(level + c) + d) for level in LEVELS]


def _log_fit(means: Sequence[float], offset: float) -> tuple[float, float, float, float]:
    xs = [math.log(level + offset) for level in LEVELS]
    mean_x, mean_y = fmean(xs), fmean(means)
    across = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, means, strict=True))
    slope = across / sum((x - mean_x) ** 2 for x in xs)
    base = mean_y - slope * mean_x
    error = sum((slope * x + base - y) ** 2 for x, y in zip(xs, means, strict=True))
    return error, slope, offset, base


def single(training: Training, server: Server) -> Sequence[float]:
    """One curve for all families: the median of power over TDP."""
    return [
        server.all_tdp * median(other.watts[i] / other.all_tdp for other in training.all)
        for i in range(len(LEVELS))
    ]


@dataclass(frozen=True, slots=True)
class Own:
    """The model itself, with curves of the training servers in place of the shipped ones.

    It is told the load, as SPECpower tells no utilisation: only the curve of the family, the law of
    TDP, memory and the factors of the bounds are tried, not the shape over utilisation.
    """

    sku: bool = True
    """Whether the CPU model is told, not only its family."""
    sockets: bool = False
    """Whether the number of CPUs is told; the clouds do not tell, so the model takes the usual."""
    stress: float | None = None
    """Share of the shape of full-throttle work, at the utilisation that the model takes for a load;
    None: the curve at the load."""

    def __call__(self, training: Training, server: Server) -> Sequence[float]:
        """Return the central watts."""
        return [bounds.central for bounds in self.bounds(training, server)]

    def bounds(self, training: Training, server: Server) -> Sequence[Bounds]:
        """Return low, central and high watts."""
        family = _fitted(server.family, training.family)
        (share,) = profile_of(_hardware(family, server, sku=self.sku)).shares
        usual = fit.SOCKETS.get(server.family, fit.USUAL_SOCKETS)
        factor = fit.chassis(server.sockets, usual) if self.sockets else 1.0
        low, high = share.spread.lower(share.curve), share.spread.upper(share.curve)
        ends = zip(low, self._central(share.curve, server), high, strict=True)
        return [
            Bounds(*(factor * (cpu + m) for cpu, m in zip(at, share.memory, strict=True)))
            for at in ends
        ]

    def _central(self, curve: Curve, server: Server) -> Sequence[float]:
        if self.stress is None:
            return curve
        two = server.threads > server.cores
        loading = measured.SHARED_CORE if two else measured.FULL_CORE
        shape = measured.stressed(curve)
        stressed = [
            measured.value_at(shape, measured.LAST * _utilization(level, *loading))
            for level in range(len(LEVELS))
        ]
        return [c + self.stress * (s - c) for c, s in zip(curve, stressed, strict=True)]


def _utilization(load: float, slope: float, bend: float) -> float:
    """Inverse of ``Loading.load``: utilisation of 0..1 at a load in tenths."""
    if not bend:
        return load / slope
    return (slope - math.sqrt(max(0.0, slope**2 - 4.0 * bend * load))) / (2.0 * bend)


@lru_cache(maxsize=64)
def _fitted(name: str, servers: tuple[Server, ...]) -> CpuFamily:
    return fit.family(name, servers)


def _hardware(family: CpuFamily, server: Server, *, sku: bool) -> Hardware:
    """A machine that is the whole server."""
    model = CpuModel(
        name=server.cpu,
        family=family.name,
        cores=round(server.cores / server.sockets),
        threads=round(server.threads / server.sockets),
        tdp=server.tdp,
        tdp_low=server.tdp,
        tdp_high=server.tdp,
        default_of=frozenset(),
        assumed=False,
        source="SPECpower result",
    )
    return Hardware(
        provider="",
        instance_type="",
        vcpus=server.threads,
        memory_gib=server.memory_gib,
        size_source=SizeSource.TABLE,
        cpus=(Cpu(family=family, model=model if sku else None),),
        threads_per_core=round(server.threads / server.cores),
        confidence=Confidence.SKU if sku else Confidence.FAMILY,
        gpu_model="",
        gpu_count=0.0,
        baseline=1.0,
        full_vcpus=server.threads,
        host_vcpus=server.threads,
        server_kgco2eq=0.0,
        server_published=False,
    )


def scaled_median(  # noqa: PLR0913 - each is one term that was tried
    *,
    idle: float = 0.0,
    full: float = 0.0,
    threads: float = 0.0,
    sockets: float = 0.0,
    memory: float = 0.0,
    yearly: float = 0.0,
    middle: Callable[[Sequence[float]], float] = median,
) -> Predictor:
    """Return a predictor: median of power over TDP^a x threads^b x sockets^c, a from idle to full.

    ``memory`` is W/GiB beyond the family's GiB per thread, ``yearly`` a relative change per year.
    """

    def size(server: Server, level: int) -> float:
        exponent = idle + (full - idle) * level / (len(LEVELS) - 1)
        grown = math.pow(server.threads, threads) * math.pow(server.sockets, sockets)
        return math.pow(server.tdp, exponent) * grown * math.exp(yearly * (server.year - 2020))

    def predict(training: Training, server: Server) -> Sequence[float]:
        usual = median(s.memory_gib / s.threads for s in training.family)
        extra = memory * max(0.0, server.memory_gib - usual * server.threads)
        return [
            extra + size(server, i) * middle([s.watts[i] / size(s, i) for s in training.family])
            for i in range(measured.LAST + 1)
        ]

    return predict


TDP_SCALED: Final = scaled_median(idle=1.0, full=1.0, sockets=1.0)
PER_THREAD: Final = scaled_median(threads=1.0)


def geometric(training: Training, server: Server) -> Sequence[float]:
    """Geometric mean of the medians per watt of TDP and per thread."""
    pairs = zip(TDP_SCALED(training, server), PER_THREAD(training, server), strict=True)
    return [math.sqrt(one * other) for one, other in pairs]


def shrunk(training: Training, server: Server) -> Sequence[float]:
    """The own form, each family drawn towards the median family by half a CPU model."""
    own = _form(training, server)
    names = {other.family for other in training.all}
    pooled = [_form(_of(training, name), server) for name in sorted(names)]
    models = len({other.cpu for other in training.family})
    share = models / (models + 0.5)
    return [
        math.exp(share * math.log(watts) + (1 - share) * math.log(median(points)))
        for watts, *points in zip(own, *pooled, strict=True)
    ]


_form: Final = scaled_median(idle=0.2, full=0.7, sockets=0.8)


def _of(training: Training, name: str) -> Training:
    return Training(tuple(s for s in training.all if s.family == name), training.all)
