"""What the models expect at a place of the configuration."""

import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from exporter.settings.model import Settings
from exporter.settings.sections import PACKAGES, config_of

Place = tuple[str | int, ...]
"""Keys and list positions from the top: ``("providers", 0, "regions")``."""

_LISTS = (list, tuple, set, frozenset, Sequence)
_MAPPINGS = (dict, Mapping)
_SECTION_DEPTH = 2


def key_path(place: Place) -> str:
    """Write a place the way people point at it: ``providers[0].regions``."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def model_at(place: Place, document: Mapping[str, Any]) -> type[BaseModel] | None:
    """Return the model whose keys may stand at a place, or None where free keys or values do."""
    return _model(_walk(place, document)[1])


def field_at(place: Place, document: Mapping[str, Any]) -> FieldInfo | None:
    """Return the field that holds the value at a place; an element belongs to its list's field."""
    return _walk(place, document)[0]


def value_at(place: Place, document: object) -> object:
    """Return what is written at a place, or None."""
    for part in place:
        if isinstance(document, Mapping):
            document = document.get(part)
        elif isinstance(document, list) and isinstance(part, int) and part < len(document):
            document = document[part]
        else:
            return None
    return document


def is_list(field: FieldInfo | None) -> bool:
    """Whether a field takes a list."""
    return field is not None and any(
        typing.get_origin(part) in _LISTS for part in _alternatives(field.annotation)
    )


def is_scalar(place: Place, document: Mapping[str, Any]) -> bool:
    """Whether one plain value belongs at a place, rather than a list or a mapping."""
    field, annotation = _walk(place, document)
    holds_more = _model(annotation) is not None or _element(annotation) is not None
    return field is not None and annotation is not None and not holds_more


def is_secret(field: FieldInfo | None) -> bool:
    """Whether a field takes a secret, alone or in a list."""
    return field is not None and SecretStr in _parts(field.annotation)


def _walk(place: Place, document: Mapping[str, Any]) -> tuple[FieldInfo | None, object]:
    field: FieldInfo | None = None
    annotation: object = Settings
    for depth, part in enumerate(place, start=1):
        model = _model(annotation)
        if model is not None:
            field = model.model_fields.get(str(part))
            annotation = field.annotation if field else None
        else:
            annotation = _element(annotation)
            field = field if annotation is not None else None
        if depth == _SECTION_DEPTH and place[0] in PACKAGES:
            section = value_at(place[:depth], document)
            kind = section.get("kind") if isinstance(section, Mapping) else None
            annotation = config_of(str(place[0]), kind)
    return field, annotation


def _model(annotation: object) -> type[BaseModel] | None:
    for part in _alternatives(annotation):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None


def _element(annotation: object) -> object:
    for part in _alternatives(annotation):
        if typing.get_origin(part) in _LISTS:
            return typing.get_args(part)[0]
        if typing.get_origin(part) in _MAPPINGS:
            return typing.get_args(part)[1]
    return None


def _alternatives(annotation: object) -> tuple[object, ...]:
    if typing.get_origin(annotation) is typing.Annotated:
        return _alternatives(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return tuple(p for arg in typing.get_args(annotation) for p in _alternatives(arg))
    return (annotation,)


def _parts(annotation: object) -> tuple[object, ...]:
    inner = (part for arg in typing.get_args(annotation) for part in _parts(arg))
    return (annotation, *inner)
