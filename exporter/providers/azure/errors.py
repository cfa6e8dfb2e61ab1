"""Foreign errors of azure-core into our own words. Never the raw answer, never a secret."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from azure.core import exceptions as sdk
from azure.core.pipeline import PipelineResponse

from exporter.core.errors import AuthError, CollectorError, NoDataError
from exporter.providers._shared.calls import AnyCall, translator

# Codes as the error references of Azure Resource Manager and Resource Graph list them.
_TOKEN: Final = frozenset(
    {
        "AuthenticationFailed",
        "AuthenticationFailedInvalidHeader",
        "AuthenticationFailedMissingToken",
        "ExpiredAuthenticationToken",
        "InvalidAuthenticationInfo",
        "InvalidAuthenticationToken",
        "InvalidAuthenticationTokenAudience",
    }
)
_TENANT: Final = "InvalidAuthenticationTokenTenant"
_UNREGISTERED: Final = frozenset(
    {"MissingSubscriptionRegistration", "NoRegisteredProviderFound", "SubscriptionNotRegistered"}
)
_NO_SUBSCRIPTION: Final = frozenset(
    {
        "DisabledSubscription",
        "InvalidSubscriptionId",
        "NoValidSubscriptionsInQueryRequest",
        "SubscriptionNotFound",
    }
)
_THROTTLED: Final = frozenset({"RateLimiting", "TooManyRequests", "SubscriptionRequestsThrottled"})
_THROTTLED_STATUS: Final = frozenset({429, 529})
"""529 is the metrics back end's word for 429 (Microsoft's page on the batch API)."""

_OK: Final = 200
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_TIMED_OUT: Final = 408
_SERVER_ERROR: Final = 500

_NETWORK: Final = (sdk.ServiceRequestError, sdk.ServiceResponseError, sdk.IncompleteReadError)
_MISREAD: Final = (LookupError, TypeError, ValueError, AttributeError)
"""What the SDK's models, and ours behind them, raise on a body of another shape."""

FOREIGN: Final = (sdk.AzureError, *_MISREAD)
"""What reading an answer of Azure may raise."""

_NO_CREDENTIALS: Final = (
    "no usable Azure credentials ({detail}) — set AZURE_TENANT_ID, AZURE_CLIENT_ID and "
    "AZURE_CLIENT_SECRET, run with a workload or managed identity, or run: az login"
)


class NotFoundError(NoDataError):
    """Azure knows nothing of what was asked for: a machine that was deleted, most of the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(AnyCall):
    """What was attempted, for messages: the action that a role must allow, and where.

    ``scope`` is what the error is about: a region, or a subscription. ``role`` is the built-in role
    that allows the action, ``level`` what it is to be assigned at.
    """

    permission: str
    where: str
    scope: str
    subscription: str = ""
    role: str = "Reader"
    level: str = "whole subscription"

    def __str__(self) -> str:
        subscription = f" (subscription {self.subscription})" if self.subscription else ""
        return f"{self.permission} in {self.where}{subscription}"

    def invisible(self) -> AuthError:
        """Make the error of an identity that sees nothing at all."""
        fix = f"assign the role {self.role}, or that of deploy/iam/azure.json, in each of them"
        return self.refused(f"this identity sees no subscription — {fix}")

    @property
    def about(self) -> str:
        """A region, a subscription, or empty for all of them."""
        return self.scope


@dataclass(slots=True)
class Heard:
    """The latest answer of a call, kept because the SDK loses it where its body is not JSON."""

    response: Any = None

    def hear(self, answer: PipelineResponse[Any, Any]) -> None:
        """Keep an answer: what the SDK's ``raw_response_hook`` calls, at each try."""
        self.response = answer.http_response


def translate(error: Exception, call: Call, heard: Heard | None = None) -> CollectorError:
    """Turn an error of the SDK into ours."""
    if cut_off := call.beyond_limits(error):
        return cut_off
    name = type(error).__name__
    if isinstance(error, _NETWORK):
        return call.unanswered(error)
    response = getattr(error, "response", None)
    if response is None and isinstance(error, sdk.ClientAuthenticationError):
        return call.refused(_NO_CREDENTIALS.format(detail=_entra_code(str(error)) or name))
    if response is None and heard is not None:
        response = heard.response
    if response is not None and response.status_code != _OK:
        return refusal(response.status_code, code_of(response), call)
    return call.unreadable(f"unreadable answer ({name})")


def refusal(status: int, code: str, call: Call) -> CollectorError:
    """Turn an HTTP status and Azure's error code into an error."""
    known = f"HTTP {status}, {code}"
    if status in _THROTTLED_STATUS or code in _THROTTLED:
        return call.throttled("Azure", known)
    if cure := _cure(status, code, call):
        return call.refused(cure)
    if status == _TIMED_OUT or status >= _SERVER_ERROR:
        return call.failing(f"Azure is failing ({known})")
    if status == _NOT_FOUND:
        message = f"{call}: not found ({code}) — it was deleted, perhaps; it will be tried again"
        return NotFoundError(message, scope=call.scope)
    return call.unreadable(f"the request was refused ({known})")


def _cure(status: int, code: str, call: Call) -> str:
    """Say what is missing and how to get it; empty where nothing is."""
    subscription = call.subscription or "<id>"
    if code in _UNREGISTERED:
        return (
            "Microsoft.Insights is not registered — run: az provider register --namespace "
            f"Microsoft.Insights --subscription {subscription}"
        )
    if code == _TENANT:
        return f"the token is of another tenant ({code}) — set tenant_id to the subscription's"
    if code in _NO_SUBSCRIPTION:
        return (
            f"the subscription is not there for this identity ({code}) — check its id and tenant, "
            f"and assign the role {call.role} in it"
        )
    if code in _TOKEN:
        return (
            f"Azure does not accept the credentials ({code}) — renew them and check this clock; "
            "no restart is needed"
        )
    if status in {_UNAUTHORIZED, _FORBIDDEN}:
        return (
            f"access denied ({code}) — assign the role {call.role}, or that of "
            f"deploy/iam/azure.json, to this identity at the scope of the {call.level}"
        )
    return ""


def code_of(response: Any) -> str:  # noqa: ANN401 - three classes of azure-core have it
    """Error code of an answer, the innermost one; ``unknown code`` where none can be read.

    Resource Graph wraps the telling one into ``details`` of a general ``BadRequest``.
    """
    try:
        error = json.loads(response.text())["error"]
        details = error.get("details") or [error]
        codes = [str(one.get("code", "")) for one in (*details[:1], error)]
    except (*_MISREAD, RecursionError):
        return "unknown code"
    return next((code for code in codes if re.fullmatch(r"[A-Za-z0-9._]{1,80}", code)), "no code")


def _entra_code(text: str) -> str:
    """Error number of Microsoft Entra ID in a text, such as AADSTS7000222 for an expired secret."""
    found = re.search(r"AADSTS\d{4,9}", text)
    return found[0] if found else ""


translated = translator(FOREIGN, translate)
"""Raise what the SDK raises inside as a CollectorError that names the call and the fix.

Beside the call it takes what was ``Heard``, where the SDK may lose the answer.
"""
