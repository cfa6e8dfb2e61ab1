"""What the profiles of other people's published methods have in common."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from exporter.core.model import Bounds, Factor
from exporter.core.units import Ratio
from exporter.power import explain, measured
from exporter.power.explain import TABLES_YEAR
from exporter.power.hardware import Hardware
from exporter.power.measured import size_spread

_MEASURED: Final = "mean over the bucket, measured by the provider"
_CONFIDENCE: Final = "how the CPU is known to this method"
_NO_ACCELERATORS: Final = Bounds(0.0, 0.0, 0.0)


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


def accelerators(machine: Hardware, utilization: Ratio | None) -> Bounds:
    """Power of all accelerators of a machine, as in the product's own model."""
    if not machine.gpu_count:
        return _NO_ACCELERATORS
    return measured.gpu_watts(machine.gpu_model, machine.gpu_count, utilization)


def covering(bounds: Bounds, central: float) -> Bounds:
    """Stretch an interval so that it holds another central value."""
    return Bounds(min(bounds.low, central), central, max(bounds.high, central))
