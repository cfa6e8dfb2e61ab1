"""``intensity``: what a kilowatt-hour emits in a grid zone now, in the last day and in the next."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Final

import typer

from exporter import app
from exporter.cli._asked import (
    NothingKnownError,
    Trouble,
    ask,
    check_provider,
    grid_app,
    in_force,
    no_signal,
    over,
    troubles,
)
from exporter.cli._options import Config, GridMethod, Json, UsageError, parse_span
from exporter.cli._shown import (
    DAY,
    Bar,
    age,
    clock_time,
    draw,
    lenient_output,
    number,
    print_failure,
    print_json,
    print_line,
    print_table,
    progress,
    speaks_unicode,
    step_for,
)
from exporter.core.clock import epoch, floor_to
from exporter.core.model import (
    AnnualIntensity,
    Basis,
    FallbackLevel,
    ForecastHour,
    IntensityInForce,
    Method,
    Outlook,
    Region,
    Standing,
)
from exporter.core.units import PERCENT, SECONDS_PER_HOUR
from exporter.engine.intensity import IntensityBook
from exporter.exposition.documents import grid as grid_document
from exporter.exposition.documents import outlook as outlook_document
from exporter.exposition.documents import standing as standing_document
from exporter.settings.hints import did_you_mean

ORDER: Final = 70
SUMMARY: Final = "Show a grid's carbon intensity: now, the last day, the next."
EXAMPLES: Final = (
    "carbon-exporter intensity FR",
    "carbon-exporter intensity aws:eu-west-3 --forecast 24h",
    "carbon-exporter intensity US-CAL-CISO --method marginal --json",
)

DEFAULT_HOURS: Final = 24
"""How far the chart looks ahead where nobody asks for a forecast."""
LONGEST_HOURS: Final = 72
"""No source tells more."""

_HOUR: Final = int(SECONDS_PER_HOUR)
_QUARTER: Final = 900
"""Seconds of the steps in which the least and the most of a day are sought: the finest of most
sources."""
_HEAD: Final = ("HOUR (UTC)", "g/kWh", "LOW", "HIGH", "vs now", "")
_BASES: Final[Mapping[Basis, str]] = {
    Basis.LIFECYCLE: "life cycle",
    Basis.DIRECT: "direct (combustion only)",
}


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


def intensity(
    place: Annotated[
        str,
        typer.Argument(
            metavar="ZONE|PROVIDER:REGION", help="A grid zone, such as FR, or a cloud region."
        ),
    ],
    *,
    forecast: Annotated[
        str, typer.Option(metavar="SPAN", help="List the hours ahead, such as 24h.")
    ] = "",
    method: GridMethod = Method.AVERAGE,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Show the carbon intensity of a grid zone, or of the one that feeds a cloud region.

    The configured sources are asked once; without a configuration, those that need no key. LEVEL
    says how the value was come by: 0 live, 1 second source, 2 last known, 3 forecast, 4 annual
    average, which always stands behind.
    """
    hours = _hours(forecast) if forecast else DEFAULT_HOURS
    lenient_output()
    with grid_app(config) as built:
        zone, region = _place(built, place)
        book = app.ask_book(built)
        with progress(f"asking the sources of {zone}"):
            ask(built, book, [zone], *Method)
        for trouble in troubles(book):
            print_failure(str(trouble))
        answer = _answer(built, book, (zone, region), method, hours)
    if as_json:
        print_json(_document(answer))
    else:
        _show(answer, with_hours=bool(forecast))
    return 0


def _hours(text: str) -> int:
    hours = int(-(-parse_span("--forecast", text).total_seconds() // _HOUR))
    if hours > LONGEST_HOURS:
        message = f"--forecast {text!r} — write {LONGEST_HOURS}h or less: no source tells more"
        raise UsageError(message)
    return hours


def _place(built: app.App, text: str) -> tuple[str, Region | None]:
    """Return the grid zone of a place, and its cloud region if it is one."""
    provider, colon, name = text.partition(":")
    if colon:
        region = _region(built, provider.lower(), name)
        return region.grid_zone, region
    zone = next((zone for zone in (text, text.upper()) if _is_known(built, zone)), None)
    if zone is None:
        guess = did_you_mean(text.upper(), {region.grid_zone for region in built.regions.all()})
        fix = f"{guess}Write a zone such as FR, or a region such as aws:eu-west-3"
        message = f"no grid zone {text!r} — {fix}"
        raise UsageError(message)
    return zone, None


def _is_known(built: app.App, zone: str) -> bool:
    return (
        built.annual.annual(zone).known
        or any(region.grid_zone == zone for region in built.regions.all())
        or any(source.covers(zone) for source in built.sources)
    )


def _region(built: app.App, provider: str, name: str) -> Region:
    region = built.regions.find(provider, name)
    if not region.known:
        region = built.regions.find(provider, name.lower())
    if not region.known:
        check_provider(provider)
        names = [one.name for one in built.regions.all() if one.provider == provider]
        guess = did_you_mean(name, names)
        fix = f"{guess}Shown is the world's average; tell its grid by `regions:` in the config"
        print_failure(f"no {provider} region {name!r} is known — {fix}")
    return region


def _answer(
    built: app.App,
    book: IntensityBook,
    place: tuple[str, Region | None],
    method: Method,
    hours: int,
) -> Answer:
    (zone, region), time = place, epoch(built.clock.now())
    now = in_force(book, zone, time, method)
    standing = book.standing(zone, time) if method is Method.MARGINAL else None
    if now is None and standing is None:
        raise NothingKnownError(no_signal(built.sources, [zone], method))
    outlook = book.forecast(zone, time, hours, method) if now else None
    return Answer(
        zone=zone,
        region=region,
        time=time,
        now=now,
        standing=standing,
        others=tuple(_others(book, zone, time, now)),
        annual=built.annual.annual(zone),
        last_day=_last_day(book, zone, time, method),
        outlook=outlook,
        bars=tuple(_bars(book, now, time, outlook)) if now else (),
        troubles=tuple(troubles(book)),
    )


def _others(
    book: IntensityBook, zone: str, time: float, now: IntensityInForce | None
) -> Iterator[IntensityInForce]:
    shown = (now.method, now.basis) if now else None
    for method in Method:
        for basis in Basis:
            known = book.signal(zone, time, method, basis)
            if known and (method, basis) != shown and known.live:
                yield known


def _last_day(book: IntensityBook, zone: str, time: float, method: Method) -> LastDay | None:
    end = floor_to(time, _QUARTER)
    steps = ((start, start + _QUARTER) for start in range(end - DAY, end, _QUARTER))
    found = [over(book, zone, step, method) for step in steps]
    known = [one.gco2eq_per_kwh for one in found if one is not None and one.live]
    if not known:
        return None
    mean = sum(known) / len(known)
    return LastDay(low=min(known), mean=mean, high=max(known), seconds=len(known) * _QUARTER)


def _bars(
    book: IntensityBook, now: IntensityInForce, time: float, outlook: Outlook | None
) -> Iterator[Bar]:
    """Cut the last day and the hours that are expected into columns that fit the terminal."""
    ahead = {hour.start: hour for hour in outlook.hours} if outlook else {}
    until = max((hour.end for hour in ahead.values()), default=int(time) + 1)
    step = step_for(until - int(time) + DAY, shutil.get_terminal_size().columns)
    for start in range(floor_to(time - DAY, step) + step, until, step):
        if start < min(ahead, default=until):
            end = int(time) + 1 if start <= time < start + step else start + step
            yield _past(over(book, now.zone, (start, end), now.method), start)
        else:
            yield _ahead(ahead, start, step)


def _past(found: IntensityInForce | None, start: int) -> Bar:
    if found is None or found.level == FallbackLevel.ANNUAL:
        return Bar(start=start, value=None)
    return Bar(start=start, value=found.gco2eq_per_kwh, certain=found.live)


def _ahead(hours: Mapping[int, ForecastHour], start: int, step: int) -> Bar:
    whole = range(floor_to(start, _HOUR), start + step, _HOUR)
    told = [hours[hour].gco2eq_per_kwh for hour in whole if hour in hours]
    return Bar(start=start, value=sum(told) / len(told) if told else None, certain=False)


def _document(answer: Answer) -> Mapping[str, object]:
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


def _show(answer: Answer, *, with_hours: bool) -> None:
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
    yield f"source {now.source}, {now.method}, {_BASES[now.basis]}"
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
        what = f"{other.method}, {_BASES[other.basis]}, {other.source}"
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
