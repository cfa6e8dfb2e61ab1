"""The committed dashboards against the code that makes them and the metrics that exist."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from dashboards.build import HOME, render
from dashboards.build.__main__ import stale, write
from exporter.exposition.catalogue import FAMILIES

Json: TypeAlias = dict[str, Any]
BOARDS: dict[str, Json] = {path.name: json.loads(path.read_text()) for path in HOME.glob("*.json")}
PANELS = [
    pytest.param(panel, id=f"{name}:{panel['title']}")
    for name, board in BOARDS.items()
    for panel in board["panels"]
]
LABELS_OF = {family.name: set(family.labels) for family in FAMILIES}
MADE_HERE = {"machine"}
"""Labels that a query makes itself, with label_replace."""
GRID_COLUMNS = 24


def expressions(board: Json) -> Iterator[str]:
    for panel in board["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"]


def labels_named(text: str) -> set[str]:
    grouped = re.findall(r"\b(?:by|on|group_left) \(([^)]*)\)", text)
    matched = re.findall(r"(\w+)=~?\"", text)
    asked = re.findall(r"label_values\(.*, (\w+)\)$", text)
    return {label.strip() for group in grouped for label in group.split(",")} | {*matched, *asked}


EXPRESSIONS = [pytest.param(e, id=n) for n, b in BOARDS.items() for e in expressions(b)]


def test_the_committed_json_is_what_the_code_makes() -> None:
    assert BOARDS
    assert stale(render(), HOME) == []


def test_a_changed_a_missing_and_an_orphaned_file_are_all_stale(tmp_path: Path) -> None:
    files = {"a.json": "{}\n", "b.json": "{}\n"}
    (tmp_path / "a.json").write_text("{ }\n")
    (tmp_path / "gone.json").write_text("{}\n")
    assert stale(files, tmp_path) == ["a.json", "b.json", "gone.json"]
    write(files, tmp_path)
    assert stale(files, tmp_path) == []


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_is_in_the_catalogue_and_has_the_labels_that_are_used(expression: str) -> None:
    metrics = set(re.findall(r"\bcarbon_\w+", expression))
    assert metrics
    assert metrics <= LABELS_OF.keys()
    known = set().union(*(LABELS_OF[metric] for metric in metrics))
    assert labels_named(expression) <= known | MADE_HERE


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_matchers_name_labels_of_the_metric_they_stand_at(expression: str) -> None:
    for metric, matchers in re.findall(r"\b(carbon_\w+)\{([^}]*)\}", expression):
        assert set(re.findall(r"(\w+)=", matchers)) <= LABELS_OF[metric]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_counters_are_only_read_through_increase_or_rate(expression: str) -> None:
    counters = {family.name for family in FAMILIES if family.kind == "counter"}
    used = re.findall(r"\bcarbon_\w+_total\b", expression)
    ranged = re.findall(r"\b(?:rate|increase) ?\((carbon_\w+_total)\b[^\[]*\[", expression)
    assert sorted(used) == sorted(ranged)
    assert set(ranged) <= counters


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_windows_hold_several_five_minute_buckets(expression: str) -> None:
    minutes = {"m": 1, "h": 60, "d": 1440}
    for amount, unit in re.findall(r"\[(\d+)([mhd])\]", expression):
        assert int(amount) * minutes[unit] >= 15


@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_says_its_question_its_meaning_its_unit_and_what_is_missing(
    panel: Json,
) -> None:
    assert panel["title"].endswith("?")
    assert panel["description"]
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["fieldConfig"]["defaults"]["noValue"]
    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"]


@pytest.mark.parametrize("panel", PANELS)
def test_every_query_goes_to_the_data_source_that_the_reader_picked(panel: Json) -> None:
    picked = {"type": "prometheus", "uid": "${datasource}"}
    assert panel["datasource"] == picked
    assert all(target["datasource"] == picked for target in panel["targets"])


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_panels_have_their_own_ids_and_places(board: Json) -> None:
    cells: list[tuple[int, int]] = []
    for panel in board["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= GRID_COLUMNS
        columns, rows = range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])
        cells += [(x, y) for x in columns for y in rows]
    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_uids_are_stable_and_unique() -> None:
    uids = [board["uid"] for board in BOARDS.values()]
    assert len(uids) == len(set(uids))
    assert BOARDS["overview.json"]["uid"] == "carbon-overview"


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_a_board_can_be_imported_by_hand(board: Json) -> None:
    assert "id" not in board or board["id"] is None
    names = [variable["name"] for variable in board["templating"]["list"]]
    assert names == ["datasource", "provider", "account", "region"]


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_prometheus_parses_every_query(tmp_path: Path) -> None:
    replaced = {"$__range": "1d", "$provider": ".*", "$account": ".*", "$region": ".*"}
    rules = []
    for board in BOARDS.values():
        for number, text in enumerate(e for e in expressions(board) if "label_values" not in e):
            for variable, value in replaced.items():
                text = text.replace(variable, value)  # noqa: PLW2901 — one text, several variables
            rules.append({"record": f"panel:{number}", "expr": text})
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    command = ["promtool", "check", "rules", str(file)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
