"""The composition root: settings in, a wired daemon out. The only place that knows adapters."""

from exporter.app.build import App, build
from exporter.app.grids import ask_book, keyless_zones
from exporter.app.run import check_state, demo, serve

__all__ = ["App", "ask_book", "build", "check_state", "demo", "keyless_zones", "serve"]
