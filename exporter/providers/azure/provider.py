"""The provider of one Azure subscription, or of all that an identity can see."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
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
    RunState,
    Window,
)
from exporter.core.ports import AdapterContext
from exporter.providers._shared.provider import WORKERS, CloudProvider
from exporter.providers._shared.reading import BatchReading, GpuReading, having_gpus
from exporter.providers.azure import (
    gpu,
    inventory,
    lifecycle,
    metrics,
    permissions,
    skus,
    subscriptions,
)
from exporter.providers.azure.config import Config
from exporter.providers.azure.kind import Kind
from exporter.providers.azure.kinds import NAMES, kind_of
from exporter.providers.azure.lifecycle import Lifecycle
from exporter.providers.azure.metrics import Batch
from exporter.providers.azure.session import APIS, LOGS_API, Connection
from exporter.providers.azure.skus import SizeFacts

_REMEMBER: Final = timedelta(days=1)
"""How long the machines of a subscription that can no longer be read are kept as they were."""

_log = structlog.get_logger(__name__)


class AzureProvider(CloudProvider[Connection]):
    """Virtual machines and scale-set instances of one subscription, or of all that are visible."""

    kind = "azure"
    settle_seconds = 300
    """Azure's own averages are complete about three minutes after the grain's end."""
    listed_after_end = int(lifecycle.DELETED_SHOWN.total_seconds())

    def __init__(
        self,
        config: Config,
        context: AdapterContext,
        connection: Connection,
        subscription: str | None = None,
    ) -> None:
        alone = (config.subscriptions or ()).index(subscription) if subscription else 0
        workspace = config.log_analytics_workspace
        super().__init__(
            config.collectors[alone],
            config,
            context,
            connect=lambda _: connection,
            apis=(*APIS, LOGS_API) if workspace else APIS,
        )
        self._connection: Connection = connection
        self._budget = connection.budget
        every: dict[str, Kind] = {name: kind_of(name)() for name in NAMES}
        self._kinds: Final = tuple(every[name] for name in config.services)
        self._by_type: Final = {kind.resource_type: kind for kind in every.values()}
        """All kinds: what is no longer watched is read until its last buckets are accounted."""
        self._last: dict[str, tuple[Machine, ...]] = {}
        """What was last listed of each kind."""
        self._odd: tuple[CollectorError, ...] = ()
        """What was odd in the latest listing."""
        self._refused: frozenset[str] = frozenset()
        self._clock = context.clock
        self._subscription = subscription
        self._types = context.types
        self._workspace = workspace
        self._sizes = SizeFacts(context.types)
        self._lifecycle = Lifecycle()
        self._seen: dict[str, datetime] = {}
        self._listed: tuple[Machine, ...] = ()
        self._forgotten: set[ResourceKey] = set()
        self._changes_failed = False

    def discover(self) -> Inventory:
        """List the machines of all subscriptions, and what is known of their starts and stops.

        Raises:
            CollectorError: the machines could not be listed.
        """
        now = self._clock.now()
        self._budget.start()
        try:
            names = self._names()
            listed = self._list(names)
            if self._subscription and not listed:
                subscriptions.confirm(self._connection, self._subscription)
        except AuthError as error:
            self._let_go([error])
            raise
        lost = {} if self._subscription else self._lost(listed, now)
        kept = [one for one in self._listed if one.key.account in lost]
        self._listed = (*listed, *kept)
        self._learn_changes(names, now)
        machines = self._lifecycle.complete(self._listed, now)
        self._sizes.learn(machines, self._connection)
        return Inventory(
            machines=tuple(replace(one, shape=self._sizes.find(one)) for one in machines),
            failures=(*lost.values(), *self._odd),
        )

    def read(self, machines: Sequence[Machine], window: Window) -> Reading:
        """Read Percentage CPU, 50 machines a call; GPUs from the workspace, if there is one.

        Raises:
            CollectorError: every call failed.
        """
        if not machines or window.start == window.end:
            return Reading(series=())
        self._budget.start()
        asking = [one for one in machines if not self._is_forgotten(one)]
        batches = list(metrics.plan(asking, self._by_type, window, epoch(self._clock.now())))
        for batch in batches:
            self._connection.metrics(batch.region)
        gpus = self._gpus(machines, window)
        read = partial(self._read, window=window, outages=_Outages())
        readings = list(self._pool.map(read, batches))
        self._forgotten = {one.key for one in machines if self._is_forgotten(one)}
        self._forgotten.update(key for reading in readings for key in reading.forgotten)
        self._let_go([error for reading in readings for error in reading.failures])
        return gpus().added_to(self._merged(readings))

    def retention(self, resolution: int) -> int:  # noqa: ARG002 - the same for all
        """Three months."""
        return int(metrics.RETENTION.total_seconds())

    def told_since(self, machine: Machine, asked_at: float) -> float:  # noqa: ARG002 - the same for all
        """How far back changes are asked for; an older launch time is the creation."""
        return asked_at - lifecycle.REACH.total_seconds()

    def permissions(self) -> list[PermissionCheck]:
        """Try each call that this provider needs. Changes nothing."""
        self._budget.start()
        try:
            names = self._names(confirm=True)
        except CollectorError as error:
            self._connection.renew()
            return [permissions.verdict(subscriptions.PERMISSION, [error], "subscription")]
        checks = [
            permissions.verdict(subscriptions.PERMISSION, [None] * len(names), "subscription")
        ]
        machines: list[Machine] = []
        for kind in self._kinds:
            listing = partial(self._list_into, machines, kind, names)
            outcome = permissions.outcome(listing)
            checks.append(permissions.verdict(kind.permission, [outcome], "query"))
        return checks + self._probed(names, machines)

    def monthly_cost(self, machines: int, poll_interval: timedelta) -> float:
        """List price in dollars of 30 days of reading that many machines, free calls included."""
        running = (one.key for one in self._listed if one.state is RunState.RUNNING)
        groups = Counter((key.account, key.cloud_region, key.resource_type) for key in running)
        return metrics.monthly_cost(groups.values() or (machines,), poll_interval)

    def _drop_connection(self) -> None:
        """Close the clients: here they are made once, and only credentials are made anew."""
        self._connection.close()

    def _let_go(self, errors: Iterable[CollectorError]) -> None:
        if any(isinstance(error, self.renewing) for error in errors):
            self._connection.renew()

    def _gpus(self, machines: Sequence[Machine], window: Window) -> Callable[[], GpuReading]:
        """Begin to read the GPUs of the machines that have some; returns how to get the answer."""
        asked = having_gpus(machines, self._types) if self._workspace else ()
        if not self._workspace or not asked:
            return GpuReading
        self._connection.logs()
        return self._pool.submit(gpu.read, self._connection, self._workspace, asked, window).result

    def _names(self, *, confirm: bool = False) -> tuple[str, ...]:
        """Return the subscriptions to ask about."""
        if self._subscription is None:
            return subscriptions.visible(self._connection)
        if confirm:
            subscriptions.confirm(self._connection, self._subscription)
        return (self._subscription,)

    def _lost(self, listed: Sequence[Machine], now: datetime) -> dict[str, CollectorError]:
        """Return the subscriptions that had machines within a day and can be read no longer."""
        present = {one.key.account for one in listed}
        self._seen.update(dict.fromkeys(present, now))
        self._seen = {name: at for name, at in self._seen.items() if now - at < _REMEMBER}
        lost = {name: self._confirmed(name) for name in self._seen.keys() - present}
        self._seen = {name: at for name, at in self._seen.items() if lost.get(name, True)}
        return {name: error for name, error in lost.items() if error is not None}

    def _confirmed(self, subscription: str) -> CollectorError | None:
        return permissions.outcome(partial(subscriptions.confirm, self._connection, subscription))

    def _learn_changes(self, names: Sequence[str], now: datetime) -> None:
        error = inventory.learn_changes(self._connection, names, self._lifecycle, now)
        if error is not None and not self._changes_failed:
            _log.warning("starts and stops are known to the poll only", error=str(error))
        self._changes_failed = error is not None

    def _is_forgotten(self, one: Machine) -> bool:
        """Whether it was deleted, and Azure has said that it has no metrics of it any more."""
        return one.state is RunState.GONE and one.key in self._forgotten

    def _read(self, batch: Batch, window: Window, outages: "_Outages") -> BatchReading:
        if error := outages.error(batch.region):
            return BatchReading(
                unread=frozenset(one.key for one in batch.machines), failures=(error,)
            )
        reading = metrics.read(self._connection, batch, window)
        outages.note(batch.region, reading)
        return reading

    def _list(self, names: Sequence[str]) -> tuple[Machine, ...]:
        """List all kinds; an optional one that may not be listed stays as it was last seen.

        Raises:
            CollectorError: one could not be listed.
        """
        refused: set[str] = set()
        self._odd = ()
        for kind in self._kinds:
            try:
                listing = inventory.list_kind(self._connection, kind, names)
                self._last[kind.name] = listing.machines
                self._odd += listing.failures
            except AuthError as error:
                if not kind.optional:
                    raise
                refused.add(kind.name)
                if kind.name not in self._refused:
                    told = str(error)
                    _log.warning("left out, as it may not be listed", kind=kind.name, error=told)
        self._refused = frozenset(refused)
        return tuple(one for kind in self._kinds for one in self._last.get(kind.name, ()))

    def _list_into(self, machines: list[Machine], kind: Kind, names: Sequence[str]) -> None:
        machines.extend(inventory.list_kind(self._connection, kind, names).machines)

    def _probed(self, names: Sequence[str], machines: Sequence[Machine]) -> list[PermissionCheck]:
        """Try what needs a machine, or is asked for each subscription."""
        connection, now = self._connection, self._clock.now()
        samples = permissions.one_each(machines)
        for one in samples:
            connection.metrics(one.key.cloud_region)
        changes = inventory.learn_changes(connection, names, Lifecycle(), now)
        registered = [partial(permissions.registration, connection, name) for name in names]
        sizes = [partial(permissions.sizes, connection, one) for one in samples[:1]]
        cpu = [
            partial(permissions.metric, connection, self._by_type[one.key.resource_type], one, now)
            for one in samples
        ]
        logs = permissions.gpus(connection, self._workspace, now) if self._workspace else []
        attempts = (
            (skus.PERMISSION, sizes, "region"),
            (permissions.REGISTRATION, registered, "subscription"),
            (metrics.PERMISSION, cpu, "subscription"),
        )
        return [
            permissions.verdict(lifecycle.PERMISSION, [changes], "query"),
            *(
                permissions.verdict(name, list(self._pool.map(permissions.outcome, some)), what)
                for name, some, what in attempts
            ),
            *logs,
        ]


class _Outages:
    """Regions that do not answer, within one read: the rest of them is not waited for.

    A region counts as silent when as many calls as run at once have failed without an answer in
    between; single calls that fail do not keep others from being made.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._silent: dict[str, list[CollectorError]] = {}

    def error(self, region: str) -> CollectorError | None:
        """Return why a region is not asked; None where it is."""
        with self._lock:
            errors = self._silent.get(region, [])
            return errors[-1] if len(errors) >= WORKERS else None

    def note(self, region: str, reading: BatchReading) -> None:
        """Take note of how a call went."""
        silent = [e for e in reading.failures if isinstance(e, UnreachableError)]
        with self._lock:
            if silent and not reading.series:
                self._silent.setdefault(region, []).extend(silent)
            else:
                self._silent.pop(region, None)
