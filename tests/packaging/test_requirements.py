"""The pinned requirements: complete without a resolver, hashed, and naming no index.

That they really install, with old pips and after newer releases, is what ``make test-installs``
tries; it needs the network.
"""

import re
import shutil
import subprocess
import tomllib
from functools import cache
from importlib import metadata
from itertools import product
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "requirements"
FILES = sorted(FOLDER.glob("*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
OURS = canonicalize_name(PROJECT["project"]["name"])

every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)

SYSTEMS = (
    {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
)
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
ENVIRONMENTS = [
    {**system, "python_version": python, "python_full_version": f"{python}.0"}
    for system, python in product(SYSTEMS, PYTHONS)
]
"""Where the files promise to be complete, as environment markers see it."""

Pins = dict[str, Requirement]


def logical_lines(text: str) -> list[str]:
    """Return the lines with their continuations joined, without comments."""
    joined = re.sub(r"\\\n\s*", " ", text)
    return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def pins_of(text: str) -> Pins:
    parsed = [Requirement(line.split(" --hash")[0]) for line in logical_lines(text)]
    return {canonicalize_name(requirement.name): requirement for requirement in parsed}


def pins(name: str) -> Pins:
    return pins_of((FOLDER / name).read_text())


def version(pin: Requirement) -> Version:
    (only,) = pin.specifier
    assert only.operator == "=="
    return Version(only.version)


def met(asked: Requirement, pinned: Pins, environment: dict[str, str]) -> bool:
    """Whether a pin installs, here, what is asked for, with its extras."""
    pin = pinned.get(canonicalize_name(asked.name))
    return (
        pin is not None
        and (pin.marker is None or pin.marker.evaluate(environment))
        and asked.specifier.contains(version(pin), prereleases=True)
        and {*map(canonicalize_name, asked.extras)} <= {*map(canonicalize_name, pin.extras)}
    )


@cache
def asked_by(name: str, extras: frozenset[str]) -> list[Requirement]:
    """Return what the installed package says that it needs, for these of its extras."""
    asked = [Requirement(text) for text in metadata.requires(name) or []]
    # By the marker's text: to evaluate those of 400 services of boto3-stubs would take minutes.
    named = [set(re.findall(r'extra == "([^"]+)"', str(one.marker or ""))) for one in asked]
    return [one for one, its in zip(asked, named, strict=True) if not its or its & extras]


def wants(asked: Requirement, extras: set[str], environment: dict[str, str]) -> bool:
    return asked.marker is None or any(
        asked.marker.evaluate({**environment, "extra": extra}) for extra in ("", *extras)
    )


def missing(pinned: Pins) -> set[str]:
    """Return what pinned packages need and no pin gives, over every environment."""
    return {
        f"{name} needs {asked} ({environment['sys_platform']}, {environment['python_version']})"
        for environment in ENVIRONMENTS
        for name, pin in pinned.items()
        if installed(name) and (pin.marker is None or pin.marker.evaluate(environment))
        for asked in asked_by(name, frozenset(pin.extras))
        if wants(asked, pin.extras, environment) and not met(asked, pinned, environment)
    }


def installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def unmet(asked: list[str], pinned: Pins) -> list[str]:
    parsed = [Requirement(text) for text in asked]
    return [
        str(requirement)
        for requirement in parsed
        if canonicalize_name(requirement.name) != OURS
        and not all(met(requirement, pinned, environment) for environment in ENVIRONMENTS)
    ]


def test_every_dependency_is_pinned_within_its_bounds_and_with_its_extras() -> None:
    project = PROJECT["project"]
    extras = [text for texts in project["optional-dependencies"].values() for text in texts]
    needed = [*project["dependencies"], *extras]
    assert unmet(needed, pins("runtime.txt")) == []
    assert unmet([*needed, *PROJECT["dependency-groups"]["dev"]], pins("dev.txt")) == []
    assert unmet([*PROJECT["build-system"]["requires"], "editables"], pins("build.txt")) == []


@every_file
def test_what_pinned_packages_need_is_pinned_in_the_same_file(file: Path) -> None:
    assert missing(pins(file.name)) == set()


@every_file
def test_what_is_installed_here_is_what_is_pinned(file: Path) -> None:
    pinned = pins(file.name)
    here = {
        name: Version(metadata.version(name))
        for name, pin in pinned.items()
        if pin.marker is None or pin.marker.evaluate()
    }
    assert here == {name: version(pinned[name]) for name in here}


@pytest.mark.parametrize(
    ("pattern", "instead", "said"),
    [
        (r"coverage\[toml\]", "coverage", "pytest-cov needs coverage[toml]"),
        (r"(?m)^iniconfig==.*\n", "", "pytest needs iniconfig"),
        (r"(?m)^pluggy==[^ ]*", "pluggy==0.1", "pytest needs pluggy"),
        (r"(?m)^colorama(==[^ ]*) ; .*$", r"colorama\1 ; sys_platform == 'aix'", "needs colorama"),
    ],
    ids=["an extra", "a package", "a version", "a system"],
)
def test_a_gap_in_a_file_is_found(pattern: str, instead: str, said: str) -> None:
    text = "\n".join(logical_lines((FOLDER / "dev.txt").read_text())) + "\n"
    assert missing(pins_of(text)) == set()
    broken, changes = re.subn(pattern, instead, text)
    assert changes == 1
    assert any(said in line for line in missing(pins_of(broken)))


def test_packages_that_are_in_several_files_have_one_version() -> None:
    dev = pins("dev.txt")
    runtime = pins("runtime.txt")
    assert {name: str(dev.get(name)) for name in runtime} == {
        name: str(pin) for name, pin in runtime.items()
    }
    build = pins("build.txt")
    assert {name: version(build[name]) for name in build if name in dev} == {
        name: version(dev[name]) for name in build if name in dev
    }


@every_file
def test_every_pin_has_a_hash_and_nothing_names_an_index(file: Path) -> None:
    text = file.read_text()
    lines = logical_lines(text)
    assert lines
    exact = r"[\w.-]+(\[[\w, -]+\])?==[^\s*]+( ; [^#]+?)?( +--hash=sha256:[0-9a-f]{64})+"
    assert [line for line in lines if not re.fullmatch(exact, line)] == []
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


def documents() -> list[Path]:
    """Return every file that could tell somebody, or a machine, how to install."""
    patterns = ("*.md", "docs/**/*.md", ".github/workflows/*.yml", ".ci/*", "deploy/**/*.md")
    found = [file for pattern in patterns for file in ROOT.glob(pattern) if file.is_file()]
    return [ROOT / "Dockerfile", *found]


def installs(text: str) -> list[str]:
    """Return the commands that install pinned requirements."""
    commands = [part for line in logical_lines(text) for part in re.split(r"&&|;", line)]
    return [part for part in commands if " install " in part and "-r requirements/" in part]


def made() -> str:
    """Return what make would run for the environment of the checks, without running it."""
    make = shutil.which("make")
    assert make
    command = (make, "-n", "--no-print-directory", "VENV=absent", "absent/.dev")
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_pinned_requirements_are_installed_without_a_resolver_everywhere() -> None:
    by_place = {str(file.relative_to(ROOT)): installs(file.read_text()) for file in documents()}
    by_place["Makefile"] = installs(made())
    named = {
        place: set(re.findall(r"requirements/(\w+)", " ".join(commands)))
        for place, commands in by_place.items()
    }
    assert named["Makefile"] == {"build", "runtime", "dev"}
    assert named["Dockerfile"] == named["README.md"] == {"build", "runtime"}
    for place, commands in by_place.items():
        for command in commands:
            assert "--no-deps" in command, place
            assert "--require-hashes" in command, place


def test_the_makefile_builds_nothing_from_source_but_this_project() -> None:
    assert all("--only-binary :all:" in command for command in installs(made()))
    ours = [line for line in logical_lines(made()) if line.rstrip().endswith("-e .")]
    assert ours
    assert all("--no-deps --no-build-isolation" in line for line in ours)
