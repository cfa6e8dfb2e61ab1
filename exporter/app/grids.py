"""The configured grid sources, for verbs that ask them once."""

from collections.abc import Mapping

from exporter.app.build import App
from exporter.engine.forecast import SeasonalForecaster
from exporter.engine.intensity import IntensityBook
from exporter.engine.store import Store
from exporter.grids import keyless


def ask_book(app: App) -> IntensityBook:
    """Make a book of the app's sources that lasts as long as the command."""
    return IntensityBook(
        app.sources, app.annual, Store.in_memory(), app.clock, SeasonalForecaster()
    )


def keyless_zones() -> Mapping[str, frozenset[str]]:
    """Return the grid zones that each source without a key declares, by kind."""
    return {each.kind: each.listed for each in keyless()}
