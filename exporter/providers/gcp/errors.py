"""Errors of Google's libraries and APIs into the product's own words.

Never the text of an answer, never a secret: only status codes and reasons of a known form.
"""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import requests
from google.api_core.exceptions import GoogleAPICallError
from google.auth import exceptions as auth

from exporter.core.errors import AuthError, CollectorError, UnreachableError
from exporter.providers._shared.calls import AnyCall, translator

_MISREAD: Final = (LookupError, TypeError, ValueError, AttributeError)
"""What reading a document of another shape raises."""

FOREIGN: Final = (
    GoogleAPICallError,
    auth.GoogleAuthError,
    requests.RequestException,
    OSError,
    *_MISREAD,
)
"""What a request, and reading its answer, may raise; OSError is an unreadable credentials file."""

# Reasons of google.rpc.ErrorInfo and of the older ``errors[].reason`` of Compute Engine.
_THROTTLED: Final = frozenset(
    {
        "RATE_LIMIT_EXCEEDED",
        "RESOURCE_EXHAUSTED",
        "RESOURCE_QUOTA_EXCEEDED",
        "concurrentLimitExceeded",
        "dailyLimitExceeded",
        "quotaExceeded",
        "rateLimitExceeded",
        "userRateLimitExceeded",
    }
)
_PASSING: Final = frozenset({"ABORTED", "CANCELLED", "DATA_LOSS", "UNKNOWN"})
"""gRPC statuses that may be different the next time, though HTTP has no 5xx for them."""

_FAILING: Final = int(HTTPStatus.INTERNAL_SERVER_ERROR)

_DISABLED: Final = frozenset({"SERVICE_DISABLED", "accessNotConfigured"})

_REFUSED_HERE: Final = "Unable to acquire impersonated credentials"
"""First argument of the RefreshError of google.auth.impersonated_credentials."""

_NO_TOKEN: Final = "Getting metadata from plugin failed"  # noqa: S105 - gRPC's words, no secret
"""How gRPC tells that google-auth could not renew the credentials."""

_UNDECODABLE: Final = "deserializing"
"""How gRPC tells that an answer is not the message that was expected."""

_NO_CREDENTIALS_FIX: Final = (
    "run: gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS or "
    "credentials_file, or run with an attached service account"
)
_RENEW_FIX: Final = "log in again or replace the key, and check this clock; no restart is needed"


class DeniedError(AuthError):
    """The credentials are good but may not do this: another way may be open."""


class NotFoundError(AuthError):
    """There is no such thing for these credentials, which does not tell whether there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(AnyCall):
    """What was attempted, for messages: the IAM permission, the project, and as whom."""

    permission: str
    project: str
    principal: str = ""

    def __str__(self) -> str:
        return f"{self.permission} in project {self.project}"

    @property
    def service(self) -> str:
        """Name of the API, as ``gcloud services enable`` wants it."""
        return f"{self.permission.partition('.')[0]}.googleapis.com"

    @property
    def about(self) -> str:
        """The project."""
        return self.project


def translate(error: Exception, call: Call) -> CollectorError:
    """Turn an error of Google's libraries into ours."""
    if isinstance(error, GoogleAPICallError):
        return _from_rpc(error, call)
    if cut_off := call.beyond_limits(error):
        return cut_off
    if isinstance(error, auth.GoogleAuthError):
        return _from_credentials(error, call)
    name = type(error).__name__
    if isinstance(error, requests.RequestException):
        return call.unanswered(error)
    if isinstance(error, OSError):
        cause = f"the credentials file cannot be read ({name})"
        return call.refused(f"{cause} — check its path and mode")
    return call.unreadable(f"unreadable answer ({name})")


def _from_credentials(error: auth.GoogleAuthError, call: Call) -> CollectorError:
    name = type(error).__name__
    if isinstance(error, auth.TransportError) or getattr(error, "retryable", False):
        message = f"{call}: the credentials could not be renewed ({name}) — check the network"
        return UnreachableError(message, scope=call.project)
    if error.args and error.args[0] == _REFUSED_HERE:
        status = status_of(error.args[-1])
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
            return from_status(status, (), call)
        cause = f"may not act as {call.principal}"
        fix = "grant this principal roles/iam.serviceAccountTokenCreator on that account"
    elif isinstance(error, auth.DefaultCredentialsError):
        cause, fix = f"no usable Google credentials ({name})", _NO_CREDENTIALS_FIX
    else:
        cause, fix = f"the Google credentials cannot be renewed ({name})", _RENEW_FIX
    return call.refused(f"{cause} — {fix}")


def _from_rpc(error: GoogleAPICallError, call: Call) -> CollectorError:
    text = str(error.message)
    if _UNDECODABLE in text:
        return call.unreadable("the answer is not the expected message")
    if _NO_TOKEN in text:
        cause = "the Google credentials cannot be renewed"
        return call.refused(f"{cause} — {_RENEW_FIX}")
    grpc_name = getattr(error.grpc_status_code, "name", "")
    reasons = [str(reason) for reason in (error.reason, grpc_name) if reason]
    passing = grpc_name in _PASSING
    return from_status(_FAILING if passing else int(error.code or 0), reasons, call)


def reasons_of(document: object) -> tuple[str, ...]:
    """Return the reasons in the error document of a REST API, most telling first."""
    error: Any = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return ()
    lists = (error.get("details"), error.get("errors"))
    found = [
        part.get("reason")
        for parts in lists
        if isinstance(parts, list)
        for part in parts
        if isinstance(part, dict)
    ]
    return tuple(text for text in (*found, error.get("status")) if isinstance(text, str))


def status_of(body: object) -> int:
    """Return the HTTP status in the text of an error document; 0 without one."""
    try:
        error = json.loads(str(body)).get("error")
    except (ValueError, AttributeError):
        return 0
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) else 0


def from_status(status: int, reasons: Collection[str], call: Call) -> CollectorError:
    """Make the error of an HTTP status, or of the one that stands for a gRPC status."""
    code = next((r for r in reasons if re.fullmatch(r"[A-Za-z_]{1,60}", r)), f"HTTP {status}")
    if _THROTTLED & set(reasons) or status == HTTPStatus.TOO_MANY_REQUESTS:
        return call.throttled("Google", code)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return call.failing(f"Google is failing or late ({code})")
    if _DISABLED & set(reasons):
        fix = f"run: gcloud services enable {call.service} --project {call.project}"
        return DeniedError(f"{call}: the API is switched off ({code}) — {fix}", scope=call.project)
    return _refusal(status, code, call)


def _refusal(status: int, code: str, call: Call) -> CollectorError:
    if status == HTTPStatus.FORBIDDEN:
        who = call.principal or "this principal"
        fix = f"grant {who} the role in deploy/iam/gcp.yaml there"
        return DeniedError(f"{call}: access denied ({code}) — {fix}", scope=call.project)
    if status == HTTPStatus.UNAUTHORIZED:
        fix = "renew them and check this clock; no restart is needed"
        return call.refused(f"Google does not accept these credentials ({code}) — {fix}")
    if status == HTTPStatus.NOT_FOUND:
        fix = "check the project id, and grant this principal the role in deploy/iam/gcp.yaml there"
        message = f"{call}: there is no such project for these credentials ({code}) — {fix}"
        return NotFoundError(message, scope=call.project)
    return call.unreadable(f"the request was refused (HTTP {status}, {code})")


translated = translator(FOREIGN, translate)
"""Raise what Google's libraries raise inside as a CollectorError with the call and the fix."""
