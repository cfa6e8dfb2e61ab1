"""What the demo's Kusto can do with values: compare them and call functions on them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from operator import ge, gt, le, lt
from typing import Any, Final


def folded(value: object) -> str:
    """Return a value as text in lower case."""
    return string(value).lower()


def string(value: object) -> str:
    """Return a value as text; what is not there is empty."""
    return "" if value is None else str(value)


def member(value: object, values: Sequence[object], *, any_case: bool) -> bool:
    """Whether a value is among others."""
    form = folded if any_case else string
    return form(value) in {form(each) for each in values}


def moment(text: object) -> float | None:
    """Return the epoch seconds of a time, None for what is none."""
    try:
        read = datetime.fromisoformat(string(text).strip("'\""))
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def _ordering(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Compare numbers and times; with what is not there nothing compares."""
    return lambda a, b: a is not None and b is not None and compare(a, b)


COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<=": _ordering(le),
    ">=": _ordering(ge),
    "<": _ordering(lt),
    ">": _ordering(gt),
    "=~": lambda a, b: folded(a) == folded(b),
    "!~": lambda a, b: folded(a) != folded(b),
    "==": lambda a, b: string(a) == string(b),
    "!=": lambda a, b: string(a) != string(b),
    "contains": lambda a, b: folded(b) in folded(a),
    "has": lambda a, b: folded(b) in folded(a),
    "startswith": lambda a, b: folded(a).startswith(folded(b)),
}
MEMBERSHIPS: Final[Mapping[str, tuple[bool, bool]]] = {
    "in~": (True, True),
    "in": (False, True),
    "!in~": (True, False),
    "!in": (False, False),
}
"""Whether any case will do, and whether being a member is what is wanted."""


def _coalesce(*values: Any) -> Any:  # noqa: ANN401 - any JSON value
    return next((value for value in values if value not in (None, "")), None)


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "tostring": string,
    "tolower": folded,
    "todatetime": moment,
    "toupper": lambda value: string(value).upper(),
    "coalesce": _coalesce,
    "isempty": lambda value: value in (None, ""),
    "isnotempty": lambda value: value not in (None, ""),
    "isnull": lambda value: value is None,
    "isnotnull": lambda value: value is not None,
    "not": lambda value: not value,
    "strcat": lambda *values: "".join(string(value) for value in values),
}
