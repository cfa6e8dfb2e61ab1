"""``python -m bench.policies --replay PATH``: what the policies would have won on a recording.

Exit 0: on the recording that the reference figures are of, all that is promised is reached and no
row is more than 0.3 points below its reference; on any other recording, no work is overdue.
1: not so. 2: no recording was given, or it cannot be read.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from statistics import fmean, median

from bench.forecast.replay import ENVIRONMENT, read_replay
from bench.policies import rows
from exporter.advice import simulate
from exporter.advice.simulate import Beliefs, Foreseen, History, Perfect
from exporter.core.clock import from_epoch
from exporter.engine.forecast import SeasonalForecaster

TABLES = ("jobs", "several", "pairs", "signals")
LONGEST = 72
"""Hours of the longest plan."""
WORTH_TELLING = -0.001
"""Share of the static place's grams below which a pair counts as one that lost."""
TOLERANCE = 0.3
"""Points of percent by which a row may be below its reference."""
_REFERENCE = (45, 336, "2022-09-26T00:00:00+00:00")
"""Zones, hours and first hour of the recording that the figures of ``rows`` are of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number, in percent, beside what is known of it."""

    table: str
    row: str
    what: str
    value: float
    reference: float | None = None
    least: float | None = None
    most: float | None = None
    exact: bool = True
    """Whether being below the reference is a failure."""

    @property
    def verdict(self) -> str:
        """Empty where all is well."""
        if (self.least is not None and self.value < self.least) or (
            self.most is not None and self.value > self.most
        ):
            return "NOT REACHED"
        if self.reference is None or not self.exact:
            return ""
        difference = self.value - self.reference
        if difference < -TOLERANCE:
            return "BELOW"
        return "beaten" if difference > TOLERANCE else ""


class Run:
    """One recording, with its forecasts made once for all tables."""

    def __init__(self, history: History, *, all_rows: bool) -> None:
        self.history, self._all = history, all_rows
        shape = (len(history.places), history.hours, from_epoch(history.start).isoformat())
        self.known = shape == _REFERENCE
        self._own = Foreseen(history, SeasonalForecaster(), LONGEST)
        self._perfect = Perfect(history)

    def prepare(self) -> int:
        """Make all forecasts; returns how many."""
        hours = range(simulate.WARM_UP - 2, self.history.hours)
        for place in self.history.places:
            for hour in hours:
                self._own.ahead(place, hour)
        return len(hours) * len(self.history.places)

    def table(self, name: str) -> Iterator[Figure]:
        """Yield the figures of a table."""
        tables: Mapping[str, Callable[[], Iterator[Figure]]] = {
            "jobs": self._jobs,
            "several": self._several,
            "pairs": self._pairs,
            "signals": self._signals,
        }
        for figure in tables[name]():
            yield figure if self.known else _bare(figure)

    def _beliefs(self, *, perfect: bool) -> Beliefs:
        return self._perfect if perfect else self._own

    def _jobs(self) -> Iterator[Figure]:
        for job in rows.JOBS:
            if (job.long and not self._all) or self._short(job.deadline):
                continue
            scores = [self._job(job, place) for place in self.history.places]
            yield Figure(
                table="jobs",
                row=job.name,
                what="saved",
                value=100 * fmean(s.saved for s in scores),
                reference=job.saved,
                least=job.least,
            )
            yield _possible("jobs", job.name, [s.possible for s in scores], job.possible)
            submissions = sum(s.submissions for s in scores)
            yield Figure(
                table="jobs",
                row=job.name,
                what="worse than now",
                value=100 * sum(s.worse * s.submissions for s in scores) / submissions,
                reference=job.worse,
                exact=False,
            )

    def _job(self, job: rows.Job, place: str) -> simulate.JobScore:
        if not job.pauses:
            return simulate.windows(
                self.history,
                self._own,
                place,
                work=job.work,
                deadline=job.deadline,
                replan=job.replan,
                caution=job.caution,
            )
        return simulate.interruptible(
            self.history,
            self._own,
            place,
            work=job.work,
            deadline=job.deadline,
            replan=job.replan,
            caution=job.caution,
            resume=job.resume,
        )

    def _several(self) -> Iterator[Figure]:
        for several in rows.SEVERAL:
            if not set(several.places) <= set(self.history.places) or self._short(48):
                continue
            score = simulate.moving(self.history, self._own, several.places, work=24, deadline=48)
            name = " ".join(several.places)
            yield Figure(
                table="several",
                row=name,
                what="saved",
                value=100 * (1 - score.chosen / score.static),
                reference=several.saved,
            )
            possible = 1 - score.best / score.static
            yield _possible("several", name, [possible], several.possible)
            yield Figure(
                table="several",
                row=name,
                what="of the home's",
                value=100 * (1 - score.chosen / score.home),
            )

    def _pairs(self) -> Iterator[Figure]:
        pairs = list(combinations(self.history.places, 2))
        for row in rows.PAIRS:
            scores = [self._pair(row, pair) for pair in pairs]
            crossing = [s for s in scores if s.crosses]
            if not crossing:
                continue
            late = f", signal {row.lag} h late" if row.lag else ""
            name = f"{row.name}, {row.overlap} min{late}"
            yield Figure(
                table="pairs",
                row=name,
                what="saved",
                value=100 * fmean(s.saved for s in crossing),
                reference=row.saved,
                least=row.least,
            )
            possible = [s.possible for s in crossing]
            yield _possible("pairs", name, possible, rows.OPTIMUM[row.overlap])
            yield Figure(
                table="pairs",
                row=name,
                what="worst",
                value=100 * min(s.saved for s in scores),
                reference=row.worst,
                exact=False,
            )
            yield Figure(
                table="pairs",
                row=name,
                what="pairs below -0.1 %",
                value=sum(s.saved < WORTH_TELLING for s in scores),
                reference=row.below,
                most=row.most_below,
                exact=False,
            )

    def _pair(self, row: rows.Pairs, pair: tuple[str, str]) -> simulate.PlacementScore:
        return simulate.placement(
            self.history,
            self._beliefs(perfect=row.perfect),
            pair,
            row.terms,
            follow=row.follow,
            rule=row.rule,
            lag=row.lag,
        )

    def _signals(self) -> Iterator[Figure]:
        for row in rows.SIGNALS:
            if self._short(row.deadline):
                continue
            for load, reference, least in zip(rows.LOADS, row.saved, row.least, strict=True):
                scores = [self._signal(row, place, load) for place in self.history.places]
                name = f"{row.name}, {row.deadline} h, load {load:g}"
                yield Figure(
                    table="signals",
                    row=name,
                    what="cleaner",
                    value=100 * fmean(s.saved for s in scores),
                    reference=reference,
                    least=least,
                )
                yield Figure(
                    table="signals",
                    row=name,
                    what="mean delay, h",
                    value=fmean(s.delay for s in scores),
                )
                own = not row.shape
                yield Figure(
                    table="signals",
                    row=name,
                    what="overdue work, h",
                    value=sum(s.overdue for s in scores),
                    most=0.0 if own else None,
                )

    def _signal(self, row: rows.Signal, place: str, load: float) -> simulate.CapacityScore:
        truth = self.history.values[place]
        shapes: Mapping[str, Callable[[int], float]] = {
            "linear": lambda hour: linear(truth, hour, row.floor),
            "step": lambda hour: step(truth, hour),
        }
        return simulate.queue(
            self.history,
            self._beliefs(perfect=row.perfect),
            place,
            load=load,
            deadline=row.deadline,
            floor=row.floor,
            reserve=row.reserve,
            shape=shapes.get(row.shape),
        )

    def _short(self, deadline: int) -> bool:
        return self.history.hours <= simulate.WARM_UP + deadline


def linear(truth: Sequence[float], hour: int, floor: float) -> float:
    """Fall from full at the 10 % quantile of two weeks to ``floor`` at the 90 % one."""
    seen = sorted(truth[max(0, hour - 14 * 24) : hour + 1])
    low, high = (_quantile(seen, share) for share in (0.1, 0.9))
    share = (truth[hour] - low) / max(high - low, 1e-9)
    return min(1.0, max(floor, 1.0 - (1.0 - floor) * share))


def step(truth: Sequence[float], hour: int) -> float:
    """Full up to the median of a week, else nothing."""
    return float(truth[hour] <= median(truth[max(0, hour - 7 * 24 + 1) : hour + 1]))


def _quantile(ordered: Sequence[float], share: float) -> float:
    position = share * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def _possible(table: str, row: str, shares: Sequence[float], reference: float) -> Figure:
    value = 100 * fmean(shares)
    return Figure(table=table, row=row, what="possible", value=value, reference=reference)


def _bare(figure: Figure) -> Figure:
    """Leave out what is known of another recording; that no work is overdue holds for each."""
    overdue = figure.most if figure.what.startswith("overdue") else None
    return Figure(
        table=figure.table, row=figure.row, what=figure.what, value=figure.value, most=overdue
    )


def line(figure: Figure) -> str:
    """Write a figure for people."""
    reference = "" if figure.reference is None else f"{figure.reference:8.2f}"
    name = f"{figure.row:<58} {figure.what:<19}"
    return f"{name} {figure.value:8.2f} {reference:>8}  {figure.verdict}".rstrip()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    options = _parser().parse_args(argv)
    if not options.replay:
        return _usage(f"no recording: give --replay PATH or set {ENVIRONMENT}")
    try:
        replay = read_replay(Path(options.replay))
        wanted = set(options.zones.split(",")) if options.zones else set(replay)
        history = simulate.history_of({z: v for z, v in replay.items() if z in wanted})
    except (OSError, ValueError) as error:
        return _usage(str(error))
    if history.hours <= simulate.WARM_UP + 24:
        return _usage(f"{options.replay} has {history.hours} h that all zones know: too few")
    run, begin = Run(history, all_rows=options.all), time.perf_counter()
    count = run.prepare()
    _say(options, f"{count} forecasts of {LONGEST} h: {time.perf_counter() - begin:.0f} s")
    figures = []
    for table in options.only or TABLES:
        begin = time.perf_counter()
        _say(options, f"\n{table:<78} {'now':>8} {'ref.':>8}")
        for figure in run.table(table):
            figures.append(figure)
            _say(options, line(figure))
        _say(options, f"({time.perf_counter() - begin:.0f} s)")
    if options.json:
        print(json.dumps([asdict(one) | {"verdict": one.verdict} for one in figures], indent=2))
    return int(any(one.verdict.isupper() for one in figures))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.policies", description=__doc__)
    parser.add_argument(
        "--replay",
        default=os.environ.get(ENVIRONMENT),
        help=f"CSV with zone,timestamp,gco2_per_kwh by the hour (or {ENVIRONMENT})",
    )
    parser.add_argument("--only", action="append", choices=TABLES, help="repeat it for several")
    parser.add_argument("--zones", default="", help="comma-separated; default: all")
    parser.add_argument("--all", action="store_true", help="also what takes minutes a row")
    parser.add_argument("--json", action="store_true", help="write figures for programs")
    return parser


def _say(options: argparse.Namespace, text: str) -> None:
    if not options.json:
        print(text, flush=True)


def _usage(message: str) -> int:
    print(f"bench.policies: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
