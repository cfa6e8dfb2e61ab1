"""The page about the structure names what stands, and draws the layers that are checked."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ROOMS = "exporter", "tests", "dashboards", "deploy", "docs", "bench"


def test_every_path_on_the_page_exists() -> None:
    named = re.findall(rf"`((?:{'|'.join(ROOMS)})/[\w./-]*)`", PAGE)
    assert len(named) > 10
    assert not [path for path in named if not (ROOT / path).exists()]


def test_every_room_of_the_package_is_on_the_page() -> None:
    rooms = {path.parent.name for path in (ROOT / "exporter").glob("*/__init__.py")}
    described = set(re.findall(r"^\| `(\w+)/`", PAGE, re.MULTILINE))
    assert rooms == described


def test_the_drawn_layers_are_those_that_are_checked() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (checked,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    drawn = PAGE.split("## The layer rule")[1].split("```")[1].split("\n")
    assert [line.strip() for line in drawn if line.strip()] == checked
