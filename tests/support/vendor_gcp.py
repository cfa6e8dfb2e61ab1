"""Holds Google's messages against the discovery documents that Google publishes."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from types import UnionType
from typing import Any

Schema = Mapping[str, Any]


@cache
def document(name: str) -> Schema:
    """Return a discovery document, such as ``compute.v1``."""
    folder = files("googleapiclient.discovery_cache") / "documents"
    found: Schema = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return found


def method(api: Schema, name: str) -> Schema:
    """Return a method by its name, such as ``instances.aggregatedList``."""
    *path, last = name.split(".")
    place = api
    for part in path:
        place = place["resources"][part]
    found: Schema = place["methods"][last]
    return found


def parameters(api: Schema, called: Schema, query: Mapping[str, str]) -> Iterator[str]:
    """Yield which parameters of a request a method does not have, or not with such a value.

    Compute's document of November 2026 recommends `returnPartialSuccess` in the descriptions of its
    methods and lost it from their parameters, where older ones, alpha and beta have it: a parameter
    that the method's description names is known too.
    """
    known = {**api["parameters"], **called["parameters"]}
    for name, value in query.items():
        if name not in known and f"`{name}`" in called["description"]:
            continue
        if name not in known:
            yield f"{name}: {called['id']} has no such parameter"
            continue
        schema = known[name]
        if schema["type"] == "boolean" and value in {"true", "false"}:
            continue
        given = int(value) if schema["type"] == "integer" and value.isdigit() else value
        yield from differences(given, schema, api["schemas"], name)


def differences(value: Any, schema: Schema, schemas: Schema, path: str = "") -> Iterator[str]:  # noqa: ANN401
    """Yield where a value is not what a schema says, by path."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"]]
    kind = schema.get("type", "any")
    if kind == "object":
        yield from _of_object(value, schema, schemas, path)
    elif kind == "array":
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
            return
        for number, entry in enumerate(value):
            yield from differences(entry, schema["items"], schemas, f"{path}[{number}]")
    elif not _is(kind, schema.get("format", ""), value):
        yield f"{path}: {value!r} is no {schema.get('format') or kind}"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of the published values"


def _of_object(value: Any, schema: Schema, schemas: Schema, path: str) -> Iterator[str]:  # noqa: ANN401
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no object"
        return
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name, entry in value.items():
        if (member := known.get(name, others)) is None:
            yield f"{path}.{name}: {schema.get('id', 'the object')} has no such field"
            continue
        yield from differences(entry, member, schemas, f"{path}.{name}")
        if name == "kind" and entry != member.get("default", entry):
            yield f"{path}.kind: {entry!r} is not {member['default']!r}"


def _is(kind: str, form: str, value: object) -> bool:
    if kind == "string":
        return isinstance(value, str) and _is_text(form, value)
    types: Mapping[str, type | UnionType] = {
        "boolean": bool,
        "integer": int,
        "number": int | float,
        "any": object,
    }
    right = isinstance(value, types[kind])
    return right and (kind in {"any", "boolean"} or not isinstance(value, bool))


def _is_text(form: str, value: str) -> bool:
    if form in {"int64", "uint64"}:
        return value.lstrip("-").isdigit()
    return form not in {"date-time", "google-datetime"} or _is_moment(value)


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
