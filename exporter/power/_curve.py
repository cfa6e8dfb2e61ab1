"""Power curves: eleven points over the load, straight lines between them."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Final, NamedTuple

from exporter.core.units import Ratio

Curve = tuple[float, ...]
"""Values at 0, 10 … 100 % of load."""

LAST: Final = 10

STRESS: Final[Curve] = (0.0, 0.23, 0.351, 0.472, 0.593, 0.714, 0.7712, 0.8284, 0.8856, 0.9428, 1.0)
"""Share of the dynamic range under full-throttle work: 0.23 at 10 % and 0.714 at 50 % of
utilisation (Teads, EC2 bare metal under stress-ng, 2021), straight lines between."""


IDLE_TDP_EXPONENT: Final = 0.2
FULL_TDP_EXPONENT: Final = 0.7
"""Within a family, server power follows TDP to this power when idle and at full load, because fans,
memory and disks do not grow with the CPU (SPECpower results of 310 servers; docs/accuracy.md)."""


class Loading(NamedTuple):
    """Load in tenths of capacity at a utilisation f of 0..1: ``f * (slope - bend * f)``."""

    slope: float
    bend: float

    def load(self, fraction: float) -> float:
        """Load of 0..10 tenths; rises with the utilisation."""
        return fraction * (self.slope - self.bend * fraction)


SHARED_CORE: Final = Loading(16.0, 6.0)
"""Two vCPUs share a core: two busy siblings do 1.25 times the work of one, and threads are placed
independently, so the load is 10·f·(2 - 0.75·f)/1.25."""

FULL_CORE: Final = Loading(10.0, 0.0)
"""Every vCPU is a core: load is utilisation."""


def at(curve: Curve, load: float) -> float:
    """Value of a curve at a load of 0..10 tenths."""
    below = int(load)
    if below >= LAST:
        return curve[LAST]
    value = curve[below]
    return value + (curve[below + 1] - value) * (load - below)


Segments = tuple[tuple[float, float], ...]
"""A curve made ready for many look-ups: at a load of 0..10 tenths, the value is ``base + slope *
load``, both taken from ``segments[int(load)]``."""


def segments(curve: Curve) -> Segments:
    """Return the straight lines between the points of a curve."""
    slopes = (after - value for value, after in pairwise(curve))
    lines = (
        (value - slope * level, slope)
        for level, (value, slope) in enumerate(zip(curve, slopes, strict=False))
    )
    return (*lines, (curve[LAST], 0.0))


def scaled(curve: Curve, factor: float, plus: float = 0.0) -> Curve:
    """Multiply every value, then add a constant."""
    return tuple(value * factor + plus for value in curve)


def of_tdp(curve: Curve, times: float) -> Curve:
    """Turn power over TDP of a family into that of a CPU of so many times the family's TDP."""
    rise = (FULL_TDP_EXPONENT - IDLE_TDP_EXPONENT) / LAST
    exponents = (IDLE_TDP_EXPONENT + rise * level for level in range(LAST + 1))
    return tuple(r * times ** (e - 1.0) for r, e in zip(curve, exponents, strict=True))


def mean(curves: Iterable[Curve]) -> Curve:
    """Average of several curves, point by point."""
    several = tuple(curves)
    return tuple(sum(points) / len(several) for points in zip(*several, strict=True))


def lowest(curves: Iterable[Curve]) -> Curve:
    """Return the smallest of several curves at each point."""
    return tuple(min(points) for points in zip(*curves, strict=True))


def highest(curves: Iterable[Curve]) -> Curve:
    """Return the largest of several curves at each point."""
    return tuple(max(points) for points in zip(*curves, strict=True))


def stressed(curve: Curve) -> Curve:
    """Return the curve of the same idle and maximum under full-throttle work."""
    idle, span = curve[0], curve[LAST] - curve[0]
    return tuple(idle + span * share for share in STRESS)


def clamped(utilization: Ratio) -> float:
    """Utilisation limited to 0..1."""
    return 0.0 if utilization < 0.0 else min(utilization, 1.0)
