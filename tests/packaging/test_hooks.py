"""The commit hooks: the pinned tools of this environment, and no download."""

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
HOOKS: list[dict[str, Any]] = [
    hook
    for repository in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in repository["hooks"]
]
PINNED = (ROOT / "requirements/dev.txt").read_text()


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_fetches_nothing_and_is_a_pinned_tool(hook: dict[str, Any]) -> None:
    assert hook["language"] in {"system", "pygrep"}
    if hook["language"] == "system":
        tool = hook["entry"].split()[0].removeprefix(".venv/bin/")
        package = {"lint-imports": "import-linter"}.get(tool, tool)
        assert f"\n{package}==" in PINNED
