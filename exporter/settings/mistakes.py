"""Mistakes in people's words: where, what stands there, what would be right. Never a secret."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from exporter.core.errors import Problem
from exporter.settings.environment import Overlay, origin_of, variable
from exporter.settings.hints import did_you_mean, nearest
from exporter.settings.schema import Place, field_at, is_secret, key_path, model_at

HIDDEN: Final = "(hidden)"
MISSING: Final = "(missing)"

_SECRET_WORDS: Final = ("token", "secret", "password", "credentials", "api_key", "access_key")
_SECRET_NAME: Final = re.compile("token|secret|passw|credential|(api|access|private)_?key")
_SECRET_LOOKS: Final = 0.75
_LONGEST_VALUE: Final = 60
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/+")
_KEY_MARK: Final = "[key]"

_LIST: Final = "write a list: one entry per line after a dash, or [a, b]"
_MAPPING: Final = "write keys with values, such as `key: value`"
_FIXES: Final = (
    {"missing": "required here: add it"}
    | dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type"), _LIST)
    | dict.fromkeys(("dict_type", "model_type", "model_attributes_type", "mapping_type"), _MAPPING)
)
_CHOICES: Final = frozenset({"enum", "literal_error"})
_KEY_FORMS: Final = {
    "regions": "write provider:region, such as aws:eu-west-1",
    "policies": "write a name of letters, digits, - and _, such as nightly",
}


def problems_of(error: ValidationError, laid: Overlay) -> list[Problem]:
    """Explain everything that the models refused."""
    details = error.errors(include_url=False)
    return [_problem(d, laid) for d in details if not _follows(d, details)]


def secrets_in(document: dict[str, Any]) -> list[Problem]:
    """Find secrets that stand in the file itself, where only a reference to one may stand."""
    return [
        Problem(key=key_path(place), value=HIDDEN, fix=_secret_fix(place, document))
        for place in _places((), document)
        if isinstance(place[-1], str) and is_secret(field_at(place, document))
    ]


def described(place: Place, value: object, document: Mapping[str, Any]) -> str:
    """Show a value briefly, unless it is, or could be, a secret."""
    if value is None:
        return MISSING
    if isinstance(value, dict | list | BaseModel):
        return "a list" if isinstance(value, list) else "a mapping"
    if is_secret(field_at(place, document)) or _sounds_secret(place):
        return HIDDEN
    text = without_credentials(str(value))
    return repr(text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…")


def without_credentials(text: str) -> str:
    """Return an address without what may be a secret in it: user, password, query, fragment."""
    scheme = _SCHEME.match(text)
    start = scheme[0] if scheme else ""
    user = "@" in text and (":" in text or "/" in text)
    query = scheme is not None and re.search("[?#]", text)
    if user and query:  # which is inside which cannot be told
        return f"{start}{HIDDEN}"
    if user:
        return f"{start}{HIDDEN}@{text.rpartition('@')[2]}"
    return f"{text[: query.end()]}{HIDDEN}" if query else text


def _follows(detail: ErrorDetails, others: list[ErrorDetails]) -> bool:
    """Whether a list is too short only because its entries are wrong."""
    place = detail["loc"]
    inside = any(len(o["loc"]) > len(place) and o["loc"][: len(place)] == place for o in others)
    return detail["type"] == "too_short" and inside


def _problem(detail: ErrorDetails, laid: Overlay) -> Problem:
    place = tuple(part for part in detail["loc"] if part != _KEY_MARK)
    absent = detail["type"] == "missing"
    value = MISSING if absent else described(place, detail["input"], laid.document)
    origin = origin_of(place, laid.origins)
    key = f"{key_path(place)} ({origin})" if origin else key_path(place)
    return Problem(key=key, value=value, fix=_fix(place, detail, laid.document))


def _fix(place: Place, detail: ErrorDetails, document: dict[str, Any]) -> str:
    code = detail["type"]
    if code == "extra_forbidden":
        return _unknown_key(place, document)
    if code in _CHOICES:
        return _choice(str(detail["input"]), str(detail["ctx"]["expected"]))
    if _KEY_MARK in detail["loc"] and place[0] in _KEY_FORMS:
        return _KEY_FORMS[str(place[0])]
    own = detail["msg"].removeprefix("Value error, ").replace("Input should", "should", 1)
    own = own.partition(", unable to parse")[0]
    return _FIXES.get(code, own)


def _unknown_key(place: Place, document: dict[str, Any]) -> str:
    model = model_at(place[:-1], document)
    known = list(model.model_fields) if model else []
    guess = did_you_mean(str(place[-1]), known)
    return f"unknown key; {guess}allowed here: {', '.join(known)}"


def _choice(value: str, expected: str) -> str:
    guess = did_you_mean(value, re.findall(r"'([^']*)'", expected))
    return f"{guess}write {expected}"


def _sounds_secret(place: Place) -> bool:
    name = next((part.lower() for part in reversed(place) if isinstance(part, str)), "")
    if name.endswith("_file"):
        return False
    like = nearest(name, _SECRET_WORDS, cutoff=_SECRET_LOOKS)
    return bool(like or _SECRET_NAME.search(name))


def _secret_fix(place: Place, document: dict[str, Any]) -> str:
    model = model_at(place[:-1], document)
    reference = f"{place[-1]}_file"
    by_file = f"use {reference}, or " if model and reference in model.model_fields else "use "
    return f"a secret does not belong in this file: {by_file}the variable {variable(place)}"


def _places(place: Place, value: object) -> Iterator[Place]:
    pairs: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    for part, inner in pairs:
        yield (*place, part)
        yield from _places((*place, part), inner)
