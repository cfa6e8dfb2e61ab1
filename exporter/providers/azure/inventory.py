"""Machines of all kinds from Azure Resource Graph."""

from collections.abc import Sequence
from datetime import datetime

from exporter.core.errors import CollectorError
from exporter.providers.azure import graph
from exporter.providers.azure.errors import Call, translated
from exporter.providers.azure.kind import Kind, Listing
from exporter.providers.azure.lifecycle import PERMISSION as CHANGES_PERMISSION
from exporter.providers.azure.lifecycle import Lifecycle
from exporter.providers.azure.lifecycle import query as changes_query
from exporter.providers.azure.session import Connection


def call_for(permission: str, subscriptions: Sequence[str]) -> Call:
    """Describe a query for error messages."""
    alone = subscriptions[0] if len(subscriptions) == 1 else ""
    return Call(
        permission=permission, where="Azure Resource Graph", scope=alone, subscription=alone
    )


def learn_changes(
    connection: Connection, subscriptions: Sequence[str], lifecycle: Lifecycle, now: datetime
) -> CollectorError | None:
    """Ask for starts, stops and deletions; without them their times are less exact.

    Returns the error of a failed request: the same changes are then asked for next time.
    """
    call = call_for(CHANGES_PERMISSION, subscriptions)
    try:
        rows = graph.rows(connection, call, changes_query(lifecycle.since(now)), subscriptions)
        with translated(call):
            lifecycle.learn(rows, now)
    except CollectorError as error:
        return error
    return None


def list_kind(connection: Connection, kind: Kind, subscriptions: Sequence[str]) -> Listing:
    """List the machines of one kind as they are now, each once.

    Raises:
        CollectorError: they could not be listed whole.
    """
    call = call_for(kind.permission, subscriptions)
    rows = list(graph.rows(connection, call, kind.query, subscriptions))
    # Where the listing moved between pages, one may come twice.
    listed = kind.machines(rows, call)
    return listed._replace(machines=tuple({one.key: one for one in listed.machines}.values()))
