"""``backfill``: the past of clouds and grids as a file that Prometheus imports."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Annotated, Final, Self

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.progress import Progress, TaskID

from exporter import logs
from exporter.cli._asked import DaemonError, ask_daemon, built_app
from exporter.cli._options import Config, UsageError
from exporter.cli._shown import clock_time, print_failure, print_line
from exporter.core.clock import epoch
from exporter.core.durations import format_duration, parse_duration
from exporter.core.errors import StoreError
from exporter.core.model import RunState
from exporter.history import (
    AccountPlan,
    Backfill,
    BackfillRequest,
    Gap,
    Plan,
    Report,
    counted_since,
    demo_past,
    make_plan,
    on_coarse_buckets,
    prepare_state,
)
from exporter.settings import Settings, load
from exporter.settings.hints import did_you_mean
from exporter.settings.model import check_resolution

ORDER: Final = 90
SUMMARY: Final = "Write the past as OpenMetrics, for Prometheus to import."
EXAMPLES: Final = (
    "carbon-exporter backfill --since 30d --output om.txt",
    "carbon-exporter backfill --since 30d --provider aws --dry-run",
    (
        "carbon-exporter backfill --since 7d --url http://carbon.internal:9180 "
        "--label instance=carbon.internal:9180"
    ),
    "carbon-exporter backfill --demo --since 7d --prepare-state demo.db",
)

JOB: Final = "carbon-exporter"
"""Name of the scrape job in our own prometheus.yml."""

SERIES_OF_A_MACHINE: Final = 11
"""Usual series of a machine that runs; a stopped one has four."""
SERIES_OF_GRIDS: Final = 650
"""Series of all grids and regions of three clouds."""
BYTES_OF_A_SAMPLE: Final = 245
"""A line of the demo's history, on average."""
PROMETHEUS_KEEPS_DAYS: Final = 15
"""Default of --storage.tsdb.retention.time (Prometheus documentation, "Storage")."""
LONGEST_STEP: Final = 300
"""Seconds after which Prometheus takes a series without a new sample for ended."""

_DAY: Final = 86_400
_MILLION: Final = 1e6
_LINES: Final = 10
"""Lines of progress for each part of the work, where no terminal shows a bar."""

_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_NO_HOST: Final = "localhost"
"""Whom Prometheus most often scrapes where the exporter listens on every address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seam:
    """Since when live counters count, epoch seconds by collector, and how that is known."""

    counted_since: Mapping[str, int]
    how: str


_AS_TOLD: Final = Seam(counted_since={}, how="as --until says")


class _Told(BaseModel):
    name: str
    counting_since: float | None = None


class _Answer(BaseModel):
    collectors: tuple[_Told, ...]


def backfill(  # noqa: PLR0913 -- a verb's options are its parameters
    *,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="Begin: 30d ago, or a time such as 2026-03-02.")
    ],
    until: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="End. Default: where the counters of the state file or of --url begin, or now.",
        ),
    ] = "",
    provider: Annotated[
        list[str] | None,
        typer.Option("--provider", "-p", metavar="KIND", help="Repeat it for several."),
    ] = None,
    step: Annotated[
        str, typer.Option(metavar="SPAN", help="Between two samples: what divides an hour.")
    ] = "5m",
    output: Annotated[
        Path,
        typer.Option(metavar="FILE|FOLDER", help="A folder that exists gets a file for each day."),
    ] = Path("carbon-history.om"),
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Label that the scrape adds. Default: job=carbon-exporter and instance= the "
            "`listen` address.",
        ),
    ] = None,
    url: Annotated[
        str, typer.Option(metavar="URL", help="The daemon whose counters the history leads to.")
    ] = "",
    state: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Overrides `state`, the SQLite file.")
    ] = None,
    prepare_state_file: Annotated[
        Path | None,
        typer.Option(
            "--prepare-state",
            metavar="FILE",
            help="Make a state file: a daemon started with it within `max_catch_up` counts on "
            "from where the history ends.",
        ),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="The past of the demo's simulated estate.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would read and cost, and stop.")
    ] = False,
    config: Config = None,
) -> int:
    """Write the past of clouds and grids as OpenMetrics, for Prometheus to import.

    Reads what the clouds and the grid sources still know through the same adapters and the same
    engine as `serve`. `promtool tsdb create-blocks-from openmetrics FILE DATA` makes blocks of it,
    and the series go on in the live ones without a step. Exit code 1 if a part could not be read;
    the file then holds the rest.
    """
    begin, end, seconds = _times(since, until, step)
    _check_output(output, prepare_state_file)
    with _settings(config, demo=demo) as loaded:
        settings = _narrowed(loaded, provider or (), state)
        labels = _labels(label or (), settings.listen)
        # The demo's state file is one that was named: the default is a real daemon's.
        counters = state if demo else settings.state
        seam = _seam(counters, url, settings.listen) if end is None else _AS_TOLD
        if demo:
            ends = [*seam.counted_since.values(), *([int(end)] if end is not None else [])]
            settings = on_coarse_buckets(settings, ends)
        request = BackfillRequest(
            since=begin,
            step=seconds,
            until=end,
            counted_since=None if end is not None else seam.counted_since,
            labels=labels,
        )
        with built_app(settings) as built:
            with Shown() as shown:
                plan = make_plan(built, request, shown.listing)
            _show_plan(plan, seam, output)
            if dry_run:
                return int(bool(plan.gaps))
            with Shown() as shown:
                report = Backfill(built, plan, output, shown).run()
            if prepare_state_file is not None:
                prepare_state(prepare_state_file, plan)
            _show_report(report, prepared=prepare_state_file)
            return int(bool(report.gaps))


def _times(since: str, until: str, step: str) -> tuple[float, float | None, int]:
    """Return begin, end if one was named, and seconds of a step."""
    now = datetime.now(UTC)
    begin = _moment("--since", since, now)
    end = _moment("--until", until, now) if until else None
    if begin >= (now if end is None else end):
        message = f"--since {since} — name a time before the end"
        raise UsageError(message)
    if end is not None and end > now:
        message = f"--until {until} — that is still to come: name a past time"
        raise UsageError(message)
    return epoch(begin), None if end is None else epoch(end), _step(step)


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


def _check_output(output: Path, prepare: Path | None) -> None:
    """Refuse now what could not be written after an hour of reading."""
    for option, path in (("--output", output), ("--prepare-state", prepare)):
        if path is not None and not path.parent.is_dir():
            message = f"{option} {path} — there is no folder {path.parent}: make it first"
            raise UsageError(message)
    if prepare is not None and prepare.exists():
        message = f"--prepare-state {prepare} — it is there already: name a new file"
        raise UsageError(message)


@contextmanager
def _settings(config: Path | None, *, demo: bool) -> Iterator[Settings]:
    if demo:
        logs.configure("error", "auto")
        with demo_past(os.environ.get("CARBON_LISTEN", "127.0.0.1:9180")) as settings:
            yield settings
        return
    settings = load(config, os.environ)
    logs.configure("error", settings.log_format)
    yield settings


def _narrowed(settings: Settings, providers: Sequence[str], state: Path | None) -> Settings:
    """Keep the providers that were named, and put the state file that was."""
    kinds = sorted({section.kind for section in settings.providers})
    for kind in providers:
        if kind not in kinds:
            guess = did_you_mean(kind, kinds)
            message = f"--provider {kind!r} — {guess}configured are {', '.join(kinds)}"
            raise UsageError(message)
    wanted = providers or kinds
    chosen = tuple(section for section in settings.providers if section.kind in wanted)
    return settings.model_copy(update={"providers": chosen, "state": state or settings.state})


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


def _seam(state: Path | None, url: str, listen: str) -> Seam:
    """Ask the daemon at ``url`` if one is named, else the state file, else nobody.

    Raises:
        UsageError: ``url`` is not an address.
        DaemonError: the daemon does not answer, or does not tell.
        StoreError: the state file cannot be read.
    """
    if url:
        return Seam(counted_since=_asked(url), how=f"where the counters of {url} begin")
    if state is None or not state.exists():
        where = "" if state is None else f": there is no state file {state}"
        return Seam(counted_since={}, how=f"now{where}")
    try:
        found = counted_since(state)
    except StoreError as error:
        message = f"{error}; or name the daemon that uses it: --url http://{_shown(listen)}"
        raise StoreError(message) from error
    return Seam(counted_since=found, how=f"where the counters in {state} begin")


def _asked(url: str) -> dict[str, int]:
    silent = f"no daemon answers at {url} — start it, or name the end with --until"
    _, document = ask_daemon(url, "/api/v1/summary", silent=silent)
    try:
        told = _Answer.model_validate(document).collectors
    except ValidationError as error:
        message = f"{url} does not answer as a carbon-exporter that is ready — try again soon"
        raise DaemonError(message) from error
    known = {one.name: int(one.counting_since) for one in told if one.counting_since is not None}
    if not known:
        message = f"the daemon at {url} does not tell since when it counts — use --until"
        raise DaemonError(message)
    return known


def _shown(listen: str) -> str:
    return f"127.0.0.1{listen}" if listen.startswith(":") else listen


class Shown:
    """Shows progress: bars on a terminal, now and then a line elsewhere. Knows no totals itself."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, emoji=False)
        self._bars = Progress(console=self._console, disable=not self._console.is_terminal)
        self._tasks: dict[str, TaskID] = {}
        self._told: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show how much of a part of the work is done."""
        if self._console.is_terminal:
            task = self._tasks.get(what)
            if task is None:
                task = self._tasks[what] = self._bars.add_task(what, total=total)
            self._bars.update(task, completed=min(done, total), total=total)
            return
        tenth = _LINES * min(done, total) // total if total else _LINES
        if self._told.get(what) != tenth:
            self._told[what] = tenth
            self._console.print(f"{what}: {100 * tenth // _LINES} %", soft_wrap=True)

    def listing(self, name: str) -> None:
        """Say whose machines are being listed."""
        self._console.print(f"listing the machines of {name}", soft_wrap=True)


def _show_plan(plan: Plan, seam: Seam, output: Path) -> None:
    """Say what is going to be read, what that costs, and how large the file will be."""
    times = plan.times
    span = f"{clock_time(times[0])} to {clock_time(times[-1])}"
    print_line(f"history of {span}, ends {seam.how}", style="bold")
    for account in plan.accounts:
        print_line(f"  {account.name}: {_account(account)}")
    for note in plan.notes:
        print_line(f"  {note}", style="yellow")
    labels = ", ".join(f'{name}="{value}"' for name, value in plan.labels.items())
    print_line(f"labels {labels}: they must be those of the scrape (--label)")
    samples = _samples(plan)
    size = f"{samples / _MILLION:,.1f} million samples, {samples * BYTES_OF_A_SAMPLE / 1e9:,.1f} GB"
    print_line(f"about {size} of text in {output}")
    for warning in _warnings(plan):
        print_line(warning, style="yellow")


def _show_report(report: Report, *, prepared: Path | None) -> None:
    """Say what was written, what is missing in it, and what to do next."""
    for gap in report.gaps:
        print_failure(f"missing: {_gap(gap)}")
    files = ", ".join(map(str, report.files)) or "nothing"
    print_line(f"wrote {report.samples:,} samples of {report.series:,} series: {files}")
    print_line("machines that no longer exist are not in it: clouds list those of today only")
    for line in _next(report, prepared):
        print_line(line)


def _account(account: AccountPlan) -> str:
    count = len(account.inventory.machines)
    days = (account.until - account.start) / _DAY
    cost = "" if account.dollars is None else f", about ${account.dollars:,.2f} of API calls"
    return f"{count} machines, {days:,.1f} days{cost}"


def _samples(plan: Plan) -> int:
    running = sum(
        one.state is RunState.RUNNING for a in plan.accounts for one in a.inventory.machines
    )
    series = running * SERIES_OF_A_MACHINE + (plan.machines - running) * 4 + SERIES_OF_GRIDS
    return series * len(plan.times)


def _warnings(plan: Plan) -> Iterator[str]:
    times = plan.times
    if times[-1] - times[0] > PROMETHEUS_KEEPS_DAYS * _DAY:
        yield (
            f"Prometheus drops what is older than {PROMETHEUS_KEEPS_DAYS}d unless "
            "--storage.tsdb.retention.time says more"
        )
    if plan.step > LONGEST_STEP:
        step = format_duration(timedelta(seconds=plan.step))
        yield f"with a step of {step} graphs of gauges have gaps: Prometheus looks back 5m"


def _gap(gap: Gap) -> str:
    span = ""
    if gap.start is not None and gap.end is not None:
        span = f", {clock_time(gap.start)} to {clock_time(gap.end)}"
    return f"{gap.collector}: {gap.what}{span} ({gap.cause})"


def _next(report: Report, prepared: Path | None) -> Iterator[str]:
    if prepared is not None:
        yield f"start the daemon with --state {prepared}: it counts on from the end of the history"
    for_each = len(report.files) > 1
    file = "each of them" if for_each else str(report.files[0]) if report.files else "FILE"
    yield f"next: promtool tsdb create-blocks-from openmetrics {file} DATA_FOLDER_OF_PROMETHEUS"
