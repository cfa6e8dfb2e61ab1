"""The generated reference page: up to date, complete, and its queries are PromQL."""

import json
import re
import subprocess
import sys
from pathlib import Path

from exporter.exposition.catalogue import FAMILIES, LABELS

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "metrics.md"


def generate(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "docs" / "build" / "metrics.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_committed_page_is_up_to_date() -> None:
    result = generate("--check")
    assert (result.returncode, result.stderr) == (0, "")


def test_stale_or_absent_page_is_told_and_can_be_written(tmp_path: Path) -> None:
    page = tmp_path / "metrics.md"
    for content in (None, "old"):
        if content:
            page.write_text(content, encoding="utf-8")
        result = generate("--check", "--output", str(page))
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr == f"{page} is stale — run: python docs/build/metrics.py\n"
    assert generate("--output", str(page)).returncode == 0
    assert page.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")


def test_page_explains_every_family_and_every_label() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for family in FAMILIES:
        assert text.count(f"| `{family.name}` |") == 1
    used = {label for family in FAMILIES for label in family.labels}
    assert set(LABELS) == used | {"tag_*"}


def queries() -> list[str]:
    return re.findall(r"```promql\n(.+?)\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_queries_name_only_what_exists() -> None:
    known = {family.name for family in FAMILIES}
    named = set(re.findall(r"\bcarbon_\w+", "\n".join(queries())))
    assert named
    assert named <= known


def test_queries_are_valid_promql(promtool: str, tmp_path: Path) -> None:
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries())]
    path = tmp_path / "rules.yml"  # JSON is YAML
    path.write_text(json.dumps({"groups": [{"name": "page", "rules": rules}]}), encoding="utf-8")
    result = subprocess.run(
        [promtool, "check", "rules", str(path)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
