"""Disks of instances: sizes from the list of instances, types from disks.aggregatedList.

The list of instances names each machine's disks with their size, but not whether they are SSDs. A
disk never changes its type, so the disks of a project are listed only when a machine has one that
is not known: one paged call, free of charge. Local SSDs (``SCRATCH``) belong to the machine's own
server, whose power holds theirs: they are left out.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import structlog

from exporter.core.errors import CollectorError
from exporter.core.model import Disk, DiskKind
from exporter.providers._shared.calls import MISREAD, Pages
from exporter.providers.gcp.errors import Call, DeniedError, from_status, translated
from exporter.providers.gcp.session import Connection, JsonObject

PERMISSION: Final = "compute.disks.list"
API: Final = "disks.aggregatedList"

PAGE_SIZE: Final = 500
"""Largest maxResults of disks.aggregatedList (Compute Engine API reference)."""

_KIND: Final = "compute#diskAggregatedList"
_FIELDS: Final = "kind,nextPageToken,items/*/disks(selfLink,type)"
_PERSISTENT: Final = "PERSISTENT"

_HARD_DISKS: Final = frozenset({"pd-standard"})
"""Types on hard disks (Compute Engine documentation, "Persistent Disk")."""

_ZONAL_COPIES: Final = 1.0
_REGIONAL_COPIES: Final = 2.0
"""Replication factors of Cloud Carbon Footprint: a regional disk is kept in two zones."""

_log = structlog.get_logger(__name__)

_Key = tuple[str, str]
"""An instance's id and the path of its disk: a disk of the same name may come back as another."""


@dataclass(slots=True)
class DiskFacts:
    """Remembers the types of disks by project. Shared by the worker threads of one collector."""

    _types: dict[str, dict[_Key, str]] = field(default_factory=dict)
    _refused: set[str] = field(default_factory=set)

    def learn(
        self, items: Sequence[Mapping[str, Any]], connection: Connection, project: str
    ) -> CollectorError | None:
        """Ask for the types of a project's disks, if an instance has one that is not known.

        Returns the error of a failed request, after which disks of unknown type count as SSDs. A
        refusal is logged instead, once: what is lost is little.
        """
        call = connection.call(PERMISSION, project)
        wanted = {key for item in items for key, _ in _attached(item)}
        known = {key: name for key, name in self._types.get(project, {}).items() if key in wanted}
        error: CollectorError | None = None
        if wanted - known.keys():
            try:
                listed = dict(_listed(connection, call))
                known |= {key: listed[key[1]] for key in wanted if key[1] in listed}
                self._refused.discard(project)
            except DeniedError as refusal:
                self._tell(project, refusal)
            except CollectorError as failure:
                error = failure
        self._types[project] = known
        return error

    def of(self, items: Sequence[Mapping[str, Any]], project: str) -> Iterator[tuple[Disk, ...]]:
        """Yield the disks of each instance, in order.

        A disk that is attached to several instances is shared out evenly among them.
        """
        users = Counter(path for item in items for (_, path), _ in _attached(item))
        types = self._types.get(project, {})
        for item in items:
            yield tuple(
                _disk(types.get(key, ""), key[1], gib / users[key[1]])
                for key, gib in _attached(item)
            )

    def _tell(self, project: str, refusal: DeniedError) -> None:
        if project not in self._refused:
            self._refused.add(project)
            _log.warning(
                "hard disks cannot be told from SSDs, all count as SSDs", error=str(refusal)
            )


def try_list(connection: Connection, project: str) -> None:
    """Ask for one disk.

    Raises:
        CollectorError: the disks could not be listed.
    """
    _page(connection, {"maxResults": "1"}, connection.call(PERMISSION, project))


def _attached(item: Mapping[str, Any]) -> Iterator[tuple[_Key, float]]:
    """Yield key and GiB of an instance's persistent disks."""
    for one in item.get("disks") or ():
        with suppress(*MISREAD):  # an odd one is left out, the machine and its others count
            size, source = float(one.get("diskSizeGb") or 0.0), _path(one.get("source"))
            if one.get("type", _PERSISTENT) == _PERSISTENT and size and source:
                yield (str(item.get("id")), source), size


def _disk(disk_type: str, path: str, gib: float) -> Disk:
    return Disk(
        kind=DiskKind.HDD if disk_type in _HARD_DISKS else DiskKind.SSD,
        type=disk_type,
        size_gib=gib,
        copies=_REGIONAL_COPIES if "/regions/" in path else _ZONAL_COPIES,
    )


def _listed(connection: Connection, call: Call) -> Iterator[tuple[str, str]]:
    """Yield path and type of the disks of a project."""
    params = {"maxResults": str(PAGE_SIZE)}
    pages = Pages(call)
    while True:
        page = _page(connection, params, call)
        disks: list[Mapping[str, Any]] = []
        with translated(call):
            for listed in (page.get("items") or {}).values():
                disks += (listed or {}).get("disks") or ()
        for one in disks:
            with suppress(*MISREAD):  # one whose type is not told counts as an SSD
                yield _path(one["selfLink"]), str(one["type"]).rpartition("/")[2]
        token = pages.turn(page.get("nextPageToken"), len(disks))
        if not token:
            return
        params["pageToken"] = token


def _page(connection: Connection, params: Mapping[str, str], call: Call) -> JsonObject:
    fixed = {"returnPartialSuccess": "true", "fields": _FIELDS}
    page = connection.get(
        API, f"projects/{call.project}/aggregated/disks", {**params, **fixed}, call
    )
    if page is None:
        raise from_status(HTTPStatus.NOT_FOUND, ("notFound",), call)
    if page.get("kind") != _KIND:
        call.reject("the answer lists no disks")
    return page


def _path(url: object) -> str:
    """Part of a URL that names the disk: hosts and versions of the API differ."""
    return str(url or "").partition("/projects/")[2]
