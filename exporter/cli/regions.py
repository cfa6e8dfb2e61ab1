"""``regions``: the clouds' regions, ranked by what a kilowatt-hour of IT energy emits there."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import httpx
import typer
from pydantic import BaseModel, Field, ValidationError

from exporter import app
from exporter.advice.rank import Candidate, Ranked, rank
from exporter.cli._asked import (
    RANKED_BASIS,
    DaemonError,
    NothingKnownError,
    Trouble,
    ask,
    ask_daemon,
    grid_app,
    in_force,
    no_signal,
    troubles,
)
from exporter.cli._options import Config, GridMethod, Json, UsageError, one_of, parse_span
from exporter.cli._shown import (
    ABSENT,
    DAY,
    age,
    clock_time,
    counting,
    lenient_output,
    number,
    print_failure,
    print_json,
    print_line,
    print_table,
    progress,
)
from exporter.core.clock import epoch, floor_to
from exporter.core.model import (
    AnnualIntensity,
    Basis,
    FallbackLevel,
    IntensityInForce,
    Method,
    Region,
)
from exporter.core.ports import GridSource
from exporter.core.snapshot import RegionIntensityView
from exporter.core.units import GCO2eqPerKwh
from exporter.exposition.documents import grid as grid_document
from exporter.settings.environment import URL_VARIABLE
from exporter.settings.hints import did_you_mean

ORDER: Final = 80
SUMMARY: Final = "Rank the clouds' regions by grams per kWh of IT energy."
EXAMPLES: Final = (
    "carbon-exporter regions --provider aws --limit 10",
    "carbon-exporter regions --summary --patience 10m",
    "carbon-exporter regions --url http://carbon.internal:9180 --sort mean --json",
)

TICK_SECONDS: Final = 5.0
"""Between two looks at whose turn it is; the sources' own pauses decide who is asked."""
_STEP: Final = 900
"""Seconds of the steps in which a signal is averaged."""

_HEAD: Final = (
    "RANK",
    "PROVIDER",
    "REGION",
    "LOCATION",
    "GRID",
    "NOW",
    "24 h",
    "YEAR",
    "PUE",
    "g/kWh IT",
    "SOURCE",
    "LEVEL",
    "AGE",
    "FLAG",
)
_SUMMARY_HEAD: Final = (
    "PROVIDER",
    "REGIONS",
    "LIVE",
    "DIRECT ONLY",
    "RECENT",
    "YEAR ONLY",
    "ALL BUT YEAR ONLY",
    "PROMISED WITHOUT A KEY",
)
_RANKED_BY: Final = {
    Method.AVERAGE: "average, life cycle",
    Method.MARGINAL: "marginal, direct (combustion only)",
}


class Sort(StrEnum):
    """By which intensity the rows are ordered; the place is that of now, whatever the order."""

    NOW = "now"
    MEAN = "mean"
    ANNUAL = "annual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """All that was found about regions at a time (epoch seconds)."""

    time: float
    method: Method
    regions: tuple[Region, ...]
    """What was asked for; ``views`` lacks those of which nothing is known."""
    views: tuple[RegionIntensityView, ...]
    waiting: tuple[str, ...] = ()
    """Grid zones that a source declares and none has told anything of yet."""
    troubles: tuple[Trouble, ...] = ()
    promised: frozenset[str] | None = None
    """Grid zones that the sources in use tell without a key; None where that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A region with its place."""

    view: RegionIntensityView
    ranked: Ranked


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How well regions are known; each is counted once, in the first that fits of the four.

    ``live`` has a life-cycle value of this time, ``direct`` one that counts combustion only and is
    not ranked, ``recent`` the last known value or a forecast, ``annual`` the yearly average alone.
    """

    regions: int
    live: int
    direct: int
    recent: int
    annual: int
    promised: int | None

    @property
    def known(self) -> int:
        """Regions with anything newer than the yearly average."""
        return self.live + self.direct + self.recent


def regions(  # noqa: PLR0913 -- a verb's options are its parameters
    *,
    provider: Annotated[
        list[str] | None,
        typer.Option("--provider", "-p", metavar="CLOUD", help="Repeat it for several."),
    ] = None,
    method: GridMethod = Method.AVERAGE,
    summary: Annotated[
        bool, typer.Option("--summary", help="Count how well the regions' grids are known.")
    ] = False,
    sort: Annotated[
        Sort,
        typer.Option(
            metavar="BY",
            parser=one_of("--sort", Sort),
            help="now, mean (of 24 h) or annual; times PUE.",
        ),
    ] = Sort.NOW,
    limit: Annotated[int | None, typer.Option(help="Show the first ones only.")] = None,
    patience: Annotated[
        str,
        typer.Option(
            metavar="SPAN",
            help="Go on asking until all zones have answered, 10m at most, say: some sources "
            "answer for a few zones a minute.",
        ),
    ] = "",
    url: Annotated[
        str,
        typer.Option(
            metavar="URL", envvar=URL_VARIABLE, help="Take the values of a running daemon."
        ),
    ] = "",
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Rank the clouds' regions by grid × PUE: grams of CO2eq per kWh of IT energy, lowest first.

    Only values of one method and one basis are ranked. Where a grid has a live value of another
    basis, and the ranking had to take a weaker one, FLAG says so.
    """
    if limit is not None and limit < 1:
        message = f"--limit {limit} — write 1 or more"
        raise UsageError(message)
    if method is not Method.AVERAGE and (summary or sort is Sort.ANNUAL):
        option = "--summary" if summary else "--sort annual"
        message = f"{option} is about average intensities — leave --method {method} out"
        raise UsageError(message)
    seconds = parse_span("--patience", patience).total_seconds() if patience else 0.0
    lenient_output()
    survey = find_out(config, provider or (), method, patience=seconds, url=url)
    rows = _rows(survey, sort)[:limit]
    if as_json:
        print_json(summary_document(survey) if summary else _document(survey, rows))
    elif summary:
        _show_summary(survey)
    else:
        _show(survey, rows)
    return 0


def find_out(  # noqa: PLR0913 -- what was asked, and how to wait
    config: Path | None,
    providers: Sequence[str],
    method: Method,
    *,
    patience: float = 0.0,
    url: str = "",
    sleep: Callable[[float], None] = time.sleep,
) -> Survey:
    """Ask the sources, or the daemon at ``url``, about the regions of all or some clouds.

    For up to ``patience`` seconds the sources are asked again while zones are unanswered; ``sleep``
    takes the seconds between two rounds. Sources that failed are told on stderr.

    Raises:
        UsageError: an argument that cannot be used.
        NothingKnownError: no marginal intensity of any region is known.
        DaemonError: no daemon answers at the address.
        ConfigError: the configuration is wrong; carries every problem.
    """
    with grid_app(config) as built:
        chosen = _chosen(built, providers)
        if url:
            survey = _of_daemon(url, chosen, method)
        else:
            survey = _Surveyor(built, chosen, method).survey(patience, sleep)
        for trouble in survey.troubles:
            print_failure(str(trouble))
        if not survey.views:
            zones = {region.grid_zone for region in chosen}
            raise NothingKnownError(no_signal(built.sources, zones, method))
    return survey


def _chosen(built: app.App, providers: Sequence[str]) -> list[Region]:
    known = sorted({region.provider for region in built.regions.all()})
    for provider in providers:
        if provider not in known:
            guess = did_you_mean(provider, known)
            message = f"no provider {provider!r} — {guess}one of {', '.join(known)}"
            raise UsageError(message)
    wanted = providers or known
    return [region for region in built.regions.all() if region.provider in wanted]


class _Surveyor:
    """Asks the configured sources about regions."""

    def __init__(self, built: app.App, regions: Sequence[Region], method: Method) -> None:
        self._built = built
        self._regions = tuple(regions)
        self._method = method
        self._book = app.ask_book(built)
        self._zones = sorted({region.grid_zone for region in regions})
        self._ranked = [source for source in built.sources if self._ranks(source)]

    def survey(self, patience: float, sleep: Callable[[float], None]) -> Survey:
        """Ask, go on for up to ``patience`` seconds while zones are unanswered, and tell."""
        with progress(f"asking about {len(self._zones)} grid zones"):
            ask(self._built, self._book, self._zones, self._method)
        if patience:
            self._persist(patience, sleep)
        now = epoch(self._built.clock.now())
        views = (self._view(region, now) for region in self._regions)
        return Survey(
            time=now,
            method=self._method,
            regions=self._regions,
            views=tuple(view for view in views if view is not None),
            waiting=tuple(sorted(self._waiting())),
            troubles=tuple(troubles(self._book)),
            promised=self._promised(),
        )

    def _persist(self, patience: float, sleep: Callable[[float], None]) -> None:
        clock, declared = self._built.clock, self._declared()
        until = clock.monotonic() + patience
        with counting("grid zones answered", len(declared)) as done:
            while waiting := self._waiting():
                done(len(declared) - len(waiting))
                if clock.monotonic() >= until:
                    return
                sleep(TICK_SECONDS)
                ask(self._built, self._book, waiting, self._method)
            done(len(declared))

    def _ranks(self, source: GridSource) -> bool:
        """Whether a source's values are what is ranked: one method, one basis."""
        return (source.method, source.basis) == (self._method, RANKED_BASIS[self._method])

    def _declared(self) -> set[str]:
        return {zone for zone in self._zones if any(s.covers(zone) for s in self._ranked)}

    def _waiting(self) -> set[str]:
        """Return the zones that a source declares and none has told anything of.

        Where the percentile is known and nothing else, the plan tells no more: waiting is vain.
        """
        now = epoch(self._built.clock.now())
        values = {
            zone: in_force(self._book, zone, now, self._method)
            for zone in self._declared()
            if self._book.standing(zone, now) is None
        }
        return {
            zone for zone, one in values.items() if one is None or one.level == FallbackLevel.ANNUAL
        }

    def _promised(self) -> frozenset[str]:
        """Return the zones that the sources in use declare and tell without a key, on any basis."""
        keyless = app.keyless_zones()
        return frozenset(
            zone
            for source in self._built.sources
            if source.method is self._method
            for zone in keyless.get(source.name, ())
            if source.covers(zone)
        )

    def _view(self, region: Region, now: float) -> RegionIntensityView | None:
        zone = region.grid_zone
        grid = in_force(self._book, zone, now, self._method)
        if grid is None:
            return None
        direct = self._book.signal(zone, now, Method.AVERAGE, Basis.DIRECT)
        outdone = direct is not None and direct.live and not grid.live
        return RegionIntensityView(
            region=region,
            grid=grid,
            mean_24h=self._mean(zone, now),
            annual=self._built.annual.annual(zone),
            weaker=self._method is Method.AVERAGE and outdone,
        )

    def _mean(self, zone: str, now: float) -> GCO2eqPerKwh | None:
        end = floor_to(now, _STEP)
        if self._method is Method.AVERAGE:
            whole = self._book.over(zone, end - DAY, end)
            return None if whole.level == FallbackLevel.ANNUAL else whole.gco2eq_per_kwh
        told = [in_force(self._book, zone, t, self._method) for t in range(end - DAY, end, _STEP)]
        known = [one.gco2eq_per_kwh for one in told if one is not None]
        return GCO2eqPerKwh(sum(known) / len(known)) if len(known) == len(told) else None


_Grams = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Told(BaseModel):
    """One region of the answer; what a later daemon adds is left aside."""

    provider: str
    cloud_region: str
    location: str = ""
    latitude: float | None = None
    longitude: float | None = None
    known: bool = True
    grid_zone: str
    gco2eq_per_kwh: _Grams
    source: str
    method: Method
    basis: Basis
    fallback_level: int = Field(ge=0, le=4)
    valid_from: int
    estimated: bool = False
    pue: float = Field(ge=1, allow_inf_nan=False)
    mean_24h: _Grams | None = None
    annual: _Grams
    annual_year: str = ""
    weaker: bool = False


class _Answer(BaseModel):
    time: float
    regions: tuple[_Told, ...]


def _of_daemon(url: str, regions: Sequence[Region], method: Method) -> Survey:
    """Ask a running daemon for the regions of the providers that are in ``regions``.

    Raises:
        UsageError: ``url`` is not an address.
        DaemonError: it does not answer, or is something else.
    """
    fix = "start it with `carbon-exporter serve`, or leave --url out"
    silent = f"no daemon answers at {url} — {fix}"
    answer = _checked(url, *ask_daemon(url, "/api/v1/regions", silent=silent))
    providers = {region.provider for region in regions}
    kind = (method, RANKED_BASIS[method])
    told = [r for r in answer.regions if r.provider in providers and (r.method, r.basis) == kind]
    if not told:
        watched = sorted({one.provider for one in answer.regions})
        message = (
            f"the daemon at {url} tells no {method} intensity of {', '.join(sorted(providers))}: "
            f"it watches {', '.join(watched) or 'no cloud'} — leave --url out to ask the sources"
        )
        raise DaemonError(message)
    views = tuple(_view(one) for one in told)
    return Survey(
        time=answer.time, method=method, regions=tuple(v.region for v in views), views=views
    )


def _checked(url: str, status: int, document: object) -> _Answer:
    if status == httpx.codes.SERVICE_UNAVAILABLE and isinstance(document, Mapping):
        message = f"the daemon at {url} is {document.get('error', 'not ready')} — try again soon"
        raise DaemonError(message)
    try:
        return _Answer.model_validate(document)
    except ValidationError as error:
        message = f"{url} does not answer as a carbon-exporter — name its address with --url"
        raise DaemonError(message) from error


def _view(told: _Told) -> RegionIntensityView:
    return RegionIntensityView(
        region=Region(
            provider=told.provider,
            name=told.cloud_region,
            grid_zone=told.grid_zone,
            pue=told.pue,
            pue_source="",
            location=told.location,
            latitude=told.latitude,
            longitude=told.longitude,
            known=told.known,
        ),
        grid=IntensityInForce(
            zone=told.grid_zone,
            gco2eq_per_kwh=GCO2eqPerKwh(told.gco2eq_per_kwh),
            source=told.source,
            method=told.method,
            basis=told.basis,
            level=FallbackLevel(told.fallback_level),
            valid_from=told.valid_from,
            estimated=told.estimated,
        ),
        mean_24h=None if told.mean_24h is None else GCO2eqPerKwh(told.mean_24h),
        annual=AnnualIntensity(
            zone=told.grid_zone,
            gco2eq_per_kwh=GCO2eqPerKwh(told.annual),
            year=told.annual_year,
            source="",
        ),
        weaker=told.weaker,
    )


def _rows(survey: Survey, sort: Sort) -> list[Row]:
    """Pair each region with its place; the place is that of now, whatever the order."""
    views = {(view.region.provider, view.region.name): view for view in survey.views}
    candidates = [
        Candidate(region=view.region, grid=view.grid, weaker=view.weaker) for view in survey.views
    ]
    rows = [
        Row(view=views[one.candidate.region.provider, one.candidate.region.name], ranked=one)
        for one in rank(candidates)
    ]
    return sorted(rows, key=lambda row: _order(row, sort))  # stable: equals stay by their place


def _order(row: Row, sort: Sort) -> tuple[bool, float]:
    """Return the key of an order; a region without the value comes last."""
    view = row.view
    told = {
        Sort.NOW: view.grid.gco2eq_per_kwh,
        Sort.MEAN: view.mean_24h,
        Sort.ANNUAL: view.annual.gco2eq_per_kwh,
    }[sort]
    return told is None, (told or 0.0) * view.region.pue


def _document(survey: Survey, rows: Iterable[Row]) -> Mapping[str, object]:
    """Return the ranking as an object; its regions are those of ``/api/v1/regions``."""
    return {
        "time": survey.time,
        "method": survey.method,
        "regions": [_object(survey, row) for row in rows],
        "waiting_zones": survey.waiting,
        "failures": [asdict(trouble) for trouble in survey.troubles],
    }


def _show(survey: Survey, rows: Sequence[Row]) -> None:
    """Print the ranking with its footnotes."""
    title = f"gCO2eq per kWh at {clock_time(survey.time)}: {_RANKED_BY[survey.method]}"
    print_table(title, _HEAD, [_row(survey, row) for row in rows])
    for note in _notes(survey, rows):
        print_line(note, style="dim")


def summary_document(survey: Survey) -> Mapping[str, object]:
    """Return how well the regions are known, by provider and in total."""
    return {
        "time": survey.time,
        "providers": {name: _share_object(share) for name, share in _shares(survey).items()},
        "total": _share_object(_share(survey, survey.regions)),
        "waiting_zones": survey.waiting,
        "failures": [asdict(trouble) for trouble in survey.troubles],
    }


def _show_summary(survey: Survey) -> None:
    """Print how well the regions are known, by provider and in total."""
    shares = {**_shares(survey), "total": _share(survey, survey.regions)}
    title = f"How the grids of the regions are known at {clock_time(survey.time)}"
    print_table(title, _SUMMARY_HEAD, [_summary_row(name, one) for name, one in shares.items()])
    print_line(
        "LIVE: a life-cycle value of this time. DIRECT ONLY: of this time, but combustion only, "
        "hence not ranked. RECENT: the last known value, or a forecast from it; some sources are "
        "a day late. YEAR ONLY: nothing newer than the yearly average. PROMISED: what the sources "
        "in use declare to tell without a key.",
        style="dim",
    )
    for note in _waiting_note(survey):
        print_line(note, style="dim")


def _object(survey: Survey, row: Row) -> Mapping[str, object]:
    view, region = row.view, row.view.region
    return {
        "rank": row.ranked.rank,
        "provider": region.provider,
        "cloud_region": region.name,
        "location": region.location,
        "latitude": region.latitude,
        "longitude": region.longitude,
        "known": region.known,
        **grid_document(view.grid, survey.time),
        "gco2eq_per_kwh_it": row.ranked.gco2eq_per_kwh_it,
        "pue": region.pue,
        "mean_24h": view.mean_24h,
        "annual": view.annual.gco2eq_per_kwh,
        "annual_year": view.annual.year,
        "weaker": view.weaker,
    }


def _row(survey: Survey, row: Row) -> Sequence[str]:
    view, region = row.view, row.view.region
    average = survey.method is Method.AVERAGE
    return (
        str(row.ranked.rank),
        region.provider,
        region.name,
        region.location,
        region.grid_zone,
        number(view.grid.gco2eq_per_kwh),
        number(view.mean_24h),
        number(view.annual.gco2eq_per_kwh) if average else ABSENT,
        f"{region.pue:g}",
        number(row.ranked.gco2eq_per_kwh_it),
        view.grid.source,
        f"{view.grid.level.words} ({view.grid.level})",
        age(view.grid, survey.time),
        "weaker" if row.ranked.weaker else "",
    )


def _notes(survey: Survey, rows: Iterable[Row]) -> Iterator[str]:
    yield (
        "NOW, 24 h and YEAR are the grid's; the rank goes by g/kWh IT, NOW times PUE: "
        "grams per kWh that the machines draw."
    )
    if any(row.ranked.weaker for row in rows):
        yield (
            "weaker: a live value of this grid is known that counts combustion only (direct); the "
            "ranking keeps to life-cycle values, and had to take a weaker one."
        )
    missing = len(survey.regions) - len(survey.views)
    if missing:
        yield f"{missing} regions are left out: nothing is known of their grid."
    yield from _waiting_note(survey)


def _waiting_note(survey: Survey) -> Iterator[str]:
    if survey.waiting:
        yield (
            f"No value yet of {', '.join(survey.waiting)}: some sources answer for a few zones a "
            "minute; --patience 10m goes on asking, and a daemon (--url) knows them."
        )


def _shares(survey: Survey) -> Mapping[str, Share]:
    providers = sorted({region.provider for region in survey.regions})
    return {
        name: _share(survey, [r for r in survey.regions if r.provider == name])
        for name in providers
    }


def _share(survey: Survey, regions: Sequence[Region]) -> Share:
    names = {(region.provider, region.name) for region in regions}
    views = [v for v in survey.views if (v.region.provider, v.region.name) in names]
    live = sum(view.grid.live for view in views)
    direct = sum(view.weaker for view in views)
    annual = sum(view.grid.level == FallbackLevel.ANNUAL and not view.weaker for view in views)
    promised = survey.promised
    return Share(
        regions=len(regions),
        live=live,
        direct=direct,
        recent=len(views) - live - direct - annual,
        annual=annual,
        promised=None if promised is None else sum(r.grid_zone in promised for r in regions),
    )


def _share_object(share: Share) -> Mapping[str, object]:
    return asdict(share) | {"known": share.known}


def _summary_row(name: str, share: Share) -> Sequence[str]:
    return (
        name,
        str(share.regions),
        _of(share.live, share.regions),
        _of(share.direct, share.regions),
        _of(share.recent, share.regions),
        _of(share.annual, share.regions),
        _of(share.known, share.regions),
        _of(share.promised, share.regions),
    )


def _of(count: int | None, total: int) -> str:
    return ABSENT if count is None else f"{count} ({count / total:.0%})"
