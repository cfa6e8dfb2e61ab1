"""The tables and models alone, for verbs that ask no cloud and no grid."""

import os
from pathlib import Path

from exporter import app
from exporter.settings import Settings, load


def offline_app(config: Path | None) -> app.App:
    """Build the models, with the overrides of a configuration file if one is named.

    Raises:
        ConfigError: the file is wrong.
    """
    if config is None:
        return app.build(Settings(grids=()))
    own = load(config, os.environ)
    return app.build(Settings(grids=(), regions=own.regions, annual=own.annual))
