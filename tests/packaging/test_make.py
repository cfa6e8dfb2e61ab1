"""What the Makefile's three ways to check run: `make -n` says it without doing it."""

import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def commands(target: str) -> str:
    make = shutil.which("make")
    assert make
    # An environment that is not there: what would be installed is said too.
    command = (make, "-n", "--no-print-directory", "VENV=absent", target)
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.replace("\\\n", " ")


def pytest_of(target: str) -> str:
    (line,) = [line for line in commands(target).splitlines() if "-m pytest" in line]
    return line


def test_check_runs_lint_and_fast_tests_that_exist() -> None:
    assert all(tool in commands("check") for tool in ("ruff check", "mypy", "lint-imports"))
    named = re.findall(r"(?:^| |=)(tests/\S+)", pytest_of("check"))
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_test_runs_everything_but_what_is_slow() -> None:
    assert '-m "not slow"' in pytest_of("test")
    assert "tests/" not in pytest_of("test")
    assert all(tool in commands("test") for tool in ("ruff check", "mypy", "dashboards.build"))


def test_test_all_leaves_nothing_out_and_tries_the_installs() -> None:
    assert "not slow" not in pytest_of("test-all")
    assert "tests/" not in pytest_of("test-all")
    assert "tools/installs.py" in commands("test-all")
    assert "tools/installs.py" not in commands("test")


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert (ROOT / ".ci/run").read_text().rstrip().endswith("exec make test")
    assert "    make test " in (ROOT / "README.md").read_text()
