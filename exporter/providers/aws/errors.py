"""Foreign errors of botocore into the product's own words. Never the raw answer, never a secret."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError

from exporter.core.errors import AuthError, CollectorError
from exporter.providers._shared.calls import AnyCall, Pages, translator

# Codes as the API references of EC2, RDS, CloudWatch and STS list them under "Common errors".
_DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}
)
_EXPIRED: Final = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
)
_INVALID: Final = frozenset(
    {
        "AuthFailure",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
    }
)
_SIGNATURE: Final = frozenset(
    {
        "IncompleteSignature",
        "InvalidSignatureException",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
_DISABLED: Final = frozenset(
    {"OptInRequired", "RegionDisabledException", "SubscriptionRequiredException", "Blocked"}
)
_THROTTLED: Final = frozenset(
    {
        "EC2ThrottledException",
        "LimitExceeded",
        "LimitExceededException",
        "LimitExceededFault",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_UNAVAILABLE: Final = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServiceError",
        "InternalServiceFault",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "Unavailable",
    }
)
_NO_CREDENTIALS: Final = (
    sdk.NoCredentialsError,
    sdk.PartialCredentialsError,
    sdk.CredentialRetrievalError,
    sdk.MetadataRetrievalError,
    sdk.UnknownCredentialError,
)
_NEEDS_LOGIN: Final = (
    sdk.SSOError,
    sdk.TokenRetrievalError,
    sdk.NoAuthTokenError,
    sdk.LoginError,
    sdk.RefreshWithMFAUnsupportedError,
)
_BAD_SETUP: Final = (
    sdk.ProfileNotFound,
    sdk.ConfigNotFound,
    sdk.ConfigParseError,
    sdk.InvalidConfigError,
)
_SETUP_CURES: Final = (
    (
        _NO_CREDENTIALS,
        (
            "no usable AWS credentials ({name}) — set profile, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or run with a task, instance or web identity role"
        ),
    ),
    (_NEEDS_LOGIN, "the AWS login is missing or has expired ({name}) — run: aws sso login"),
    (_BAD_SETUP, "{name} — correct the profile, or the AWS config and credentials files"),
    (RuntimeError, "renewed credentials are not valid — check this clock and the role"),
)
_NETWORK: Final = (
    sdk.ConnectionError,
    sdk.HTTPClientError,
    sdk.ResponseStreamingError,
    sdk.IncompleteReadError,
)
_SERVICES: Final = {"AssumeRole": "sts:AssumeRole", "GetCallerIdentity": "sts:GetCallerIdentity"}
_ATTACH: Final = "access denied — attach the policy in deploy/iam/aws.json"
_CURES: Final = (
    (_DENIED, _ATTACH),
    (_EXPIRED, "expired credentials, or a wrong clock ({code}) — renew them; no restart is needed"),
    (
        _INVALID,
        (
            "AWS does not accept these credentials here ({code}) — check the key; where the region "
            "is opt-in, enable it or name the others in regions; accounts in China and GovCloud "
            "need their regions named"
        ),
    ),
    (_SIGNATURE, "the signature is not valid ({code}) — check the secret key and this clock"),
    (_DISABLED, "not enabled for the account ({code}) — enable the region, or leave it out"),
)
_SERVER_ERROR: Final = 500
_TOO_MANY_REQUESTS: Final = 429

_MISREAD: Final = (ResponseParserError, LookupError, TypeError, ValueError, AttributeError)
"""What botocore's parsers, and ours behind them, raise on a body of another shape."""

FOREIGN: Final = (sdk.ClientError, sdk.BotoCoreError, RuntimeError, *_MISREAD)
"""What reading an answer of AWS may raise.

RuntimeError is what botocore raises where renewed credentials are already expired, or not there.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(AnyCall):
    """What was attempted, for messages: the IAM permission, and where."""

    permission: str
    region: str
    account: str = ""
    role_arn: str = ""
    otherwise: str = ""
    """How to do without the permission, as a fix."""

    def __str__(self) -> str:
        account = f" (account {self.account})" if self.account else ""
        return f"{self.permission} in {self.region}{account}"

    @property
    def about(self) -> str:
        """The region."""
        return self.region


def translate(error: Exception, call: Call) -> CollectorError:
    """Turn an error of botocore into ours."""
    if isinstance(error, sdk.ClientError):
        return _from_answer(error, call)
    if cut_off := call.beyond_limits(error):
        return cut_off
    name = type(error).__name__
    for kinds, cure in _SETUP_CURES:
        if isinstance(error, kinds):
            return call.refused(cure.format(name=name))
    if isinstance(error, _NETWORK):
        return call.unanswered(error)
    return call.unreadable(f"unreadable answer ({name})")


def _from_answer(error: sdk.ClientError, call: Call) -> CollectorError:
    code = _safe(str(error.response.get("Error", {}).get("Code", "")))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if error.operation_name in _SERVICES:
        # Credentials are fetched inside other calls: name the call that was refused.
        call = Call(
            permission=_SERVICES[error.operation_name],
            region=call.region,
            account=call.account,
            role_arn=call.role_arn,
        )
    if code in _DENIED and call.permission != "sts:AssumeRole" and _is_closed(error):
        fix = "leave the region out by naming the others in regions, if it is to stay closed"
        what = "a service control policy of the organisation denies it"
        return ClosedError(f"{call}: {what} — {fix}", scope=call.region, minor=True)
    if cure := _cure(code, call):
        return call.refused(cure)
    if code in _THROTTLED or status == _TOO_MANY_REQUESTS:
        return call.throttled("AWS", code)
    if code in _UNAVAILABLE or status >= _SERVER_ERROR:
        return call.failing(f"AWS is failing (HTTP {status}, {code})")
    return call.unreadable(f"the request was refused (HTTP {status}, {code})")


class ClosedError(AuthError):
    """An explicit deny by a policy of the organisation: the region is closed to the account."""


def _is_closed(error: sdk.ClientError) -> bool:
    # IAM User Guide, "Troubleshoot access denied error messages": an SCP is named in the text.
    text = str(error.response.get("Error", {}).get("Message", "")).lower()
    return "explicit deny in a service control policy" in text


def _cure(code: str, call: Call) -> str:
    if code in _DENIED and call.permission == "sts:AssumeRole":
        return (
            f"may not assume {call.role_arn} — let its trust policy name this principal and the "
            "external_id, and allow this principal sts:AssumeRole"
        )
    if code in _DENIED and call.otherwise:
        return f"{_ATTACH}, or {call.otherwise}"
    return next((cure.format(code=code) for codes, cure in _CURES if code in codes), "")


def _safe(code: str) -> str:
    """Error code as AWS writes them; a text of any other form is not repeated.

    The CloudWatch JSON protocol may prefix a namespace, EC2 a ``Client.`` or ``Server.``.
    """
    short = code.rsplit("#", 1)[-1].removeprefix("Client.").removeprefix("Server.")
    return short if re.fullmatch(r"[A-Za-z0-9._]{1,80}", short) else "unknown code"


def paged(client: Any, operation: str, call: Call, key: str, **request: Any) -> Iterator[Any]:  # noqa: ANN401 - boto3 makes the classes
    """Yield the items of all pages of a listing, which has them under ``key``.

    Raises:
        CollectorError: a page could not be had, does not list anything, or the pages do not end.
    """
    pages = Pages(call)
    with translated(call):
        for page in client.get_paginator(operation).paginate(**request):
            if key not in page:  # an empty account has an empty list
                call.reject("the answer lists nothing")
            pages.turn(page.get("NextToken") or page.get("Marker"), len(page[key]))
            yield from page[key]


translated = translator(FOREIGN, translate)
"""Raise what botocore raises inside as a CollectorError that names the call and the fix."""
