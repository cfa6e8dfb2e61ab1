"""Power of the accelerators of a machine when nothing measures how busy they are."""

from typing import Final

from exporter.core.model import Bounds
from exporter.core.units import Watts
from exporter.data.gpus import Gpu, gpus

ASSUMED_UTILIZATION: Final = 0.5
"""Share of the dynamic range in the central value: no provider metric tells it."""

UNKNOWN: Final = Gpu(
    model="unknown",
    idle=Watts(35.0),
    maximum=Watts(300.0),
    idle_low=Watts(4.0),
    source="assumed as a V100, the middle of the table",
)
"""An accelerator that the table lacks."""

_UNKNOWN_MAXIMUM: Final = 1000.0
"""Upper end for an accelerator that the table lacks: the larger parts of 2025."""


def gpu(model: str) -> Gpu:
    """Return the accelerator's figures, or those of the unknown one."""
    return gpus().get(model, UNKNOWN)


def watts(model: str, count: float) -> Bounds:
    """Idle, half of the dynamic range, and maximum of all accelerators of a machine."""
    found = gpu(model)
    high = _UNKNOWN_MAXIMUM if found is UNKNOWN else found.maximum
    central = found.idle + ASSUMED_UTILIZATION * (found.maximum - found.idle)
    return Bounds(count * found.idle_low, count * central, count * high)
