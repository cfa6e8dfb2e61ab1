"""What Azure's refusals are told as: the cause, the fix, and nothing of the answer itself."""

import json
from types import SimpleNamespace

import pytest
from azure.core import exceptions as sdk

from exporter.core.errors import CollectorError, Reason
from exporter.providers.azure.errors import (
    Call,
    Heard,
    NotFoundError,
    code_of,
    refusal,
    translate,
    translated,
)
from tests.support.provider_azure import SUBSCRIPTION
from tests.support.providers import SECRET

CALL = Call(
    permission="Microsoft.Insights/metrics/read",
    where="eastus",
    scope="eastus",
    subscription=SUBSCRIPTION,
    role="Monitoring Reader",
)


def answer(document: object, status: int = 400) -> SimpleNamespace:
    """Make what the SDK holds as an answer."""
    return SimpleNamespace(status_code=status, text=lambda: json.dumps(document))


@pytest.mark.parametrize(
    ("status", "code", "reason", "told"),
    [
        (429, "no code", Reason.THROTTLED, "a longer poll_interval"),
        (529, "no code", Reason.THROTTLED, "a longer poll_interval"),
        (403, "RateLimiting", Reason.THROTTLED, "a longer poll_interval"),
        (401, "ExpiredAuthenticationToken", Reason.AUTH, "renew them and check this clock"),
        (401, "InvalidAuthenticationTokenTenant", Reason.AUTH, "set tenant_id"),
        (401, "Unauthorized", Reason.AUTH, "assign the role Monitoring Reader"),
        (403, "AuthorizationFailed", Reason.AUTH, "at the scope of the whole subscription"),
        (409, "MissingSubscriptionRegistration", Reason.AUTH, "az provider register"),
        (400, "SubscriptionNotRegistered", Reason.AUTH, f"--subscription {SUBSCRIPTION}"),
        (404, "SubscriptionNotFound", Reason.AUTH, "check its id and tenant"),
        (400, "NoValidSubscriptionsInQueryRequest", Reason.AUTH, "check its id and tenant"),
        (404, "ResourceNotFound", Reason.NO_DATA, "it was deleted, perhaps"),
        (408, "no code", Reason.UNREACHABLE, "it will be tried again"),
        (500, "InternalServerError", Reason.UNREACHABLE, "it will be tried again"),
        (503, "unknown code", Reason.UNREACHABLE, "it will be tried again"),
        (400, "BadRequest", Reason.BAD_PAYLOAD, "report it as a bug"),
        (501, "NotImplemented", Reason.UNREACHABLE, "it will be tried again"),
    ],
)
def test_a_refusal_is_told_with_its_fix(status: int, code: str, reason: Reason, told: str) -> None:
    error = refusal(status, code, CALL)

    assert error.reason is reason
    assert error.scope == "eastus"
    assert told in str(error)
    assert str(error).startswith(
        f"Microsoft.Insights/metrics/read in eastus (subscription {SUBSCRIPTION[:4]}"
    )


def test_only_what_is_not_found_can_be_a_deleted_machine() -> None:
    assert isinstance(refusal(404, "ResourceNotFound", CALL), NotFoundError)
    assert not isinstance(refusal(404, "SubscriptionNotFound", CALL), NotFoundError)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"error": {"code": "AuthorizationFailed"}}, "AuthorizationFailed"),
        (
            {"error": {"code": "BadRequest", "details": [{"code": "RateLimiting"}]}},
            "RateLimiting",
        ),
        ({"error": {"code": "BadRequest", "details": [{}]}}, "BadRequest"),
        ({"error": {"code": f"not a code: {SECRET}"}}, "no code"),
        ({"error": {}}, "no code"),
        ({"code": "BadRequest"}, "unknown code"),
        ({"error": "BadRequest"}, "unknown code"),
        ([], "unknown code"),
        (None, "unknown code"),
    ],
)
def test_the_code_is_the_innermost_one_and_no_other_text(document: object, code: str) -> None:
    assert code_of(answer(document)) == code


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            sdk.ClientAuthenticationError(message=f"{SECRET} AADSTS7000222: expired"),
            "AADSTS7000222",
        ),
        (sdk.ClientAuthenticationError(message=SECRET), "ClientAuthenticationError"),
    ],
)
def test_credentials_that_are_not_to_be_had_are_told_without_their_text(
    error: Exception, told: str
) -> None:
    ours = translate(error, CALL)

    assert ours.reason is Reason.AUTH
    assert told in str(ours)
    assert "az login" in str(ours)
    assert SECRET not in str(ours)


@pytest.mark.parametrize(
    "error",
    [
        sdk.ServiceRequestError(SECRET),
        sdk.ServiceResponseTimeoutError(SECRET),
        sdk.IncompleteReadError(SECRET),
    ],
)
def test_no_answer_is_told_as_such(error: Exception) -> None:
    ours = translate(error, CALL)

    assert ours.reason is Reason.UNREACHABLE
    assert SECRET not in str(ours)


def test_an_error_whose_body_is_no_json_keeps_its_status() -> None:
    heard = Heard()
    heard.hear(SimpleNamespace(http_response=answer("<html>", 503)))  # type: ignore[arg-type]

    with pytest.raises(CollectorError) as failed, translated(CALL, heard):
        json.loads("<html>")

    assert failed.value.reason is Reason.UNREACHABLE
    assert "HTTP 503" in str(failed.value)


def test_an_answer_of_another_shape_is_a_bad_payload() -> None:
    with pytest.raises(CollectorError) as failed, translated(CALL):
        json.loads("{}")["values"]

    assert failed.value.reason is Reason.BAD_PAYLOAD
    assert isinstance(failed.value.__cause__, KeyError)
