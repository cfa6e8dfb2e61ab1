"""What monitoring alone tells: which projects have machines, and which machines run.

Used where Compute Engine may not be asked, and to find the projects of a metrics scope.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from exporter.core.clock import floor_to, from_epoch
from exporter.core.model import Machine, RunState
from exporter.providers.gcp.errors import Call
from exporter.providers.gcp.kind import Metric
from exporter.providers.gcp.metrics import Question, bucket_of, refuse_errors

PERIOD: Final = 300
LOOK_BACK: Final = 1800
"""A machine that starts within this time has a start that the data tell."""

FRESH: Final = 600
"""Points are up to 240 s late (metric descriptor): a machine without one for so long is off."""

PROJECTS_LOOK_BACK: Final = 86_400
"""A project belongs to a metrics scope as long as a machine ran in it within this time."""

_PROJECT_ID: Final = "resource.label.project_id"
_MACHINE_TYPE: Final = "metadata.system_labels.machine_type"


def ask_projects(metric: Metric, target: str, now: float) -> Question:
    """Return the question for the projects of a scope: one series for each is billed."""
    end = floor_to(now, PERIOD)
    return Question(
        metric=metric,
        target=target,
        start=end - PROJECTS_LOOK_BACK,
        end=end,
        period=PERIOD,
        group_by=(_PROJECT_ID,),
    )


def projects(pages: Iterable[Any], call: Call) -> tuple[str, ...]:
    """Return the projects in an answer, sorted.

    Raises:
        CollectorError: the answer is incomplete.
    """
    found: set[str] = set()
    for page in pages:
        refuse_errors(page.execution_errors, call)
        found |= {series.resource.labels.get("project_id", "") for series in page.time_series}
    return tuple(sorted(found - {""}))


def ask_machines(metric: Metric, target: str, only: str, now: float) -> Question:
    """Return the question for the machines that ran lately, with their types."""
    end = floor_to(now, PERIOD)
    return Question(
        metric=metric,
        target=target,
        only=only,
        start=end - LOOK_BACK,
        end=end,
        period=PERIOD,
        group_by=(
            _PROJECT_ID,
            "resource.label.zone",
            "resource.label.instance_id",
            "metric.label.instance_name",
            _MACHINE_TYPE,
        ),
    )


def machines(
    pages: Iterable[Any], wanted: Collection[str], asked: Question, call: Call
) -> Iterator[Machine]:
    """Yield the machines of the wanted projects that have run until now.

    Raises:
        CollectorError: the answer is incomplete or not as documented.
    """
    for page in pages:
        refuse_errors(page.execution_errors, call)
        for series in page.time_series:
            starts = [_start(point, asked, call) for point in series.points]
            fresh = starts and max(starts) + asked.period >= asked.end - FRESH
            if fresh and series.resource.labels.get("project_id") in wanted:
                yield _machine(series, min(starts), asked)


def recalled(seen: Machine, known: Machine | None) -> Machine:
    """Return a machine that is seen to run, with what Compute Engine told of it before.

    So a right that is lost for a while does not change what the machine draws.
    """
    if known is None:
        return seen
    launched = seen.launched_at
    if known.state is RunState.RUNNING and (
        launched is None or (known.launched_at is not None and known.launched_at >= launched)
    ):
        launched = known.launched_at
    return replace(known, state=RunState.RUNNING, launched_at=launched, stopped_at=None)


def _start(point: Any, asked: Question, call: Call) -> int:  # noqa: ANN401 - protobuf's classes have no types
    end = point.interval.end_time
    return bucket_of(end.seconds, end.nanos, asked, call)


def _machine(series: Any, first: int, asked: Question) -> Machine:  # noqa: ANN401 - protobuf's classes have no types
    labels, told = series.resource.labels, series.metadata.system_labels.fields
    return Machine(
        key=asked.metric.key(labels),
        name=str(series.metric.labels.get("instance_name", "")),
        instance_type=str(told["machine_type"].string_value) if "machine_type" in told else "",
        state=RunState.RUNNING,
        cloud_zone=str(labels.get("zone", "")),
        launched_at=from_epoch(first) if first > asked.start else None,
    )
