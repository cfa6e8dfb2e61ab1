"""The part of the Kusto query language that the demo's Resource Graph understands.

A table, then ``where``, ``extend``, ``project``, ``order by`` and ``take``; expressions of columns
and paths, comparisons, ``and``, ``or``, ``in`` and a handful of functions.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any, Final, NoReturn

from exporter.demo.azure.errors import reject
from exporter.demo.azure.kusto_values import COMPARISONS, FUNCTIONS, MEMBERSHIPS, member, moment

_WORD: Final = re.compile(
    r"""\s*(?:datetime\([^()]*\)|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\d+(?:\.\d+)?"""
    r"""|=~|!~|==|!=|<=|>=|in~|!in~|!in\b|[|,()\[\]=<>.]|[\w$]+)"""
)
Row = Mapping[str, Any]
Expression = Callable[[Row], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query ready to run: its table, and what to do with the rows one after the other."""

    table: str
    steps: Sequence[Callable[[list[Row]], list[Row]]]

    def run(self, rows: Sequence[Row]) -> list[Row]:
        """Return the result for the rows of the table.

        Raises:
            AzureError: a column does not exist.
        """
        result = list(rows)
        for step in self.steps:
            result = step(result)
        return result


def parse(text: str) -> Query:
    """Read a query.

    Raises:
        AzureError: it is not well formed, or uses what the demo does not know.
    """
    words = list(_words(re.sub(r"//[^\n]*", "", text)))
    stages = list(_split(words, "|"))
    if len(stages[0]) != 1:
        _invalid(" ".join(stages[0]) or "an empty query")
    return Query(table=stages[0][0].lower(), steps=[_step(stage) for stage in stages[1:]])


def _invalid(part: str) -> NoReturn:
    reject(f"Query is invalid: the demo does not understand '{part}'.", "InvalidQuery")


def _words(text: str) -> Iterator[str]:
    place = 0
    while text[place:].strip():
        found = _WORD.match(text, place)
        if found is None:
            _invalid(text[place:].strip())
        yield found[0].strip()
        place = found.end()


def _split(words: Sequence[str], mark: str) -> Iterator[list[str]]:
    """Yield what stands between the marks that are in no parentheses."""
    part: list[str] = []
    depth = 0
    for word in words:
        depth += (word in "([") - (word in ")]")
        if word == mark and depth == 0:
            yield part
            part = []
        else:
            part.append(word)
    yield part


def _step(words: list[str]) -> Callable[[list[Row]], list[Row]]:
    match [word.lower() for word in words[:2]]:
        case ["where", _]:
            test = _whole(words[1:])
            return lambda rows: [row for row in rows if test(row)]
        case ["extend", _]:
            columns = _columns(words[1:])
            return lambda rows: [{**row, **_made(row, columns)} for row in rows]
        case ["project", _]:
            columns = _columns(words[1:])
            return lambda rows: [_made(row, columns) for row in rows]
        case ["order" | "sort", "by"]:
            keys = [_key(part) for part in _split(words[2:], ",")]
            return lambda rows: _ordered(rows, keys)
        case ["take" | "limit", number] if number.isdigit():
            return lambda rows: rows[: int(number)]
    _invalid(" ".join(words))


def _columns(words: list[str]) -> dict[str, Expression]:
    columns: dict[str, Expression] = {}
    for part in _split(words, ","):
        if len(part) > 1 and part[1] == "=":
            columns[part[0]] = _whole(part[2:])
        else:
            columns["_".join(word for word in part if word != ".")] = _whole(part)
    return columns


def _made(row: Row, columns: Mapping[str, Expression]) -> Row:
    return {name: make(row) for name, make in columns.items()}


def _key(part: list[str]) -> tuple[Expression, bool]:
    """Return a sort key and whether it ascends; Kusto descends unless told."""
    if part and part[-1].lower() in ("asc", "desc"):
        return _whole(part[:-1]), part[-1].lower() == "asc"
    return _whole(part), False


def _ordered(rows: list[Row], keys: Sequence[tuple[Expression, bool]]) -> list[Row]:
    def compare(one: Row, other: Row) -> int:
        for key, ascending in keys:
            a, b = str(key(one)), str(key(other))
            if a != b:
                return -1 if (a < b) is ascending else 1
        return 0

    return sorted(rows, key=cmp_to_key(compare))


def _whole(words: list[str]) -> Expression:
    parser = _Parser(words)
    expression = parser.either()
    if parser.left:
        _invalid(" ".join(words))
    return expression


class _Parser:
    """Recursive descent over the words of one expression."""

    def __init__(self, words: list[str]) -> None:
        self.left = list(words)
        self._text = " ".join(words)

    def either(self) -> Expression:
        """Read terms joined by ``or``."""
        parts = [self._both()]
        while self._take("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda row: any(part(row) for part in parts)

    def _both(self) -> Expression:
        parts = [self._comparison()]
        while self._take("and"):
            parts.append(self._comparison())
        return parts[0] if len(parts) == 1 else lambda row: all(part(row) for part in parts)

    def _comparison(self) -> Expression:
        one = self._primary()
        for sign, compare in COMPARISONS.items():
            if self._take(sign):
                other = self._primary()
                return lambda row: compare(one(row), other(row))
        for sign, (any_case, wanted) in MEMBERSHIPS.items():
            if self._take(sign):
                values = self._arguments()
                return lambda row: _among(one, values, row, any_case=any_case) is wanted
        return one

    def _primary(self) -> Expression:
        if not self.left:
            _invalid(self._text)
        word = self.left.pop(0)
        if word == "(":
            inner = self.either()
            self._need(")")
            return inner
        if word[0] in "'\"":
            value = _unquoted(word)
            return lambda _: value
        if word[0].isdigit():
            return lambda _: float(word)
        if word.startswith("datetime("):
            time = moment(word[len("datetime(") : -1].strip())
            return lambda _: time
        if self.left[:1] == ["("]:
            return self._call(word.lower())
        return self._path(word)

    def _call(self, name: str) -> Expression:
        arguments = self._arguments()
        if name in ("iff", "iif") and len(arguments) == 3:  # noqa: PLR2004 - condition and two values
            test, yes, no = arguments
            return lambda row: yes(row) if test(row) else no(row)
        if name not in FUNCTIONS:
            _invalid(f"{name}()")
        function = FUNCTIONS[name]
        return lambda row: function(*(argument(row) for argument in arguments))

    def _arguments(self) -> list[Expression]:
        self._need("(")
        found: list[Expression] = []
        while not self._take(")"):
            found.append(self.either())
            if not self._take(","):
                self._need(")")
                break
        return found

    def _path(self, column: str) -> Expression:
        steps: list[str | int] = []
        while self.left[:1] in (["."], ["["]):
            mark = self.left.pop(0)
            if not self.left:
                _invalid(self._text)
            step = self.left.pop(0)
            steps.append(int(step) if step.isdigit() else _unquoted(step))
            if mark == "[":
                self._need("]")
        return lambda row: _walk(row, column, steps)

    def _take(self, word: str) -> bool:
        if self.left and self.left[0].lower() == word:
            self.left.pop(0)
            return True
        return False

    def _need(self, word: str) -> None:
        if not self._take(word):
            _invalid(self._text)


def _unquoted(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if word[0] in "'\"" else word


def _among(one: Expression, values: Sequence[Expression], row: Row, *, any_case: bool) -> bool:
    return member(one(row), [value(row) for value in values], any_case=any_case)


def _walk(row: Row, column: str, steps: Sequence[str | int]) -> Any:  # noqa: ANN401 - any JSON value
    if column not in row:
        text = f"Query is invalid: failed to resolve scalar expression named '{column}'."
        reject(text, "InvalidQuery")
    value = row[column]
    for step in steps:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
    return value
