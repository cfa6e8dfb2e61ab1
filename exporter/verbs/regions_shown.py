"""The regions as they were found, for people and for programs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from exporter.advice.rank import Ranked
from exporter.core.model import FallbackLevel, Method, Region
from exporter.core.snapshot import RegionIntensityView
from exporter.exposition.documents import grid as grid_document
from exporter.verbs.grid import Trouble, age, clock_time
from exporter.verbs.output import ABSENT, number, print_line, print_table

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


def document(survey: Survey, rows: Iterable[Row]) -> Mapping[str, object]:
    """Return the ranking as an object; its regions are those of ``/api/v1/regions``."""
    return {
        "time": survey.time,
        "method": survey.method,
        "regions": [_object(survey, row) for row in rows],
        "waiting_zones": survey.waiting,
        "failures": [asdict(trouble) for trouble in survey.troubles],
    }


def show(survey: Survey, rows: Sequence[Row]) -> None:
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


def show_summary(survey: Survey) -> None:
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
