"""How Azure words a refusal."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NoReturn

from exporter.demo._faults import FaultKind
from exporter.demo._http import Reply
from exporter.demo.azure.faults import Call, Fault

JSON: Final = "application/json; charset=utf-8"
_ACTIONS: Final[Mapping[str, str]] = {
    "metrics:getBatch": "Microsoft.Insights/Metrics/Read",
    "skus": "Microsoft.Compute/skus/read",
    "subscription": "Microsoft.Resources/subscriptions/read",
    "provider": "Microsoft.Resources/subscriptions/providers/read",
}


class AzureError(Exception):
    """An error as Azure names it, with the headers that go with it."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class _Words:
    status: int
    code: str
    text: str


_WORDS: Final[Mapping[FaultKind, _Words]] = {
    FaultKind.UNAVAILABLE: _Words(
        503, "ServiceUnavailable", "The service is temporarily unavailable."
    ),
    FaultKind.INTERNAL_ERROR: _Words(
        500, "InternalServerError", "The server encountered an internal error."
    ),
    FaultKind.EXPIRED_CREDENTIALS: _Words(
        401, "ExpiredAuthenticationToken", "The access token expiry is passed."
    ),
    FaultKind.INVALID_CREDENTIALS: _Words(
        401, "InvalidAuthenticationToken", "The access token is invalid."
    ),
}


def refuse(call: Call, faults: Sequence[Fault]) -> None:
    """Raise what the faults in force make the service say; other kinds pass.

    Raises:
        AzureError: one of the kinds is put in words.
    """
    for fault in faults:
        if fault.kind in _WORDS:
            words = _WORDS[fault.kind]
            raise AzureError(words.status, words.code, words.text, headers=_challenge(words))
        if fault.kind is FaultKind.THROTTLING:
            raise _throttled(call, {"Retry-After": str(int(fault.seconds) or 1)})
        if fault.kind is FaultKind.BARE_THROTTLING:
            raise _throttled(call, {})
        if fault.kind is FaultKind.NOT_FOUND:
            raise subscription_not_found(call.scope)
        _refuse_permission(call, fault.kind)


def _refuse_permission(call: Call, kind: FaultKind) -> None:
    """Lists leave out what may not be seen; anything else is refused."""
    lists = call.service == "graph" or call.operation == "subscriptions"
    if kind is FaultKind.MISSING_PERMISSION and not lists:
        raise denied(call)
    if kind is FaultKind.REGISTRATION_REFUSED and call.service == "metrics":
        raise _not_registered()


def _challenge(words: _Words) -> Mapping[str, str]:
    if words.status != HTTPStatus.UNAUTHORIZED:
        return {}
    return {"WWW-Authenticate": f'Bearer error="invalid_token", error_description="{words.text}"'}


def _throttled(call: Call, headers: Mapping[str, str]) -> AzureError:
    if call.service == "graph":
        text = "Client application has been throttled and should not attempt to repeat the request."
        quota = {
            "x-ms-user-quota-remaining": "0",
            "x-ms-user-quota-resets-after": "00:00:05",
        }
        return AzureError(429, "RateLimiting", text, headers={**headers, **quota})
    text = "Number of requests exceeded the limit. Please try again later."
    return AzureError(429, "TooManyRequests", text, headers=headers)


def unauthorized(code: str, message: str) -> NoReturn:
    """Refuse a request whose token is missing, or made for another service.

    Raises:
        AzureError: always.
    """
    words = _Words(HTTPStatus.UNAUTHORIZED, code, message)
    raise AzureError(words.status, code, message, headers=_challenge(words))


def denied(call: Call) -> AzureError:
    """Return the error for a role that the caller lacks."""
    action = _ACTIONS.get(call.operation, call.operation)
    text = (
        f"The client 'demo' with object id 'demo' does not have authorization to perform action "
        f"'{action}' over scope '/subscriptions/{call.scope}' or the scope is invalid. "
        f"If access was recently granted, please refresh your credentials."
    )
    return AzureError(HTTPStatus.FORBIDDEN, "AuthorizationFailed", text)


def subscription_not_found(subscription: str) -> AzureError:
    """Return the error for a subscription that does not exist."""
    text = f"The subscription '{subscription}' could not be found."
    return AzureError(HTTPStatus.NOT_FOUND, "SubscriptionNotFound", text)


def nothing_readable() -> NoReturn:
    """Refuse a query of Resource Graph whose caller may read none of what he asks for.

    Raises:
        AzureError: always.
    """
    text = "Access is denied to the requested resource. The user might not have enough permission."
    raise AzureError(HTTPStatus.FORBIDDEN, "AccessDenied", text)


def _not_registered() -> AzureError:
    text = "The subscription is not registered to use namespace 'Microsoft.Insights'."
    return AzureError(HTTPStatus.CONFLICT, "MissingSubscriptionRegistration", text)


def reject(message: str, code: str = "BadRequest") -> NoReturn:
    """Refuse a request that the service does not understand.

    Raises:
        AzureError: always.
    """
    raise AzureError(HTTPStatus.BAD_REQUEST, code, message)


def json_reply(document: object, headers: Mapping[str, str] | None = None) -> Reply:
    """Write a document."""
    body = json.dumps(document).encode()
    return Reply(status=HTTPStatus.OK, content_type=JSON, body=body, headers=headers or {})


def refusal(call: Call, error: AzureError, request_id: str) -> Reply:
    """Write an error; Resource Graph tells the cause among the details only."""
    told: dict[str, object] = {"code": error.code, "message": str(error)}
    if call.service == "graph":
        support = (
            f"Please provide below info when asking for support: correlationId = {request_id}."
        )
        told = {"code": error.code, "message": support, "details": [told]}
    body = json.dumps({"error": told}).encode()
    return Reply(status=error.status, content_type=JSON, body=body, headers=error.headers)
