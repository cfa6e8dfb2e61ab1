"""What is believed of places over the hours ahead, for verbs that advise, and small charts of it.

Known from a running daemon, from the configured sources, which are asked once, or from the
simulated grid. Places of which nothing is known are told, never shown as clean.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import httpx
import typer
from pydantic import BaseModel, Field, ValidationError

from exporter import app
from exporter.advice.curves import Curve, Place, curves_of
from exporter.cli._asked import DaemonError, NothingKnownError, ask, ask_daemon, grid_app, troubles
from exporter.cli._options import UsageError, parse_span
from exporter.cli._shown import clock_time, print_failure, progress
from exporter.core.clock import epoch
from exporter.core.model import (
    Basis,
    FallbackLevel,
    ForecastHour,
    IntensityInForce,
    Method,
    Outlook,
    Region,
)
from exporter.core.units import GCO2eqPerKwh
from exporter.settings.environment import URL_VARIABLE
from exporter.settings.hints import did_you_mean
from exporter.settings.policies import PolicyKind, PolicySection, with_colon

Zones = Annotated[
    list[str] | None,
    typer.Option("--zone", metavar="ZONE", help="A grid zone, such as FR. Repeat it for several."),
]
CloudRegions = Annotated[
    list[str] | None,
    typer.Option(
        "--region",
        "-r",
        metavar="PROVIDER:REGION",
        help="A cloud region, such as aws:eu-west-3. Repeat it; the first is home.",
    ),
]
Exporter = Annotated[
    str,
    typer.Option(
        "--exporter",
        "--url",
        metavar="URL",
        envvar=URL_VARIABLE,
        help="Take what a running daemon knows, in place of asking the sources.",
    ),
]
Demo = Annotated[
    bool, typer.Option("--demo", help="Ask nobody: take the simulated grid of the demo.")
]

SPARKS: Final = "▁▂▃▄▅▆▇█"
_ASCII_SPARKS: Final = "_.,-=+*#"
CHART_COLUMNS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """What is known of places at a time (epoch seconds)."""

    time: float
    places: tuple[Place, ...]
    curves: tuple[Curve, ...]
    in_force: Mapping[str, IntensityInForce]
    """The value of the present by place, which may be a yearly average where no curve is."""

    @property
    def unknown(self) -> tuple[Place, ...]:
        """Places without a forecast, or with a yearly average as their present."""
        known = {curve.place for curve in self.curves}
        return tuple(place for place in self.places if place.name not in known)

    def why_nothing(self) -> str:
        """Say of which places nothing is known, and what would help."""
        names = ", ".join(place.name for place in self.unknown) or "any place"
        return (
            f"nothing is known of the hours ahead of {names}: a forecast needs a live source with "
            "a day of history — see `carbon-exporter intensity ZONE --forecast 24h`"
        )


@contextmanager
def grids(config: Path | None, *, demo: bool) -> Iterator[app.App]:
    """Build the grid sources of the configuration, or of the simulated grid.

    Raises:
        ConfigError: the configuration is wrong; carries every problem.
    """
    with grid_app(config) as built:
        if not demo:
            yield built
            return
        from exporter.app.demo_grid import demo_grid  # noqa: PLC0415 -- only those who ask pay

        with demo_grid(built) as simulated:
            yield simulated


def find_ahead(built: app.App, places: Sequence[Place], *, url: str = "") -> Ahead:
    """Learn what is believed of places; sources that failed are told on stderr.

    Raises:
        UsageError: ``url`` is not an address.
        DaemonError: no daemon answers at the address.
        NothingKnownError: nothing is known of the hours ahead of any of the places.
    """
    zones = list(dict.fromkeys(place.grid_zone for place in places))
    if url:
        moment, told, outlooks = _of_daemon(url, zones)
    else:
        moment, told, outlooks = _of_sources(built, zones)
    values = {one.zone: one for one in told}
    found = Ahead(
        time=moment,
        places=tuple(places),
        curves=curves_of(places, told, outlooks, moment=moment),
        in_force={p.name: values[p.grid_zone] for p in places if p.grid_zone in values},
    )
    if not found.curves:
        raise NothingKnownError(found.why_nothing())
    return found


def _of_sources(
    built: app.App, zones: Sequence[str]
) -> tuple[float, list[IntensityInForce], list[Outlook]]:
    book = app.ask_book(built)
    with progress(f"asking the sources of {', '.join(zones)}"):
        ask(built, book, zones, Method.AVERAGE)
    for trouble in troubles(book):
        print_failure(str(trouble))
    moment = epoch(built.clock.now())
    outlooks = (book.forecast(zone, moment) for zone in zones)
    return (
        moment,
        [book.at(zone, moment) for zone in zones],
        [outlook for outlook in outlooks if outlook is not None],
    )


_Grams = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Told(BaseModel):
    """A value in force as ``/api/v1/grid`` tells it; what a later daemon adds is left aside."""

    grid_zone: str
    gco2eq_per_kwh: _Grams
    source: str
    method: Method
    basis: Basis
    fallback_level: int = Field(ge=0, le=4)
    valid_from: int
    estimated: bool = False


class _Hour(BaseModel):
    start: int
    end: int
    gco2eq_per_kwh: _Grams
    low: _Grams | None = None
    high: _Grams | None = None


class _Forecast(BaseModel):
    grid_zone: str
    method: Method
    source: str
    hours: tuple[_Hour, ...]


class _Grids(BaseModel):
    time: float = Field(gt=0, lt=1e11, allow_inf_nan=False)
    grids: tuple[_Told, ...]
    forecasts: tuple[_Forecast, ...]


def _of_daemon(
    url: str, zones: Sequence[str]
) -> tuple[float, list[IntensityInForce], list[Outlook]]:
    fix = "start it with `carbon-exporter serve`, or leave --exporter out"
    silent = f"no daemon answers at {url} — {fix}"
    status, document = ask_daemon(url, "/api/v1/grid", silent=silent)
    if status == httpx.codes.SERVICE_UNAVAILABLE and isinstance(document, Mapping):
        message = f"the daemon at {url} is {document.get('error', 'not ready')} — try again soon"
        raise DaemonError(message)
    try:
        answer = _Grids.model_validate(document)
    except ValidationError as error:
        message = f"{url} does not answer as a carbon-exporter — name its address with --exporter"
        raise DaemonError(message) from error
    told = [_in_force(one) for one in answer.grids if _prices(one) and one.grid_zone in zones]
    outlooks = [
        Outlook(
            zone=one.grid_zone,
            method=one.method,
            source=one.source,
            hours=tuple(_hour(hour) for hour in one.hours),
        )
        for one in answer.forecasts
        if one.method is Method.AVERAGE and one.grid_zone in zones
    ]
    return answer.time, told, outlooks


def _prices(told: _Told) -> bool:
    return (told.method, told.basis) == (Method.AVERAGE, Basis.LIFECYCLE)


def _in_force(told: _Told) -> IntensityInForce:
    return IntensityInForce(
        zone=told.grid_zone,
        gco2eq_per_kwh=GCO2eqPerKwh(told.gco2eq_per_kwh),
        source=told.source,
        method=told.method,
        basis=told.basis,
        level=FallbackLevel(told.fallback_level),
        valid_from=told.valid_from,
        estimated=told.estimated,
    )


def _hour(told: _Hour) -> ForecastHour:
    return ForecastHour(
        start=told.start,
        end=told.end,
        gco2eq_per_kwh=GCO2eqPerKwh(told.gco2eq_per_kwh),
        low=None if told.low is None else GCO2eqPerKwh(told.low),
        high=None if told.high is None else GCO2eqPerKwh(told.high),
    )


# --- what was asked for ---------------------------------------------------------------------------


def places_of(
    built: app.App, zones: Iterable[str] | None, regions: Iterable[str] | None
) -> list[Place]:
    """Return the places that were named, each once, in their order.

    Raises:
        UsageError: a zone or a region that nobody knows, or none was named.
    """
    found = [_region(built, text) for text in regions or ()]
    found += [_zone(built, text) for text in zones or ()]
    if not found:
        message = "no place — name --region aws:eu-west-3 or --zone FR, or a policy of the config"
        raise UsageError(message)
    return list({place.name: place for place in found}.values())


def _zone(built: app.App, text: str) -> Place:
    known = {region.grid_zone for region in built.regions.all()}
    for zone in (text, text.upper()):
        covered = any(source.covers(zone) for source in built.sources)
        if zone in known or covered or built.annual.annual(zone).known:
            return Place(zone, zone)
    guess = did_you_mean(text.upper(), known)
    message = f"no grid zone {text!r} — {guess}write a zone such as FR"
    raise UsageError(message)


def _region(built: app.App, text: str) -> Place:
    provider, colon, name = str(with_colon(text)).partition(":")
    if not colon:
        clouds = [one for one in built.regions.all() if one.name == text]
        guess = did_you_mean(text, [f"{one.provider}:{one.name}" for one in clouds])
        message = f"--region {text!r} — {guess}write PROVIDER:REGION, such as aws:eu-west-3"
        raise UsageError(message)
    region = _known(built, provider.lower(), name)
    return Place(f"{region.provider}:{region.name}", region.grid_zone, region.pue)


def _known(built: app.App, provider: str, name: str) -> Region:
    for one in (name, name.lower()):
        region = built.regions.find(provider, one)
        if region.known:
            return region
    providers = sorted({region.provider for region in built.regions.all()})
    if provider not in providers:
        guess = did_you_mean(provider, providers)
        message = f"no provider {provider!r} — {guess}one of {', '.join(providers)}"
        raise UsageError(message)
    names = [one.name for one in built.regions.all() if one.provider == provider]
    guess = did_you_mean(name, names)
    fix = f"{guess}see `carbon-exporter regions --provider {provider}`"
    message = f"no {provider} region {name!r} is known — {fix}"
    raise UsageError(message)


def policy_of(built: app.App, name: str, *kinds: PolicyKind) -> PolicySection:
    """Return a policy of the configuration.

    Raises:
        UsageError: there is none of that name, or it is of another kind.
    """
    policies = built.settings.policies
    fitting = [each for each, policy in policies.items() if policy.kind in kinds]
    wanted = " or ".join(kinds)
    if name not in policies:
        has = f"it has {', '.join(fitting)}" if fitting else f"it has none of kind {wanted}"
        message = f"no policy {name!r} in the configuration — {did_you_mean(name, fitting)}{has}"
        raise UsageError(message)
    if name not in fitting:
        message = f"policy {name!r} is a {policies[name].kind} — name one of kind {wanted}"
        raise UsageError(message)
    return policies[name]


def parse_moment(option: str, text: str, now: float) -> int:
    """Read a time: an ISO time such as ``2026-12-01T06:00Z``, or a span from now such as ``6h``.

    Raises:
        UsageError: it is neither, or a time without a zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return int(now + parse_span(option, text).total_seconds())
    if moment.tzinfo is None:
        message = f"{option} {text!r} — add the zone, such as {text}Z"
        raise UsageError(message)
    return int(epoch(moment))


def short_time(seconds: float, now: float) -> str:
    """Write a time for a table: the hour, and the day where it is not today's."""
    text = clock_time(seconds)
    return text[11:16] if text[:10] == clock_time(now)[:10] else text[5:16]


def ago(seconds: float) -> str:
    """Write an age."""
    minutes = int(seconds // 60)
    return f"{minutes}m" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02}m"  # noqa: PLR2004


def origin(curve: Curve) -> str:
    """Say where a curve comes from: source, age and forecaster."""
    seen = "observed" if curve.observed else "expected"
    return (
        f"now {seen}, {curve.source}, {ago(curve.age)} old; ahead {curve.forecaster}, "
        f"{(curve.end - curve.start) // 3600} h"
    )


# --- a small chart --------------------------------------------------------------------------------


def spark(values: Sequence[float], top: float, *, unicode: bool) -> str:
    """Draw values as a line of columns from 0 up to ``top``."""
    signs = SPARKS if unicode else _ASCII_SPARKS
    last = len(signs) - 1
    return "".join(signs[min(last, int(value / top * len(signs)))] for value in values)


def chart(
    curves: Sequence[Curve], chosen: Iterable[tuple[str, int, int]], end: int, *, unicode: bool
) -> Iterator[str]:
    """Yield two lines a place: its hours up to ``end``, and what is chosen of them.

    ``chosen`` are places with begin and end in epoch seconds. All places share a scale.
    """
    slices = list(chosen)
    cut = [part for curve in curves if (part := curve.until(end))]
    if not cut:
        return
    count = min(CHART_COLUMNS, max(len(curve.central) for curve in cut))
    start = min(curve.start for curve in cut)
    width = (max(curve.end for curve in cut) - start) / count
    top = max(max(curve.central) for curve in cut) or 1.0
    label = max(len(curve.place) for curve in cut)
    label = min(label, 18)
    for curve in cut:
        spans = [(start + n * width, start + (n + 1) * width) for n in range(count)]
        means = [_mean(curve, *span) for span in spans]
        drawn = spark([mean or 0.0 for mean in means], top, unicode=unicode)
        yield f"{curve.place[:label]:<{label}} {drawn}"
        marks = "".join(
            "^"
            if any(
                place == curve.place and begin < to and since < until
                for place, begin, until in slices
                for since, to in [span]
            )
            else " "
            for span in spans
        )
        if marks.strip():
            yield f"{'':<{label}} {marks}".rstrip()
    first, last = clock_time(start)[11:16], clock_time(end)[11:16]
    yield f"{'':<{label}} {first}{'':<{max(0, count - 10)}}{last}"


def _mean(curve: Curve, start: float, end: float) -> float | None:
    """Mean of the steps that begin in a span, or the value at its begin."""
    first = max(0, int(-(-(start - curve.start) // curve.step)))
    last = int(-(-(end - curve.start) // curve.step))
    inside = curve.central[first:last]
    return sum(inside) / len(inside) if inside else curve.at(start)
