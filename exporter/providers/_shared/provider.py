"""What the provider of every cloud account does the same way: its threads, credentials, end."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import inf
from typing import ClassVar, Final, Generic, Protocol, TypeVar

from exporter.core.errors import AuthError, CollectorError, UnreachableError
from exporter.core.model import Machine, Reading
from exporter.core.ports import AdapterContext
from exporter.http.deadline import PastDeadlineError, TimeBudget, within
from exporter.providers._shared.calls import failure
from exporter.providers._shared.config import CloudConfig
from exporter.providers._shared.reading import BatchReading, merged

WORKERS: Final = 4
"""Threads of an account; connection pools of its clients hold as many."""


class Closeable(Protocol):
    """Clients of one account, with credentials."""

    def authorize(self) -> None:
        """Make sure that the credentials are good for a while, renewing them where they are not.

        Raises:
            CollectorError: they are refused, or cannot be had.
        """
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


_C = TypeVar("_C", bound=Closeable)


class CloudProvider(Generic[_C]):
    """An account whose clients are made when they are first needed, and again once refused.

    ``connect`` makes them and raises CollectorError where there are no credentials. Call a provider
    from one thread at a time; it uses ``WORKERS`` inside.
    """

    kind: ClassVar[str]
    settle_seconds: ClassVar[int]
    """How long after its end a bucket is final in this cloud, unless the section says otherwise."""
    listed_after_end: ClassVar[int]
    """For how many seconds this cloud lists a machine that is gone."""
    renewing: ClassVar[tuple[type[CollectorError], ...]] = (AuthError,)
    """Errors after which clients and credentials are made anew."""

    def __init__(
        self,
        name: str,
        config: CloudConfig,
        context: AdapterContext,
        *,
        connect: Callable[[TimeBudget], _C],
        apis: Iterable[str],
    ) -> None:
        self.name: Final = name
        self.settle: Final = config.settle_seconds(self.settle_seconds)
        self._context = context
        self._connect = connect
        self._connection: _C | None = None
        self._budget = TimeBudget(config.cycle_seconds)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix=name)
        for api in apis:  # at 0 before the first request, so that a rate sees that one too
            context.meter.count(self.kind, api, requests=0)

    def told_since(self, machine: Machine, asked_at: float) -> float:  # noqa: ARG002 - the port's
        """Return from when the inventory's word about starts is whole: since ever."""
        return -inf

    def close(self) -> None:
        """Release threads and connections."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._drop_connection()

    def _connected(self) -> _C:
        """Begin a cycle: all its requests together have the time of the budget.

        Credentials come from files, processes and metadata servers that the SDKs ask in their own
        ways, some without an end: what hangs there is left behind, and asked anew next time.

        Raises:
            CollectorError: there are no credentials, or not in time.
        """
        self._budget.start()
        try:
            if self._connection is None:
                self._connection = within(self._budget.left, partial(self._connect, self._budget))
            within(self._budget.left, self._connection.authorize)
        except CollectorError as error:
            self._let_go([error])
            raise
        except PastDeadlineError as error:
            self._drop_connection()
            fix = "check what gives them: a process, a login, a metadata server"
            message = f"{self.name}: no credentials within {self._budget.seconds:.3g} s — {fix}"
            raise UnreachableError(message) from error
        return self._connection

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _let_go(self, errors: Iterable[CollectorError]) -> None:
        """Forget credentials that are refused, so that renewed ones are read without a restart."""
        if any(isinstance(error, self.renewing) for error in errors):
            self._drop_connection()

    def _merged(self, readings: Sequence[BatchReading]) -> Reading:
        """Make one answer of what batches delivered.

        Raises:
            CollectorError: all of them failed.
        """
        reading = merged(readings)
        if reading.unread and not reading.series:
            self._let_go(reading.failures)
            raise reading.failures[0]
        return reading

    def _failures(self, attempts: Iterable[Callable[[], object]]) -> list[CollectorError | None]:
        """Make attempts at the same time; returns how each failed, None where it did not."""
        return list(self._pool.map(failure, attempts))
