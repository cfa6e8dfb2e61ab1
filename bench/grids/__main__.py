"""``python -m bench.grids --hours PATH --window PATH --pairs PATH``: mixes against references.

Exit 0: within all limits. 1: a zone is over its limit. 2: no recording was given, or one cannot be
read. A recording that is not given is skipped, which is said.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.grids import basis, spread
from bench.grids.basis import HOP, PRODUCED
from bench.grids.price import Pairs, by_authority, by_zone, error
from bench.grids.read import read_hours, read_pairs, read_window
from exporter.grids.eia import RESPONDENTS, UNPRICED

HOURS, WINDOW = "CARBON_BENCH_GRID_HOURS", "CARBON_BENCH_GRID_WINDOW"
PAIRS = "CARBON_BENCH_GRID_PAIRS"
FACTOR_LIMITS = {"US-MIDA-PJM": 1.5, "US-MIDW-MISO": 3.0, "US-TEX-ERCO": 4.0}
"""Most % of MAE of the zone's own factors against the reference of the hours."""
HOP_LIMITS = {"BPAT": 2.0, "SC": 1.0, "AZPS": 8.0, "MISO": 1.0, "NEVP": 6.0, "CISO": 7.0}
"""Most % of MAE of one hop against full tracing of the window."""
Ways = Mapping[str, Pairs]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    options = _parser().parse_args(argv)
    if not (options.hours or options.window or options.pairs):
        print(
            "bench.grids: no recording: give --hours, --window or --pairs, "
            f"or set {HOURS}, {WINDOW} or {PAIRS}",
            file=sys.stderr,
        )
        return 2
    try:
        over = [
            *_hours(options.hours),
            *_window(options.window),
            *_pairs(options.pairs),
        ]
    except (OSError, ValueError) as failure:
        print(f"bench.grids: {failure}", file=sys.stderr)
        return 2
    for line in over:
        print(line)
    return 1 if over else 0


def _hours(path: str | None) -> list[str]:
    """Print what the hours tell; return what is over its limit."""
    if not path:
        print(f"Hours: skipped, no --hours or {HOURS}\n")
        return []
    hours = read_hours(Path(path))
    zones = by_zone(hours)
    over = list(_shown("Hours, against their reference", zones, "factors", FACTOR_LIMITS))
    _basis({zone: ways["factors"] for zone, ways in zones.items()}, PRODUCED)
    print("Mean of a window over that of the recording, 5 and 95 %, mean over zones\n")
    for length, ends in spread.windows(hours).items():
        print(f"{length:>6} h {ends.low:>8.2f} {ends.high:>6.2f}")
    print()
    return over


def _window(path: str | None) -> list[str]:
    """Print what the window tells; return what is over its limit."""
    if not path:
        print(f"Window: skipped, no --window or {WINDOW}\n")
        return []
    codes = by_authority(read_window(Path(path)))
    over = list(_shown("Window, against tracing every flow", codes, HOP, HOP_LIMITS))
    served = {code: zone for zone, code in RESPONDENTS.items()}
    _basis({served[c]: ways[HOP] for c, ways in codes.items() if c in served}, HOP)
    left = ", ".join(sorted(UNPRICED.values()))
    print(f"Left to their yearly value, as one hop is too far off: {left}\n")
    return over


def _pairs(path: str | None) -> list[str]:
    """Print consumption over production by zone, and what years differ by."""
    if not path:
        print(f"Pairs: skipped, no --pairs or {PAIRS}\n")
        return []
    pairs = read_pairs(Path(path))
    print("Consumption over what a mix of own generation tells, by zone: mean, least and most\n")
    for told in basis.of_pairs(pairs):
        print(told)
    found = spread.changes(pairs)
    if found:
        half, most = spread.quantile(found, 0.5), spread.quantile(found, 0.9)
        print(
            f"\n{len(found)} pairs of years: half differ by {half:.1%}, nine of ten by {most:.1%}"
        )
    print()
    return []


def _shown(
    title: str, groups: Mapping[str, Ways], judged: str, limits: Mapping[str, float]
) -> Iterator[str]:
    """Print MAE and bias of each way in %; yield what is over its limit."""
    first = next(iter(groups.values()))
    names = [name for name in ("before", "factors", "own ratio", HOP) if name in first]
    print(f"{title}: MAE % (bias %)\n")
    print(f"{'zone':<14}{'hours':>6}" + "".join(f"{name:>18}" for name in names))
    over: list[str] = []
    for group, ways in sorted(groups.items()):
        errors = {name: error(ways[name]) for name in names}
        cells = "".join(f"{f'{e.mae:.1f} ({e.bias:+.1f})':>18}" for e in errors.values())
        print(f"{group:<14}{len(ways[judged]):>6}{cells}")
        limit = limits.get(group)
        if limit is not None and errors[judged].mae > limit:
            over.append(f"{group}: {judged} {errors[judged].mae:.1f} % is over {limit:g} %")
    print()
    return iter(over)


def _basis(live: Mapping[str, Pairs], what: str) -> None:
    """Print the yearly value over the mean of the live series; far ones with the reason."""
    print(f"Yearly value over the mean of the live series ({what})\n")
    for zone, pairs in sorted(live.items()):
        print(basis.of_recording(zone, pairs, what))
    print()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.grids", description=__doc__)
    parser.add_argument(
        "--hours",
        default=os.environ.get(HOURS),
        help=f"CSV of hours by zone with a traced reference (or {HOURS})",
    )
    parser.add_argument(
        "--window",
        default=os.environ.get(WINDOW),
        help=f"CSV of hours of all US authorities with interchange (or {WINDOW})",
    )
    parser.add_argument(
        "--pairs",
        default=os.environ.get(PAIRS),
        help=f"CSV of yearly values by consumption and by production (or {PAIRS})",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
