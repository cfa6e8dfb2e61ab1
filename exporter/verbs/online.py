"""The configured app, for verbs that ask clouds and grids once."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exporter import app, logs
from exporter.settings import load


@contextmanager
def online_app(config: Path | None) -> Iterator[app.App]:
    """Build the adapters of the configuration, and release them at the end.

    Raises:
        ConfigError: the configuration is wrong; carries every problem.
    """
    settings = load(config, os.environ)
    logs.configure("error", settings.log_format)
    built = app.build(settings)
    try:
        yield built
    finally:
        built.close()
