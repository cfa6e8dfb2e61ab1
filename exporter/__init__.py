"""Live carbon observability of cloud infrastructure."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("carbon-exporter")
except PackageNotFoundError:  # running from a source tree that was never installed
    __version__ = "0.0.0"
