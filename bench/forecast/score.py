"""Rolling origin: forecast from every origin, then look at what came."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from bench.forecast.replay import HOUR, Replay, points
from exporter.core.model import ForecastHour
from exporter.core.ports import Forecaster

DAY = 24 * HOUR
HISTORY = 14 * DAY
MODEL = "seasonal"
PERSISTENCE, YESTERDAY, ANCHORED = "persistence", "yesterday", "anchored"
METHODS = (MODEL, PERSISTENCE, YESTERDAY, ANCHORED)


@dataclass(slots=True)
class ZoneScore:
    """Absolute errors of one zone at one horizon, by method, and how often 10-90 % held."""

    mean_intensity: float
    errors: dict[str, list[float]] = field(default_factory=lambda: {m: [] for m in METHODS})
    inside: list[bool] = field(default_factory=list)

    def mae(self, method: str) -> float:
        """Mean absolute error in gCO2eq/kWh."""
        return fmean(self.errors[method])


Scores = Mapping[int, Mapping[str, ZoneScore]]
"""Horizon (hours) to zone to score."""


def score(
    replay: Replay, forecaster: Forecaster, horizons: Sequence[int], every: int, warm_up: int
) -> Scores:
    """Score every zone; ``every`` and ``warm_up`` are the hours between and before origins.

    The forecaster is given the 14 days before the origin, cut off there, and nothing else.
    """
    found: dict[int, dict[str, ZoneScore]] = {horizon: {} for horizon in horizons}
    for zone, hours in sorted(replay.items()):
        begin, end = min(hours), max(hours) + HOUR
        zone_scores = {horizon: ZoneScore(fmean(hours.values())) for horizon in horizons}
        for origin in range(begin + warm_up * HOUR, end, every * HOUR):
            past = points(zone, hours, max(begin, origin - HISTORY), origin)
            expected = {hour.start: hour for hour in forecaster.forecast(past, max(horizons))}
            for horizon in horizons:
                target = origin + (horizon - 1) * HOUR
                _add(zone_scores[horizon], hours, expected.get(target), origin, target)
        for horizon, zone_score in zone_scores.items():
            if zone_score.inside:
                found[horizon][zone] = zone_score
    return found


def _add(
    zone: ZoneScore,
    hours: Mapping[int, float],
    expected: ForecastHour | None,
    origin: int,
    target: int,
) -> None:
    """Compare one target hour; left out for all methods where one of them has no answer."""
    latest = origin - HOUR
    same_hour = target - -(-(target - latest) // DAY) * DAY
    needed = (target, latest, same_hour, latest - DAY)
    if expected is None or any(start not in hours for start in needed):
        return
    truth = hours[target]
    guesses = {
        MODEL: expected.gco2eq_per_kwh,
        PERSISTENCE: hours[latest],
        YESTERDAY: hours[same_hour],
        ANCHORED: max(0.0, hours[latest] + hours[same_hour] - hours[latest - DAY]),
    }
    for method, guess in guesses.items():
        zone.errors[method].append(abs(guess - truth))
    if expected.low is not None and expected.high is not None:
        zone.inside.append(expected.low <= truth <= expected.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """All zones of a group at one horizon; every zone weighs the same."""

    group: str
    horizon: int
    zones: int
    mae: Mapping[str, float]
    """gCO2eq/kWh, by method."""
    relative_mae: Mapping[str, float]
    """Mean over zones of MAE divided by the zone's mean intensity, by method."""
    wins: Mapping[str, int]
    """Zones in which the model's error is smaller, by rival."""
    coverage: float
    """Share of truths between the 10 % and the 90 % quantile; 0.8 is right."""

    @property
    def beats_all(self) -> bool:
        """Whether the model's mean error is smaller than that of every rival."""
        return all(self.mae[MODEL] < self.mae[rival] for rival in METHODS[1:])


def summarise(scores: Scores, group: str, zones: Iterable[str]) -> list[Summary]:
    """Average over the zones of a group, one summary per horizon."""
    chosen = set(zones)
    return [
        _summary(group, horizon, [s for zone, s in by_zone.items() if zone in chosen])
        for horizon, by_zone in scores.items()
        if chosen & by_zone.keys()
    ]


def _summary(group: str, horizon: int, scored: Sequence[ZoneScore]) -> Summary:
    return Summary(
        group=group,
        horizon=horizon,
        zones=len(scored),
        mae={m: fmean(s.mae(m) for s in scored) for m in METHODS},
        relative_mae={m: fmean(s.mae(m) / s.mean_intensity for s in scored) for m in METHODS},
        wins={m: sum(s.mae(MODEL) < s.mae(m) for s in scored) for m in METHODS[1:]},
        coverage=fmean(fmean(s.inside) for s in scored),
    )
