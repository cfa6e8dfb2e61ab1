"""``python -m bench.late --replay PATH``: a fortnight of a grid that is hours late, in grams.

Exit 0: with late values every zone's total is that of values on time, within the limit, and no
counter went back; or no recording was given, which is said. 1: it is not so. 2: it cannot be read.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isclose
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

from bench.forecast.replay import ENVIRONMENT, HOUR, Replay, read_replay
from bench.late.estate import truth
from bench.late.run import Outcome, run

LAGS = (12, 28)
"""Hours: the EIA's values are 11 to 28 late."""
LIMIT = 0.1
"""Most % by which a zone's total may differ from that of values on time."""
US = "US-"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    options = _parser().parse_args(argv)
    if not options.replay:
        print(f"bench.late: skipped, no recording: give --replay PATH or set {ENVIRONMENT}")
        return 0
    try:
        recording = read_replay(Path(options.replay))
        chosen = {z: hours for z, hours in recording.items() if z.startswith(options.zones)}
        span = _span(chosen, options.warm_up)
    except (OSError, ValueError) as failure:
        print(f"bench.late: {failure}", file=sys.stderr)
        return 2
    with TemporaryDirectory() as folder:
        outcomes = {
            lag: run(chosen, span, lag * HOUR, options.poll * 60, Path(folder))
            for lag in (0, *LAGS)
        }
    exact = {zone: truth(hours, *span) for zone, hours in chosen.items()}
    failures = _judged(outcomes, exact)
    print(_table(outcomes, (span[1] - span[0]) // HOUR))
    for line in failures:
        print(line)
    return 1 if failures else 0


def _span(recording: Replay, warm_up: int) -> tuple[int, int]:
    """Return the seconds in which the load runs: what all zones have after the warm-up."""
    if not recording:
        message = "the recording has none of the zones"
        raise ValueError(message)
    begin = max(min(hours) for hours in recording.values()) + warm_up * HOUR
    end = min(max(hours) for hours in recording.values()) + HOUR
    if end <= begin:
        message = f"the recording is no longer than the warm-up of {warm_up} h"
        raise ValueError(message)
    for zone, hours in recording.items():
        gaps = sum(start not in hours for start in range(begin, end, HOUR))
        if gaps:
            message = f"{zone}: {gaps} hours are missing"
            raise ValueError(message)
    return begin, end


def _judged(outcomes: Mapping[int, Outcome], exact: Mapping[str, float]) -> list[str]:
    """Say what is not as it should be."""
    on_time = outcomes[0]
    failures = [
        f"{zone}: {on_time.grams[zone]:.6f} g on time, by arithmetic {grams:.6f} g"
        for zone, grams in exact.items()
        if not isclose(on_time.grams[zone], grams, rel_tol=1e-9)
    ]
    for lag, outcome in outcomes.items():
        off = _off(outcome.grams, on_time.grams)
        failures += [
            f"{zone}: {lag} h late is {percent:+.3f} % off, over {LIMIT:g} %"
            for zone, percent in off.items()
            if abs(percent) > LIMIT
        ]
        if outcome.decreases:
            failures.append(f"{lag} h late: counters went back {outcome.decreases} times")
    return failures


def _off(grams: Mapping[str, float], reference: Mapping[str, float]) -> dict[str, float]:
    return {zone: 100 * (grams[zone] / true - 1) for zone, true in reference.items()}


def _table(outcomes: Mapping[int, Outcome], hours: int) -> str:
    on_time = outcomes[0].grams
    late = {lag: outcome for lag, outcome in outcomes.items() if lag}
    lines = [
        f"Grams of {hours} h under a flat load, and % off with repricing [without]",
        "",
        f"{'zone':<14}{'on time, g':>12}"
        + "".join(f"{f'{lag} h late, g':>14}{'% off [without]':>20}" for lag in late),
    ]
    for zone in sorted(on_time):
        only = {lag: _of_zone(outcome, zone) for lag, outcome in late.items()}
        lines.append(_line(zone, {zone: on_time[zone]}, only))
    summed = {
        lag: replace(o, grams=_sum(o.grams), unrepriced=_sum(o.unrepriced))
        for lag, o in late.items()
    }
    lines.append(_line("total", _sum(on_time), summed))
    means = "".join(
        f"{'':>14}{_cell(_spread(o.grams, on_time), _spread(o.unrepriced, on_time), ''):>20}"
        for o in late.values()
    )
    lines += [f"{'mean of |zones|':<26}{means}", ""]
    for lag, outcome in outcomes.items():
        state = (
            f"{outcome.waiting} machine hours waited in {outcome.state_bytes} bytes of state, "
            f"{outcome.state_bytes / outcome.waiting:.0f} each"
            if outcome.waiting
            else "nothing waited"
        )
        lines.append(f"{lag:>2} h late: {outcome.decreases} counters went back; {state}")
    return "\n".join(lines)


def _line(name: str, on_time: Mapping[str, float], late: Mapping[int, Outcome]) -> str:
    cells = [f"{name:<14}{sum(on_time.values()):>12.1f}"]
    for outcome in late.values():
        (off,) = _off(outcome.grams, on_time).values()
        (before,) = _off(outcome.unrepriced, on_time).values()
        cells.append(f"{sum(outcome.grams.values()):>14.1f}{_cell(off, before):>20}")
    return "".join(cells)


def _cell(off: float, without: float, sign: str = "+") -> str:
    return f"{off:{sign}z.3f} [{without:{sign}z.1f}]"


def _of_zone(outcome: Outcome, zone: str) -> Outcome:
    grams, before = {zone: outcome.grams[zone]}, {zone: outcome.unrepriced[zone]}
    return replace(outcome, grams=grams, unrepriced=before)


def _sum(grams: Mapping[str, float]) -> dict[str, float]:
    return {"total": sum(grams.values())}


def _spread(grams: Mapping[str, float], reference: Mapping[str, float]) -> float:
    return fmean(map(abs, _off(grams, reference).values()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.late", description=__doc__)
    parser.add_argument(
        "--replay",
        default=os.environ.get(ENVIRONMENT),
        help=f"CSV with zone,timestamp,gco2_per_kwh by the hour (or {ENVIRONMENT})",
    )
    parser.add_argument("--zones", default=US, help=f"only zones that begin so ({US})")
    parser.add_argument("--warm-up", type=_whole, default=0, help="hours of history before (0)")
    parser.add_argument("--poll", type=_minutes, default=15, help="minutes between polls (15)")
    return parser


def _whole(text: str) -> int:
    if not text.isdecimal():
        message = f"{text}: write a whole number"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _minutes(text: str) -> int:
    number = _whole(text)
    if not 1 <= number <= 60:  # noqa: PLR2004 — more than an hour would meet the end of a run
        message = f"{text}: write 1 to 60 minutes"
        raise argparse.ArgumentTypeError(message)
    return number


if __name__ == "__main__":
    sys.exit(main())
