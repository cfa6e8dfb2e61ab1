"""The provider of one AWS account."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from math import inf
from typing import Final

import structlog

from exporter.core.clock import epoch
from exporter.core.errors import CollectorError
from exporter.core.model import CpuReading, Inventory, Machine, PermissionCheck, ResourceKey, Window
from exporter.core.ports import AdapterContext
from exporter.providers._shared.calls import across, attempt, call, refused
from exporter.providers._shared.provider import CloudProvider
from exporter.providers._shared.reading import BatchReading, GpuReading, having_gpus, joined_gpus
from exporter.providers.aws import (
    databases,
    gpu,
    inventory,
    metric_data,
    metrics,
    permissions,
    regions,
    shapes,
    volumes,
)
from exporter.providers.aws.config import Config, Service
from exporter.providers.aws.databases import Databases
from exporter.providers.aws.gpu import AgentMetrics
from exporter.providers.aws.inventory import Listing
from exporter.providers.aws.metrics import Batch
from exporter.providers.aws.permissions import Probe
from exporter.providers.aws.session import Connection, connect
from exporter.providers.aws.shapes import TypeFacts, TypeSource
from exporter.providers.aws.survey import Survey
from exporter.providers.aws.volumes import VolumeFacts, VolumeSource

_REMEMBER_SECONDS: Final = 86_400.0
"""A machine gone from the inventory is still read until its last buckets are accounted."""

_LISTING: Final[Mapping[Service, str]] = {"ec2": "DescribeInstances", "rds": "DescribeDBInstances"}
_APIS: Final = ("DescribeRegions", "GetCallerIdentity", "GetMetricData", gpu.API)

_log = structlog.get_logger(__name__)


class AwsProvider(CloudProvider[Connection]):
    """Instances and databases of one account."""

    kind = "aws"
    settle_seconds = 300
    """After this CloudWatch values seldom change; the ledger's look-back corrects those that do."""
    listed_after_end = 3600
    """EC2 shows terminated instances for about an hour (EC2 User Guide)."""

    def __init__(self, config: Config, context: AdapterContext) -> None:
        super().__init__(
            config.collectors[0],
            config,
            context,
            connect=partial(connect, config, context),
            apis=(*_APIS, *(_LISTING[service] for service in config.services)),
        )
        self._config = config
        self._types = TypeFacts(context.types)
        self._volumes = VolumeFacts(context.clock)
        self._agents = AgentMetrics(context.clock)
        self._known_regions: dict[str, bool] = {}
        self._databases = Databases()
        self._detailed: dict[ResourceKey, float] = {}

    def discover(self) -> Inventory:
        """List the instances and databases of all regions, in every state.

        Raises:
            CollectorError: nothing could be listed.
        """
        connection = self._connected()
        asked_at = self._context.clock.now()
        names, refused = self._regions(connection)
        survey = self._surveyed(connection, names)
        errors = (*refused, *survey.failures)
        if errors and self._config.services[0] not in survey.services:
            self._let_go(errors)
        if errors and not survey.services:
            raise errors[0]
        self._remember(survey.listings.values())
        minor = [error for listing in survey.listings.values() for error in listing.failures]
        return Inventory(
            machines=tuple(self._machines(survey, asked_at)),
            unseen_regions=survey.unseen_regions.union(error.scope for error in refused),
            failures=inventory.once_each((*errors, *minor)),
        )

    def read_cpu(self, machines: Sequence[Machine], window: Window) -> CpuReading:
        """Read CPUUtilization, 500 machines a request; GPUs where agents report them.

        Raises:
            CollectorError: every request failed.
        """
        if not machines or window.start == window.end:
            return CpuReading(series=())
        connection = self._connected()
        now = epoch(self._context.clock.now())
        batches = list(metrics.plan(machines, self._detailed, window, now))
        for batch in batches:
            connection.cloudwatch(batch.region)
        readings = self._pool.map(call, [self._reader(connection, b, window) for b in batches])
        gpus = self._pool.map(call, self._gpu_readers(connection, machines, window))
        return joined_gpus(gpus).added_to(self._merged(list(readings)))

    def retention(self, resolution: int) -> int:
        """How long CloudWatch keeps points that fill buckets of a resolution.

        Where those of a minute are gone, those of five minutes fill their buckets.
        """
        finest = max(resolution, metrics.BASIC_PERIOD)
        return max(kept for kept, period in metric_data.RETENTION if period <= finest)

    def told_since(self, machine: Machine, asked_at: float) -> float:
        """RDS tells the creation of a database alone, never a start or a stop."""
        return asked_at if machine.key.resource_type == databases.RESOURCE_TYPE else -inf

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
        """List price in dollars of 30 days of reading that many machines."""
        return metrics.monthly_cost(machines + self._agents.count, poll_interval)

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

    def _surveyed(self, connection: Connection, names: Sequence[str]) -> Survey:
        jobs = [(service, region) for service in self._config.services for region in names]
        work = [self._lister(connection, service, region) for service, region in jobs]
        return Survey.of(jobs, list(self._pool.map(attempt, work)))

    def _lister(
        self, connection: Connection, service: Service, region: str
    ) -> Callable[[], Listing]:
        types = TypeSource(
            client=connection.ec2(region),
            call=connection.call(shapes.PERMISSION, region),
            facts=self._types,
        )
        if service == "rds":
            client, call = connection.rds(region), connection.call(databases.PERMISSION, region)
            return lambda: databases.list_region(client, call, types)
        call = connection.call(inventory.PERMISSION, region)
        found = self._volume_source(connection, region)
        return lambda: inventory.list_region(types.client, call, types, found)

    def _volume_source(self, connection: Connection, region: str) -> VolumeSource | None:
        if not self._config.volumes:
            return None
        call = connection.call(volumes.PERMISSION, region)
        return VolumeSource(client=connection.ec2(region), call=call, facts=self._volumes)

    def _machines(self, survey: Survey, asked_at: datetime) -> Iterator[Machine]:
        for (service, _), listing in survey.listings.items():
            if service == "rds":
                yield from self._databases.seen(listing, asked_at)
            else:
                yield from listing.machines
        for region in survey.refused_databases:
            yield from self._databases.last_seen(region)
        self._databases.tell_left_out(survey.listings.values())

    def _reader(
        self, connection: Connection, batch: Batch, window: Window
    ) -> Callable[[], BatchReading]:
        client = connection.cloudwatch(batch.region)
        call = connection.call(metric_data.PERMISSION, batch.region)
        meter = self._context.meter
        return lambda: metrics.read(client, batch, window, call, meter)

    def _gpu_readers(
        self, connection: Connection, machines: Sequence[Machine], window: Window
    ) -> list[Callable[[], GpuReading]]:
        """Return how to read the GPUs of each region that has some."""
        now = epoch(self._context.clock.now())
        instances = (o for o in machines if o.key.resource_type == inventory.RESOURCE_TYPE)
        equipped = having_gpus(instances, self._context.types)
        return [
            partial(self._gpu_reader(connection, region).read, some, window, now)
            for region, some in gpu.by_region(equipped)
        ]

    def _gpu_reader(self, connection: Connection, region: str) -> gpu.Reader:
        return gpu.Reader(
            client=connection.cloudwatch(region),
            listing=connection.call(gpu.PERMISSION, region),
            reading=connection.call(metric_data.PERMISSION, region),
            metrics=self._agents,
            meter=self._context.meter,
        )

    def _remember(self, listings: Iterable[Listing]) -> None:
        """Keep which instances have one-minute points, a day longer than they are listed."""
        now = self._context.clock.monotonic()
        for listing in listings:
            for one in listing.machines:
                self._detailed.pop(one.key, None)
            self._detailed.update(dict.fromkeys(listing.detailed, now))
        self._detailed = {
            key: seen for key, seen in self._detailed.items() if now - seen < _REMEMBER_SECONDS
        }

    def _probed(self, connection: Connection, names: Sequence[str]) -> list[PermissionCheck]:
        for region in names:
            connection.ec2(region)
            connection.cloudwatch(region)
            if "rds" in self._config.services:
                connection.rds(region)
        return [
            across(
                permission,
                self._failures(self._probe(probe, connection, region) for region in names),
                "region",
            )
            for permission, probe in permissions.probes(self._config)
        ]

    def _probe(self, probe: Probe, connection: Connection, region: str) -> Callable[[], None]:
        return lambda: probe(connection, region, self._context.clock)
