"""Kinds of resources, one file each; the file's name is its name in ``services:``.

How to write one is told in ``exporter/providers/azure/kind.py``. Files that begin with ``_`` hold
what several kinds share.
"""

import importlib
from typing import Final

from exporter.core.plugins import kinds
from exporter.providers.azure.kind import Kind

NAMES: Final = kinds(__name__)
"""All that can be watched, in the order in which they are asked."""


def kind_of(name: str) -> type[Kind]:
    """Return the class of a kind by the name of its file."""
    found: type[Kind] = importlib.import_module(f"{__name__}.{name}").KIND
    return found
