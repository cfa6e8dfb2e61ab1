"""The dashboards against the types that Grafana publishes, as its TypeScript compiler reads them.

``GRAFANA_SCHEMA`` names a folder of npm packages that has ``@grafana/schema`` and ``typescript``:
``npm install --ignore-scripts @grafana/schema typescript`` makes one in ``node_modules``. A key
that Grafana does not know, a word that is none of its own, a number where it wants a text are
errors. Without that folder the other tests of the dashboards try the structure that we rely on.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.boards import BOARDS, Json, panels

PACKAGES = os.environ.get("GRAFANA_SCHEMA", "")

pytestmark = pytest.mark.skipif(
    not (PACKAGES and shutil.which("node")),
    reason="GRAFANA_SCHEMA names no folder with @grafana/schema and typescript, or node is absent",
)

WITH_FIELDS = {"timeseries", "statetimeline", "table"}
"""Kinds of panels whose fields have options of their own."""

HEAD = """
import type * as grafana from '@grafana/schema';
// What JSON can hold of a type: the words of an enumeration instead of the enumeration.
type Json<T> =
  T extends string ? `${T}` :
  T extends number | boolean | null | undefined ? T :
  T extends (infer U)[] ? Json<U>[] :
  T extends object ? { [K in keyof T]?: Json<T[K]> } : T;
"""


LEGACY = {
    "auto",  # of interval variables; the library that writes our JSON gives it to all
    "auto_count",
    "auto_min",
    "definition",  # of query variables: their text, which Grafana's list of variables shows
    "expr",  # of annotations: what Grafana 11 reads; newer ones move it into the target
    "step",
    "titleFormat",
    "textFormat",
    "footer",  # of tables: pages, for Grafana 12 and older; 13 migrates it
}
"""Keys that the newest types lack, each with the reason why it stays."""


def newest(content: Json) -> str:
    """Write a part as JSON, without the keys that are there for older versions."""
    return json.dumps({key: value for key, value in content.items() if key not in LEGACY})


def checked(board: Json, types: Path) -> Iterator[str]:
    """Write one declaration for each part of a dashboard that Grafana has a type of."""
    outside = {"panels", "templating", "annotations"}
    plain = {key: value for key, value in board.items() if key not in outside}
    yield f"export const board: Json<grafana.Dashboard> = {newest(plain)};"
    for number, note in enumerate(board["annotations"]["list"]):
        yield f"export const n{number}: Json<grafana.AnnotationQuery> = {newest(note)};"
    for variable in board["templating"]["list"]:
        name = f"v_{variable['name']}"
        yield f"export const {name}: Json<grafana.VariableModel> = {newest(variable)};"
    for panel in panels(board):
        number = panel["id"]
        shown = {k: v for k, v in panel.items() if k not in {"panels", "options", "fieldConfig"}}
        shape = "RowPanel" if panel["type"] == "row" else "Panel"
        yield f"export const p{number}: Json<grafana.{shape}> = {json.dumps(shown)};"
        if panel["type"] == "row":
            continue
        kind = str(panel["type"]).replace("-", "")
        path = types / "composable" / kind / "panelcfg" / "x" / "types.gen"
        options = newest(panel["options"])
        yield f"export const o{number}: Json<import('{path}').Options> = {options};"
        custom = panel["fieldConfig"]["defaults"].get("custom", {})
        if kind in WITH_FIELDS and custom:
            typed = f"Json<import('{path}').FieldConfig>"
            yield f"export const f{number}: {typed} = {json.dumps(custom)};"
        defaults = {k: v for k, v in panel["fieldConfig"]["defaults"].items() if k != "custom"}
        yield f"export const d{number}: Json<grafana.FieldConfig> = {json.dumps(defaults)};"


@pytest.mark.parametrize("name", BOARDS)
def test_grafana_knows_every_key_and_word_of_a_dashboard(name: str, tmp_path: Path) -> None:
    modules = Path(PACKAGES).resolve()
    (tmp_path / "node_modules").symlink_to(modules)
    types = tmp_path / "node_modules" / "@grafana" / "schema" / "dist" / "types" / "raw"
    source = tmp_path / "board.ts"
    source.write_text("\n".join((HEAD, *checked(BOARDS[name], types))), encoding="utf-8")
    compiler = modules / "typescript" / "bin" / "tsc"
    flags = ("--noEmit", "--strict", "--skipLibCheck", "--module", "esnext")
    command = ("node", compiler, *flags, "--moduleResolution", "bundler", source)
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
