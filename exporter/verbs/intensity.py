"""``intensity``: what a kilowatt-hour emits in a grid zone now, in the last day and in the next."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporter import app
from exporter.core.clock import epoch, floor_to
from exporter.core.durations import parse_duration
from exporter.core.model import (
    Basis,
    FallbackLevel,
    ForecastHour,
    IntensityInForce,
    Method,
    Outlook,
    Region,
)
from exporter.core.units import SECONDS_PER_HOUR
from exporter.engine.intensity import IntensityBook
from exporter.settings.hints import did_you_mean
from exporter.verbs.chart import Bar, step_for
from exporter.verbs.choices import check_provider
from exporter.verbs.errors import UsageError
from exporter.verbs.grid import (
    DAY,
    NothingKnownError,
    ask,
    grid_app,
    in_force,
    lenient_output,
    no_signal,
    over,
    parse_method,
    troubles,
)
from exporter.verbs.intensity_shown import Answer, LastDay, document, show
from exporter.verbs.output import print_failure, print_json, progress

DEFAULT_HOURS: Final = 24
"""How far the chart looks ahead where nobody asks for a forecast."""
LONGEST_HOURS: Final = 72
"""No source tells more."""

_HOUR: Final = int(SECONDS_PER_HOUR)
_QUARTER: Final = 900
"""Seconds of the steps in which the least and the most of a day are sought: the finest of most
sources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked, as it was typed."""

    place: str
    forecast: str = ""
    method: str = Method.AVERAGE.value
    config: Path | None = None


def intensity(question: Question, *, as_json: bool) -> int:
    """Ask the sources once and print what they tell; return the exit code.

    Raises:
        UsageError: an argument that cannot be used, or an unknown zone.
        NothingKnownError: neither a marginal intensity nor its percentile is known.
        ConfigError: the configuration is wrong; carries every problem.
    """
    method = parse_method(question.method)
    hours = _hours(question.forecast)
    lenient_output()
    with grid_app(question.config) as built:
        zone, region = _place(built, question.place)
        book = app.ask_book(built)
        with progress(f"asking the sources of {zone}"):
            ask(built, book, [zone], *Method)
        failed = tuple(troubles(book))
        for trouble in failed:
            print_failure(str(trouble))
        answer = _answer(built, book, (zone, region), method, hours)
    if as_json:
        print_json(document(answer))
    else:
        show(answer, with_hours=bool(question.forecast))
    return 0


def _hours(text: str) -> int:
    if not text:
        return DEFAULT_HOURS
    try:
        hours = -(-parse_duration(text).total_seconds() // _HOUR)
    except (ValueError, OverflowError) as error:
        message = f"--forecast {text!r} — {error}"
        raise UsageError(message) from error
    if hours > LONGEST_HOURS:
        message = f"--forecast {text!r} — write {LONGEST_HOURS}h or less: no source tells more"
        raise UsageError(message)
    return int(hours)


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
