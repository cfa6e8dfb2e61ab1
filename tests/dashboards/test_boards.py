"""The committed dashboards: those that the code makes, complete, and fit to be imported by hand."""

import json
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from dashboards.build import HOME, SCHEMA_VERSION, links, render
from dashboards.build.__main__ import stale, write
from exporter.core.durations import parse_duration
from tests.support.boards import BOARDS, Json, expressions, filled, panels, variables, with_data

EACH_BOARD = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
EACH_PANEL = pytest.mark.parametrize(
    "panel",
    [
        pytest.param(panel, id=f"{name}:{panel['title']}")
        for name, board in BOARDS.items()
        for panel in with_data(board)
    ],
)
PICKED = {"type": "prometheus", "uid": "${datasource}"}
SHORTEST_WINDOW = timedelta(minutes=15)
"""Three buckets of five minutes."""
GRID_COLUMNS = 24
ROOM_FOR_A_LETTER = 8
"""Pixels that a letter of a title takes, and of a panel's border and sign beside the title."""
BESIDE_A_TITLE = 50
COLUMN_AT_1280 = 1256 / GRID_COLUMNS


def picks(board: Json) -> list[str]:
    return [variable["name"] for variable in board["templating"]["list"]]


def titles(text: str) -> str:
    return re.sub(r"\$\w+", "service", text)


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


@EACH_PANEL
def test_every_panel_says_its_question_its_meaning_its_unit_and_what_is_missing(
    panel: Json,
) -> None:
    assert panel["title"].endswith("?")
    assert panel["description"]
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["fieldConfig"]["defaults"]["noValue"]
    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"]


@EACH_PANEL
def test_titles_fit_at_1280_pixels(panel: Json) -> None:
    room = panel["gridPos"]["w"] * COLUMN_AT_1280 - BESIDE_A_TITLE
    assert len(titles(panel["title"])) * ROOM_FOR_A_LETTER <= room


@EACH_PANEL
def test_every_query_goes_to_the_data_source_that_the_reader_picked(panel: Json) -> None:
    assert panel["datasource"] == PICKED
    assert all(target["datasource"] == PICKED for target in panel["targets"])
    refs = [target["refId"] for target in panel["targets"]]
    assert len(refs) == len(set(refs)) > 0


@EACH_PANEL
def test_windows_hold_several_five_minute_buckets(panel: Json) -> None:
    for target in panel["targets"]:
        windows = re.findall(r"\[(\d+[smhd])", target.get("expr", ""))
        if "$__rate_interval" in target.get("expr", ""):
            windows.append(target.get("interval") or panel["interval"])
        assert all(parse_duration(window) >= SHORTEST_WINDOW for window in windows)


@EACH_BOARD
def test_panels_have_their_own_ids_and_places(board: Json) -> None:
    cells: list[tuple[int, int]] = []
    for panel in panels(board):
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= GRID_COLUMNS
        columns, rows = range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])
        cells += [(x, y) for x in columns for y in rows]
    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in panels(board)}) == len(panels(board))


def test_uids_are_those_that_the_links_and_peoples_bookmarks_know() -> None:
    assert {board["uid"] for board in BOARDS.values()} == links.TITLES.keys()
    assert len(BOARDS) == len(links.TITLES)


@EACH_BOARD
def test_a_board_opens_every_other_and_takes_time_and_choices_along(board: Json) -> None:
    others = [f"/d/{uid}" for uid in links.TITLES if uid != board["uid"]]
    assert [link["url"] for link in board["links"]] == others
    assert all(link["keepTime"] and link["includeVars"] for link in board["links"])


def test_links_in_tables_open_a_board_that_has_the_variables_they_set() -> None:
    known = {board["uid"]: set(picks(board)) for board in BOARDS.values()}
    urls = re.findall(r'"url": "/d/([\w-]+)\?([^"]*)"', " ".join(map(json.dumps, BOARDS.values())))
    assert urls
    for uid, query in urls:
        assert set(re.findall(r"&var-(\w+)=", query)) <= known[uid]


@EACH_BOARD
def test_a_board_can_be_imported_by_hand(board: Json) -> None:
    assert "id" not in board or board["id"] is None
    assert board["schemaVersion"] == SCHEMA_VERSION
    assert picks(board)[:2] == ["datasource", "job"]


@EACH_BOARD
def test_every_variable_that_is_used_can_be_picked(board: Json) -> None:
    text = " ".join((*expressions(board), *variables(board), *(p["title"] for p in panels(board))))
    used = set(re.findall(r"\$\{?([a-zA-Z]\w*)", text))
    assert used <= set(picks(board))


def test_the_estate_can_be_picked_by_place_and_by_tag() -> None:
    estate = ["datasource", "job", "provider", "account", "region", "tag"]
    for name in ("overview.json", "machines.json", "teams.json"):
        assert picks(BOARDS[name])[: len(estate)] == estate


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_prometheus_parses_every_query(tmp_path: Path) -> None:
    texts = [filled(text) for board in BOARDS.values() for text in expressions(board)]
    rules = [{"record": f"panel:{n}", "expr": text} for n, text in enumerate(texts)]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    command = ["promtool", "check", "rules", str(file)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
