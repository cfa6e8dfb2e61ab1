"""Power of the accelerators of a machine, at a measured utilisation or at an assumed one."""

from typing import Final

from exporter.core.model import Bounds
from exporter.core.units import Ratio, Watts
from exporter.data.gpus import Gpu, named
from exporter.power._shares import GUESSED

ASSUMED_UTILIZATION: Final = Ratio(0.5)
"""Share of the dynamic range in the central value where nothing measures it."""

UNKNOWN: Final = Gpu(
    model="unknown",
    idle=Watts(35.0),
    maximum=Watts(300.0),
    idle_low=Watts(4.0),
    maximum_high=Watts(1000.0),
    source="assumed as a V100, the middle of the table; at most as the larger parts of 2025",
)
"""An accelerator that the table lacks."""


def gpu(model: str) -> Gpu:
    """Return the figures of an accelerator, or those of the unknown one."""
    return named(model) or UNKNOWN


def watts(model: str, count: float, utilization: Ratio | None = None) -> Bounds:
    """Power of all accelerators of a machine: low, central, high.

    Where nothing tells how busy they are, anything from idling to full power. Where it is known,
    the error of a model without measurements around the central value, within the same ends:
    utilisation is the share of time with some work on the chip, not how much of the chip works.
    """
    found = gpu(model)
    low, high = float(found.idle_low), float(found.maximum_high)
    busy = ASSUMED_UTILIZATION if utilization is None else min(max(utilization, 0.0), 1.0)
    central = found.idle + busy * (found.maximum - found.idle)
    if utilization is not None:
        low, high = max(low, GUESSED.low * central), min(high, GUESSED.high * central)
    return Bounds(low, central, high).times(count)
