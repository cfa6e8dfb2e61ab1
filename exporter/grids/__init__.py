"""Grid carbon intensity, one file for each source (file name = kind)."""

from exporter.grids._catalogue import facts, keyless, prices, zones_of
from exporter.grids._facts import SourceFacts

__all__ = ["SourceFacts", "facts", "keyless", "prices", "zones_of"]
