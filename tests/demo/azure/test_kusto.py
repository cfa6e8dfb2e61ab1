from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.demo.azure import kusto
from exporter.demo.azure.errors import AzureError

ROWS: list[dict[str, Any]] = [
    {"id": "b", "n": 2, "tags": {"team": "Shop", "a b": "x"}, "zones": ["1", "2"], "sku": None},
    {"id": "A", "n": 10, "tags": None, "zones": None, "sku": {"name": "Big"}},
    {"id": "c", "n": 1, "tags": {"team": "data"}, "zones": [], "sku": {"name": "small"}},
]


def ids(condition: str) -> str:
    rows = kusto.parse(f"T | where {condition} | project id").run(ROWS)
    return "".join(row["id"] for row in rows)


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("id == 'a'", ""),
        ("id =~ 'a'", "A"),
        ("id !~ 'a'", "bc"),
        ("id != 'A'", "bc"),
        ('id in ("A", "b")', "bA"),
        ("id in~ ('a', 'B')", "bA"),
        ("id !in~ ('a', 'B')", "c"),
        ("id =~ 'a' or id == 'b'", "bA"),
        ("id =~ 'a' and n > 5", "A"),
        ("(id =~ 'a' or id == 'b') and n < 5", "b"),
        ("id =~ 'a' or id == 'b' and n > 5", "A"),
        ("n >= 2", "bA"),
        ("n <= 2", "bc"),
        ("not(n <= 2)", "A"),
        ("isempty(tags.team)", "A"),
        ("isnotempty(tags['a b'])", "b"),
        ("isnull(zones)", "A"),
        ("isnotnull(sku) and isnotnull(zones)", "c"),
        ("zones[1] == '2'", "b"),
        ("tostring(tags.team) contains 'HO'", "b"),
        ("tags.team startswith 'DA'", "c"),
        ("sku.name has 'big'", "A"),
        ("todatetime(id) >= datetime(2026-01-01)", ""),
        ("todatetime('2026-01-02T00:00:00.1234567Z') > datetime(2026-01-02)", "bAc"),
        ("datetime('2026-01-02T00:00:00Z') < datetime(2026-01-02)", ""),
    ],
)
def test_conditions(condition: str, found: str) -> None:
    assert ids(condition) == found


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("tostring(sku.name)", ["", "Big", "small"]),
        ("tolower(sku.name)", ["", "big", "small"]),
        ("toupper(id)", ["B", "A", "C"]),
        ("coalesce(sku.name, tags.team)", ["Shop", "Big", "small"]),
        ("iff(n > 1, 'many', 'one')", ["many", "many", "one"]),
        ("iif(isempty(sku.name), id, 'x')", ["b", "x", "x"]),
        ("strcat(id, '-', tostring(n))", ["b-2", "A-10", "c-1"]),
        ("tags", [ROWS[0]["tags"], None, ROWS[2]["tags"]]),
        (r"'it\'s'", ["it's"] * 3),
    ],
)
def test_columns(expression: str, values: list[object]) -> None:
    rows = kusto.parse(f"T | project x={expression}").run(ROWS)
    assert [row["x"] for row in rows] == values


def test_extended_columns_join_the_others() -> None:
    (row, *_) = kusto.parse("T | extend x='y', n=id").run(ROWS)
    assert row == ROWS[0] | {"x": "y", "n": "b"}


def test_a_path_without_a_name_is_named_after_its_parts() -> None:
    (row, *_) = kusto.parse("T | project sku.name, id").run(ROWS)
    assert set(row) == {"sku_name", "id"}


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("id asc", "Abc"),
        ("id desc", "cbA"),
        ("id", "cbA"),
        ("iff(n > 1, 'x', 'a') asc, id desc", "cbA"),
    ],
)
def test_rows_are_ordered(order: str, found: str) -> None:
    rows = kusto.parse(f"t | order by {order} | take 5").run(ROWS)
    assert "".join(row["id"] for row in rows) == found


def test_rows_can_be_cut() -> None:
    assert kusto.parse("t | limit 2").run(ROWS) == ROWS[:2]


def test_comments_and_case_of_keywords_do_not_matter() -> None:
    query = kusto.parse("RESOURCES // all\n| WHERE id =~ 'a' AND n > 1 | Project id")
    assert query.table == "resources"
    assert query.run(ROWS) == [{"id": "A"}]


@given(text=st.text(max_size=40))
def test_any_text_is_a_value_or_a_clear_refusal(text: str) -> None:
    with suppress(AzureError):
        kusto.parse(text)
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    if "//" not in quoted:
        (row, *_) = kusto.parse(f"t | project x='{quoted}'").run(ROWS)
        assert row["x"] == text
