"""``regions``: the clouds' regions, ranked by what a kilowatt-hour of IT energy emits there."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporter import app
from exporter.advice.rank import Candidate, rank
from exporter.core.durations import parse_duration
from exporter.core.model import Method, Region
from exporter.settings.hints import did_you_mean
from exporter.verbs.errors import UsageError
from exporter.verbs.grid import (
    NothingKnownError,
    grid_app,
    lenient_output,
    no_signal,
    one_of,
    parse_method,
)
from exporter.verbs.output import print_failure, print_json
from exporter.verbs.regions_daemon import ask_daemon
from exporter.verbs.regions_shown import (
    Row,
    Survey,
    document,
    show,
    show_summary,
    summary_document,
)
from exporter.verbs.regions_survey import Surveyor

SORTS: Final = ("now", "mean", "annual")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked, as it was typed."""

    providers: Sequence[str] = ()
    method: str = Method.AVERAGE.value
    summary: bool = False
    sort: str = "now"
    limit: int | None = None
    patience: str = ""
    url: str = ""
    config: Path | None = None


def regions(
    question: Question, *, as_json: bool, sleep: Callable[[float], None] = time.sleep
) -> int:
    """Print the ranking, or how well the regions are known; return the exit code.

    ``sleep`` takes the seconds that pass between two rounds of questions.

    Raises:
        UsageError: an argument that cannot be used.
        NothingKnownError: no marginal intensity of any region is known.
        DaemonError: no daemon answers at the address.
        ConfigError: the configuration is wrong; carries every problem.
    """
    method, patience = _method(question), _patience(question.patience)
    lenient_output()
    with grid_app(question.config) as built:
        chosen = _chosen(built, question.providers)
        if question.url:
            survey = ask_daemon(question.url, chosen, method)
        else:
            survey = Surveyor(built, chosen, method).survey(patience, sleep)
        for trouble in survey.troubles:
            print_failure(str(trouble))
        if not survey.views:
            zones = {region.grid_zone for region in chosen}
            raise NothingKnownError(no_signal(built.sources, zones, method))
    _print(question, survey, as_json=as_json)
    return 0


def _print(question: Question, survey: Survey, *, as_json: bool) -> None:
    rows = _rows(survey, question.sort)[: question.limit]
    if as_json:
        print_json(summary_document(survey) if question.summary else document(survey, rows))
    elif question.summary:
        show_summary(survey)
    else:
        show(survey, rows)


def _method(question: Question) -> Method:
    one_of("--sort", question.sort, SORTS)
    method = parse_method(question.method)
    if question.limit is not None and question.limit < 1:
        message = f"--limit {question.limit} — write 1 or more"
        raise UsageError(message)
    if method is not Method.AVERAGE and (question.summary or question.sort == "annual"):
        option = "--summary" if question.summary else "--sort annual"
        message = f"{option} is about average intensities — leave --method {method} out"
        raise UsageError(message)
    return method


def _patience(text: str) -> float:
    try:
        return parse_duration(text).total_seconds() if text else 0.0
    except (ValueError, OverflowError) as error:
        message = f"--patience {text!r} — {error}"
        raise UsageError(message) from error


def _chosen(built: app.App, providers: Sequence[str]) -> list[Region]:
    known = sorted({region.provider for region in built.regions.all()})
    for provider in providers:
        if provider not in known:
            guess = did_you_mean(provider, known)
            message = f"no provider {provider!r} — {guess}one of {', '.join(known)}"
            raise UsageError(message)
    wanted = providers or known
    return [region for region in built.regions.all() if region.provider in wanted]


def _rows(survey: Survey, sort: str) -> list[Row]:
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


def _order(row: Row, sort: str) -> tuple[bool, float]:
    """Return the key of an order; a region without the value comes last."""
    view = row.view
    told = {
        "now": view.grid.gco2eq_per_kwh,
        "mean": view.mean_24h,
        "annual": view.annual.gco2eq_per_kwh,
    }[sort]
    return told is None, (told or 0.0) * view.region.pue
