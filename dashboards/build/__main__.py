"""``python -m dashboards.build``: write what is committed, or with ``--output`` files for a place.

Without options it writes the boards, the rules and what is derived from them, where they are in
the repository; ``--check`` only says which of them are stale. With ``--output`` it writes all of
it to a folder, with the parameters of your Grafana, Prometheus and Kubernetes: docs/bundle.md.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dashboards.build import HOME, bundle, render
from dashboards.build.rules import write_rules

ROOT: Final = HOME.parent


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


def stale_derived(root: Path) -> list[str]:
    """Paths of the derived files that differ from the code or are missing."""
    files = bundle.derived()
    return [
        name
        for name, text in files.items()
        if not (root / name).exists() or (root / name).read_text(encoding="utf-8") != text
    ]


def write_below(files: Mapping[str, str], folder: Path) -> None:
    """Write files by their relative paths; what else is in the folder stays."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    parameters = bundle.Parameters(
        datasource_uid=options.datasource_uid,
        runbooks=options.runbooks,
        selector=options.selector,
        namespace=options.namespace,
        labels=dict(options.label),
    )
    if options.output is not None:
        try:
            files = bundle.files(parameters)
        except ValueError as error:
            parser.error(f"--selector {error}")
        write_below(files, options.output)
        print(f"{len(files)} files written to {options.output}")
        return 0
    if parameters != bundle.Parameters():
        parser.error("the committed files have no parameters: name a folder with --output")
    return _check() if options.check else _write()


def _write() -> int:
    write(render(), HOME)
    write_rules(check=False)
    write_below(bundle.derived(), ROOT)
    return 0


def _check() -> int:
    of_dashboards = [*stale(render(), HOME), *write_rules(check=True)]
    changed = [*(f"dashboards/{name}" for name in of_dashboards), *stale_derived(ROOT)]
    for name in changed:
        print(f"{name} is stale: run `make dashboards` and commit it", file=sys.stderr)
    return 1 if changed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dashboards.build",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail on drift")
    place = parser.add_argument_group("files for a place of your own")
    place.add_argument("--output", type=Path, metavar="DIR", help="folder to write them to")
    place.add_argument(
        "--datasource-uid", default="", metavar="UID", help="of your Prometheus in Grafana"
    )
    place.add_argument(
        "--runbooks", default="", metavar="URL", help="your address of docs/runbooks.md"
    )
    place.add_argument(
        "--selector",
        default="",
        metavar="MATCHERS",
        help="which series of the exporter count, such as 'job=\"carbon\"'",
    )
    place.add_argument("--namespace", default="", help="of the Kubernetes objects")
    place.add_argument(
        "--label",
        action="append",
        default=[],
        type=_label,
        metavar="NAME=VALUE",
        help="of the Kubernetes objects, such as what your Prometheus selects rules by; repeatable",
    )
    return parser


def _label(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign):
        message = f"{text!r} — write NAME=VALUE"
        raise argparse.ArgumentTypeError(message)
    return name, value


if __name__ == "__main__":
    sys.exit(main())
