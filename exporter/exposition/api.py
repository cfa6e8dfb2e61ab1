"""``/api/v1``: the snapshot as JSON."""

from collections.abc import Callable, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from exporter.core.snapshot import Snapshot
from exporter.exposition.documents import (
    JSON_TYPE,
    encode,
    grid,
    outlook,
    ranking,
    resource,
    standing,
)
from exporter.exposition.negotiate import reply
from exporter.exposition.publisher import Publisher
from exporter.exposition.query import QueryError, parse_query

Explain = Callable[[str, Mapping[str, str]], Mapping[str, object] | None]
"""Explains a resource id or a machine type, with the parameters of the question; None where it
knows neither. Raises QueryError for a parameter that it can't read."""

UNSAVED = (
    "the state file cannot be used: totals are withheld until it can; the log says why, and "
    'carbon_collector_success{collector="store"} is 0 meanwhile'
)
WAITING = "waiting for the first collection cycle to finish"


class Api:
    """The endpoints. ``tags`` are the keys of cloud tags that may be shown and asked for."""

    def __init__(self, publisher: Publisher, *, tags: Sequence[str], explain: Explain) -> None:
        self._publisher = publisher
        self._tags = tuple(tags)
        self._explain = explain

    def routes(self) -> list[Route]:
        """Return the routes below ``/api/v1``."""
        return [
            Route("/api/v1/resources", self._resources),
            Route("/api/v1/grid", self._grid),
            Route("/api/v1/regions", self._regions),
            Route("/api/v1/summary", self._summary),
            Route("/api/v1/explain/{id:path}", self._explained),
        ]

    # Not async: these run in a thread, so that a long list does not hold up a scrape.
    def _resources(self, request: Request) -> Response:
        snapshot = self._publisher.current.snapshot
        if snapshot is None:
            return error(503, WAITING)
        try:
            query = parse_query(request.query_params.multi_items(), self._tags)
        except QueryError as problem:
            return error(400, str(problem))
        found = query.matching(snapshot.resources)
        shown = [resource(view, self._tags) for view in found[: query.limit]]
        return answer(_head(snapshot) | {"matched": len(found), "resources": shown})

    def _grid(self, _request: Request) -> Response:
        snapshot = self._publisher.current.snapshot
        if snapshot is None:
            return error(503, WAITING)
        return answer(
            _head(snapshot)
            | {
                "grids": [grid(one, snapshot.time) for one in snapshot.grids],
                "forecasts": [outlook(one) for one in snapshot.outlooks],
                "percentiles": [standing(one, snapshot.time) for one in snapshot.standings],
            }
        )

    def _regions(self, _request: Request) -> Response:
        snapshot = self._publisher.current.snapshot
        if snapshot is None:
            return error(503, WAITING)
        return answer(_head(snapshot) | {"regions": ranking(snapshot)})

    async def _summary(self, request: Request) -> Response:
        summary = self._publisher.current.summary
        return error(503, WAITING) if summary is None else reply(request, summary)

    def _explained(self, request: Request) -> Response:
        wanted = request.path_params["id"]
        try:
            found = self._explain(wanted, request.query_params)
        except QueryError as problem:
            return error(400, str(problem))
        return error(404, f"no machine or type {wanted!r}") if found is None else answer(found)


def answer(content: object, status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(encode(content), status, media_type=JSON_TYPE)


def error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return an error as JSON: ``{"error": message}``."""
    return Response(encode({"error": message}), status, headers, JSON_TYPE)


def _head(snapshot: Snapshot) -> dict[str, object]:
    return {"time": snapshot.time, "simulated": snapshot.simulated}
