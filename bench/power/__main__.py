"""``python -m bench.power --curves PATH``: the power model on servers that it has not seen.

Prints the page, or writes it with ``--write``. Without curves: ``--time`` times the shipped model,
``--names`` reads every known name with its line of the table hidden, ``--order`` lists the watts of
all sizes and what stands out. Exit 0: done, and this model is the best in both tables, or nine of
ten names are right. 1: not so. 2: no curves were given, or they cannot be read.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.power import named, order, timing
from bench.power.crossval import Case, Left, cases, error, outcomes
from bench.power.page import MAIN, page
from bench.power.servers import read
from exporter.power.catalogue import Types

ENVIRONMENT = "CARBON_BENCH_CURVES"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    options = _parser().parse_args(argv)
    for asked, task in ((options.time, _time), (options.names, _names), (options.order, _order)):
        if asked:
            return task()
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
    parser.add_argument("--names", action="store_true", help="read every name with its line hidden")
    parser.add_argument("--order", action="store_true", help="watts of all sizes of each family")
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


def _order() -> int:
    print(*order.lines(), sep="\n")
    return 0


def _names() -> int:
    """Exit 1 if a cloud has less than nine of ten names right."""
    alone, hidden = list(named.alone()), list(named.hidden(Types()))
    print("by the name alone", *named.summary(alone), sep="\n")
    print("with its relatives in the table", *named.summary(hidden), sep="\n")
    return 0 if all(named.good(guesses) for guesses in (alone, hidden)) else 1


def _usage(message: str) -> int:
    print(message, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
