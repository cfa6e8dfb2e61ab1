"""What the chain of intensities says of an hour when the newest value is some hours old.

Through the real ``IntensityBook``, with a source that told its history up to an origin and nothing
since: beside it stands what carrying the last known value on would have given.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import fmean

from bench.forecast.replay import HOUR, Replay, points
from exporter.core.clock import from_epoch
from exporter.core.model import AnnualIntensity, Basis, GridReading, IntensityInForce, Method
from exporter.core.units import GCO2eqPerKwh
from exporter.engine.forecast import SeasonalForecaster
from exporter.engine.intensity import IntensityBook
from exporter.engine.store import Store

AGES = (1, 2, 3, 4, 6)
"""Hours from the end of the newest value to the end of the hour that is priced."""
DAY = 24 * HOUR
HISTORY = 14 * DAY
CHAIN, LAST_KNOWN = "chain", "last known"


@dataclass(slots=True)
class AgeScore:
    """Absolute errors of one zone at one age: of the chain, and of the last known value."""

    mean_intensity: float
    errors: dict[str, list[float]] = field(default_factory=lambda: {CHAIN: [], LAST_KNOWN: []})

    def relative(self, method: str) -> float:
        """Mean absolute error relative to the zone's mean."""
        return fmean(self.errors[method]) / self.mean_intensity


Ages = Mapping[int, Mapping[str, AgeScore]]
"""Age in hours to zone to score."""


def score_ages(replay: Replay, every: int, warm_up: int, ages: Sequence[int] = AGES) -> Ages:
    """Price hours of every zone; ``every`` and ``warm_up`` are hours, as in ``score``."""
    found: dict[int, dict[str, AgeScore]] = {age: {} for age in ages}
    for zone, hours in sorted(replay.items()):
        begin, end = min(hours), max(hours) + HOUR
        first = begin + warm_up * HOUR
        mean = fmean([value for start, value in hours.items() if start >= first] or [0.0])
        for origin in range(first, end, every * HOUR):
            if origin - HOUR not in hours:
                continue
            book = _book(zone, hours, max(begin, origin - HISTORY), origin)
            for age in ages:
                target = origin + (age - 1) * HOUR
                if target in hours:
                    score = found[age].setdefault(zone, AgeScore(mean))
                    _add(score, book.over(zone, target, target + HOUR), hours, origin, target)
    return found


def _book(zone: str, hours: Mapping[int, float], begin: int, origin: int) -> IntensityBook:
    source, clock = _Told(zone), _At(origin)
    book = IntensityBook([source], _NoTable(), Store.in_memory(), clock, SeasonalForecaster())
    book.restore({source.name: points(zone, hours, begin, origin)})
    return book


def _add(
    score: AgeScore, force: IntensityInForce, hours: Mapping[int, float], origin: int, target: int
) -> None:
    truth = hours[target]
    score.errors[CHAIN].append(abs(force.gco2eq_per_kwh - truth))
    score.errors[LAST_KNOWN].append(abs(hours[origin - HOUR] - truth))


def mean_error(zones: Mapping[str, AgeScore], method: str) -> float:
    """Mean over zones, each of the same weight, of the relative error."""
    return fmean(score.relative(method) for score in zones.values())


def tail(zones: Mapping[str, AgeScore], method: str) -> float:
    """Relative error that nine of ten hours of all zones stay below."""
    errors = sorted(e / s.mean_intensity for s in zones.values() for e in s.errors[method])
    return errors[len(errors) * 9 // 10]


def table(found: Ages) -> str:
    """Say the errors for each age, in percent of a zone's mean."""
    lines = [
        "Error of an hour, % of the zone's mean: mean over zones (9 of 10 hours are below)",
        "",
    ]
    lines.append(f"{'hours old':<10}{CHAIN:>16}{LAST_KNOWN:>16}{'better in':>14}")
    for age, zones in found.items():
        cells = [
            f"{100 * mean_error(zones, method):.1f} ({100 * tail(zones, method):.1f})"
            for method in (CHAIN, LAST_KNOWN)
        ]
        better = sum(s.relative(CHAIN) < s.relative(LAST_KNOWN) for s in zones.values())
        lines.append(f"{age:<10}{cells[0]:>16}{cells[1]:>16}{f'{better} of {len(zones)}':>14}")
    return "\n".join(lines)


class _Told:
    """Implements ``core.ports.GridSource`` for what the book is given at once."""

    name = "replay"
    method = Method.AVERAGE
    basis = Basis.LIFECYCLE
    refresh_seconds = HOUR
    history_seconds = 0

    def __init__(self, zone: str) -> None:
        self._zone = zone

    def covers(self, zone: str) -> bool:
        return zone == self._zone

    def fetch(self, _zones: Collection[str], _start: int, _end: int) -> GridReading:
        return GridReading(points=())

    def close(self) -> None:
        pass


class _NoTable:
    """Implements ``core.ports.AnnualIntensities``: a value that nothing should fall back to."""

    def annual(self, zone: str) -> AnnualIntensity:
        return AnnualIntensity(zone=zone, gco2eq_per_kwh=GCO2eqPerKwh(0.0), year="", source="none")


class _At:
    """Implements ``core.ports.Clock`` at one time."""

    def __init__(self, time: int) -> None:
        self._time = time

    def now(self) -> datetime:
        return from_epoch(self._time)

    def monotonic(self) -> float:
        return float(self._time)
