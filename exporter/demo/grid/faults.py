"""What can be wrong with the simulated grid's answers, on request."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import ClassVar, Final

from exporter.demo._faults import BaseFault, FaultBook, FaultKind
from exporter.demo._http import Reply

HUGE_BYTES: Final = 3 * 1024 * 1024
"""Size of the answer of ``Fault.HUGE``."""


class Fault(StrEnum):
    """One way to answer wrongly, or rightly but awkwardly."""

    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    THROTTLED = "429"
    SERVER_ERROR = "500"
    REDIRECT = "a redirect to another host"
    HTML = "HTML instead of JSON"
    TRUNCATED = "JSON that breaks off"
    HUGE = "a right answer of 3 MB"
    HANG = "no answer until the server closes"
    EMPTY = "no points"
    NULLS = "the values are null"
    WRONG_ZONE = "another zone's points, in protocols that name the zone"
    FUTURE = "points that have not begun, too"


Answer = Reply
"""One HTTP answer of the grid."""

UNAUTHORIZED: Final = Reply(status=HTTPStatus.UNAUTHORIZED, body=b'{"error": "Invalid auth-token"}')
"""What a missing or wrong key gets."""

_FIXED: Final[Mapping[Fault, Answer]] = {
    Fault.UNAUTHORIZED: UNAUTHORIZED,
    Fault.FORBIDDEN: Reply(status=HTTPStatus.FORBIDDEN, body=b"Access denied"),
    Fault.NOT_FOUND: Reply(
        status=HTTPStatus.NOT_FOUND, body=b'{"status": "error", "message": "No data"}'
    ),
    Fault.SERVER_ERROR: Reply(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        body=b'{"error": {"code": "500 Internal Server Error", "message": "Unexpected"}}',
    ),
    Fault.REDIRECT: Reply(
        status=HTTPStatus.FOUND, body=b"", headers={"Location": "http://elsewhere.invalid/"}
    ),
    Fault.HTML: Reply(
        status=HTTPStatus.OK, body=b"<html><head><title>Sign in</title></head></html>"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GridFault(BaseFault):
    """One kind of trouble, for every request: of transport, or an ``answer``.

    ``retry_after`` is the header's value in seconds, sent with a 429.
    """

    SCOPE: ClassVar[tuple[str, ...]] = ()

    answer: Fault | None = None
    retry_after: int | None = None

    def fixed(self) -> Reply | None:
        """Return the whole answer where the fault fixes it."""
        if self.answer is Fault.THROTTLED:
            after = self.retry_after
            return Reply(
                status=HTTPStatus.TOO_MANY_REQUESTS,
                body=b'{"error": "Too many requests"}',
                headers={} if after is None else {"Retry-After": str(after)},
            )
        return None if self.answer is None else _FIXED.get(self.answer)


def book() -> FaultBook[GridFault]:
    """Return a book of what the grid knows."""
    return FaultBook(frozenset({FaultKind.GRID_ANSWER}))


def spoiled(body: bytes, fault: Fault | None) -> bytes:
    """Break off or inflate a right answer, where the fault says so."""
    if fault is Fault.TRUNCATED:
        return body[: len(body) // 2]
    if fault is Fault.HUGE:
        return body + b" " * (HUGE_BYTES - len(body))
    return body
