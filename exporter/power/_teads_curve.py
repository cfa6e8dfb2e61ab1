"""Curves of four points, and the rule of Teads for machines that its sheet does not list."""

from typing import Final

from exporter.core.units import Watts
from exporter.data.teads import Points

LEVELS: Final[Points] = (0.0, 0.1, 0.5, 1.0)
"""CPU utilisation at the points."""

_, _TENTH, _HALF, _FULL = LEVELS

TDP_RATIO: Final[Points] = (0.12, 0.32, 0.75, 1.02)
"""CPU package power over TDP: means of the Intel machines that Teads measured (2021)."""

REST_RATIO: Final = 0.20
"""Power of the rest of the machine over the TDP of its CPUs, at any load: in every line of the
sheet, e.g. 96 W for two CPUs of 240 W."""

MEMORY_WATTS_PER_GB: Final[Points] = (0.20, 0.30, 0.40, 0.60)
"""The sheet's memory power where the machine was not measured."""

GPU_SHARE: Final[Points] = (0.114, 0.3125, 0.7386, 1.0)
"""Power of a GPU over its maximum: the sheet's 11.6, 31.8, 75.2 and 101.9 % of TDP."""


def at(points: Points, utilization: float) -> float:
    """Value at a utilisation of 0 or more, straight lines between the points.

    Above 1 the dynamic range goes on linearly: the vCPUs beyond a guaranteed part.
    """
    idle, tenth, half, full = points
    if utilization < _TENTH:
        return idle + (tenth - idle) * utilization / _TENTH
    if utilization < _HALF:
        return tenth + (half - tenth) * (utilization - _TENTH) / (_HALF - _TENTH)
    if utilization < _FULL:
        return half + (full - half) * (utilization - _HALF) / (_FULL - _HALF)
    return full + (full - idle) * (utilization - _FULL)


def package(tdp: Watts) -> Points:
    """CPU package power of a share of TDP, by the rule."""
    return _scaled(TDP_RATIO, tdp)


def machine(tdp: Watts) -> Points:
    """CPU package power of a share of TDP and that of the rest of the machine, by the rule."""
    idle, tenth, half, full = package(tdp)
    rest = REST_RATIO * tdp
    return idle + rest, tenth + rest, half + rest, full + rest


def memory(gigabytes: float) -> Points:
    """Memory power by the rule."""
    return _scaled(MEMORY_WATTS_PER_GB, gigabytes)


def gpus(maximum: float) -> Points:
    """Power of GPUs whose maximum it is."""
    return _scaled(GPU_SHARE, maximum)


def less(points: Points, *others: Points) -> Points:
    """Subtract other curves from one; never below 0, the sheet being rounded to 0.1 W."""
    idle, tenth, half, full = (
        max(0.0, value - sum(parts)) for value, *parts in zip(points, *others, strict=True)
    )
    return idle, tenth, half, full


def _scaled(points: Points, factor: float) -> Points:
    idle, tenth, half, full = points
    return idle * factor, tenth * factor, half * factor, full * factor
