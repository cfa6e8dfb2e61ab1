"""What a kind is: one service of Google Cloud, how it is listed and how it is read.

To cover one more service, write ``kinds/<name>.py`` with a subclass of ``Kind`` called ``KIND``.
That is all: the file's name is the name in ``services:``, and the provider, ``check``, the
reference of the configuration and the test of the role in deploy/iam find it there. It says at
least ``what``, ``resource_type``, ``listing``, ``list`` and ``metrics``. The simulated Google Cloud
(``exporter/demo/gcp``) learns the service too, so that its tests run the real thing, and the fleet
of the demo gets some of its machines.

One poll goes like this. ``list`` is called once for each project, in parallel threads. Each of
``metrics`` is read with one paged question over all projects, whatever they are of, and ``point``
makes of the answers what the engine is told.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from exporter.core.errors import CollectorError
from exporter.core.model import Inventory, Machine, ResourceKey, UsageSeries
from exporter.core.ports import AdapterContext
from exporter.core.units import Ratio
from exporter.providers._shared.reading import GpuReading, Points
from exporter.providers.gcp.errors import Call

if TYPE_CHECKING:  # they know the kinds
    from exporter.providers.gcp.config import Config
    from exporter.providers.gcp.metrics import Question
    from exporter.providers.gcp.session import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """An IAM permission, the API that needs it, and how to try it in a project for ``check``."""

    name: str
    api: str
    probe: "Callable[[Connection, str], object]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Machines of one kind in one project, and what did not answer.

    ``whole`` is False where parts are missing and it is not told which.
    """

    machines: tuple[Machine, ...]
    unseen_regions: frozenset[str] = frozenset()
    whole: bool = True
    failures: tuple[CollectorError, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric of Cloud Monitoring.

    ``resource`` is the type of the monitored resource, of whose labels ``key`` reads which machine
    a series is of. ``whole`` is the value that stands for 1, ``role`` what it is to ``point``.
    """

    type: str
    resource: str
    key: Callable[[Mapping[str, str]], ResourceKey]
    whole: float
    meaning: str
    role: str = "cpu"
    group_by: Sequence[str] = ()
    """Fields of which series that agree in them become their mean; empty: each stays alone."""


def region_of(zone: str) -> str:
    """Return the region of a zone: ``europe-west1`` of ``europe-west1-b``."""
    return zone.rpartition("-")[0]


def merged(
    listings: Sequence[Listing],
    seen: Iterable[Machine],
    errors: Sequence[CollectorError],
    *,
    unseen_all: bool,
) -> Inventory:
    """Put what was listed, and what is known otherwise, into one inventory."""
    listed = (one for listing in listings for one in listing.machines)
    return Inventory(
        machines=(*listed, *seen),
        unseen_regions=frozenset().union(*(listing.unseen_regions for listing in listings)),
        unseen_all=unseen_all or not all(listing.whole for listing in listings),
        failures=(*errors, *(e for listing in listings for e in listing.failures)),
    )


class Kind(ABC):
    """One service of Google Cloud, for one collector."""

    what: ClassVar[str]
    """What it counts, in the plural: the reference of the configuration says it."""
    not_counted: ClassVar[str] = ""
    """What belongs to it and is left out, for the reference of resource types; most say nothing."""
    resource_type: ClassVar[str]
    """Value of the label; ``<service>_<thing>``."""
    listing: ClassVar[Permission]
    """Without it, nothing of this kind can be listed."""
    further: ClassVar[tuple[Permission, ...]] = ()
    """Permissions without which something is missing from its machines."""
    metrics: ClassVar[tuple[Metric, ...]]
    """What tells of its machines, each in a role of its own."""
    sighted: ClassVar[bool] = False
    """Whether its machines can be known by Cloud Monitoring alone, where they may not be listed.

    A kind of which they cannot is left out then, with one warning.
    """

    def __init__(self, config: "Config", context: AdapterContext) -> None:
        self._config = config
        self._context = context

    @property
    def name(self) -> str:
        """Name of its file, and in ``services:``."""
        return type(self).__module__.rpartition(".")[2]

    @abstractmethod
    def list(self, connection: "Connection", project: str) -> Listing:
        """List one project in all states. Called from several threads at once.

        Raises:
            CollectorError: the project could not be listed.
        """

    def limit(self, machine: Machine, role: str) -> float:  # noqa: ARG002 - for others
        """Return the highest value that a machine can have in a role, in parts of the whole."""
        return 1.0

    def point(self, machine: Machine, answers: Mapping[str, Mapping[int, Ratio]]) -> UsageSeries:
        """Make what the engine is told of the answers by role, on the window's buckets."""
        points: Points = answers["cpu"]
        return UsageSeries(key=machine.key, cpu=points)

    def gpus(
        self,
        connection: "Connection",  # noqa: ARG002 - for others
        asked: "Question",  # noqa: ARG002
        machines: Sequence[Machine],  # noqa: ARG002
        call: Call,  # noqa: ARG002
    ) -> GpuReading:
        """Read the accelerators of its machines over the span of a question. Never raises.

        Points are at the question's periods, as those of ``metrics``.
        """
        return GpuReading()

    def extra_series(self, machines: Iterable[Machine]) -> int:  # noqa: ARG002 - for others
        """How many series it reads beside those of ``metrics``, for the bill."""
        return 0
