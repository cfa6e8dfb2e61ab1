"""``python -m bench.forecast.worth --replay PATH``: what the forecast is worth.

Two figures beside its error. *Pinball loss* of its 10 and 90 % quantiles: the lower, the better
they are placed, width and coverage in one. *Carbon saved* by a job of four hours that may start
within a day: by the forecast, and by one who knows what comes. Both are means over zones.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from bench.forecast.replay import ENVIRONMENT, HOUR, Replay, points, read_replay
from bench.forecast.score import HISTORY
from exporter.core.model import ForecastHour
from exporter.core.ports import Forecaster
from exporter.engine.forecast import SeasonalForecaster

QUANTILES = (0.1, 0.9)
HORIZONS = (1, 6, 24)
JOB_HOURS, DEADLINE_HOURS = 4, 24
EVERY, WARM_UP = 7, 72
"""Hours between origins, so that all hours of the day come up, and before the first."""


def pinball(truth: float, guess: float, quantile: float) -> float:
    """Loss of a guessed quantile: least on average where it is the true one."""
    over = guess - truth
    return (1.0 - quantile) * over if over > 0 else -quantile * over


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """Grams per kWh of a job: at once, when the forecast said, and at the best time."""

    now: float
    chosen: float
    best: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What came of one zone's origins."""

    pinball: Mapping[int, float]
    """Both quantiles together, gCO2eq/kWh, by horizon in hours."""
    saved: float
    """Share of the emissions of starting at once."""
    possible: float
    """The same for one who knows what comes."""
    worse: float
    """Share of the origins from which waiting emitted more."""


def worth(replay: Replay, forecaster: Forecaster) -> dict[str, Worth]:
    """Judge every zone that is long enough."""
    found = {zone: _zone(zone, hours, forecaster) for zone, hours in sorted(replay.items())}
    return {zone: one for zone, one in found.items() if one is not None}


def _zone(zone: str, hours: Mapping[int, float], forecaster: Forecaster) -> Worth | None:
    losses: dict[int, list[float]] = {horizon: [] for horizon in HORIZONS}
    jobs: list[Saved] = []
    for origin, ahead in _forecasts(zone, hours, forecaster):
        for horizon in HORIZONS:
            start = origin + (horizon - 1) * HOUR
            told, truth = ahead.get(start), hours.get(start)
            if told and truth is not None and told.low is not None and told.high is not None:
                ends = zip((told.low, told.high), QUANTILES, strict=True)
                losses[horizon].append(sum(pinball(truth, end, q) for end, q in ends))
        job = _job(origin, ahead, hours)
        if job is not None:
            jobs.append(job)
    if not jobs or not all(losses.values()):
        return None
    now = sum(job.now for job in jobs)
    return Worth(
        pinball={horizon: fmean(several) for horizon, several in losses.items()},
        saved=1.0 - sum(job.chosen for job in jobs) / now,
        possible=1.0 - sum(job.best for job in jobs) / now,
        worse=fmean(job.chosen > job.now for job in jobs),
    )


def _forecasts(
    zone: str, hours: Mapping[int, float], forecaster: Forecaster
) -> Iterator[tuple[int, Mapping[int, ForecastHour]]]:
    """Yield each origin and what was expected from it, knowing nothing later."""
    begin, end = min(hours), max(hours) + HOUR
    for origin in range(begin + WARM_UP * HOUR, end, EVERY * HOUR):
        past = points(zone, hours, max(begin, origin - HISTORY), origin)
        expected = forecaster.forecast(past, DEADLINE_HOURS)
        yield origin, {hour.start: hour for hour in expected}


def _job(
    origin: int, ahead: Mapping[int, ForecastHour], hours: Mapping[int, float]
) -> Saved | None:
    """Start the job where it is expected cleanest; None where an hour of the day is not known."""
    day = range(origin, origin + DEADLINE_HOURS * HOUR, HOUR)
    if any(start not in hours or start not in ahead for start in day):
        return None
    expected = [ahead[start].gco2eq_per_kwh for start in day]
    true = [hours[start] for start in day]
    starts = range(DEADLINE_HOURS - JOB_HOURS + 1)
    chosen = min(starts, key=lambda at: sum(expected[at : at + JOB_HOURS]))
    emitted = [fmean(true[at : at + JOB_HOURS]) for at in starts]
    return Saved(now=emitted[0], chosen=emitted[chosen], best=min(emitted))


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.forecast.worth", description=__doc__)
    parser.add_argument("--replay", default=os.environ.get(ENVIRONMENT))
    path = parser.parse_args(argv).replay
    if not path:
        print(f"bench.forecast.worth: give --replay PATH or set {ENVIRONMENT}", file=sys.stderr)
        return 2
    try:
        print(sentences(read_replay(Path(path))))
    except (OSError, ValueError) as failure:
        print(f"bench.forecast.worth: {failure}", file=sys.stderr)
        return 2
    return 0


def sentences(replay: Replay) -> str:
    """Return both figures in words, as means over the zones of a recording.

    Raises:
        ValueError: no zone is long enough.
    """
    zones = worth(replay, SeasonalForecaster()).values()
    if not zones:
        message = f"the recording has no zone with more than {WARM_UP + DEADLINE_HOURS} h"
        raise ValueError(message)
    losses = (f"{fmean(z.pinball[h] for z in zones):.2f} at {h} h" for h in HORIZONS)
    saved, possible = fmean(z.saved for z in zones), fmean(z.possible for z in zones)
    worse = fmean(z.worse for z in zones)
    return (
        f"Over {len(zones)} zones, the pinball loss of the 10 and 90 % quantiles together is\n"
        f"{', '.join(losses)} (gCO2eq/kWh). A job of {JOB_HOURS} h that may start within a day\n"
        f"and ends inside it emits {saved:.1%} less than at once, of {possible:.1%} for one who\n"
        f"knows what comes: {saved / possible:.0%} of it; from {worse:.1%} of the hours waiting "
        "emits more."
    )


if __name__ == "__main__":
    sys.exit(main())
