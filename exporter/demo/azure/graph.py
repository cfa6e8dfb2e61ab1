"""Resource Graph as the demo speaks it: queries over its tables, page by page."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final

from exporter.demo._faults import FaultKind
from exporter.demo._http import Reply
from exporter.demo.azure import kusto
from exporter.demo.azure.errors import json_reply, nothing_readable, reject
from exporter.demo.azure.faults import Call, Fault
from exporter.demo.azure.tables import TABLES
from exporter.demo.azure.world import World

PATH: Final = "/providers/microsoft.resourcegraph/resources"
_QUOTA: Final = {"x-ms-user-quota-remaining": "14", "x-ms-user-quota-resets-after": "00:00:05"}
"""Resource Graph grants 15 queries in 5 seconds."""


def read_call(world: World, body: bytes) -> Call:
    """Say what a request asks for: a query without subscriptions asks for all."""
    asked = _document(body).get("subscriptions") or world.subscriptions
    names = frozenset(str(name).lower() for name in asked)
    return Call(service="graph", operation="resources", subscriptions=names)


def respond(world: World, call: Call, body: bytes, faults: Sequence[Fault]) -> Reply:
    """Answer one page of a query.

    Raises:
        AzureError: the request is not one that Resource Graph would accept.
    """
    asked = _document(body)
    options = asked.get("options") or {}
    query = kusto.parse(str(asked.get("query", "")))
    if query.table not in TABLES:
        reject(f"Query is invalid: table '{query.table}' is unknown.", "InvalidQuery")
    if options.get("resultFormat", "objectArray") != "objectArray":
        reject("The demo answers resultFormat objectArray only.")
    readable = _readable(world, call, faults)
    moment, offset = _position(options, world.now())
    seen = [m for m in world.listed(moment) if m.account in readable]
    rows = query.run(list(TABLES[query.table](world, seen, moment, str(asked["query"]))))
    return _page(world, options, rows, moment, offset)


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        reject("The request body is not JSON.")
    return document if isinstance(document, dict) else {}


def _readable(world: World, call: Call, faults: Sequence[Fault]) -> frozenset[str]:
    """Return the subscriptions of the query that the caller may read."""
    hidden = [f.subscription for f in faults if f.kind is FaultKind.MISSING_PERMISSION]
    left = call.subscriptions & set(world.subscriptions)
    left = frozenset() if None in hidden else left - set(hidden)
    if not left:
        nothing_readable()
    return left


def _position(options: Mapping[str, Any], now: float) -> tuple[float, int]:
    """Return the time that the rows show, and how many of them came before this page."""
    token = options.get("$skipToken")
    if not token:
        return now, int(options.get("$skip") or 0)
    try:
        moment, offset = urlsafe_b64decode(token).decode().split(":")
        return float(moment), int(offset)
    except ValueError:
        reject("The skip token is invalid.", "InvalidSkipToken")


def _page(
    world: World,
    options: Mapping[str, Any],
    rows: Sequence[kusto.Row],
    moment: float,
    offset: int,
) -> Reply:
    """Return some of the rows; paging needs the column ``id``, without it the rest is lost."""
    size = min(int(options.get("$top") or world.limits.rows), world.limits.rows)
    page = rows[offset : offset + size]
    more = offset + size < len(rows)
    document: dict[str, object] = {
        "totalRecords": len(rows),
        "count": len(page),
        "resultTruncated": "true" if more else "false",
        "facets": [],
        "data": page,
    }
    if more and "id" in page[0]:
        token = f"{moment!r}:{offset + size}"
        document["$skipToken"] = urlsafe_b64encode(token.encode()).decode()
    return json_reply(document, _QUOTA)
