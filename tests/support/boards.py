"""The committed dashboards and rules, read for tests."""

import json
import re
from collections.abc import Iterator
from typing import Any, TypeAlias

import yaml

from dashboards.build import HOME

Json: TypeAlias = dict[str, Any]

BOARDS: dict[str, Json] = {
    path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(HOME.glob("*.json"))
}
WITHOUT_DATA = {"row", "text"}
"""Kinds of panels that ask nothing."""

_STAND_INS = {
    "__range": "1d",
    "__range_s": "86400",
    "__rate_interval": "15m",
    "__interval": "5m",
    "tag": "team",
}


def panels(board: Json) -> list[Json]:
    """Return a board's panels, those inside of rows included."""
    return [p for panel in board["panels"] for p in (panel, *panel.get("panels", ()))]


def with_data(board: Json) -> list[Json]:
    """Return the panels that show data."""
    return [panel for panel in panels(board) if panel["type"] not in WITHOUT_DATA]


def variables(board: Json) -> Iterator[str]:
    """Queries of a board's variables."""
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"]


def expressions(board: Json) -> Iterator[str]:
    """Every expression that a board's panels ask."""
    for panel in with_data(board):
        yield from (target["expr"] for target in panel["targets"] if "expr" in target)


def filled(expression: str) -> str:
    """Put plausible values for Grafana's variables: what Prometheus would be sent."""
    plain = re.sub(r"\$\{(\w+)(?::\w+)?\}", r"$\1", expression)
    return re.sub(r"\$(\w+)", _stand_in, plain)


def _entries(node: object) -> Iterator[Json]:
    if isinstance(node, dict):
        yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from _entries(child)


def _rules() -> Iterator[tuple[str, Json]]:
    for path in sorted([*HOME.glob("rules/*.yml"), *HOME.glob("provisioning/alerting/*.yml")]):
        for entry in _entries(yaml.safe_load(path.read_text(encoding="utf-8"))):
            if isinstance(entry.get("expr"), str):
                yield path.name, entry


def _stand_in(variable: re.Match[str]) -> str:
    name = variable[1]
    return variable[0] if name.isdigit() else _STAND_INS.get(name, ".*")


RULES: tuple[tuple[str, Json], ...] = tuple(_rules())
"""File name and content of each recording and alerting rule, Prometheus' and Grafana's."""

RECORDED = frozenset(rule["record"] for _, rule in RULES if "record" in rule)
"""Names that the recording rules make."""
