"""``python -m bench.forecast --replay PATH``: the own forecast against simpler guesses.

With ``--ages``: the chain of the intensity book against the last known value, by its age.

Exit 0: better than all of them on the average over all zones, at every horizon. 1: it is not.
2: no recording was given, or it cannot be read.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean

from bench.forecast.ages import CHAIN, LAST_KNOWN, mean_error, score_ages, table
from bench.forecast.replay import ENVIRONMENT, Replay, read_replay
from bench.forecast.score import METHODS, MODEL, Scores, Summary, score, summarise
from exporter.engine.forecast import SeasonalForecaster

HORIZONS = (1, 6, 24)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    options = _parser().parse_args(argv)
    if not options.replay:
        return _usage(f"no recording: give --replay PATH or set {ENVIRONMENT}")
    try:
        replay = read_replay(Path(options.replay))
    except (OSError, ValueError) as error:
        return _usage(str(error))
    if options.ages:
        return _ages(replay, options.every, options.warm_up)
    scores = score(replay, SeasonalForecaster(), HORIZONS, options.every, options.warm_up)
    summaries = _groups(scores)
    if not summaries:
        return _usage(f"{options.replay} has no zone with more than {options.warm_up} h")
    print(_document(summaries, scores) if options.json else _table(summaries))
    return 0 if all(s.beats_all for s in summaries if s.group == "all") else 1


def _ages(replay: Replay, every: int, warm_up: int) -> int:
    found = score_ages(replay, every, warm_up)
    if not all(found.values()):
        return _usage(f"the recording has no zone with more than {warm_up} h")
    print(table(found))
    errors = [[mean_error(zones, m) for m in (CHAIN, LAST_KNOWN)] for zones in found.values()]
    return 0 if all(chain < last for chain, last in errors) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.forecast", description=__doc__)
    parser.add_argument(
        "--replay",
        default=os.environ.get(ENVIRONMENT),
        help=f"CSV with zone,timestamp,gco2_per_kwh by the hour (or {ENVIRONMENT})",
    )
    parser.add_argument("--every", type=_hours, default=3, help="hours between origins (3)")
    parser.add_argument("--warm-up", type=_hours, default=48, help="hours before the first (48)")
    parser.add_argument(
        "--ages", action="store_true", help="the chain against the last known value"
    )
    parser.add_argument("--json", action="store_true", help="all figures, also by zone")
    return parser


def _hours(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        message = f"{text}: write whole hours, at least 1"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _usage(message: str) -> int:
    print(f"bench.forecast: {message}", file=sys.stderr)
    return 2


def _groups(scores: Scores) -> list[Summary]:
    """Return all zones, then every other one: the model's constants were chosen on the first."""
    zones = sorted({zone for by_zone in scores.values() for zone in by_zone})
    groups = {"all": zones, "chosen on": zones[0::2], "held out": zones[1::2]}
    return [s for group, members in groups.items() for s in summarise(scores, group, members)]


def _table(summaries: Sequence[Summary]) -> str:
    lines = [
        "Mean absolute error, gCO2eq/kWh (and % of the zone's mean)",
        "",
        _line("ahead", METHODS),
    ]
    for s in summaries:
        cells = [f"{s.mae[m]:.2f} ({100 * s.relative_mae[m]:5.2f})" for m in METHODS]
        lines.append(_line(f"{s.horizon} h", cells, s))
    lines += ["", f"Zones in which {MODEL} is better, and share of truths within its 10-90 %", ""]
    lines.append(_line("ahead", [*METHODS[1:], "10-90 %"]))
    for s in summaries:
        wins = [str(count) for count in s.wins.values()]
        lines.append(_line(f"{s.horizon} h", [*wins, f"{s.coverage:.1%}"], s))
    return "\n".join(lines)


def _line(ahead: str, cells: Sequence[str], summary: Summary | None = None) -> str:
    name = f"{summary.group}, {summary.zones}" if summary else "zones"
    return f"{name:<14}{ahead:>6}" + "".join(f"{cell:>16}" for cell in cells)


def _document(summaries: Sequence[Summary], scores: Scores) -> str:
    by_zone = [
        {
            "zone": zone,
            "horizon": horizon,
            "mae": {m: scored.mae(m) for m in METHODS},
            "coverage": fmean(scored.inside),
        }
        for horizon, zones in scores.items()
        for zone, scored in zones.items()
    ]
    return json.dumps({"summaries": [asdict(s) for s in summaries], "zones": by_zone}, indent=2)


if __name__ == "__main__":
    sys.exit(main())
