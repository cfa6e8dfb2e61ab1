"""What a kind is: one sort of Azure resource, how it is listed and which metric tells of it.

To cover one more, write ``kinds/<name>.py`` with a subclass of ``Kind`` called ``KIND``. That is
all: the file's name is the name in ``services:``, and the provider, ``check``, the reference of the
configuration and the test of the role in deploy/iam find it there. The simulated Azure
(``exporter/demo/azure``) learns it too, so that its tests run the real thing, and the fleet of the
demo gets some of its machines.

All are listed by Resource Graph, a query each over all subscriptions, and read by the metrics batch
API, 50 resources a call.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from exporter.core.errors import CollectorError
from exporter.core.model import Machine
from exporter.providers.azure.errors import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A platform metric of Azure Monitor, whose averages in ``unit`` are percent of a machine."""

    namespace: str
    name: str
    unit: str = "Percent"
    meaning: str = "CPU utilisation"


class Listing(NamedTuple):
    """Machines of one kind, and what was odd about the others."""

    machines: tuple[Machine, ...]
    failures: tuple[CollectorError, ...] = ()


class Kind(ABC):
    """One sort of resource. Without state."""

    what: ClassVar[str]
    """What it counts, in the plural: the reference of the configuration says it."""
    not_counted: ClassVar[str] = ""
    """What belongs to it and is left out, for the reference of resource types; most say nothing."""
    resource_type: ClassVar[str]
    """Value of the label; ``<service>_<thing>``."""
    permission: ClassVar[str]
    """The action that a role must allow for it to be listed."""
    query: ClassVar[str]
    """For Resource Graph; projects ``id`` and is ordered by it."""
    metric: ClassVar[Metric]
    optional: ClassVar[bool] = True
    """Whether the account goes on without it, with one warning, where it may not be listed."""

    @property
    def name(self) -> str:
        """Name of its file, and in ``services:``."""
        return type(self).__module__.rpartition(".")[2]

    @abstractmethod
    def machines(self, rows: Sequence[Mapping[str, Any]], call: Call) -> Listing:
        """Read all rows of its query; odd ones are left out, as a minor failure.

        Raises:
            BadPayloadError: none can be understood.
        """
