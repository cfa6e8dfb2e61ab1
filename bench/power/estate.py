"""One estate by several methods: what a user sees who comes from another one."""

from collections.abc import Mapping
from typing import Final

from bench.power.metal import machine
from exporter.core.model import Power
from exporter.core.ports import PowerModel
from exporter.core.units import Ratio
from exporter.power.catalogue import Types
from exporter.power.ccf import CcfModel
from exporter.power.measured import MeasuredModel
from exporter.power.teads import TeadsModel

ESTATE: Final[Mapping[str, int]] = {
    "t3.medium": 12,
    "m5.large": 15,
    "m5.2xlarge": 8,
    "m6i.xlarge": 8,
    "m7g.xlarge": 8,
    "m7a.large": 6,
    "c5.4xlarge": 4,
    "c6i.2xlarge": 4,
    "r5.2xlarge": 3,
    "r6i.4xlarge": 2,
    "i3.2xlarge": 2,
    "g5.xlarge": 1,
}
"""Machines of AWS by type: 73, as a company of middle size may have them."""

LEVELS: Final = (0.05, 0.20, 0.50, 1.0)


def totals() -> Mapping[str, tuple[float, ...]]:
    """Return IT watts of the estate at each of ``LEVELS`` of CPU utilisation, by method."""
    types = Types()
    models: dict[str, PowerModel] = {
        "this model": MeasuredModel(types),
        "Cloud Carbon Footprint": CcfModel(types),
        "Teads": TeadsModel(types),
    }
    return {name: tuple(_total(model, Ratio(u)) for u in LEVELS) for name, model in models.items()}


def _total(model: PowerModel, utilization: Ratio) -> float:
    powers = ((n, _power(model, name, utilization)) for name, n in ESTATE.items())
    return sum(number * power.it for number, power in powers)


def _power(model: PowerModel, name: str, utilization: Ratio) -> Power:
    return model.profile(machine(name)).power(utilization)
