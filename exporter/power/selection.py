"""The power models by the name that a user selects them with."""

from collections.abc import Callable, Mapping
from typing import Final

from exporter.core.ports import PowerModel
from exporter.power.catalogue import Types
from exporter.power.ccf import CcfModel
from exporter.power.measured import MeasuredModel
from exporter.power.teads import TeadsModel

MODELS: Final[Mapping[str, Callable[[Types], PowerModel]]] = {
    "measured": MeasuredModel,
    "ccf": CcfModel,
    "teads": TeadsModel,
}
"""Name to model; each takes the machine types and does no I/O afterwards."""


def power_model(name: str, types: Types) -> PowerModel:
    """Build a model by its name, one of ``MODELS``."""
    return MODELS[name](types)
