"""Which Python the Makefile takes, and what it says when there is none: ``.ci/python``."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "python"
SHELL = shutil.which("sh") or "/bin/sh"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the Makefile is for POSIX")

OLD = '#!/bin/sh\ncase "$2" in *"%d.%d"*) echo 3.9 ;; *) exit 1 ;; esac\n'
"""A Python 3.9: prints its version, fails the version test."""
BROKEN = "#!/bin/sh\nexit 127\n"
"""A version manager's shim for a Python that is not active."""
NO_VENV = f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; esac\nexec {sys.executable} "$@"\n'
GOOD = f'#!/bin/sh\nexec {sys.executable} "$@"\n'


def choose(
    folder: Path, interpreters: dict[str, str], named: str = ""
) -> subprocess.CompletedProcess[str]:
    for name, text in interpreters.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return subprocess.run(
        [SHELL, str(SCRIPT)],
        env={"PATH": str(folder), "PYTHON": named},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    "others",
    [{}, {"python3": OLD}, {"python3.13": BROKEN}, {"python3.13": NO_VENV}, {"python3": GOOD}],
    ids=["alone", "old python3", "shim that does not run", "newer without venv", "also python3"],
)
def test_the_newest_that_works_is_taken(tmp_path: Path, others: dict[str, str]) -> None:
    done = choose(tmp_path, {"python3.12": GOOD, **others})
    assert done.returncode == 0
    assert done.stdout.strip() == str(tmp_path / "python3.12")


def test_an_interpreter_can_be_named(tmp_path: Path) -> None:
    done = choose(tmp_path, {"mine": GOOD, "python3.12": GOOD}, named="mine")
    assert done.stdout.strip() == str(tmp_path / "mine")


@pytest.mark.parametrize(
    ("interpreters", "said"),
    [
        ({}, "Python 3.11 or newer is needed, and none was found."),
        ({"python3": OLD}, "too old:"),
        ({"python3": BROKEN}, "none was found"),
        ({"python3": NO_VENV}, "its venv module is missing"),
    ],
    ids=["none", "old", "broken", "no venv"],
)
def test_what_is_missing_is_said(tmp_path: Path, interpreters: dict[str, str], said: str) -> None:
    done = choose(tmp_path, interpreters)
    assert done.returncode == 1
    assert done.stdout == ""
    assert said in done.stderr


def test_a_named_interpreter_that_does_not_exist_is_said(tmp_path: Path) -> None:
    done = choose(tmp_path, {"python3": GOOD}, named="python9")
    assert done.returncode == 1
    assert "PYTHON=python9 cannot be run" in done.stderr
