"""The provider of one Google Cloud project, or of all projects of a metrics scope."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
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
    UsageSeries,
    Window,
)
from exporter.core.ports import AdapterContext
from exporter.providers._shared.calls import across, attempt, failure, refused
from exporter.providers._shared.provider import CloudProvider
from exporter.providers._shared.reading import GpuReading, having_gpus
from exporter.providers.gcp import (
    disks,
    gpu,
    inventory,
    metrics,
    permissions,
    shapes,
    sightings,
)
from exporter.providers.gcp.config import Config
from exporter.providers.gcp.disks import DiskFacts
from exporter.providers.gcp.errors import DeniedError
from exporter.providers.gcp.inventory import Listing
from exporter.providers.gcp.session import LIST_TIME_SERIES, Connection, connect
from exporter.providers.gcp.shapes import TypeFacts

_APIS: Final = (LIST_TIME_SERIES, inventory.API, shapes.API, disks.API)

Errors = dict[str, CollectorError]
"""Project to what went wrong there."""

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


class GcpProvider(CloudProvider[Connection]):
    """Compute Engine instances of one project, or of a metrics scope."""

    kind = "gcp"
    settle_seconds = 300
    """Points are up to 240 s late (metric descriptor); the look-back corrects later ones."""
    listed_after_end = 0
    """Compute Engine forgets a deleted machine at once."""
    renewing = (AuthError, UnreachableError)
    """A channel without answer is given up too: gRPC would wait minutes before it tries again."""

    def __init__(self, config: Config, context: AdapterContext, target: Target) -> None:
        super().__init__(
            target.name,
            config,
            context,
            connect=partial(connect, config, context, target.project),
            apis=_APIS,
        )
        self._config = config
        self._target = target
        self._types = TypeFacts(context.types)
        self._disks = DiskFacts()
        self._projects: tuple[str, ...] = () if target.whole_scope else (target.project,)
        self._refused: frozenset[str] = frozenset()
        self._known: dict[ResourceKey, Machine] = {}

    def discover(self) -> Inventory:
        """List the instances of all projects, in every state.

        A project whose instances Compute Engine may not list is known by its data alone.

        Raises:
            CollectorError: nothing could be listed.
        """
        connection = self._connected()
        errors = self._find_projects(connection)
        listings, refused, failed = self._listed(connection)
        errors += [*refused.values(), *failed.values()]
        unseen = bool(failed)
        try:
            seen = self._seen(connection, refused)
        except CollectorError as error:
            errors, seen, unseen = [*errors, error], (), True
        if unseen and not listings and not seen:
            self._let_go(errors)
            raise errors[0]
        return inventory.merged(listings, seen, errors, unseen_all=unseen)

    def read(self, machines: Sequence[Machine], window: Window) -> Reading:
        """Read the utilisation of all machines with one paged ListTimeSeries, of GPUs with another.

        Raises:
            CollectorError: it was refused or is incomplete; nobody can tell for which machines.
        """
        now = epoch(self._context.clock.now())
        asked = metrics.question(window, self._target.project, self._target.only, now)
        if not machines or asked is None:
            return Reading(series=tuple(UsageSeries(key=m.key, cpu={}) for m in machines))
        connection = self._connected()
        call = connection.call(metrics.PERMISSION, self._target.project)
        limits = {one.key: self._limit(one) for one in machines}
        try:
            pages = connection.series_pages(asked.request(), call)
            found, failures = metrics.read(pages, limits, asked, call)
        except CollectorError as error:
            self._let_go([error])
            raise
        equipped = [one.key for one in having_gpus(machines, self._context.types)]
        gpus = gpu.read(connection, asked, equipped, call) if equipped else GpuReading()
        failures += gpus.failures
        return metrics.reading(found, failures, asked.period, window, gpus.ratios)

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
        equipped = len(having_gpus(self._known.values(), self._context.types))
        return metrics.monthly_cost(reads * machines + equipped, poll_interval)

    def _find_projects(self, connection: Connection) -> list[CollectorError]:
        """Look which projects the metrics scope has; those known last stay where that fails."""
        if not self._target.whole_scope:
            return []
        asked = sightings.ask_projects(self._target.project, epoch(self._context.clock.now()))
        call = connection.call(metrics.PERMISSION, self._target.project)
        try:
            pages = connection.series_pages(asked.request(), call)
            self._projects = sightings.projects(pages, call)
        except CollectorError as error:
            if not self._projects:
                self._let_go([error])
                raise
            return [error]
        return []

    def _listed(self, connection: Connection) -> tuple[list[Listing], Errors, Errors]:
        """Return what Compute Engine lists, and the projects where it refuses or fails.

        Where monitoring alone was chosen, nothing is asked and nothing is refused.
        """
        if self._config.inventory == "monitoring":
            return [], {}, {}
        works = [self._lister(connection, project) for project in self._projects]
        outcomes = dict(zip(self._projects, self._pool.map(attempt, works), strict=True))
        listings = [one for one in outcomes.values() if isinstance(one, Listing)]
        refused: Errors = {p: one for p, one in outcomes.items() if isinstance(one, DeniedError)}
        failed = {
            project: one
            for project, one in outcomes.items()
            if isinstance(one, CollectorError) and project not in refused
        }
        self._tell(frozenset(refused))
        self._remember(listings, refused)
        return listings, refused, failed

    def _lister(self, connection: Connection, project: str) -> Callable[[], Listing]:
        return lambda: inventory.list_project(connection, project, self._types, self._disks)

    def _tell(self, refused: frozenset[str]) -> None:
        """Say once what is lost while Compute Engine refuses; that it does is told each time."""
        for project in sorted(refused - self._refused):
            _log.warning(
                "machines are known by monitoring alone: no labels, CPU platforms or stop times",
                collector=self.name,
                project=project,
            )
        self._refused = refused

    def _remember(self, listings: Iterable[Listing], refused: Collection[str]) -> None:
        """Keep what is known of machines for the time that Compute Engine refuses to tell it."""
        listed = {one.key: one for listing in listings for one in listing.machines}
        kept = {key: one for key, one in self._known.items() if key.account in refused}
        self._known = kept | listed

    def _seen(self, connection: Connection, refused: Errors) -> tuple[Machine, ...]:
        alone = self._config.inventory == "monitoring"
        wanted: Collection[str] = self._projects if alone else refused
        if not wanted:
            return ()
        now = epoch(self._context.clock.now())
        asked = sightings.ask_machines(self._target.project, self._target.only, now)
        call = connection.call(metrics.PERMISSION, self._target.project)
        pages = connection.series_pages(asked.request(), call)
        seen = {one.key: one for one in sightings.machines(pages, wanted, asked, call)}
        return tuple(sightings.recalled(one, self._known.get(key)) for key, one in seen.items())

    def _limit(self, machine: Machine) -> float:
        """Highest utilisation that a machine can have."""
        if self._types.may_burst(machine.instance_type, machine.shape):
            return metrics.MOST_SHARED
        return 1.0

    def _try_series(self, connection: Connection) -> None:
        now = epoch(self._context.clock.now())
        permissions.series(connection, self._target.project, now)
        self._find_projects(connection)

    def _probed(self, connection: Connection) -> list[PermissionCheck]:
        if self._config.inventory == "monitoring":
            return []
        return [
            across(
                permission,
                self._failures(partial(probe, connection, project) for project in self._projects),
                "project",
            )
            for permission, probe in (
                (inventory.PERMISSION, permissions.instances),
                (shapes.PERMISSION, permissions.types),
                (disks.PERMISSION, permissions.volumes),
            )
        ]
