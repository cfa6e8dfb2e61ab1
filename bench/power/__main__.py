"""``python -m bench.power --curves PATH --metals PATH --replay PATH``: on what it has not seen.

Prints the page on the power model, writes it with ``--write`` or compares it with ``--check``;
``--time`` times the shipped model instead, ``--names`` reads every known name with its line of the
table hidden, ``--order`` lists the watts of all sizes: none of them needs measurements.
``--manufacture`` compares kilograms and needs ``--embodied`` alone; ``--common`` tells how the
error that all machines share was found and needs ``--curves`` and ``--metals``. Exit 0: done, and
this model is the best however servers are left out, the page is what was measured, nine of ten
names are right, or the other assessment lies inside our bounds. 1: not so. 2: no measurements were
given, or they cannot be read.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.forecast import worth
from bench.forecast.replay import ENVIRONMENT as REPLAY
from bench.forecast.replay import read_replay
from bench.power import common, manufacture, metal, named, order, timing
from bench.power.crossval import Case, Left, cases, error, outcomes
from bench.power.page import MAIN, Given, page
from bench.power.servers import read
from exporter.power.catalogue import Types

ENVIRONMENT = "CARBON_BENCH_CURVES"
METALS = "CARBON_BENCH_METALS"
EMBODIED = "CARBON_BENCH_EMBODIED"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    options = _parser().parse_args(argv)
    for asked, task in ((options.time, _time), (options.names, _names), (options.order, _order)):
        if asked:
            return task()
    try:
        return _measured(options)
    except (OSError, ValueError) as problem:
        return _usage(f"bench.power: {problem}")


def _measured(options: argparse.Namespace) -> int:
    """Do what needs measurements.

    Raises:
        OSError, ValueError: they are not there, or cannot be read.
    """
    if options.manufacture:
        return _manufacture(manufacture.read(_path(options.embodied, "embodied", EMBODIED)))
    curves = _path(options.curves, "curves", ENVIRONMENT)
    servers = read(curves)
    points = metal.read(_path(options.metals, "metals", METALS))
    if not servers:
        message = f"{curves}: no server of the kind that clouds run"
        raise ValueError(message)
    if options.common:
        print(*common.lines(points, cases(servers, Left.CPU)), sep="\n")
        return 0
    replay = read_replay(_path(options.replay, "replay", REPLAY))
    kilograms = manufacture.read(_path(options.embodied, "embodied", EMBODIED))
    tests = {left: cases(servers, left) for left in Left}
    text = page(tests, Given(points, worth.sentences(replay), kilograms))
    if options.check:
        return _check(text, Path(options.check))
    _show(text, options.write)
    return 0 if all(_is_best(tests, left) for left in Left) else 1


def _path(told: str | None, option: str, variable: str) -> Path:
    if not told:
        message = f"no measurements: give --{option} PATH or set {variable}"
        raise ValueError(message)
    return Path(told)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.power", description=__doc__)
    parser.add_argument(
        "--curves",
        default=os.environ.get(ENVIRONMENT),
        help=f"CSV of SPECpower results, see README.md (or {ENVIRONMENT})",
    )
    parser.add_argument(
        "--metals",
        default=os.environ.get(METALS),
        help=f"CSV of bare machines, see README.md (or {METALS})",
    )
    parser.add_argument(
        "--replay",
        default=os.environ.get(REPLAY),
        help=f"CSV of grid intensities, see ../README.md (or {REPLAY})",
    )
    parser.add_argument(
        "--embodied",
        default=os.environ.get(EMBODIED),
        help=f"CSV of another assessment of manufacturing, see README.md (or {EMBODIED})",
    )
    parser.add_argument("--check", metavar="PAGE", help="exit with 1 if the page differs")
    parser.add_argument("--write", metavar="PAGE", help="write the page there, do not print it")
    parser.add_argument("--time", action="store_true", help="time the whole catalogue instead")
    parser.add_argument("--names", action="store_true", help="read every name with its line hidden")
    parser.add_argument("--order", action="store_true", help="watts of all sizes of each family")
    parser.add_argument(
        "--manufacture", action="store_true", help="kilograms beside those of --embodied"
    )
    parser.add_argument("--common", action="store_true", help="the error that all machines share")
    return parser


def _show(text: str, path: str | None) -> None:
    if path:
        Path(path).write_text(text, encoding="utf-8")
    else:
        print(text, end="")


def _check(text: str, path: Path) -> int:
    same = path.read_text(encoding="utf-8") == text
    print(f"{path}: {'as measured' if same else 'differs; write it with --write'}")
    return 0 if same else 1


def _is_best(tests: Mapping[Left, Sequence[Case]], left: Left) -> bool:
    own, *others = (error(outcomes(predictor, tests[left])) for predictor in MAIN.values())
    return all(own < other for other in others)


def _time() -> int:
    found = timing.measure()
    print(f"{found.types} types resolved in {found.resolve:.2f} s")
    print(f"x 101 utilisations: watts {found.power:.2f} s, low/central/high {found.bounds:.2f} s")
    return 0


def _manufacture(several: Sequence[manufacture.Compared]) -> int:
    """Exit 1 if a type of the other assessment lies outside our bounds."""
    if not several:
        message = "the other assessment has no line with kilograms"
        raise ValueError(message)
    print(*manufacture.lines(several), sep="\n")
    return 0 if all(one.inside for one in several) else 1


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
