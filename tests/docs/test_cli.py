"""docs/cli.md says what the verbs' own help says."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from exporter.cli.main import cli, verbs

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


def test_the_page_has_not_drifted(tmp_path: Path) -> None:
    command = [sys.executable, "docs/build/cli.py", "--check"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    stale = tmp_path / "cli.md"
    stale.write_text(PAGE.replace("--dry-run", "--dry"))
    command += ["--output", str(stale)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "is stale — run: python docs/build/cli.py" in result.stderr


@pytest.mark.parametrize("verb", verbs())
def test_every_option_of_every_verb_has_a_row(verb: str) -> None:
    group = typer.main.get_command(cli)
    section = PAGE.partition(f"\n## {verb}\n")[2].partition("\n## ")[0]
    assert f"[`{verb}`](#{verb})" in PAGE
    command = group.get_command(typer.Context(group), verb)  # type: ignore[attr-defined]  # a group
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    below = getattr(command, "commands", {})
    assert all(f"\n### {verb} {name}\n" in section for name in below)
    params = [each for one in below.values() or [command] for each in one.params]
    assert len(rows) == len(params)
    for parameter, row in zip(params, rows, strict=True):
        assert parameter.param_type_name == "argument" or all(o in row for o in parameter.opts)
        assert parameter.help.split()[0] in row
