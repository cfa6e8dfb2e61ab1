"""The shipped table of GPUs and other accelerators."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from exporter.core.units import Watts
from exporter.data import rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """Power of one accelerator; ``idle_low`` is the lower end of what idle may be."""

    model: str
    idle: Watts
    maximum: Watts
    idle_low: Watts
    source: str


@cache
def gpus() -> Mapping[str, Gpu]:
    """Return the accelerators by model name."""
    return {line["gpu_model"]: _gpu(line) for line in rows("gpu")}


def _gpu(line: Mapping[str, str]) -> Gpu:
    return Gpu(
        model=line["gpu_model"],
        idle=Watts(float(line["idle_watts"])),
        maximum=Watts(float(line["max_watts"])),
        idle_low=Watts(float(line["idle_watts_low"])),
        source=line["source"],
    )
