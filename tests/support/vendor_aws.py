"""Holds AWS messages against botocore's service models, which AWS publishes."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from xml.etree import ElementTree as ET

import botocore.session
from botocore.model import OperationModel

Shape = Any
"""A shape of botocore, whose kinds have members of their own."""
Named = Callable[[str, Shape], str]
"""Gives the name that a member has on the wire."""
_SESSION = botocore.session.get_session()
_SERVICES = {"monitoring": "cloudwatch"}
"""Services that sign under another name than their model has."""


def operation(service: str, name: str) -> OperationModel:
    """Return the model of an operation of the service that a signature names."""
    return _SESSION.get_service_model(_SERVICES.get(service, service)).operation_model(name)


def by_name(member: str, _: Shape) -> str:
    """JSON and requests of the query protocol spell members as the model does."""
    return member


def by_location(member: str, shape: Shape) -> str:
    """Answers in XML may spell a member in their own way."""
    return str(shape.serialization.get("name", member))


def by_query_name(member: str, shape: Shape) -> str:
    """Requests to EC2 spell members in a third way: the answer's name with a capital."""
    told = shape.serialization.get("queryName") or by_location(member, shape)
    return told[0].upper() + told[1:]


def from_xml(element: ET.Element, shape: Shape) -> Any:  # noqa: ANN401 - as JSON would have it
    """Read XML the way a shape has it; what the shape lacks stays, to be found."""
    if shape.type_name == "structure":
        members = {by_location(name, member): member for name, member in shape.members.items()}
        return {
            (tag := _tag(child)): from_xml(child, members[tag]) if tag in members else child.text
            for child in element
        }
    if shape.type_name == "list":
        wanted = str(shape.member.serialization.get("name", "member"))
        return [
            from_xml(child, shape.member) if _tag(child) == wanted else {_tag(child): "not an item"}
            for child in element
        ]
    return element.text or ""


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def differences(value: Any, shape: Shape, named: Named, path: str = "") -> Iterator[str]:  # noqa: ANN401
    """Yield where a value is not what a shape says, by path."""
    kind = shape.type_name
    if kind == "structure":
        yield from _of_structure(value, shape, named, path)
    elif kind == "list":
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
            return
        for number, entry in enumerate(value):
            yield from differences(entry, shape.member, named, f"{path}[{number}]")
    elif not _is(kind, value):
        yield f"{path}: {value!r} is no {kind}"
    elif getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{path}: {value!r} is none of the values of {shape.name}"


def _of_structure(value: Any, shape: Shape, named: Named, path: str) -> Iterator[str]:  # noqa: ANN401
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no structure"
        return
    members = {named(name, member): (name, member) for name, member in shape.members.items()}
    for name, entry in value.items():
        if name in members:
            yield from differences(entry, members[name][1], named, f"{path}.{name}")
        else:
            yield f"{path}.{name}: {shape.name} has no such member"
    present = {members[name][0] for name in value if name in members}
    for name in sorted(set(shape.required_members) - present):
        yield f"{path}.{name}: required, and missing"


def _is(kind: str, value: object) -> bool:
    """Whether a value, or the text of one, is of a simple type."""
    if kind in {"integer", "long"}:
        return not isinstance(value, bool) and _parses(int, value)
    if kind in {"double", "float"}:
        return not isinstance(value, bool) and _parses(float, value)
    if kind == "boolean":
        return value in {"true", "false"} or isinstance(value, bool)
    if kind == "timestamp":
        return _parses(float, value) or _parses(datetime.fromisoformat, value)
    return kind == "string" and isinstance(value, str)


def _parses(parse: Callable[[Any], object], value: object) -> bool:
    try:
        parse(value)
    except (TypeError, ValueError):
        return False
    return True
