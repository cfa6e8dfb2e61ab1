"""What the profiles of other people's published methods have in common."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from exporter.core.model import Bounds, Factor
from exporter.core.units import Ratio
from exporter.data.gpus import Gpu
from exporter.power import explain
from exporter.power.explain import TABLES_YEAR
from exporter.power.hardware import Hardware
from exporter.power.measured import size_spread

_MEASURED: Final = "mean over the bucket, measured by the provider"
_CONFIDENCE: Final = "how the CPU is known to this method"


class GpuWatts(NamedTuple):
    """One GPU, or board of two, as these methods have it: idle, and fully busy."""

    idle: float
    busy: float


_GPUS: Final = {
    "NVIDIA K520": GpuWatts(26.0, 229.0),
    "NVIDIA M60": GpuWatts(35.0, 306.0),
    "NVIDIA K80": GpuWatts(35.0, 306.0),
    "NVIDIA P4": GpuWatts(9.0, 76.5),
    "NVIDIA P40": GpuWatts(30.0, 255.0),
    "NVIDIA P100": GpuWatts(36.0, 306.0),
    "NVIDIA V100": GpuWatts(35.0, 306.0),
    "NVIDIA T4": GpuWatts(8.0, 71.0),
    "NVIDIA T4G": GpuWatts(8.0, 71.0),
    "NVIDIA A10": GpuWatts(18.0, 153.0),
    "NVIDIA A10G": GpuWatts(18.0, 153.0),
    "NVIDIA A100": GpuWatts(46.0, 407.0),
    "NVIDIA A100 40GB": GpuWatts(46.0, 407.0),
    "NVIDIA A100 80GB": GpuWatts(46.0, 407.0),
    "AMD Radeon Pro V520": GpuWatts(26.0, 229.0),
    "Xilinx U250": GpuWatts(27.0, 229.5),
}
"""Cloud Carbon Footprint, methodology appendix III (Apache-2.0): Teads' ratios of TDP. It counts
K80, M60 and K520 by the board, of which clouds rent one of two GPUs, and A10G at half its cap."""

GPU_IDLE_OF_CAP: Final = 0.115
"""The same ratio of idle power, for parts that the appendix lacks."""


def gpu_watts(gpu: Gpu) -> GpuWatts:
    """Return one GPU's watts by these methods."""
    return _GPUS.get(gpu.model, GpuWatts(GPU_IDLE_OF_CAP * gpu.cap, gpu.cap))


class Error(NamedTuple):
    """How far off a method is: true watts over its watts, at the ends of the interval."""

    low: float
    high: float
    source: str


def widened(machine: Hardware, low: float, high: float) -> tuple[float, float]:
    """Widen an interval where even the size of the machine is assumed."""
    less, more = size_spread(machine)
    return low / less, high * more


def seen(machine: Hardware) -> float:
    """Return how many times its guaranteed vCPUs a machine sees: 1 but on shared-core types."""
    return machine.full_vcpus / machine.vcpus


def fraction(machine: Hardware, utilization: Ratio) -> float:
    """Utilisation limited to what the machine can really have."""
    return min(max(utilization, 0.0), seen(machine)) * machine.usable


def size_factors(machine: Hardware, utilization: Ratio) -> Iterator[Factor]:
    """What was measured, and the size of the machine."""
    yield Factor(name="CPU utilisation", value=utilization, unit="ratio", source=_MEASURED)
    yield from explain.size_factors(machine)


def confidence_factor(confidence: str) -> Factor:
    """How the CPU is known."""
    return Factor(name="confidence", value=confidence, unit="class", source=_CONFIDENCE)


def error_factor(error: Error) -> Factor:
    """Say that the bounds are not the method's own, and where they come from."""
    return Factor(
        name="error of the method",
        value=1.0,
        unit="ratio",
        source=error.source,
        year=TABLES_YEAR,
        low=error.low,
        high=error.high,
    )


def covering(bounds: Bounds, central: float) -> Bounds:
    """Stretch an interval so that it holds another central value."""
    return Bounds(min(bounds.low, central), central, max(bounds.high, central))
