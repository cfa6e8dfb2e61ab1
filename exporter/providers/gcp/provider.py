"""The provider of one Google Cloud project, or of all projects of a metrics scope."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from exporter.core.clock import epoch
from exporter.core.errors import AuthError, CollectorError, UnreachableError
from exporter.core.model import (
    Inventory,
    Machine,
    PermissionCheck,
    Reading,
    ResourceKey,
    Window,
)
from exporter.core.ports import AdapterContext
from exporter.providers._shared.calls import across, attempt, failure, refused
from exporter.providers._shared.provider import CloudProvider
from exporter.providers._shared.reading import BatchReading, GpuReading, Points
from exporter.providers.gcp import metrics, permissions, sightings
from exporter.providers.gcp.config import Config
from exporter.providers.gcp.errors import DeniedError
from exporter.providers.gcp.kind import Kind, Listing, merged
from exporter.providers.gcp.kinds import NAMES, kind_of
from exporter.providers.gcp.metrics import Question
from exporter.providers.gcp.session import LIST_TIME_SERIES, Connection, connect

Job = tuple[str, str]
"""The name of a kind, and the project in which it was asked for."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What one collector watches: a project, or all projects that a scoping project sees."""

    name: str
    project: str
    whole_scope: bool = False

    @property
    def only(self) -> str:
        """Project to which answers are narrowed; empty for a whole metrics scope."""
        return "" if self.whole_scope else self.project


@dataclass(slots=True)
class Survey:
    """What listing each kind in each project came to.

    ``refused`` may not be listed and are known by monitoring, ``left_out`` may not and are not.
    """

    listings: dict[Job, Listing] = field(default_factory=dict)
    refused: dict[Job, CollectorError] = field(default_factory=dict)
    left_out: dict[Job, CollectorError] = field(default_factory=dict)
    failed: dict[Job, CollectorError] = field(default_factory=dict)

    def note(self, kind: Kind, project: str, outcome: Listing | CollectorError) -> None:
        """Take in one outcome."""
        job = (kind.name, project)
        if isinstance(outcome, Listing):
            self.listings[job] = outcome
        elif not isinstance(outcome, DeniedError):
            self.failed[job] = outcome
        elif kind.sighted:
            self.refused[job] = outcome
        else:
            self.left_out[job] = outcome


class GcpProvider(CloudProvider[Connection]):
    """What there is of each kind in one project, or of a metrics scope."""

    kind = "gcp"
    settle_seconds = 300
    """Points are up to 240 s late (metric descriptor); the look-back corrects later ones."""
    listed_after_end = 0
    """Compute Engine forgets a deleted machine at once."""
    renewing = (AuthError, UnreachableError)
    """A channel without answer is given up too: gRPC would wait minutes before it tries again."""

    def __init__(self, config: Config, context: AdapterContext, target: Target) -> None:
        every = {name: kind_of(name)(config, context) for name in NAMES}
        kinds = tuple(every[name] for name in config.services)
        super().__init__(
            target.name,
            config,
            context,
            connect=partial(connect, config, context, target.project),
            apis=(LIST_TIME_SERIES, *(one.api for one in permissions.needed(kinds))),
        )
        self._config = config
        self._target = target
        self._kinds: Final[tuple[Kind, ...]] = kinds
        self._by_type: Final = {kind.resource_type: kind for kind in every.values()}
        """All kinds: what is no longer watched is read until its last buckets are accounted."""
        self._projects: tuple[str, ...] = () if target.whole_scope else (target.project,)
        self._refused: frozenset[Job] = frozenset()
        self._last: dict[Job, tuple[Machine, ...]] = {}
        """What was last listed of each kind in each project."""

    def discover(self) -> Inventory:
        """List the instances of all projects, in every state.

        A project whose instances Compute Engine may not list is known by its data alone.

        Raises:
            CollectorError: nothing could be listed.
        """
        connection = self._connected()
        errors = self._find_projects(connection)
        survey = self._surveyed(connection)
        errors += [*survey.refused.values(), *survey.failed.values()]
        unseen = bool(survey.failed)
        try:
            seen = self._seen(connection, survey)
        except CollectorError as error:
            errors, seen, unseen = [*errors, error], [], True
        if unseen and not survey.listings and not seen:
            self._let_go(errors)
            raise errors[0]
        kept = (one for job in survey.left_out for one in self._last.get(job, ()))
        listings = tuple(survey.listings.values())
        return merged(listings, (*seen, *kept), errors, unseen_all=unseen)

    def read(self, machines: Sequence[Machine], window: Window) -> Reading:
        """Read each metric of all machines with one paged ListTimeSeries, of GPUs with another.

        Raises:
            CollectorError: all were refused or incomplete; nobody can tell for which machines.
        """
        if not machines or window.start == window.end:
            return Reading(series=())
        connection = self._connected()
        by_type: dict[str, list[Machine]] = {}
        for one in machines:
            by_type.setdefault(one.key.resource_type, []).append(one)
        return self._merged(
            [
                self._read(connection, self._by_type[resource_type], some, window)
                for resource_type, some in by_type.items()
                if resource_type in self._by_type
            ]
        )

    def _read(
        self, connection: Connection, kind: Kind, machines: Sequence[Machine], window: Window
    ) -> BatchReading:
        """Read the machines of a kind; where a question fails they are all unread."""
        now, target = epoch(self._context.clock.now()), self._target
        call = connection.call(metrics.PERMISSION, target.project)
        answers: dict[ResourceKey, dict[str, Points]] = {one.key: {} for one in machines}
        failures: tuple[CollectorError, ...] = ()
        gpus = GpuReading()
        for metric in kind.metrics:
            asked = metrics.question(metric, window, target.project, target.only, now)
            if asked is None:  # nothing of it is kept, or nothing has ended
                found: Mapping[ResourceKey, Points] = {}
            else:
                limits = {one.key: kind.limit(one, metric.role) for one in machines}
                try:
                    pages = connection.series_pages(asked.request(), call)
                    found, told = metrics.read(pages, limits, asked, call)
                except CollectorError as error:
                    return BatchReading(unread=frozenset(limits), failures=(error,))
                failures += told
                if metric is kind.metrics[0]:
                    gpus = _on_buckets(kind.gpus(connection, asked, machines, call), asked, window)
            for key, roles in answers.items():
                points = found.get(key, {})
                roles[metric.role] = (
                    metrics.on_buckets(points, asked.period, window) if asked else points
                )
        series = tuple(kind.point(one, answers[one.key]) for one in machines)
        reading = gpus.added_to(Reading(series=series, failures=failures))
        return BatchReading(series=reading.series, failures=reading.failures)

    def retention(self, resolution: int) -> int:  # noqa: ARG002 - the same for all
        """Six weeks."""
        return metrics.RETENTION

    def permissions(self) -> list[PermissionCheck]:
        """Try each call that this provider needs, in every project. Changes nothing."""
        try:
            connection = self._connected()
        except CollectorError as error:
            return [refused(permissions.IDENTITY, error)]
        identity = permissions.identity(connection, self._target.project)
        if not identity.ok:
            self._drop_connection()
            return [identity]
        series = failure(lambda: self._try_series(connection))
        read = across(metrics.PERMISSION, [series], "project")
        return [identity, read, *self._probed(connection)]

    def monthly_cost(self, machines: int, poll_interval: timedelta) -> float:
        """List price in dollars of 30 days of reading that many machines.

        The first million series of a billing account and month, which are free, are not deducted.
        """
        reads = 1 if self._config.inventory == "compute" else 2
        listed = [one for some in self._last.values() for one in some]
        extra = sum(
            kind.extra_series(o for o in listed if o.key.resource_type == kind.resource_type)
            for kind in self._kinds
        )
        read = [len(self._by_type[one.key.resource_type].metrics) for one in listed]
        each = sum(read) / len(read) if read else 1.0
        return metrics.monthly_cost(reads * machines * each + extra, poll_interval)

    def _find_projects(self, connection: Connection) -> list[CollectorError]:
        """Look which projects the metrics scope has; those known last stay where that fails."""
        if not self._target.whole_scope:
            return []
        now = epoch(self._context.clock.now())
        call = connection.call(metrics.PERMISSION, self._target.project)
        found: set[str] = set()
        try:
            for kind in self._kinds:
                asked = sightings.ask_projects(kind.metrics[0], self._target.project, now)
                pages = connection.series_pages(asked.request(), call)
                found.update(sightings.projects(pages, call))
        except CollectorError as error:
            if not self._projects:
                self._let_go([error])
                raise
            return [error]
        self._projects = tuple(sorted(found))
        return []

    def _surveyed(self, connection: Connection) -> Survey:
        """List each kind in each project.

        Where monitoring alone was chosen, nothing is asked and nothing is refused.
        """
        if self._config.inventory == "monitoring":
            return Survey()
        jobs = [(kind, project) for kind in self._kinds for project in self._projects]
        works = [partial(kind.list, connection, project) for kind, project in jobs]
        survey = Survey()
        for (kind, project), outcome in zip(jobs, self._pool.map(attempt, works), strict=True):
            survey.note(kind, project, outcome)
        for (name, project), listing in survey.listings.items():
            self._last[name, project] = listing.machines
        self._tell(survey)
        return survey

    def _tell(self, survey: Survey) -> None:
        """Say once what is lost while a listing is refused."""
        for _, project in sorted(survey.refused.keys() - self._refused):
            _log.warning(
                "machines are known by monitoring alone: no labels, CPU platforms or stop times",
                collector=self.name,
                project=project,
            )
        known = {kind for kind, _ in self._refused}
        left_out = {kind: error for (kind, _), error in survey.left_out.items()}
        for kind, error in left_out.items():
            if kind not in known:
                _log.warning("left out, as it may not be listed", kind=kind, error=str(error))
        self._refused = frozenset({*survey.refused, *survey.left_out})

    def _seen(self, connection: Connection, survey: Survey) -> list[Machine]:
        """Return the machines that monitoring alone shows, of kinds of which it can.

        What Compute Engine told of one before is kept for the time that it refuses to tell it.
        """
        seen: list[Machine] = []
        alone = self._config.inventory == "monitoring"
        call = connection.call(metrics.PERMISSION, self._target.project)
        for kind in self._kinds:
            refused = {project for name, project in survey.refused if name == kind.name}
            wanted = self._projects if alone and kind.sighted else refused
            if not wanted:
                continue
            asked = sightings.ask_machines(
                kind.metrics[0],
                self._target.project,
                self._target.only,
                epoch(self._context.clock.now()),
            )
            pages = connection.series_pages(asked.request(), call)
            known = {
                one.key: one
                for project in wanted
                for one in self._last.get((kind.name, project), ())
            }
            found = {one.key: one for one in sightings.machines(pages, wanted, asked, call)}
            seen += [sightings.recalled(one, known.get(key)) for key, one in found.items()]
        return seen

    def _try_series(self, connection: Connection) -> None:
        now = epoch(self._context.clock.now())
        metric = self._kinds[0].metrics[0]
        permissions.series(connection, metric, self._target.project, now)
        self._find_projects(connection)

    def _probed(self, connection: Connection) -> list[PermissionCheck]:
        if self._config.inventory == "monitoring":
            return []
        return [
            across(
                one.name,
                self._failures(partial(one.probe, connection, p) for p in self._projects),
                "project",
            )
            for one in permissions.needed(self._kinds)
        ]


def _on_buckets(gpus: GpuReading, asked: Question, window: Window) -> GpuReading:
    ratios = {
        key: metrics.on_buckets(points, asked.period, window) for key, points in gpus.ratios.items()
    }
    return GpuReading(ratios=ratios, failures=gpus.failures)
