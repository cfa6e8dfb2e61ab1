"""The composition root: settings in, a wired daemon out. The only place that knows adapters."""

from exporter.app.build import App, build
from exporter.app.run import check_state, demo, serve

__all__ = ["App", "build", "check_state", "demo", "serve"]
