"""``python -m bench.grids --hours PATH --window PATH``: prices of mixes against traced references.

Exit 0: within all limits. 1: a zone is over its limit. 2: no recording was given, or one cannot be
read. A recording that is not given is skipped, which is said.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from bench.grids.price import Pairs, by_authority, by_zone, error, yearly
from bench.grids.read import read_hours, read_window
from exporter.data.widening import widening
from exporter.grids.eia import NAME, RESPONDENTS, UNPRICED

PRODUCED, HOP = "own generation", "one hop"
HOURS, WINDOW = "CARBON_BENCH_GRID_HOURS", "CARBON_BENCH_GRID_WINDOW"
FACTOR_LIMITS = {"US-MIDA-PJM": 1.5, "US-MIDW-MISO": 3.0, "US-TEX-ERCO": 4.0}
"""Most % of MAE of the zone's own factors against the reference of the hours."""
HOP_LIMITS = {"BPAT": 2.0, "SC": 1.0, "AZPS": 8.0, "MISO": 1.0, "NEVP": 6.0, "CISO": 7.0}
"""Most % of MAE of one hop against full tracing of the window."""
NEAR = (0.8, 1.25)
"""A yearly value over the mean of the live series that asks for no explanation."""
REASONS: Mapping[tuple[str, str], str] = {
    ("US-CAL-CISO", PRODUCED): "262 g in 2022, the year of the recording",
    ("US-NW-BPAT", PRODUCED): "imports are missing here; see one hop",
    ("US-SW-AZPS", PRODUCED): "imports are missing here; see one hop",
    ("US-NW-BPAT", HOP): "ten days of snow melt; 123 g in 2023, the year of the window",
    ("US-CAL-LDWP", HOP): "ten days of June, with sun and snow melt, against a year",
    ("US-NW-PSCO", HOP): "521 g in 2023, the year of the window",
}
"""Why a zone's yearly value (2025) is far from what the recordings give."""

Ways = Mapping[str, Pairs]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    options = _parser().parse_args(argv)
    if not options.hours and not options.window:
        print(
            f"bench.grids: no recording: give --hours or --window, or set {HOURS} or {WINDOW}",
            file=sys.stderr,
        )
        return 2
    over: list[str] = []
    try:
        if options.hours:
            zones = by_zone(read_hours(Path(options.hours)))
            over += _shown("Hours, against their reference", zones, "factors", FACTOR_LIMITS)
            _basis({zone: ways["factors"] for zone, ways in zones.items()}, PRODUCED)
        else:
            print(f"Hours: skipped, no --hours or {HOURS}\n")
        if options.window:
            codes = by_authority(read_window(Path(options.window)))
            over += _shown("Window, against tracing every flow", codes, HOP, HOP_LIMITS)
            served = {code: zone for zone, code in RESPONDENTS.items()}
            _basis({served[c]: ways[HOP] for c, ways in codes.items() if c in served}, HOP)
            left = ", ".join(sorted(UNPRICED.values()))
            print(f"Left to their yearly value, as one hop is too far off: {left}\n")
        else:
            print(f"Window: skipped, no --window or {WINDOW}\n")
    except (OSError, ValueError) as failure:
        print(f"bench.grids: {failure}", file=sys.stderr)
        return 2
    for line in over:
        print(line)
    return 1 if over else 0


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
    low, high = NEAR
    for zone, pairs in sorted(live.items()):
        mean = fmean(value for value, _ in pairs)
        ratio = yearly()[zone] / mean
        near = low <= ratio <= high
        reason = "" if near else REASONS.get((zone, what), "NOT EXPLAINED")
        wide = widening(zone, NAME)
        told = f"bounds x{wide.low:g} to x{wide.high:g}"
        print(f"{zone:<14}{yearly()[zone]:>6.0f} /{mean:>7.1f} ={ratio:>6.2f}  {told:<24}{reason}")
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
    return parser


if __name__ == "__main__":
    sys.exit(main())
