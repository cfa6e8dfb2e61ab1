"""The question of ``/api/v1/resources``: which machines, in which order, how many."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from exporter.core.errors import CarbonExporterError
from exporter.core.snapshot import ResourceState, ResourceView
from exporter.exposition.documents import current_rate

DEFAULT_LIMIT: Final = 1000
MAX_PARAMETERS: Final = 50
"""More than a person or a dashboard asks for; longer ones are refused before they cost anything."""
MAX_LIMIT: Final = 10_000


def _utilization(view: ResourceView) -> float:
    ratio = None if view.now is None else view.now.utilization
    return -inf if ratio is None else ratio


SORTS: Final[Mapping[str, Callable[[ResourceView], float | str]]] = {
    "rate": current_rate,
    "power": lambda view: view.now.power_bounds.central if view.now else -inf,
    "utilization": _utilization,
    "energy": lambda view: view.energy,
    "emissions": lambda view: view.operational + view.embodied,
    "name": lambda view: view.machine.name,
}
"""Sort keys; a leading ``-`` turns the order round."""

_LONGEST_SHOWN: Final = 100
_WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,5}")

_FILTERS: Final[Mapping[str, Callable[[ResourceView], str]]] = {
    "provider": lambda view: view.machine.key.provider,
    "account": lambda view: view.machine.key.account,
    "region": lambda view: view.machine.key.cloud_region,
    "state": lambda view: view.state,
}


class QueryError(CarbonExporterError):
    """The question cannot be answered: names the parameter and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceQuery:
    """A parsed question. Values of one filter are alternatives; filters all apply."""

    filters: Mapping[str, frozenset[str]]
    tags: tuple[tuple[str, str | None], ...]
    """Tag key and value; None matches any value."""
    sort: str
    descending: bool
    limit: int

    def matching(self, views: Iterable[ResourceView]) -> list[ResourceView]:
        """Return all machines that match, sorted; the limit is not applied."""
        found = [view for view in views if self._matches(view)]
        found.sort(key=lambda view: view.machine.key)
        found.sort(key=SORTS[self.sort], reverse=self.descending)
        return found

    def _matches(self, view: ResourceView) -> bool:
        return all(_FILTERS[name](view) in wanted for name, wanted in self.filters.items()) and all(
            _tagged(view, key, value) for key, value in self.tags
        )


def parse_query(items: Sequence[tuple[str, str]], tags: Sequence[str]) -> ResourceQuery:
    """Read query parameters; ``tags`` are the keys that may be asked for.

    Raises:
        QueryError: unknown parameter, sort key, state or tag, a limit out of range, or too many.
    """
    if len(items) > MAX_PARAMETERS:
        message = f"{len(items)} parameters — write {MAX_PARAMETERS} or fewer"
        raise QueryError(message)
    _check_names(items)
    given: dict[str, list[str]] = {}
    for name, value in items:
        given.setdefault(name, []).append(value)
    sort = given.get("sort", ["-rate"])[-1]
    return ResourceQuery(
        filters={name: frozenset(given[name]) for name in _FILTERS if name in given},
        tags=tuple(_tag(text, tags) for text in given.get("tag", ())),
        sort=_one_of("sort", sort.removeprefix("-"), SORTS),
        descending=sort.startswith("-"),
        limit=_limit(given.get("limit", [str(DEFAULT_LIMIT)])[-1]),
    )


def _check_names(items: Sequence[tuple[str, str]]) -> None:
    for name, value in items:
        _one_of("parameter", name, (*_FILTERS, "tag", "sort", "limit"))
        if name == "state":
            _one_of("state", value, tuple(map(str, ResourceState)))


def _one_of(what: str, value: str, known: Iterable[str]) -> str:
    if value in known:
        return value
    shown = value if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]}…"
    message = f"unknown {what} {shown!r} — use one of: {', '.join(known) or 'none configured'}"
    raise QueryError(message)


def _tag(text: str, tags: Sequence[str]) -> tuple[str, str | None]:
    key, equals, value = text.partition("=")
    return _one_of("tag", key, tags), value if equals else None


def _limit(text: str) -> int:
    if _WHOLE_NUMBER.fullmatch(text) and 1 <= int(text) <= MAX_LIMIT:
        return int(text)
    message = f"limit {text[:_LONGEST_SHOWN]!r} — write a whole number from 1 to {MAX_LIMIT}"
    raise QueryError(message)


def _tagged(view: ResourceView, key: str, value: str | None) -> bool:
    found = view.machine.tags.get(key)
    return found is not None and value in (None, found)
