"""Level numbers are names: nothing but ``weakness`` orders them, in no language of ours."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from exporter.core.model import OBSERVED, OWN_FORECAST, FallbackLevel, weakness

ROOT = Path(__file__).parents[2]
ORDERING = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
SORTERS = {"max", "min", "sorted", "sort", "nlargest", "nsmallest"}
LEVEL = re.compile(r"\.level\b|fallback_level|FallbackLevel")
QUERY = re.compile(r"fallback_level[\w:]*(\{[^}]*\})?\)*\s*(bool\s*)?(<|>|[<>]=)")
TEMPLATE = re.compile(r"\{\{[^}]*\b(lt|le|gt|ge) \$level\b")


def python() -> Iterator[Path]:
    for folder in ("exporter", "dashboards", "bench", "tools"):
        yield from (ROOT / folder).rglob("*.py")


def orders_levels(tree: ast.AST) -> Iterator[int]:
    """Yield lines that compare or sort by level numbers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(isinstance(op, ORDERING) for op in node.ops):
            sides = [node.left, *node.comparators]
            if any(LEVEL.search(ast.unparse(side)) for side in sides):
                yield node.lineno
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = node.func.id if isinstance(node.func, ast.Name) else name
            keys = [ast.unparse(word.value) for word in node.keywords if word.arg == "key"]
            plain = [ast.unparse(one) for one in node.args]
            ordered = any(f"{weakness.__name__}(" in key for key in keys)
            told = any(LEVEL.search(text) for text in keys + plain)
            if name in SORTERS and told and not ordered:
                yield node.lineno


def test_no_python_orders_levels_by_their_numbers() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in python()
        if path != ROOT / "exporter" / "logs.py"  # levels of log lines
        for line in orders_levels(ast.parse(path.read_text("utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    ["a.level >= 2", "one.level < FallbackLevel.ANNUAL", "max(parts, key=lambda p: p.level)"],
)
def test_an_order_by_level_numbers_would_be_found(text: str) -> None:
    assert list(orders_levels(ast.parse(text))) == [1]


def test_an_order_by_weakness_is_none_by_numbers() -> None:
    assert (
        list(orders_levels(ast.parse("sorted(FallbackLevel, key=lambda l: weakness(l, ''))"))) == []
    )


def test_no_query_template_or_page_orders_levels_by_their_numbers() -> None:
    files = [
        path
        for folder in ("dashboards", "exporter", "deploy", "docs")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".json", ".yml", ".yaml", ".js", ".md", ".html", ".py"}
    ]
    told = {path: path.read_text("utf-8") for path in files}
    assert [str(p) for p, text in told.items() if QUERY.search(text) or TEMPLATE.search(text)] == []
    assert any("fallback_level" in text for text in told.values())
    assert QUERY.search('max by (z) (carbon_grid_intensity_fallback_level{a="b"}) >= 2')
    assert QUERY.search("one.fallback_level < ANNUAL")


def test_values_are_weaker_in_the_order_of_their_expected_error() -> None:
    chain = [
        (FallbackLevel.LIVE, "neso"),
        (FallbackLevel.SECOND_SOURCE, "entsoe"),
        (FallbackLevel.FORECAST, "neso"),
        (FallbackLevel.FORECAST, OWN_FORECAST),
        (FallbackLevel.LAST_KNOWN, "neso"),
        (FallbackLevel.ANNUAL, "annual"),
    ]
    places = [weakness(level, source) for level, source in chain]
    assert all(better < worse for better, worse in pairwise(places))
    assert {level for level, _ in chain[:2]} == OBSERVED
