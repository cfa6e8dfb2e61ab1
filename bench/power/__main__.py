"""``python -m bench.power --curves PATH``: the power model on servers that it has not seen.

Prints the page, or writes it with ``--write``; ``--time`` times the shipped model instead and needs
no curves. Exit 0: done, and this model is the best in both tables. 1: it is not. 2: no curves were
given, or they cannot be read.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.power import timing
from bench.power.crossval import Case, Left, cases, error, outcomes
from bench.power.page import MAIN, page
from bench.power.servers import read

ENVIRONMENT = "CARBON_BENCH_CURVES"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    options = _parser().parse_args(argv)
    if options.time:
        return _time()
    if not options.curves:
        return _usage(f"no measured servers: give --curves PATH or set {ENVIRONMENT}")
    try:
        servers = read(Path(options.curves))
    except (OSError, ValueError, KeyError) as problem:
        return _usage(f"{options.curves}: {problem!r}")
    if not servers:
        return _usage(f"{options.curves} has no server of the kind that clouds run")
    tests = {left: cases(servers, left) for left in Left}
    _show(page(tests), options.write)
    return 0 if all(_is_best(tests, left) for left in Left) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.power", description=__doc__)
    parser.add_argument(
        "--curves",
        default=os.environ.get(ENVIRONMENT),
        help=f"CSV of SPECpower results, see README.md (or {ENVIRONMENT})",
    )
    parser.add_argument("--write", metavar="PAGE", help="write the page there, do not print it")
    parser.add_argument("--time", action="store_true", help="time the whole catalogue instead")
    return parser


def _show(text: str, path: str | None) -> None:
    if path:
        Path(path).write_text(text, encoding="utf-8")
    else:
        print(text, end="")


def _is_best(tests: Mapping[Left, Sequence[Case]], left: Left) -> bool:
    own, *others = (error(outcomes(predictor, tests[left])) for predictor in MAIN.values())
    return all(own < other for other in others)


def _time() -> int:
    found = timing.measure()
    print(f"{found.types} types resolved in {found.resolve:.2f} s")
    print(f"x 101 utilisations: watts {found.power:.2f} s, low/central/high {found.bounds:.2f} s")
    return 0


def _usage(message: str) -> int:
    print(message, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
