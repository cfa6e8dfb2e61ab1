"""Do the documented installs still work: with an old pip, and after newer releases?

Pins rot without anybody touching them: a pip that resolves finds what was released since. This
ages some pins by a release, which is how every pin will look in a month, and then runs the
Makefile's and the README's own install commands with several versions of pip, each in a fresh
environment. It needs the network and Python's standard library only, and writes to a temporary
folder.

    python3.11 tools/installs.py [--pip 22.3 --pip newest]
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

AGED = ("pyjwt", "google-api-core", "coverage")
"""Pins that others ask for with an extra: what a resolving pip looks up again. Two are of
runtime.txt, one of dev.txt."""

IMPORTS = {
    "make": "boto3, google.cloud.monitoring_v3, azure.identity, mypy, moto, pytest_cov, hypothesis",
    "README": "boto3, google.cloud.monitoring_v3, azure.identity, azure.monitor.query, uvicorn",
}

BUNDLED, NEWEST = "bundled", "newest"
OLD_PIPS = {(3, 11): ("22.3", "23.0.1", "23.2.1"), (3, 12): ("23.2.1",)}
"""By Python. 22.3 is the first that supports 3.11, Debian 12 brings 23.0.1, Python 3.11.7 and
3.12.1 bring 23.2.1. From 3.13 on, the bundled pip is the oldest that people meet."""


class FailedError(Exception):
    """A command failed; the text holds what it said."""


def run(*command: str | Path, cwd: Path) -> str:
    """Return what a command says on both channels.

    Raises:
        FailedError: It did not succeed.
    """
    # Outer make flags, and an environment that happens to be active, must not reach the installs.
    outer = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VIRTUAL_ENV", "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if name not in outer},
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        shown = " ".join(map(str, command))
        message = f"{shown}\nexit {done.returncode}\n{done.stdout.strip()}"
        raise FailedError(message)
    return done.stdout


def copy_checkout(target: Path) -> None:
    """Copy what git knows, or would, without environments and caches."""
    listing = run("git", "ls-files", "-z", "-co", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listing.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def make_environment(folder: Path, pip: str) -> Path:
    """Make a virtual environment with this version of pip and return its Python."""
    run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    python = folder / "bin" / "python"
    if pip != BUNDLED:
        wish = ("--upgrade", "pip") if pip == NEWEST else (f"pip=={pip}",)
        run(python, "-m", "pip", "install", "-q", *wish, cwd=folder.parent)
    return python


def age(requirements: Path, python: Path) -> dict[str, str]:
    """Replace some pins by the release before theirs, for this platform only.

    The older release and its hash come from pip itself, so that its settings are respected.

    Args:
        requirements: The folder of the files to change.
        python: An interpreter that has a pip.

    Returns:
        The versions that are pinned now, by package.
    """
    aged = {}
    for name in AGED:
        pin = re.compile(
            rf"^({name}(?:\[[^]]*\])?)==([^\s;]+)([^\\\n]*)(\\\n\s+\S+)+", re.MULTILINE
        )
        texts = {file: file.read_text() for file in requirements.glob("*.txt")}
        versions = {found[2] for text in texts.values() for found in pin.finditer(text)}
        if len(versions) != 1:
            message = f"{name} is pinned {len(versions)} times in {requirements}: choose another"
            raise FailedError(message)
        older = f"{name}<{versions.pop()}"
        wheels = requirements.parent / "aged" / name
        download = ("download", "-q", "--no-deps", "--only-binary", ":all:", "-d", wheels)
        run(python, "-m", "pip", *download, older, cwd=ROOT)
        (wheel,) = wheels.iterdir()
        aged[name] = wheel.name.split("-")[1]
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        replaced = rf"\g<1>=={aged[name]}\g<3>\\\n    --hash=sha256:{digest}"
        for file, text in texts.items():
            file.write_text(pin.sub(replaced, text))
    shutil.rmtree(requirements.parent / "aged")
    return aged


def readme_commands() -> list[list[str]]:
    """Return the install commands of the README, as somebody types them, by words."""
    text = (ROOT / "README.md").read_text()
    lines = re.findall(r"^ +(\.venv/bin/pip install .*)$", text, re.MULTILINE)
    if not lines:
        message = "no line of the README starts with .venv/bin/pip install"
        raise FailedError(message)
    return [line.split() for line in lines]


def install(way: str, checkout: Path, pip: str) -> str:
    """Install as the Makefile or the README does; return the version of pip that did it."""
    python = make_environment(checkout / ".venv", pip)
    used = run(python, "-m", "pip", "--version", cwd=checkout).split()[1]
    if way == "make":
        # What make stamps after it made the environment itself.
        (checkout / ".venv" / ".created").touch()
        run("make", "VENV=.venv", ".venv/.dev", cwd=checkout)
    else:
        for command in readme_commands():
            run(*command, cwd=checkout)
    return used


def verify(way: str, checkout: Path, aged: dict[str, str]) -> None:
    """Check that what is installed is complete, is the pins, and runs."""
    python = checkout / ".venv" / "bin" / "python"
    run(python, "-m", "pip", "check", cwd=checkout)
    run(checkout / ".venv" / "bin" / "carbon-exporter", "--version", cwd=checkout)
    run(python, "-c", f"import {IMPORTS[way]}", cwd=checkout)
    names = [name for name in aged if way == "make" or name != "coverage"]
    ask = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]))"
    found = run(python, "-c", ask, *names, cwd=checkout).split()
    if found != [aged[name] for name in names]:
        message = f"{' '.join(names)}: {' '.join(found)} are installed, not the pinned versions"
        raise FailedError(message)


def attempts(source: Path, aged: dict[str, str], pips: list[str]) -> Iterator[bool]:
    """Try each pip in both ways; say how it went, and yield whether it went well."""
    for pip in pips:
        for way in IMPORTS:
            started = time.monotonic()
            checkout = source.parent / f"{way}-{pip}"
            shutil.copytree(source, checkout)
            try:
                used = install(way, checkout, pip)
                verify(way, checkout, aged)
            except FailedError as error:
                print(f"FAILED  {way}, pip {pip}: {error}", flush=True)
                yield False
            else:
                seconds = time.monotonic() - started
                print(f"ok      {way}, pip {used}, {seconds:.0f} s", flush=True)
                yield True
            finally:
                shutil.rmtree(checkout)


def main() -> int:
    """Try the pips that are named, or those that people with this Python have."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pip", action="append", help=f"a version, {BUNDLED} or {NEWEST}")
    pips = parser.parse_args().pip
    if not pips:
        pips = [*OLD_PIPS.get(sys.version_info[:2], ()), BUNDLED, NEWEST]
    with tempfile.TemporaryDirectory(prefix="installs-") as folder:
        source = Path(folder) / "source"
        try:
            copy_checkout(source)
            scout = make_environment(Path(folder) / "scout", NEWEST)
            aged = age(source / "requirements", scout)
        except FailedError as error:
            print(f"FAILED  to prepare: {error}")
            return 1
        shown = ", ".join(f"{name} {version}" for name, version in aged.items())
        print(f"Python {sys.version.split()[0]}; aged: {shown}", flush=True)
        return 0 if all(list(attempts(source, aged, pips))) else 1


if __name__ == "__main__":
    sys.exit(main())
