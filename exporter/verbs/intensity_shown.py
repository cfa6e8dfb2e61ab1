"""What ``intensity`` found, for people and for programs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from exporter.core.model import (
    AnnualIntensity,
    FallbackLevel,
    ForecastHour,
    IntensityInForce,
    Method,
    Outlook,
    Region,
    Standing,
)
from exporter.core.units import PERCENT, SECONDS_PER_HOUR
from exporter.exposition.documents import grid as grid_document
from exporter.exposition.documents import outlook as outlook_document
from exporter.exposition.documents import standing as standing_document
from exporter.verbs.chart import Bar, draw, speaks_unicode
from exporter.verbs.grid import BASES, DAY, Trouble, age, clock_time
from exporter.verbs.output import number, print_line, print_table

_HEAD: Final = ("HOUR (UTC)", "g/kWh", "LOW", "HIGH", "vs now", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDay:
    """What was observed of the last 24 hours; ``seconds`` says how much of them."""

    low: float
    mean: float
    high: float
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All that is known of a zone; ``region`` where one was asked for.

    ``now`` is None where ``standing`` alone is known, which belongs to the marginal method.
    """

    zone: str
    region: Region | None
    time: float
    now: IntensityInForce | None
    standing: Standing | None
    others: tuple[IntensityInForce, ...]
    """Live values of other methods and bases, which do not compare."""
    annual: AnnualIntensity
    last_day: LastDay | None
    outlook: Outlook | None
    bars: tuple[Bar, ...]
    troubles: tuple[Trouble, ...]


def document(answer: Answer) -> Mapping[str, object]:
    """Return all of it as an object."""
    region, day, now, standing = answer.region, answer.last_day, answer.now, answer.standing
    return {
        "time": answer.time,
        "grid_zone": answer.zone,
        "region": _region_document(answer, region) if region else None,
        "now": grid_document(now, answer.time) | {"detail": now.detail} if now else None,
        "percentile": standing_document(standing, answer.time) if standing else None,
        "others": [grid_document(one, answer.time) for one in answer.others],
        "annual": asdict(answer.annual),
        "last_24h": asdict(day) if day else None,
        "forecast": _forecast_document(answer.outlook) if answer.outlook else None,
        "failures": [asdict(trouble) for trouble in answer.troubles],
    }


def _region_document(answer: Answer, region: Region) -> Mapping[str, object]:
    return {
        "provider": region.provider,
        "cloud_region": region.name,
        "location": region.location,
        "known": region.known,
        "pue": region.pue,
        "gco2eq_per_kwh_it": answer.now.gco2eq_per_kwh * region.pue if answer.now else None,
    }


def _forecast_document(outlook: Outlook) -> Mapping[str, object]:
    return outlook_document(outlook) | {"cleanest": _cleanest(outlook).start}


def _cleanest(outlook: Outlook) -> ForecastHour:
    return min(outlook.hours, key=lambda hour: hour.gco2eq_per_kwh)


def show(answer: Answer, *, with_hours: bool) -> None:
    """Print the value in force with its origin, the chart, and the forecast if asked for."""
    now = answer.now
    value = f"{number(now.gco2eq_per_kwh)} gCO2eq/kWh" if now else "marginal intensity not known"
    print_line(f"{answer.zone}  {value}", style="bold")
    for line in (*_origin(answer, now), *_standing(answer), *_comparison(answer)):
        print_line(f"  {line}")
    chart = draw(answer.bars, answer.time, unicode=speaks_unicode())
    for line in ("", *chart) if chart else ():
        print_line(line)
    if now and answer.outlook:
        _print_outlook(answer.outlook, now, with_hours=with_hours)
    elif with_hours:
        print_line("no forecast: no source tells one, and too little of the past is known")


def _standing(answer: Answer) -> Iterator[str]:
    if told := answer.standing:
        where = f"percentile {number(told.percentile)} among the next 24 h"
        yield f"{where}, 0 cleanest, 100 dirtiest ({told.source}, {clock_time(told.moment)})"


def _origin(answer: Answer, now: IntensityInForce | None) -> Iterator[str]:
    if now is None:
        return
    region = answer.region
    yield f"level {now.level}: {now.level.words}"
    yield f"source {now.source}, {now.method}, {BASES[now.basis]}"
    if now.detail:
        yield f"  {now.detail}"
    else:
        estimated = ", estimated" if now.estimated else ""
        since = clock_time(now.valid_from)
        yield f"valid from {since}, {age(now, answer.time)} ago{estimated}"
    if region:
        grams = number(now.gco2eq_per_kwh * region.pue)
        where = f"{region.provider}:{region.name}"
        place = f" ({region.location})" if region.location else ""
        yield f"{where}{place}: {grams} g per kWh of IT energy, with PUE {region.pue:g}"


def _comparison(answer: Answer) -> Iterator[str]:
    day, yearly = answer.last_day, answer.annual
    if day:
        low, mean, high = (number(value) for value in (day.low, day.mean, day.high))
        part = (
            "" if day.seconds == DAY else f", {day.seconds / SECONDS_PER_HOUR:g} h of it observed"
        )
        yield f"last 24 h: min {low}, mean {mean}, max {high}{part}"
    else:
        yield "last 24 h: nothing observed"
    whose = yearly.year or yearly.source
    world = "" if yearly.known else ", the world's: the zone's own is not known"
    difference = _from_yearly(answer.now, yearly)
    against = f"; now {difference}" if difference else ""
    yield f"yearly average: {number(yearly.gco2eq_per_kwh)} ({whose}{world}){against}"
    for other in answer.others:
        grams = number(other.gco2eq_per_kwh)
        what = f"{other.method}, {BASES[other.basis]}, {other.source}"
        yield f"besides, not comparable: {grams} ({what})"


def _from_yearly(now: IntensityInForce | None, yearly: AnnualIntensity) -> str:
    """Return the difference from the yearly average, empty where the two do not compare."""
    if now is None or now.method is not Method.AVERAGE or now.level == FallbackLevel.ANNUAL:
        return ""
    return _difference(now.gco2eq_per_kwh, yearly.gco2eq_per_kwh) if yearly.known else ""


def _print_outlook(outlook: Outlook, now: IntensityInForce, *, with_hours: bool) -> None:
    best = _cleanest(outlook)
    if with_hours:
        title = f"Forecast of {outlook.zone} by {outlook.source}, {outlook.method}"
        print_table(title, _HEAD, [_hour_row(hour, now, best) for hour in outlook.hours])
    start, end = clock_time(best.start), clock_time(best.end)[-9:]
    grams = number(best.gco2eq_per_kwh)
    against = _difference(best.gco2eq_per_kwh, now.gco2eq_per_kwh)
    told = f"by {outlook.source}, {len(outlook.hours)} h ahead"
    print_line(f"cleanest hour: {start[:-4]} to {end}, {grams} g/kWh, {against} (forecast {told})")


def _hour_row(hour: ForecastHour, now: IntensityInForce, best: ForecastHour) -> Sequence[str]:
    return (
        clock_time(hour.start)[:-4],
        number(hour.gco2eq_per_kwh),
        number(hour.low),
        number(hour.high),
        _difference(hour.gco2eq_per_kwh, now.gco2eq_per_kwh),
        "cleanest" if hour is best else "",
    )


def _difference(value: float, reference: float) -> str:
    """Return how much a value is above a reference; nothing to compare with is an empty text."""
    return f"{round(PERCENT * (value / reference - 1)):+}%" if reference else ""
