"""What a kind is: one service of AWS, how it is listed and how it is read. One file of ``kinds/``.

To cover one more service, write ``kinds/<name>.py`` with a subclass of ``Kind`` called ``KIND``.
That is all: the file's name is the name in ``services:``, and the provider, ``check``, the
reference of the configuration and the test of the policy in deploy/iam find it there. It says at
least ``what``, ``resource_type``, ``listing``, ``list`` and ``queries``, as ``ec2.py`` does; one
whose machines another service's call lists shares that in ``kinds/_listing.py``, as ``rds.py``
does. Then come its tests (``tests/providers/aws/kinds``), a file of the simulated AWS
(``exporter/demo/aws/services``) and rows of the demo's fleet (``exporter/demo/fleets``: how its
machines are named, and some of them). With these, it is under the contract of providers and under
the comparison of the whole product with the truth; a kind without them fails the tests, which say
what is missing. ``make docs`` writes the rest.

One poll goes like this. ``list`` is called once for each region, in parallel threads; then, in the
provider's thread, ``seen`` with each listing and ``after`` with all of them. ``queries`` says which
metrics tell of a machine: those of all kinds are asked for together, 500 a request. ``point`` makes
of their answers what the engine is told.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from exporter.core.errors import CollectorError
from exporter.core.model import Machine, ResourceKey, UsageSeries, Window
from exporter.core.ports import AdapterContext, Clock
from exporter.providers._shared.reading import GpuReading, Points
from exporter.providers.aws.errors import Call
from exporter.providers.aws.shapes import TypeFacts, TypeSource

if TYPE_CHECKING:  # they know the kinds
    from exporter.providers.aws.config import Config
    from exporter.providers.aws.session import Connection

ON_DEMAND: Final = "on_demand"
"""``lifecycle`` of a machine that AWS does not take back."""

_T = TypeVar("_T")


class Once:
    """Work that several kinds need in one poll, such as a listing that they share, done once.

    Whoever comes first does it, others wait for the outcome; an error is raised to each of them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._outcomes: dict[str, Any] = {}

    def do(self, name: str, work: Callable[[], _T]) -> _T:
        """Return what the work of that name came to.

        Raises:
            CollectorError: it failed, now or for another kind before.
        """
        with self._lock:
            own = self._locks.setdefault(name, threading.Lock())
        with own:
            if name not in self._outcomes:
                try:
                    self._outcomes[name] = work()
                except CollectorError as error:
                    self._outcomes[name] = error
        outcome: _T | CollectorError = self._outcomes[name]
        if isinstance(outcome, CollectorError):
            raise outcome
        return outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One region of an account during one poll: all that a kind may ask there."""

    region: str
    connection: "Connection"
    types: TypeFacts
    clock: Clock
    once: Once = field(default_factory=Once)

    def call(self, permission: str, otherwise: str = "") -> Call:
        """Describe a call for error messages; ``otherwise`` is how to do without it."""
        return self.connection.call(permission, self.region, otherwise)

    def client(self, call: Call, service: str = "") -> Any:  # noqa: ANN401 - boto3 makes the classes
        """Return the client of a service; of the one that the call's permission names, if none."""
        return self.connection.client(call, service)

    @property
    def type_source(self) -> TypeSource:
        """Where this region learns about instance types."""
        return TypeSource(
            client=self.connection.ec2(self.region),
            call=self.call(TypeSource.PERMISSION),
            facts=self.types,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """An IAM action, and how to try it for ``check`` in a region without changing anything.

    Without an ``optional`` one something is left out, and collecting still succeeds.
    """

    name: str
    probe: Callable[[Place], object]
    optional: bool = False

    @property
    def api(self) -> str:
        """The operation, as ``carbon_api_requests_total`` names it."""
        return self.name.rpartition(":")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Machines of one kind in one region.

    ``detailed`` are those with a point a minute where not all have, ``left_out`` says by name what
    is not counted and why, ``failures`` what went wrong beside the listing itself.
    """

    region: str
    machines: tuple[Machine, ...]
    detailed: frozenset[ResourceKey] = frozenset()
    left_out: Mapping[str, str] = field(default_factory=dict)
    failures: tuple[CollectorError, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A metric of a machine in CloudWatch.

    ``role`` says what it is to ``point``. ``whole`` is the value that stands for 1, ``most`` the
    highest that there can be after that: a little more is cut off, much more is told as
    ``implausible`` and left out. ``finest`` is how many seconds apart its points are.
    """

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    role: str = "cpu"
    stat: str = "Average"
    whole: float = 100.0
    most: float = 1.0
    finest: int = 60
    implausible: str = "CPU utilisation outside 0-100 %"


class Kind(ABC):
    """One service of AWS, for one account."""

    what: ClassVar[str]
    """What it counts, in the plural: the reference of the configuration says it."""
    not_counted: ClassVar[str] = ""
    """What belongs to it and is left out, for the reference of resource types; most say nothing."""
    resource_type: ClassVar[str]
    """Value of the label; ``<service>_<thing>``."""
    listing: ClassVar[Permission]
    """Without it, nothing of this kind can be counted."""
    optional: ClassVar[bool] = True
    """Whether the account goes on without it, with one warning, where it may not be listed."""
    starts_told: ClassVar[bool] = True
    """Whether the inventory tells when the latest run began and ended."""

    def __init__(self, config: "Config", context: AdapterContext) -> None:
        self._config = config
        self._context = context

    @property
    def name(self) -> str:
        """Name of its file, and in ``services:``."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def further(self) -> tuple[Permission, ...]:
        """Permissions without which something is missing from its machines."""
        return ()

    @property
    def extra_metrics(self) -> int:
        """How many metrics it reads beside those of ``queries``, for the bill."""
        return 0

    def listing_call(self, place: Place) -> Call:
        """Describe the call that lists it."""
        return place.call(self.listing.name, f"take {self.name} out of services")

    @abstractmethod
    def list(self, place: Place) -> Listing:
        """List one region in all states. Called from several threads at once.

        Raises:
            CollectorError: the region could not be listed whole.
        """

    def seen(self, listing: Listing, asked_at: datetime) -> tuple[Machine, ...]:  # noqa: ARG002 - for others
        """Return the machines of a listing with what earlier polls tell of them."""
        return listing.machines

    def after(self, listings: Sequence[Listing]) -> None:  # noqa: B027 - most have nothing to do
        """Remember, or tell, what a whole poll listed."""

    @abstractmethod
    def queries(self, machine: Machine) -> tuple[Query, ...]:
        """Return the metrics that tell of a machine, each with a role of its own."""

    def point(self, machine: Machine, answers: Mapping[str, Points]) -> UsageSeries:
        """Make what the engine is told of the answers by role, on the window's buckets."""
        return UsageSeries(key=machine.key, cpu=answers["cpu"])

    def gpus(
        self,
        connection: "Connection",  # noqa: ARG002 - for others
        machines: Sequence[Machine],  # noqa: ARG002
        window: Window,  # noqa: ARG002
    ) -> Sequence[Callable[[], GpuReading]]:
        """Return how to read the accelerators of its machines, in pieces that never raise."""
        return ()
