"""What ``backfill`` says before, meanwhile and after."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import Progress, TaskID

from exporter.app.backfill import Account, Lack, Plan, Report
from exporter.core.durations import format_duration
from exporter.core.model import RunState
from exporter.verbs.backfill_seam import Seam
from exporter.verbs.grid import clock_time
from exporter.verbs.output import print_failure, print_line

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


def show_plan(plan: Plan, seam: Seam, output: Path) -> None:
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


def show_report(report: Report, *, prepared: Path | None) -> None:
    """Say what was written, what is missing in it, and what to do next."""
    for lack in report.lacks:
        print_failure(f"missing: {_lack(lack)}")
    files = ", ".join(map(str, report.files)) or "nothing"
    print_line(f"wrote {report.samples:,} samples of {report.series:,} series: {files}")
    print_line("machines that no longer exist are not in it: clouds list those of today only")
    for line in _next(report, prepared):
        print_line(line)


def _account(account: Account) -> str:
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


def _lack(lack: Lack) -> str:
    span = ""
    if lack.start is not None and lack.end is not None:
        span = f", {clock_time(lack.start)} to {clock_time(lack.end)}"
    return f"{lack.collector}: {lack.what}{span} ({lack.cause})"


def _next(report: Report, prepared: Path | None) -> Iterator[str]:
    if prepared is not None:
        yield f"start the daemon with --state {prepared}: it counts on from the end of the history"
    for_each = len(report.files) > 1
    file = "each of them" if for_each else str(report.files[0]) if report.files else "FILE"
    yield f"next: promtool tsdb create-blocks-from openmetrics {file} DATA_FOLDER_OF_PROMETHEUS"
