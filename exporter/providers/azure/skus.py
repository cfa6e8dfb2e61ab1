"""Facts about sizes that the shipped table lacks, from the Compute resource provider."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import structlog

from exporter.core.errors import CollectorError
from exporter.core.model import Machine, Shape
from exporter.core.ports import TypeCatalogue
from exporter.providers._shared.calls import Pages, readable
from exporter.providers.azure.errors import Call
from exporter.providers.azure.session import Connection

PERMISSION: Final = "Microsoft.Compute/skus/read"

_VERSION: Final = "2021-07-01"
_ARCHITECTURES: Final = {"x64": "x86_64", "arm64": "arm64"}

_log = structlog.get_logger(__name__)


def call_for(subscription: str, region: str) -> Call:
    """Describe the call for error messages."""
    return Call(permission=PERMISSION, where=region, scope=region, subscription=subscription)


class SizeFacts:
    """Remembers what Azure told about sizes, region by region, asked once for each.

    One for each collector; not thread-safe.
    """

    def __init__(self, table: TypeCatalogue) -> None:
        self._table = table
        self._regions: dict[str, Mapping[str, Shape]] = {}
        self._told: set[str] = set()

    def find(self, one: Machine) -> Shape | None:
        """Return what Azure told of a machine's size; None where the table has it, or nobody."""
        if not self._missing(one.instance_type):
            return None
        return self._regions.get(one.key.cloud_region, {}).get(one.instance_type.lower())

    def learn(self, machines: Iterable[Machine], connection: Connection) -> None:
        """Ask about regions that have a machine of a size which the table lacks.

        A request that fails is logged once and made again next time; a machine of unknown size is
        modelled with wider bounds meanwhile.
        """
        asking = {
            one.key.cloud_region: one.key.account
            for one in machines
            if self._missing(one.instance_type) and one.key.cloud_region not in self._regions
        }
        for region, subscription in sorted(asking.items()):
            try:
                self._regions[region] = shapes(connection, call_for(subscription, region))
            except CollectorError as error:
                self._tell_once(f"sizes in {region}", str(error))
        for one in machines:
            if self._missing(one.instance_type) and self.find(one) is None:
                self._tell_once(one.instance_type, "unknown to table and cloud")

    def _missing(self, size: str) -> bool:
        return bool(size) and self._table.find("azure", size) is None

    def _tell_once(self, subject: str, error: str) -> None:
        if subject not in self._told:
            self._told.add(subject)
            _log.warning("size not known", subject=subject, error=error)


def shapes(connection: Connection, call: Call) -> dict[str, Shape]:
    """Return all sizes of virtual machines in a region, by their name in lower case.

    Raises:
        CollectorError: they could not be listed.
    """
    found, _ = readable(_listed(connection, call), _named, call, "sizes")
    return {name: told for _, (name, told) in found if told is not None}


def _named(item: Mapping[str, Any]) -> tuple[str, Shape | None]:
    if item["resourceType"] != "virtualMachines":
        return "", None
    return str(item["name"]).lower(), shape(item.get("capabilities") or ())


def _listed(connection: Connection, call: Call) -> Iterator[Mapping[str, Any]]:
    path = f"/subscriptions/{call.subscription}/providers/Microsoft.Compute/skus"
    query = {"api-version": _VERSION, "$filter": f"location eq '{call.where}'"}
    page = connection.get(path, call, **query)
    pages = Pages(call)
    while True:
        if not isinstance(page.get("value"), list):
            call.reject("the answer lists no sizes")
        yield from page["value"]
        link = pages.turn(page.get("nextLink"), len(page["value"]))
        if not link:
            return
        page = connection.get(link, call)


def shape(capabilities: Iterable[Mapping[str, Any]]) -> Shape | None:
    """Read a size's capabilities; None where vCPUs or memory are not told.

    A constrained size (``Standard_E8-2s_v5``) has the hardware of the whole one, as nobody else can
    use what it leaves off: its ``vCPUs`` are held, of which ``vCPUsAvailable`` may be used.
    """
    told = {str(one.get("name")): str(one.get("value", "")) for one in capabilities}
    vcpus, memory = _number(told, "vCPUs"), _number(told, "MemoryGB")
    if not vcpus or not memory:
        return None
    usable = _number(told, "vCPUsAvailable")
    constrained = 0.0 < usable < vcpus
    architecture = _ARCHITECTURES.get(told.get("CpuArchitectureType", "").lower())
    return Shape(
        vcpus=usable if constrained else vcpus,
        memory_gib=memory,
        architectures=(architecture,) if architecture else (),
        threads_per_core=int(_number(told, "vCPUsPerCore")),
        gpu_count=_number(told, "GPUs"),
        reserved_vcpus=vcpus if constrained else 0.0,
    )


def _number(told: Mapping[str, str], name: str) -> float:
    try:
        return float(told.get(name) or 0.0)
    except ValueError:
        return 0.0
