"""Azure Resource Graph: queries over many subscriptions at once, page by page."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from exporter.providers._shared.calls import Pages
from exporter.providers.azure.errors import Call
from exporter.providers.azure.session import Connection

PAGE_SIZE: Final = 1000
"""Most rows of one page (Resource Graph documentation, "Paging results")."""

SUBSCRIPTIONS: Final = 1000
"""Subscriptions that one query names; a tenant with more is asked in parts."""

_PATH: Final = "/providers/Microsoft.ResourceGraph/resources"
_VERSION: Final = "2021-03-01"


def rows(
    connection: Connection, call: Call, query: str, subscriptions: Sequence[str]
) -> Iterator[Mapping[str, Any]]:
    """Yield all rows of a query, which must project ``id`` and be ordered by it to be paged.

    Raises:
        CollectorError: a page could not be read; rows already yielded are not the whole.
    """
    for start in range(0, len(subscriptions), SUBSCRIPTIONS):
        yield from _part(connection, call, query, subscriptions[start : start + SUBSCRIPTIONS])


def _part(
    connection: Connection, call: Call, query: str, subscriptions: Sequence[str]
) -> Iterator[Mapping[str, Any]]:
    options: dict[str, Any] = {"$top": PAGE_SIZE, "resultFormat": "objectArray"}
    pages = Pages(call)
    while True:
        body = {"subscriptions": list(subscriptions), "query": query, "options": options}
        answer, headers = connection.post(_PATH, call, body, **{"api-version": _VERSION})
        yield from _data(answer, call)
        token = pages.turn(answer.get("$skipToken"), len(answer["data"]))
        if not token:
            return
        options = options | {"$skipToken": token}
        connection.rest(headers)


def _data(answer: Mapping[str, Any], call: Call) -> list[Mapping[str, Any]]:
    data = answer.get("data")
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        call.reject("the answer holds no rows")
    if answer.get("resultTruncated") == "true" and not answer.get("$skipToken"):
        call.reject("the answer was cut short")
    return data
