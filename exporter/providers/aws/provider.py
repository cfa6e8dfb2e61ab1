"""The provider of one AWS account."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from math import inf
from typing import Final

import structlog

from exporter.core.clock import epoch
from exporter.core.errors import CollectorError
from exporter.core.model import Inventory, Machine, PermissionCheck, Reading, Window
from exporter.core.ports import AdapterContext
from exporter.providers._shared.calls import across, across_optional, attempt, call, refused
from exporter.providers._shared.provider import CloudProvider
from exporter.providers._shared.reading import GpuReading, joined_gpus
from exporter.providers.aws import metric_data, metrics, permissions, regions
from exporter.providers.aws.config import Config
from exporter.providers.aws.kind import Kind, Place
from exporter.providers.aws.kinds import NAMES, kind_of
from exporter.providers.aws.metrics import Answer, Batch
from exporter.providers.aws.session import Connection, connect
from exporter.providers.aws.shapes import TypeFacts
from exporter.providers.aws.survey import Job, Survey, once_each

_FILLS_FINER: Final = 300
"""Points of so many seconds fill buckets that are shorter, where finer points are gone."""

_APIS: Final = ("DescribeRegions", "GetCallerIdentity")

_log = structlog.get_logger(__name__)


class AwsProvider(CloudProvider[Connection]):
    """What there is of each kind in one account."""

    kind = "aws"
    settle_seconds = 300
    """After this CloudWatch values seldom change; the ledger's look-back corrects those that do."""
    listed_after_end = 3600
    """EC2 shows terminated instances for about an hour (EC2 User Guide)."""

    def __init__(self, config: Config, context: AdapterContext) -> None:
        every = {name: kind_of(name)(config, context) for name in NAMES}
        # What the account cannot do without comes first: of a region where nothing can be listed,
        # the first failure is told.
        kinds = tuple(sorted((every[name] for name in config.services), key=lambda k: k.optional))
        needed = permissions.needed(kinds)
        super().__init__(
            config.collectors[0],
            config,
            context,
            connect=partial(connect, config, context),
            apis=(*_APIS, *(permission.api for permission in needed)),
        )
        self._config = config
        self._kinds: Final[tuple[Kind, ...]] = kinds
        self._by_type: Final = {kind.resource_type: kind for kind in every.values()}
        """All kinds: what is no longer watched is read until its last buckets are accounted."""
        self._main: Final = frozenset(k.name for k in kinds if not k.optional) or frozenset(
            kind.name for kind in kinds
        )
        """Kinds without which the credentials are not taken to be good."""
        self._types = TypeFacts(context.types)
        self._known_regions: dict[str, bool] = {}
        self._last: dict[Job, tuple[Machine, ...]] = {}
        """What was last listed of each kind in each region."""
        self._refused: frozenset[str] = frozenset()

    def discover(self) -> Inventory:
        """List what there is of each kind in all regions, in every state.

        Raises:
            CollectorError: nothing could be listed.
        """
        connection = self._connected()
        asked_at = self._context.clock.now()
        names, barred = self._regions(connection)
        survey = self._surveyed(connection, names)
        errors = (*barred, *survey.failures)
        if errors and not survey.kinds & self._main:
            self._let_go(errors)
        if errors and not survey.kinds:
            raise errors[0]
        machines = tuple(self._placed(machine) for machine in self._seen(survey, asked_at))
        self._tell_refused(survey)
        minor = [error for listing in survey.listings.values() for error in listing.failures]
        minor += {error.scope: error for error in survey.closed.values()}.values()
        return Inventory(
            machines=machines,
            unseen_regions=survey.unseen_regions.union(error.scope for error in barred),
            failures=once_each((*errors, *minor)),
        )

    def _placed(self, machine: Machine) -> Machine:
        """Give a machine the grid of its zone, where that stands elsewhere than the region.

        A Local Zone is listed with its parent region, and fed by the grid of its own city.
        """
        regions = self._context.regions
        zone = regions.zone("aws", machine.cloud_zone) if regions else None
        return machine if zone is None else replace(machine, grid_zone=zone.grid_zone, pue=zone.pue)

    def read(self, machines: Sequence[Machine], window: Window) -> Reading:
        """Read the metrics of all machines, 500 a request; GPUs where agents report them.

        Raises:
            CollectorError: every request failed.
        """
        if not machines or window.start == window.end:
            return Reading(series=())
        connection = self._connected()
        wanted = [
            (one.key, query)
            for one in machines
            if one.key.resource_type in self._by_type
            for query in self._by_type[one.key.resource_type].queries(one)
        ]
        batches = metrics.plan(wanted, window, epoch(self._context.clock.now()))
        answers = self._pool.map(call, [self._reader(connection, b, window) for b in batches])
        gpus = self._pool.map(call, self._gpu_readers(connection, machines, window))
        reading = metrics.assembled(machines, self._by_type, list(answers))
        return joined_gpus(gpus).added_to(self._merged([reading]))

    def retention(self, resolution: int) -> int:
        """How long CloudWatch keeps points that fill buckets of a resolution.

        Where those of a minute are gone, those of five minutes fill their buckets.
        """
        finest = max(resolution, _FILLS_FINER)
        return max(kept for kept, period in metric_data.RETENTION if period <= finest)

    def told_since(self, machine: Machine, asked_at: float) -> float:
        """Return when it was asked, for kinds of which starts are not told; else since ever."""
        kind = self._by_type.get(machine.key.resource_type)
        return -inf if kind is None or kind.starts_told else asked_at

    def permissions(self) -> list[PermissionCheck]:
        """Try each call that this provider needs, in every region. Changes nothing."""
        try:
            connection = self._connected()
        except CollectorError as error:
            return [refused("sts:GetCallerIdentity", error)]
        checks = [permissions.identity(connection)]
        try:
            names, barred = self._regions(connection, patient=False)
        except CollectorError as error:
            return [*checks, refused(regions.PERMISSION, error)]
        checks.append(across(regions.PERMISSION, [*barred, *[None] * len(names)], "region"))
        return checks + self._probed(connection, names)

    def monthly_cost(self, machines: int, poll_interval: timedelta) -> float:
        """List price in dollars of 30 days of reading that many machines.

        They are taken to be of the kinds that were last listed, in the same shares.
        """
        listed = [one for some in self._last.values() for one in some]
        queries = sum(len(self._by_type[one.key.resource_type].queries(one)) for one in listed)
        each = queries / len(listed) if listed else 1.0
        extra = sum(kind.extra_metrics for kind in self._kinds)
        return metrics.monthly_cost(machines * each + extra, poll_interval)

    def _regions(
        self, connection: Connection, *, patient: bool = True
    ) -> tuple[tuple[str, ...], tuple[CollectorError, ...]]:
        """Return the regions to ask, and errors of named ones that cannot be asked.

        A patient call does without DescribeRegions where the regions are named or known.
        """
        named = self._config.regions
        call = connection.call(regions.PERMISSION, connection.home)
        try:
            self._known_regions = regions.opt_in(connection.ec2(connection.home), call)
        except CollectorError as error:
            if not patient or not (named or self._known_regions):
                self._let_go((error,))
                raise
            _log.info("regions not listed, going on with those known", error=str(error))
            if not self._known_regions:
                return named or (), ()
        return regions.choose(named, self._known_regions, connection.account)

    def _place(self, connection: Connection, region: str) -> Place:
        clock = self._context.clock
        return Place(region=region, connection=connection, types=self._types, clock=clock)

    def _surveyed(self, connection: Connection, names: Sequence[str]) -> Survey:
        places = {region: self._place(connection, region) for region in names}
        jobs = [(kind, region) for kind in self._kinds for region in names]
        work = [partial(kind.list, places[region]) for kind, region in jobs]
        return Survey.of(
            [(kind.name, region) for kind, region in jobs],
            list(self._pool.map(attempt, work)),
            {kind.name for kind in self._kinds if kind.optional},
        )

    def _seen(self, survey: Survey, asked_at: datetime) -> Iterator[Machine]:
        """Yield what was listed, and what is known of kinds that may not be listed any more."""
        for kind in self._kinds:
            listings = [one for (name, _), one in survey.listings.items() if name == kind.name]
            for listing in listings:
                self._last[kind.name, listing.region] = kind.seen(listing, asked_at)
                yield from self._last[kind.name, listing.region]
            kind.after(listings)
        for job in survey.refused:
            yield from self._last.get(job, ())

    def _tell_refused(self, survey: Survey) -> None:
        """Say once what is left out, for kinds that share a call together.

        It is said again only after it was there in between.
        """
        refused: dict[str, CollectorError] = {}
        for (kind, _), error in survey.refused.items():
            refused.setdefault(kind, error)
        news: dict[str, list[str]] = {}
        for kind, error in refused.items():
            if kind not in self._refused:
                news.setdefault(str(error), []).append(kind)
        for told, names in news.items():
            _log.warning("left out, as it may not be listed", kinds=names, error=told)
        self._refused = frozenset(refused)

    def _reader(self, connection: Connection, batch: Batch, window: Window) -> Callable[[], Answer]:
        client = connection.cloudwatch(batch.region)
        call = connection.call(metric_data.PERMISSION, batch.region)
        meter = self._context.meter
        return lambda: metrics.read(client, batch, window, call, meter)

    def _gpu_readers(
        self, connection: Connection, machines: Sequence[Machine], window: Window
    ) -> list[Callable[[], GpuReading]]:
        by_type: dict[str, list[Machine]] = {}
        for one in machines:
            by_type.setdefault(one.key.resource_type, []).append(one)
        return [
            reader
            for resource_type, some in by_type.items()
            if resource_type in self._by_type
            for reader in self._by_type[resource_type].gpus(connection, some, window)
        ]

    def _probed(self, connection: Connection, names: Sequence[str]) -> list[PermissionCheck]:
        places = [self._place(connection, region) for region in names]
        return [
            (across_optional if one.optional else across)(
                one.name,
                self._failures(partial(one.probe, place) for place in places),
                "region",
            )
            for one in permissions.needed(self._kinds)
        ]
