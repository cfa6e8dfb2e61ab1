"""The pinned requirements: complete, hashed, and without an address to install from."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "requirements").glob("*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / name).read_text()
    return {
        canonicalize_name(package): version
        for package, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)
    }


def unmet(asked: list[str], pinned: dict[str, str]) -> list[str]:
    parsed = [Requirement(text) for text in asked]
    ours = canonicalize_name(PROJECT["project"]["name"])
    return [
        str(requirement)
        for requirement in parsed
        if canonicalize_name(requirement.name) != ours
        and not requirement.specifier.contains(pinned.get(canonicalize_name(requirement.name), "0"))
    ]


def test_every_dependency_is_pinned_within_its_bounds() -> None:
    project = PROJECT["project"]
    extras = [text for texts in project["optional-dependencies"].values() for text in texts]
    dev = PROJECT["dependency-groups"]["dev"]
    assert unmet([*project["dependencies"], *extras], pins("runtime.txt")) == []
    assert unmet(dev, pins("dev.txt")) == []
    assert unmet(PROJECT["build-system"]["requires"], pins("build.txt")) == []


def test_tests_run_on_the_versions_that_are_shipped() -> None:
    dev = pins("dev.txt")
    assert {name: dev.get(name) for name in pins("runtime.txt")} == pins("runtime.txt")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_pin_has_a_hash_and_nothing_names_an_index(file: Path) -> None:
    text = file.read_text()
    joined = re.sub(r"\\\n\s*", "", text)
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    assert lines
    assert all(re.fullmatch(r"[\w.-]+==[^#]+--hash=sha256:[0-9a-f]{64}", line) for line in lines)
    assert "://" not in text
    assert "--index" not in text
