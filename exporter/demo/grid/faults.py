"""What can be wrong with the simulated grid's answers, on request."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Final

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status, body and extra headers of one HTTP answer."""

    status: HTTPStatus
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


UNAUTHORIZED: Final = Answer(
    status=HTTPStatus.UNAUTHORIZED, body=b'{"error": "Invalid auth-token"}'
)
"""What a missing or wrong key gets."""

_FIXED: Final[Mapping[Fault, Answer]] = {
    Fault.UNAUTHORIZED: UNAUTHORIZED,
    Fault.FORBIDDEN: Answer(status=HTTPStatus.FORBIDDEN, body=b"Access denied"),
    Fault.NOT_FOUND: Answer(
        status=HTTPStatus.NOT_FOUND, body=b'{"status": "error", "message": "No data"}'
    ),
    Fault.SERVER_ERROR: Answer(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        body=b'{"error": {"code": "500 Internal Server Error", "message": "Unexpected"}}',
    ),
    Fault.REDIRECT: Answer(
        status=HTTPStatus.FOUND, body=b"", headers={"Location": "http://elsewhere.invalid/"}
    ),
    Fault.HTML: Answer(
        status=HTTPStatus.OK, body=b"<html><head><title>Sign in</title></head></html>"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    fault: Fault
    answers: int | None
    retry_after: int | None


class FaultSwitch:
    """Which fault spoils the next answers; set by one thread, taken by the server's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plan: _Plan | None = None

    def set(self, fault: Fault, *, answers: int | None, retry_after: int | None) -> None:
        """Spoil the next ``answers`` answers, or all; ``retry_after`` seconds go with a 429."""
        with self._lock:
            self._plan = _Plan(fault=fault, answers=answers, retry_after=retry_after)

    def clear(self) -> None:
        """Spoil nothing more."""
        with self._lock:
            self._plan = None

    def take(self) -> tuple[Fault | None, Answer | None]:
        """Return the fault of this answer, and the whole answer where the fault fixes it."""
        with self._lock:
            plan = self._plan
            if plan is None:
                return None, None
            if plan.answers is not None:
                left = plan.answers - 1
                self._plan = (
                    _Plan(fault=plan.fault, answers=left, retry_after=plan.retry_after)
                    if left > 0
                    else None
                )
        return plan.fault, _fixed(plan)


def _fixed(plan: _Plan) -> Answer | None:
    if plan.fault is not Fault.THROTTLED:
        return _FIXED.get(plan.fault)
    headers = {} if plan.retry_after is None else {"Retry-After": str(plan.retry_after)}
    body = b'{"error": "Too many requests"}'
    return Answer(status=HTTPStatus.TOO_MANY_REQUESTS, body=body, headers=headers)


def spoiled(body: bytes, fault: Fault | None) -> bytes:
    """Break off or inflate a right answer, where the fault says so."""
    if fault is Fault.TRUNCATED:
        return body[: len(body) // 2]
    if fault is Fault.HUGE:
        return body + b" " * (HUGE_BYTES - len(body))
    return body
