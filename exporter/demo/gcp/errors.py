"""How Google words a refusal, over REST and over gRPC."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NoReturn

from exporter.demo._faults import FaultKind
from exporter.demo._http import Reply
from exporter.demo.gcp.faults import Call

JSON: Final = "application/json; charset=UTF-8"
_PERMISSIONS: Final[Mapping[str, str]] = {
    "ListTimeSeries": "monitoring.timeSeries.list",
    "instances.aggregatedList": "compute.instances.list",
    "disks.aggregatedList": "compute.disks.list",
    "machineTypes.get": "compute.machineTypes.get",
}
_API_NAMES: Final[Mapping[str, str]] = {
    "compute": "Compute Engine API",
    "monitoring": "Cloud Monitoring API",
}
_UNKNOWN_CALLER: Final = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie "
    "or other valid authentication credential."
)


class GoogleError(Exception):
    """An error as Google names it: HTTP status, reason of Compute, and canonical code."""

    def __init__(self, status: int, reason: str, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.code = code


@dataclass(frozen=True, slots=True)
class _Words:
    status: int
    reason: str
    code: str
    text: str


_WORDS: Final[Mapping[FaultKind, _Words]] = {
    FaultKind.THROTTLING: _Words(
        429,
        "rateLimitExceeded",
        "RESOURCE_EXHAUSTED",
        "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute'; "
        "reduce the query rate",
    ),
    FaultKind.QUOTA: _Words(
        403, "rateLimitExceeded", "RESOURCE_EXHAUSTED", "Rate Limit Exceeded; reduce the query rate"
    ),
    FaultKind.UNAVAILABLE: _Words(
        503, "backendError", "UNAVAILABLE", "The service is currently unavailable."
    ),
    FaultKind.INTERNAL_ERROR: _Words(
        500, "internalError", "INTERNAL", "Internal error encountered."
    ),
    FaultKind.DEADLINE: _Words(
        504,
        "backendError",
        "DEADLINE_EXCEEDED",
        "Deadline expired before operation could complete.",
    ),
    FaultKind.EXPIRED_CREDENTIALS: _Words(401, "authError", "UNAUTHENTICATED", _UNKNOWN_CALLER),
    FaultKind.INVALID_CREDENTIALS: _Words(401, "authError", "UNAUTHENTICATED", _UNKNOWN_CALLER),
}


def refuse(call: Call, kinds: Collection[FaultKind]) -> None:
    """Raise what the faults in force make the service say; other kinds pass.

    Raises:
        GoogleError: one of the kinds is put in words.
    """
    for kind in kinds:
        if kind is FaultKind.MISSING_PERMISSION:
            raise denied(call)
        if kind is FaultKind.API_DISABLED:
            raise _disabled(call)
        if kind in _WORDS:
            words = _WORDS[kind]
            raise GoogleError(words.status, words.reason, words.code, words.text)


def denied(call: Call) -> GoogleError:
    """Return the error for a permission that the caller lacks."""
    permission = _PERMISSIONS.get(call.operation, call.operation)
    if call.service == "monitoring":
        text = f"Permission {permission} denied (or the resource may not exist)."
    else:
        text = f"Required '{permission}' permission for 'projects/{call.project}'"
    return GoogleError(HTTPStatus.FORBIDDEN, "forbidden", "PERMISSION_DENIED", text)


def _disabled(call: Call) -> GoogleError:
    name = _API_NAMES.get(call.service, call.service)
    text = (
        f"{name} has not been used in project {call.project} before or it is disabled. "
        f"Enable it in the console for {call.service}.googleapis.com, then retry."
    )
    return GoogleError(HTTPStatus.FORBIDDEN, "accessNotConfigured", "PERMISSION_DENIED", text)


def reject(message: str) -> NoReturn:
    """Refuse a request that the service does not understand.

    Raises:
        GoogleError: always.
    """
    raise GoogleError(HTTPStatus.BAD_REQUEST, "invalid", "INVALID_ARGUMENT", message)


def not_found(message: str) -> NoReturn:
    """Refuse a request for something that does not exist.

    Raises:
        GoogleError: always.
    """
    raise GoogleError(HTTPStatus.NOT_FOUND, "notFound", "NOT_FOUND", message)


def json_reply(document: Mapping[str, object], status: int = HTTPStatus.OK) -> Reply:
    """Write a document."""
    return Reply(status=status, content_type=JSON, body=json.dumps(document).encode())


def refusal(error: GoogleError) -> Reply:
    """Write an error as REST services of Google do."""
    told = {"message": str(error), "domain": "global", "reason": error.reason}
    content = {"code": error.status, "message": str(error), "errors": [told]}
    return json_reply({"error": content | {"status": error.code}}, error.status)
