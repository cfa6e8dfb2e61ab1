"""Reads which metrics, labels and windows a PromQL expression names.

Enough of the grammar for the expressions of this project; `promtool` judges whether they are valid.
Grafana's variables may stand wherever Grafana allows them.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|`[^`]*`|\[[^\]]*\]|[A-Za-z_:$][\w:$]*|\d[\w.]*|\S')
_NAME = re.compile(r"[A-Za-z_:][\w:$]*")
_LISTS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_WORDS = {"and", "or", "unless", "offset", "bool", "inf", "nan"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """A metric, the labels that its matchers name, its window and the function around it."""

    metric: str
    labels: frozenset[str]
    window: str
    function: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What an expression names: selectors, labels it groups or joins by, labels it makes."""

    selectors: tuple[Selector, ...]
    grouped: frozenset[str]
    made: frozenset[str]
    read: frozenset[str]

    @property
    def metrics(self) -> frozenset[str]:
        """Names of all metrics."""
        return frozenset(selector.metric for selector in self.selectors)


def read(text: str) -> Query:
    """Read an expression, or a variable's ``label_values`` and ``label_names``."""
    tokens = _TOKEN.findall(text)
    replaced = [_strings(tokens, i) for i in range(len(tokens)) if _replaces(tokens, i)]
    lists = [i for i, token in enumerate(tokens) if token in _LISTS and _at(tokens, i + 1) == "("]
    grouped = [label for start in lists for label in _until(tokens, start + 2, ")")]
    counted = re.findall(r'count_values *\("(\w+)"', text)
    asked = re.findall(r"label_values\(.*, *([\w$]+)\)$", text)
    return Query(
        selectors=tuple(_selectors(tokens, frozenset(asked))),
        grouped=frozenset((*grouped, *asked)),
        made=frozenset((*(strings[0] for strings in replaced), *counted)),
        read=frozenset(strings[2] for strings in replaced if strings[2]),
    )


def _selectors(tokens: list[str], asked: frozenset[str]) -> list[Selector]:
    found, depth = [], 0
    for i, token in enumerate(tokens):
        in_list = _in_list(tokens, i)
        depth += (token == "{") - (token == "}")
        named = _NAME.fullmatch(token) and token not in _WORDS | _LISTS | asked
        calls = _at(tokens, i + 1) in {"(", "by", "without"}
        if named and not depth and not in_list and not calls:
            found.append(_selector(tokens, i))
    return found


def _selector(tokens: list[str], at: int) -> Selector:
    end, labels = at + 1, frozenset[str]()
    if _at(tokens, end) == "{":
        inside = tokens[end : tokens.index("}", end)]
        pairs = pairwise(inside)
        labels = frozenset(t for t, sign in pairs if sign in "=!" and _NAME.fullmatch(t))
        end = tokens.index("}", end) + 1
    window = _at(tokens, end) if _at(tokens, end).startswith("[") else ""
    called = _at(tokens, at - 1) == "("
    function = _at(tokens, at - 2) if called else ""
    return Selector(
        metric=tokens[at],
        labels=labels,
        window=window.strip("[]"),
        function=function,
    )


def _in_list(tokens: list[str], at: int) -> bool:
    for i in range(at - 1, 0, -1):
        if tokens[i] == "(":
            return tokens[i - 1] in _LISTS
        if tokens[i] != "," and not _NAME.fullmatch(tokens[i]):
            return False
    return False


def _replaces(tokens: list[str], at: int) -> bool:
    """Whether the four strings of a ``label_replace`` begin here."""
    shape = [_at(tokens, at - 1), *(_at(tokens, at + i) for i in (1, 3, 5, 7))]
    texts = [_at(tokens, at + i) for i in (0, 2, 4, 6)]
    return shape == [",", ",", ",", ",", ")"] and all(text.startswith('"') for text in texts)


def _strings(tokens: list[str], at: int) -> list[str]:
    return [tokens[at + i].strip('"') for i in (0, 2, 4, 6)]


def _until(tokens: list[str], start: int, end: str) -> list[str]:
    return [token for token in tokens[start : tokens.index(end, start)] if token != ","]


def _at(tokens: list[str], index: int) -> str:
    return tokens[index] if 0 <= index < len(tokens) else ""
