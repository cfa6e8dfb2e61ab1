"""What comes with the pinned packages, and what must not come with the repository."""

import re
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import pytest

from tests.packaging.test_requirements import FILES, ROOT, pins

ALLOWED: Final = re.compile(
    r"(apache|mit|bsd|isc|psf|python software foundation|mpl|mozilla public|unlicense|zlib|0bsd"
    r"|cc0|public domain|historical permission)",
    re.IGNORECASE,
)
REFUSED: Final = re.compile(r"(?<!l)gpl|affero|sspl|commercial|proprietary|busl", re.IGNORECASE)
SECRETS: Final = {
    "AWS key": re.compile(r"\b(?:AKIA|ASIA)(?!DEMO|PLANTED|0{16}|IOSFODNN7EXAMPLE)[0-9A-Z]{16}\b"),
    "private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s*[A-Za-z0-9+/]{40}"),
    "GitHub token": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
    "Google key": re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b"),
    "Slack token": re.compile(r"\bxox[abprs]-[0-9A-Za-z-]{20,}"),
    "token": re.compile(r"\beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}"),
    "Azure secret": re.compile(r"\b[A-Za-z0-9_~.-]{3}8Q~[A-Za-z0-9_~.-]{34}\b"),
}


def licence(name: str) -> str:
    """Return all that a package says of its licence."""
    told: Any = metadata.metadata(name)  # a message, whatever its type says
    classifiers = [c for c in told.get_all("Classifier") or () if c.startswith("License ::")]
    short = (told.get("License") or "")[:80].splitlines()[:1]
    return "; ".join([told.get("License-Expression") or "", *short, *classifiers])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_pinned_package_has_a_licence_that_this_project_may_use(file: Path) -> None:
    installed = {
        dist.metadata["Name"].lower().replace("_", "-") for dist in metadata.distributions()
    }
    names = sorted(pins(file.name).keys() & installed)
    assert len(names) > len(pins(file.name)) / 2
    told = {name: licence(name) for name in names}
    assert {n: t for n, t in told.items() if not ALLOWED.search(t) or REFUSED.search(t)} == {}


def test_nothing_that_looks_like_a_secret_is_committed() -> None:
    listed = subprocess.run(
        ("git", "ls-files", "-z"), cwd=ROOT, check=False, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("this is no clone: there is no list of what is committed")
    found = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [(name, kind) for kind, pattern in SECRETS.items() if pattern.search(text)]
    assert found == []


def test_what_looks_like_a_secret_is_found() -> None:
    assert SECRETS["AWS key"].search("key = " + "AKIA" + "Z" * 16)
    assert SECRETS["GitHub token"].search("ghp" + "_" + "a" * 36)
    assert not SECRETS["AWS key"].search("AKIADEMO111122223333")
