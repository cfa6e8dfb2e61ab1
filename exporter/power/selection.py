"""The power models by the name that a user selects them with: the name of a file here.

A model is a file with a function ``build``, which takes the machine types and does no I/O.
"""

from typing import Final

from exporter.core.plugins import load, offering
from exporter.core.ports import PowerModel
from exporter.power.catalogue import Types

PACKAGE: Final = "exporter.power"

MODELS: Final = offering(PACKAGE, "build")
"""Names of the models."""


def power_model(name: str, types: Types) -> PowerModel:
    """Build a model by its name, one of ``MODELS``."""
    model: PowerModel = load(PACKAGE, name).build(types)
    return model
