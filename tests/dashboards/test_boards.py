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
from dashboards.build.rules import alert_groups
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


def groups(board: Json) -> list[list[Json]]:
    """Panels that stand on one grid: those of the dashboard, and those of each closed row."""
    rows = [panel["panels"] for panel in board["panels"] if panel["type"] == "row"]
    return [board["panels"], *rows]


@EACH_BOARD
def test_panels_have_their_own_ids_and_places(board: Json) -> None:
    for group in groups(board):
        cells: list[tuple[int, int]] = []
        for panel in group:
            at = panel["gridPos"]
            assert at["x"] + at["w"] <= GRID_COLUMNS
            columns, lines = range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])
            cells += [(x, y) for x in columns for y in lines]
        assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in panels(board)}) == len(panels(board))


@EACH_BOARD
def test_rows_stand_below_all_else_are_closed_and_hold_what_follows_them(board: Json) -> None:
    rows = [panel for panel in board["panels"] if panel["type"] == "row"]
    first = [panel for panel in board["panels"] if panel["type"] != "row"]
    bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in first)
    assert [row["gridPos"]["y"] for row in rows] == list(range(bottom, bottom + len(rows)))
    for row in rows:
        assert row["collapsed"]
        assert row["title"]
        assert min(p["gridPos"]["y"] for p in row["panels"]) == row["gridPos"]["y"] + 1


@pytest.mark.parametrize(("name", "lines"), [("overview.json", 24), ("kiosk.json", 27)])
def test_what_a_reader_sees_first_fits_on_one_screen(name: str, lines: int) -> None:
    """A line is 38 pixels: 1,080 pixels less what the browser and Grafana's own bars take."""
    first = [panel for panel in BOARDS[name]["panels"] if panel["type"] != "row"]
    assert max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in first) <= lines


def test_uids_are_those_that_the_links_and_peoples_bookmarks_know() -> None:
    assert {board["uid"] for board in BOARDS.values()} == links.TITLES.keys()
    assert len(BOARDS) == len(links.TITLES)


@EACH_BOARD
def test_a_board_opens_every_other_and_takes_time_and_choices_along(board: Json) -> None:
    (link,) = board["links"]
    assert (link["type"], link["asDropdown"]) == ("dashboards", True)
    assert set(link["tags"]) <= set(board["tags"])
    assert link["keepTime"]
    assert link["includeVars"]


@EACH_BOARD
def test_a_board_says_what_it_is_and_asks_no_more_often_than_data_change(board: Json) -> None:
    assert board["description"]
    assert board["version"] > 1
    assert parse_duration(board["refresh"]) >= timedelta(minutes=5)


@EACH_BOARD
def test_spikes_source_switches_and_restarts_are_marked(board: Json) -> None:
    notes = {note["name"]: note["expr"] for note in board["annotations"]["list"]}
    assert notes.keys() == {"Emission spikes", "Grid source switches", "Exporter restarts"}
    assert "CarbonEmissionSpike" in notes["Emission spikes"]


def test_alerts_link_to_panels_that_exist() -> None:
    ids = {(board["uid"], panel["id"]) for board in BOARDS.values() for panel in panels(board)}
    shown = {
        (alert.shown.board, alert.shown.panel) for group in alert_groups() for alert in group.alerts
    }
    assert shown <= ids


@EACH_BOARD
def test_sums_of_days_and_months_do_not_depend_on_the_time_range(board: Json) -> None:
    """Grafana ignores a panel's own range while the dashboard's is absolute, as after a zoom."""
    own = {panel["timeFrom"] for panel in with_data(board) if panel.get("timeFrom")}
    assert own <= {"28d"}, "the heat map's own range is shown in its title, and only adds weeks"
    for panel in with_data(board):
        if "month" in panel["title"] or "today" in panel["title"]:
            assert not any("$__range" in target["expr"] for target in panel["targets"])


@EACH_BOARD
def test_what_the_reader_picks_may_hold_quotes_and_backslashes(board: Json) -> None:
    for text in (*expressions(board), *variables(board)):
        assert re.findall(r'=~"[^"]*\$', text) == []
        assert set(re.findall(r"=~`([^`]*)`", text)) <= {
            f"${{{name}:regex}}" for name in picks(board)
        }


@EACH_BOARD
def test_no_quantity_is_shown_in_megagrams(board: Json) -> None:
    """Grafana's own grams go from kilograms to megagrams; rates never come so far."""
    assert '"si:g"' not in json.dumps(board)


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
    notes = (note["expr"] for note in board["annotations"]["list"])
    titles = (panel["title"] for panel in panels(board))
    text = " ".join((*expressions(board), *variables(board), *notes, *titles))
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
