"""The CI workflow: valid, with few rights, and running what people run."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
CI: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
JOBS: dict[str, dict[str, Any]] = CI["jobs"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def commands(job: dict[str, Any]) -> str:
    return "\n".join(step.get("run", "") for step in job["steps"])


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
@pytest.mark.parametrize(
    "schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"]
)
def test_a_workflow_is_valid_and_every_job_ends(file: Path, schema: str) -> None:
    check = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, file)
    done = subprocess.run(check, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_may_only_read(file: Path) -> None:
    workflow = yaml.safe_load(file.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert "permissions" not in job
        checkouts = [s for s in job["steps"] if s.get("uses", "").startswith("actions/checkout@")]
        assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_action_has_a_version(file: Path) -> None:
    jobs = yaml.safe_load(file.read_text())["jobs"].values()
    used = [step["uses"] for job in jobs for step in job["steps"] if "uses" in step]
    assert used
    for action in used:
        name, _, version = action.partition("@")
        assert name.startswith("actions/"), "another's action needs a digest"
        assert version.startswith("v")
        assert version[1:2].isdigit()


def test_ci_runs_the_checks_on_every_python_that_the_project_promises() -> None:
    promised = {
        text.rpartition(" ")[2]
        for text in PROJECT["classifiers"]
        if text.startswith("Programming Language :: Python :: 3.")
    }
    assert ".ci/run" in commands(JOBS["checks"])
    matrix = JOBS["checks"]["strategy"]["matrix"]
    assert promised <= set(matrix["python"])
    may_fail = JOBS["checks"]["continue-on-error"]
    assert not [python for python in promised if f"'{python}'" in may_fail]


def test_ci_really_installs_on_every_python_that_the_project_promises() -> None:
    matrix = JOBS["installs"]["strategy"]["matrix"]
    assert "make test-installs" in commands(JOBS["installs"])
    assert {f"Programming Language :: Python :: {python}" for python in matrix["python"]} == {
        text for text in PROJECT["classifiers"] if "Python :: 3." in text
    }


@pytest.mark.parametrize("job", ["checks", "installs"])
def test_the_python_of_the_matrix_is_the_one_that_make_takes(job: str) -> None:
    # A runner has newer Pythons on its path too, and .ci/python takes the newest.
    assert JOBS[job]["env"]["PYTHON"] == "python${{ matrix.python }}"


def test_what_is_downloaded_is_checked_before_it_runs() -> None:
    text = commands(JOBS["checks"])
    assert text.index("gh release download") < text.index("sha256sum --check")
    assert text.index("sha256sum --check") < text.index("tar -xzf")
