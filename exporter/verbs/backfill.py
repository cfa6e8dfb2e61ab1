"""``backfill``: the past of clouds and grids as a file that Prometheus imports."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from exporter import app, logs
from exporter.app.backfill import (
    Backfill,
    Plan,
    Wish,
    demo_past,
    make_plan,
    on_coarse_buckets,
    prepare_state,
)
from exporter.core.clock import epoch
from exporter.core.durations import parse_duration
from exporter.settings import Settings, load
from exporter.settings.hints import did_you_mean
from exporter.settings.model import check_resolution
from exporter.verbs.backfill_seam import Seam, live_counters
from exporter.verbs.backfill_shown import Shown, show_plan, show_report
from exporter.verbs.errors import UsageError

JOB: Final = "carbon-exporter"
"""Name of the scrape job in our own prometheus.yml."""

_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_NO_HOST: Final = "localhost"
"""Whom Prometheus most often scrapes where the exporter listens on every address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked, as it was typed."""

    since: str
    until: str = ""
    providers: Sequence[str] = ()
    step: str = "5m"
    output: Path = Path("carbon-history.om")
    labels: Sequence[str] = ()
    url: str = ""
    state: Path | None = None
    prepare: Path | None = None
    demo: bool = False
    dry_run: bool = False
    config: Path | None = None


def backfill(question: Question) -> int:
    """Read the past and write it; return 1 where something of it could not be read.

    Raises:
        ConfigError: the configuration is wrong; carries every problem.
        UsageError: an argument that cannot be used.
        CarbonExporterError: nothing can be read, or the file cannot be written.
    """
    since, until, step = _times(question)
    _check_output(question)
    with _settings(question) as settings:
        labels = _labels(question.labels, settings.listen)
        seam = _seam(question, settings)
        ends = [*seam.counted_since.values(), *([int(until)] if until is not None else [])]
        chosen = on_coarse_buckets(settings, ends) if question.demo else settings
        wish = Wish(
            since=since,
            step=step,
            until=until,
            counted_since=None if until is not None else seam.counted_since,
            labels=labels,
        )
        return _run(question, chosen, wish, seam)


def _run(question: Question, settings: Settings, wish: Wish, seam: Seam) -> int:
    built = app.build(settings)
    try:
        with Shown() as shown:
            plan = make_plan(built, wish, shown.listing)
        show_plan(plan, seam, question.output)
        if question.dry_run:
            return int(bool(plan.lacks))
        return _carried_out(question, built, plan)
    finally:
        built.close()


def _carried_out(question: Question, built: app.App, plan: Plan) -> int:
    with Shown() as shown:
        report = Backfill(built, plan, question.output, shown).run()
    if question.prepare is not None:
        prepare_state(question.prepare, plan)
    show_report(report, prepared=question.prepare)
    return int(bool(report.lacks))


def _times(question: Question) -> tuple[float, float | None, int]:
    """Return begin, end if one was named, and seconds of a step."""
    now = datetime.now(UTC)
    since = _moment("--since", question.since, now)
    until = _moment("--until", question.until, now) if question.until else None
    if since >= (now if until is None else until):
        message = f"--since {question.since} — name a time before the end"
        raise UsageError(message)
    if until is not None and until > now:
        message = f"--until {question.until} — that is still to come: name a past time"
        raise UsageError(message)
    return epoch(since), None if until is None else epoch(until), _step(question.step)


def _moment(option: str, text: str, now: datetime) -> datetime:
    """Read ``30d`` (ago) or an ISO 8601 time; without a zone it is UTC."""
    try:
        return now - parse_duration(text)
    except (ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{option} {text!r} — write a time span such as 30d, or a time such as 2026-03-02"
        raise UsageError(message) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _step(text: str) -> int:
    try:
        return int(check_resolution(parse_duration(text)).total_seconds())
    except ValueError as error:
        message = f"--step {text!r} — write a span that divides an hour evenly: 5m, 15m or 1h"
        raise UsageError(message) from error


def _check_output(question: Question) -> None:
    """Refuse now what could not be written after an hour of reading."""
    for option, path in (("--output", question.output), ("--prepare-state", question.prepare)):
        if path is not None and not path.parent.is_dir():
            message = f"{option} {path} — there is no folder {path.parent}: make it first"
            raise UsageError(message)
    if question.prepare is not None and question.prepare.exists():
        message = f"--prepare-state {question.prepare} — it is there already: name a new file"
        raise UsageError(message)


@contextmanager
def _settings(question: Question) -> Iterator[Settings]:
    if question.demo:
        logs.configure("error", "auto")
        listen = os.environ.get("CARBON_LISTEN", "127.0.0.1:9180")
        with demo_past(listen) as settings:
            yield _narrowed(settings, question)
        return
    settings = load(question.config, os.environ)
    logs.configure("error", settings.log_format)
    yield _narrowed(settings, question)


def _narrowed(settings: Settings, question: Question) -> Settings:
    """Keep the providers that were named, and put the state file that was."""
    kinds = sorted({section.kind for section in settings.providers})
    for kind in question.providers:
        if kind not in kinds:
            guess = did_you_mean(kind, kinds)
            message = f"--provider {kind!r} — {guess}configured are {', '.join(kinds)}"
            raise UsageError(message)
    wanted = question.providers or kinds
    chosen = tuple(section for section in settings.providers if section.kind in wanted)
    state = question.state or settings.state
    return settings.model_copy(update={"providers": chosen, "state": state})


def _seam(question: Question, settings: Settings) -> Seam:
    if question.until:
        return Seam(counted_since={}, how="as --until says")
    state = question.state if question.demo else settings.state
    return live_counters(state, question.url, settings.listen)


def _labels(given: Sequence[str], listen: str) -> Mapping[str, str]:
    """Return the labels that the scrape adds, unless told otherwise our own prometheus.yml's."""
    host, _, port = listen.rpartition(":")
    labels = {"job": JOB, "instance": f"{host or _NO_HOST}:{port}"}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not _LABEL.fullmatch(name):
            message = f"--label {text!r} — write NAME=VALUE, such as instance=10.0.0.5:9180"
            raise UsageError(message)
        labels[name] = value
    return {name: value for name, value in labels.items() if value}
