"""Holds Azure's messages against the models of Microsoft's SDKs, made from its API descriptions."""

from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from types import ModuleType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

MODEL, FIELD = "Model", "_RestField"
"""What the generated models come from, and by what they declare what is on the wire."""
OUTDATED = "VirtualMachineSizeTypes"
"""Says of itself that it is no longer extended: the sizes of today are not in it."""


@cache
def members(model: type, package: ModuleType) -> Mapping[str, tuple[object, bool]]:
    """Return type and necessity of each member of a model, by its name on the wire."""
    names = {
        name: getattr(declared, "_rest_name_input", None) or name
        for base in reversed(model.__mro__)
        for name, declared in vars(base).items()
        if type(declared).__name__ == FIELD
    }
    hints = get_type_hints(model, localns={"_models": package})
    return {
        wire: (hints[name], type(None) not in get_args(hints[name]))
        for name, wire in names.items()
        if name in hints
    }


def differences(
    value: Any,  # noqa: ANN401 - JSON
    hint: Any,  # noqa: ANN401 - a type
    package: ModuleType,
    path: str = "",
) -> Iterator[str]:
    """Yield where a value is not what a model says, by path; null is the same as absent."""
    if value is None or hint in {Any, object}:
        return
    options = get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
    options = tuple(option for option in options if option is not type(None))
    enums = [o for o in options if isinstance(o, type) and issubclass(o, Enum)]
    enums = [enum for enum in enums if enum.__name__ != OUTDATED]
    if enums:
        known = {str(member.value).lower() for enum in enums for member in enum}
        if str(value).lower() not in known:
            yield f"{path}: {value!r} is none of the values of {enums[0].__name__}"
        return
    (option, *_) = options
    if get_origin(option) in {list, dict}:
        yield from _of_collection(value, option, package, path)
    elif any(base.__name__ == MODEL for base in option.__mro__):
        yield from _of_model(value, option, package, path)
    elif not _is(option, value):
        yield f"{path}: {value!r} is no {getattr(option, '__name__', option)}"


def _of_collection(value: Any, hint: Any, package: ModuleType, path: str) -> Iterator[str]:  # noqa: ANN401
    kind, parts = get_origin(hint), get_args(hint)
    if not isinstance(value, kind):
        yield f"{path}: {value!r} is no {kind.__name__}"
        return
    entries = value.items() if kind is dict else enumerate(value)
    for name, entry in entries:
        yield from differences(entry, parts[-1], package, f"{path}[{name}]")


def _of_model(value: Any, model: type, package: ModuleType, path: str) -> Iterator[str]:  # noqa: ANN401
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no {model.__name__}"
        return
    known = members(model, package)
    for name, entry in value.items():
        if name in known:
            yield from differences(entry, known[name][0], package, f"{path}.{name}")
        elif entry is not None:
            yield f"{path}.{name}: {model.__name__} has no such member"
    for name in sorted(n for n, (_, required) in known.items() if required and n not in value):
        yield f"{path}.{name}: required, and missing"


def _is(hint: object, value: object) -> bool:
    if hint is bool or isinstance(value, bool):
        return hint is bool and isinstance(value, bool)
    if hint is float:
        return isinstance(value, int | float)
    if hint is int:
        return isinstance(value, int)
    return isinstance(value, str)
