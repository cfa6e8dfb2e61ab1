"""Which subscriptions there are, from Azure Resource Manager."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from exporter.providers._shared.calls import Pages, readable
from exporter.providers.azure.errors import Call
from exporter.providers.azure.session import Connection

PERMISSION: Final = "Microsoft.Resources/subscriptions/read"

_VERSION: Final = {"api-version": "2022-12-01"}
_OFF: Final = frozenset({"Disabled", "Deleted"})


def call_for(subscription: str = "") -> Call:
    """Describe the call for error messages."""
    return Call(
        permission=PERMISSION,
        where="Azure Resource Manager",
        scope=subscription,
        subscription=subscription,
    )


def visible(connection: Connection) -> tuple[str, ...]:
    """Return the ids of all enabled subscriptions that the identity can see, sorted.

    Raises:
        CollectorError: they could not be listed, or there is none.
    """
    call = call_for()
    listed = [item for item in _listed(connection, call) if item and _enabled(item)]
    found, _ = readable(listed, lambda item: _id(item, call), call, "subscriptions")
    ids = sorted({name for _, name in found})
    if not ids:
        raise call.invisible()
    return tuple(ids)


def confirm(connection: Connection, subscription: str) -> None:
    """Make sure that the identity may read a subscription.

    Resource Graph answers a query about a subscription that it must not show with no rows, just as
    one about an empty subscription.

    Raises:
        CollectorError: it may not, or the subscription does not exist.
    """
    call = call_for(subscription)
    item = connection.get(f"/subscriptions/{subscription}", call, **_VERSION)
    if _id(item, call) != subscription:
        call.reject("the answer is about another subscription")


def _listed(connection: Connection, call: Call) -> Iterator[Mapping[str, Any]]:
    page = connection.get("/subscriptions", call, **_VERSION)
    pages = Pages(call)
    while True:
        if not isinstance(page.get("value"), list):
            call.reject("the answer lists no subscriptions")
        yield from page["value"]
        link = pages.turn(page.get("nextLink"), len(page["value"]))
        if not link:
            return
        page = connection.get(link, call)


def _id(item: Mapping[str, Any], call: Call) -> str:
    found = item.get("subscriptionId")
    if not isinstance(found, str) or not found:
        call.reject("a subscription without id")
    return found.lower()


def _enabled(item: Mapping[str, Any]) -> bool:
    return item.get("state") not in _OFF
