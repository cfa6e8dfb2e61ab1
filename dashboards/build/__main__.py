"""``python -m dashboards.build [--check]``."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from dashboards.build import HOME, render
from dashboards.build.rules import write_rules


def stale(files: Mapping[str, str], home: Path) -> list[str]:
    """Names of the JSON files that differ from the code, are missing, or have no module."""
    found = {path.name: path.read_text(encoding="utf-8") for path in home.glob("*.json")}
    names = sorted(files.keys() | found.keys())
    return [name for name in names if files.get(name) != found.get(name)]


def write(files: Mapping[str, str], home: Path) -> None:
    """Write every dashboard and delete the JSON of those that are gone."""
    for path in home.glob("*.json"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (home / name).write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m dashboards.build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail on drift")
    options = parser.parse_args(arguments)
    files = render()
    if not options.check:
        write(files, HOME)
        write_rules(check=False)
        return 0
    changed = [*stale(files, HOME), *write_rules(check=True)]
    for name in changed:
        print(f"dashboards/{name} is stale: run `make dashboards` and commit it", file=sys.stderr)
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
