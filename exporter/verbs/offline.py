"""The tables and models alone, for verbs that ask no cloud and no grid."""

import os
from pathlib import Path
from typing import Final

from exporter import app
from exporter.settings import Settings, load
from exporter.settings.hints import did_you_mean
from exporter.verbs.errors import UsageError

POWER_MODELS: Final = ("measured", "ccf", "teads")
"""The default model, and those of Cloud Carbon Footprint and of Teads to compare with."""


def offline_app(config: Path | None, power_model: str = "") -> app.App:
    """Build the models, with the overrides of a configuration file if one is named.

    ``power_model`` goes before that of the file; empty, the file's or the default holds.

    Raises:
        ConfigError: the file is wrong.
        UsageError: no such power model.
    """
    chosen = {"power_model": _model(power_model)} if power_model else {}
    if config is None:
        return app.build(Settings.model_validate({"grids": (), **chosen}))
    own = load(config, os.environ)
    return app.build(own.model_copy(update={"providers": (), "grids": (), **chosen}))


def _model(name: str) -> str:
    if name in POWER_MODELS:
        return name
    hint = did_you_mean(name, POWER_MODELS)
    message = f"--model {name!r} — {hint}one of {', '.join(POWER_MODELS)}"
    raise UsageError(message)
