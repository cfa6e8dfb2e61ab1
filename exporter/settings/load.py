"""Where settings come from: the file, the environment over it, then every check at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from exporter.core.errors import ConfigError, Problem
from exporter.settings.document import read_document
from exporter.settings.environment import (
    CONFIG_VARIABLE,
    Overlay,
    broken_network,
    overlay,
    with_kinds,
)
from exporter.settings.mistakes import problems_of, secrets_in
from exporter.settings.model import Settings
from exporter.settings.rules import broken_rules

DEFAULT_PATH: Final = Path("carbon-exporter.yml")
"""Read when no other file is named and this one is there."""


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read the named file, or the one ``CARBON_CONFIG`` names, or ``./carbon-exporter.yml``.

    Raises:
        ConfigError: with every problem found: its key, its value (never a secret) and its fix.
    """
    source = _source(path, environ)
    document = with_kinds(read_document(source) if source else {})
    secrets = secrets_in(document)
    laid = overlay(document, environ)
    settings, refused = _validated(laid)
    problems = [
        *secrets,
        *laid.problems,
        *refused,
        *broken_rules(laid),
        *broken_network(environ),
    ]
    if problems or settings is None:
        raise ConfigError(problems)
    return settings


def check_proxies(environ: Mapping[str, str]) -> None:
    """Check the proxies of the environment, for whoever goes out without a configuration.

    Raises:
        ConfigError: no client of ours can use one of them.
    """
    problems = broken_network(environ)
    if problems:
        raise ConfigError(problems)


def _source(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    if path is not None:
        return path
    if environ.get(CONFIG_VARIABLE):
        return Path(environ[CONFIG_VARIABLE])
    return DEFAULT_PATH if DEFAULT_PATH.exists() else None


def _validated(laid: Overlay) -> tuple[Settings | None, list[Problem]]:
    try:
        return Settings.model_validate(laid.document), []
    except ValidationError as error:
        return None, problems_of(error, laid)
