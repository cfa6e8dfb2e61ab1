"""GPUs and other accelerators, and what a server draws around them. Pure.

One accelerator = context + 0.70 x u^0.7 x (cap - context), at a utilisation u of 0..1
node            = share of the server's fixed part + factor x watts of its accelerators

``context`` is what it draws with a model in its memory, but no work: a machine that runs has its
driver awake. Utilisation is the share of time with some work on the chip, not how much of the chip
works, and tells little (29 public readings: correlation of 0.27 with the share of the dynamic
range; at 84 % and above the share runs from 0.0 to 0.98, 0.65 in the middle): hence the wide
bounds. Watts that an agent reads take its place.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from exporter.core.model import Bounds, Factor
from exporter.core.units import Ratio, Watts
from exporter.data.gpus import Gpu, named, unknown
from exporter.power import explain

SHARE: Final = 0.70
EXPONENT: Final = 0.7
"""Share of the dynamic range at full utilisation, and how it rises: fitted to 29 public readings of
18 parts (2020-26). A straight line to the cap is 0.33 of the range too high on them, this 0.11."""

HIGH_SHARE: Final = 1.5
HIGH_EXPONENT: Final = 0.5
"""The same for the upper bound, at most the whole range: holds all 29."""

AWAKE: Final = 0.1
"""Mean utilisation of a bucket from which on its accelerators have had something loaded all the
time. Below, the lower bound falls to that of a chip with nothing loaded. Assumed."""

ASSUMED_UTILIZATION: Final = Ratio(0.5)
"""Utilisation in the central value where nothing measures it."""

NONE: Final = Bounds(0.0, 0.0, 0.0)

_SHAPE: Final = "context + 0.70 x u^0.7 x (cap - context); 29 public readings at a told utilisation"
_SHAPE_YEAR: Final = "2026"


def part(model: str) -> Gpu:
    """Return the figures of an accelerator, or those of the unknown one."""
    return named(model) or unknown()


def watts_of(gpu: Gpu, utilization: Ratio | None = None) -> Bounds:
    """Power of one accelerator: low, central, high.

    Where nothing tells how busy it is, anything from nothing loaded to the most that it draws.
    """
    busy = min(max(ASSUMED_UTILIZATION if utilization is None else utilization, 0.0), 1.0)
    context = gpu.context
    central = context.central + SHARE * busy**EXPONENT * (gpu.cap - context.central)
    if utilization is None:
        return Bounds(gpu.deep_idle, central, gpu.maximum)
    low = gpu.deep_idle + min(1.0, busy / AWAKE) * (context.low - gpu.deep_idle)
    reach = min(1.0, HIGH_SHARE * busy**HIGH_EXPONENT)
    return Bounds(low, central, context.high + reach * (gpu.maximum - context.high))


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerators:
    """The accelerators of one machine; ``count`` may be a part of one.

    ``read`` is what an agent read of all of them; the model stands in where it is None.
    """

    gpu: Gpu
    name: str
    count: float
    read: Bounds | None = None

    def watts(self, utilization: Ratio | None = None) -> Bounds:
        """Power of all of them."""
        if self.read is not None:
            return self.read
        return watts_of(self.gpu, utilization).times(self.count) if self.count else NONE

    def node(self, watts: Bounds) -> Bounds:
        """Power of the server around them, where they draw so many watts."""
        if not self.count:
            return NONE
        node = self.gpu.node
        low, central, high = node.fixed.times(self.count / node.gpus)
        return Bounds(
            low + node.factor.low * watts.low,
            central + node.factor.central * watts.central,
            high + node.factor.high * watts.high,
        )

    def reading(self, watts: Bounds) -> "Accelerators":
        """Return the same accelerators drawing what was read of them."""
        return replace(self, read=watts)

    def factors(self, utilization: Ratio | None) -> Iterator[Factor]:
        """How many, what each draws and how busy they are or are taken to be; then the node."""
        if not self.count:
            return
        gpus = self.watts(utilization)
        if self.read is None:
            yield from self._modelled(utilization)
        yield explain.component(
            "GPU",
            gpus.central,
            "number x power of one" if self.read is None else "read by an agent in the machine",
            gpus,
        )
        yield from self._node_factors(gpus)

    def _modelled(self, utilization: Ratio | None) -> Iterator[Factor]:
        gpu, each = self.gpu, watts_of(self.gpu, utilization)
        yield Factor(
            name=f"number of {self.name}", value=self.count, unit="GPU", source="size of the type"
        )
        for name, watts in (
            (f"{self.name}, loaded without work", gpu.context),
            (f"{self.name}, power cap", Bounds(gpu.cap, gpu.cap, gpu.maximum)),
        ):
            yield explain.between(name, watts, "W", gpu.source, gpu.year)
        yield Factor(
            name="GPU utilisation",
            value=ASSUMED_UTILIZATION if utilization is None else utilization,
            unit="ratio",
            source="assumed: no metric of the provider tells it"
            if utilization is None
            else "mean over the bucket, measured in the machine",
            low=0.0 if utilization is None else None,
            high=1.0 if utilization is None else None,
        )
        yield explain.between(f"power of {self.name}", each, "W", _SHAPE, _SHAPE_YEAR)

    def _node_factors(self, gpus: Bounds) -> Iterator[Factor]:
        node = self.gpu.node
        fixed = node.fixed.times(self.count / node.gpus)
        what = f"around accelerators ({node.name})"
        yield explain.between(f"fixed power {what}", fixed, "W", node.source, node.year)
        yield explain.between(f"share of GPU watts {what}", node.factor, "ratio", node.source)
        yield explain.component(
            "node", self.node(gpus).central, "fixed + share x GPU power", self.node(gpus)
        )


def accelerators(model: str, count: float) -> Accelerators:
    """Return the accelerators of a machine."""
    return Accelerators(gpu=part(model), name=model or "GPU", count=count)


def metered(watts: Watts, low: float, high: float) -> Bounds:
    """Watts that were read, with the error of what read them."""
    return Bounds(watts * low, watts, watts * high)
