"""Sections of adapters: each is validated by the ``Config`` of the adapter that it names."""

import importlib
from collections.abc import Callable, Mapping
from typing import Final

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from exporter.core.errors import MissingExtraError
from exporter.core.plugins import AdapterConfig, kinds, load
from exporter.settings.hints import did_you_mean

PACKAGES: Final[dict[str, str]] = {
    "providers": "exporter.providers",
    "grids": "exporter.grids",
}
"""Top-level keys that hold lists of adapter sections, and the package that each names a file of."""


def kinds_of(key: str) -> tuple[str, ...]:
    """Adapters that may be listed under a top-level key, sorted. Imports none of them."""
    return kinds(PACKAGES[key])


def on_by_default() -> tuple[str, ...]:
    """Grid sources that are on unless others are listed, by preference: their package knows."""
    found: tuple[str, ...] = importlib.import_module(PACKAGES["grids"]).on_by_default()
    return found


def config_of(key: str, kind: object) -> type[AdapterConfig] | None:
    """Return the model of an adapter's section, or None where there is none to be had."""
    if not isinstance(kind, str) or kind not in kinds_of(key):
        return None
    try:
        return _config(key, kind)
    except MissingExtraError:
        return None


def section_of(key: str) -> Callable[[object], object]:
    """Make a validator that turns a mapping into the model which its ``kind`` asks for."""

    def validate(value: object) -> object:
        section = {"kind": value} if isinstance(value, str) else value
        if not isinstance(section, Mapping):
            return section
        kind = section.get("kind")
        if kind not in kinds_of(key):
            raise _kind_error(kind, _which(key, kind))
        try:
            model = _config(key, str(kind))
        except MissingExtraError as error:
            raise _kind_error(kind, str(error)) from error
        return model.model_validate(section)

    return validate


def _config(key: str, kind: str) -> type[AdapterConfig]:
    config: type[AdapterConfig] = load(PACKAGES[key], kind).Config
    return config


def _which(key: str, kind: object) -> str:
    return f"{did_you_mean(str(kind or ''), kinds_of(key))}one of {', '.join(kinds_of(key))}"


def _kind_error(kind: object, fix: str) -> ValidationError:
    error = PydanticCustomError("kind", "{fix}", {"fix": fix})
    detail = InitErrorDetails(type=error, loc=("kind",), input=kind)
    return ValidationError.from_exception_data("section", [detail])
