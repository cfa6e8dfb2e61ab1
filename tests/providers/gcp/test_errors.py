"""What Google's libraries raise, in our words: the reason, one line, no secret."""

import json
from typing import Any

import google.api_core.exceptions
import google.auth.exceptions
import pytest
import requests

from exporter.core.errors import Reason
from exporter.providers.gcp.errors import Call, DeniedError, from_status, reasons_of, translate

api: Any = google.api_core.exceptions  # their constructors have no types
auth: Any = google.auth.exceptions

CALL = Call(
    permission="compute.instances.list",
    project="test-shop-123456",
    principal="reader@test-shop-123456.iam.gserviceaccount.com",
)
SECRET = "ya29.c0AYnqXlg"
REFUSED = "Unable to acquire impersonated credentials"


def refused_token(code: int) -> Exception:
    error: Exception = auth.RefreshError(
        REFUSED, json.dumps({"error": {"code": code, "message": SECRET}})
    )
    return error


@pytest.mark.parametrize(
    ("error", "reason", "told"),
    [
        (api.PermissionDenied(SECRET), Reason.AUTH, "deploy/iam/gcp.yaml"),
        (api.Unauthenticated(SECRET), Reason.AUTH, "check this clock"),
        (api.NotFound(SECRET), Reason.AUTH, "check the project id"),
        (api.ResourceExhausted(SECRET), Reason.THROTTLED, "longer poll_interval"),
        (api.ServiceUnavailable(SECRET), Reason.UNREACHABLE, "tried again"),
        (api.DeadlineExceeded(SECRET), Reason.UNREACHABLE, "tried again"),
        (api.InternalServerError(SECRET), Reason.UNREACHABLE, "tried again"),
        (api.Unknown(SECRET), Reason.UNREACHABLE, "tried again"),
        (api.Cancelled(SECRET), Reason.UNREACHABLE, "tried again"),
        (api.InvalidArgument(SECRET), Reason.BAD_PAYLOAD, "HTTP 400"),
        (api.InternalServerError("Exception deserializing response!"), Reason.BAD_PAYLOAD, "proxy"),
        (
            api.ServiceUnavailable(f"Getting metadata from plugin failed with error: {SECRET}"),
            Reason.AUTH,
            "log in again",
        ),
        (auth.DefaultCredentialsError(SECRET), Reason.AUTH, "application-default login"),
        (auth.RefreshError(SECRET), Reason.AUTH, "log in again"),
        (auth.RefreshError(SECRET, retryable=True), Reason.UNREACHABLE, "check the network"),
        (auth.TransportError(SECRET), Reason.UNREACHABLE, "check the network"),
        (refused_token(403), Reason.AUTH, "roles/iam.serviceAccountTokenCreator"),
        (refused_token(503), Reason.UNREACHABLE, "tried again"),
        (refused_token(429), Reason.THROTTLED, "longer poll_interval"),
        (requests.ConnectionError(SECRET), Reason.UNREACHABLE, "check network"),
        (requests.ReadTimeout(SECRET), Reason.UNREACHABLE, "check network"),
        (PermissionError(SECRET), Reason.AUTH, "credentials file"),
        (ValueError(SECRET), Reason.BAD_PAYLOAD, "unreadable answer"),
    ],
)
def test_each_error_has_its_reason_and_its_fix(error: Exception, reason: Reason, told: str) -> None:
    ours = translate(error, CALL)

    assert ours.reason == reason
    assert ours.scope == "test-shop-123456"
    assert told in str(ours)
    assert str(ours).startswith("compute.instances.list in project test-shop-123456: ")
    assert " — " in str(ours)
    assert "\n" not in str(ours)
    assert SECRET not in str(ours)


def test_a_refused_impersonation_names_the_account() -> None:
    assert f"may not act as {CALL.principal}" in str(translate(refused_token(403), CALL))


@pytest.mark.parametrize(
    ("status", "reason_text", "reason"),
    [
        (403, "rateLimitExceeded", Reason.THROTTLED),
        (403, "userRateLimitExceeded", Reason.THROTTLED),
        (403, "RATE_LIMIT_EXCEEDED", Reason.THROTTLED),
        (403, "forbidden", Reason.AUTH),
        (401, "authError", Reason.AUTH),
        (429, "", Reason.THROTTLED),
        (500, "", Reason.UNREACHABLE),
        (503, "backendError", Reason.UNREACHABLE),
        (302, "", Reason.BAD_PAYLOAD),
        (400, "invalid", Reason.BAD_PAYLOAD),
    ],
)
def test_the_reason_decides_where_the_status_is_ambiguous(
    status: int, reason_text: str, reason: Reason
) -> None:
    assert from_status(status, (reason_text,), CALL).reason == reason


def test_only_a_missing_right_opens_another_way() -> None:
    assert isinstance(from_status(403, ("forbidden",), CALL), DeniedError)
    assert not isinstance(from_status(401, ("authError",), CALL), DeniedError)
    assert not isinstance(from_status(404, ("notFound",), CALL), DeniedError)


@pytest.mark.parametrize("reason", ["accessNotConfigured", "SERVICE_DISABLED"])
def test_a_switched_off_api_is_told_with_the_command_that_enables_it(reason: str) -> None:
    error = from_status(403, (reason, "PERMISSION_DENIED"), CALL)

    command = "gcloud services enable compute.googleapis.com --project test-shop-123456"
    assert command in str(error)


@pytest.mark.parametrize(
    ("document", "reasons"),
    [
        ({"error": {"errors": [{"reason": "forbidden"}]}}, ("forbidden",)),
        (
            {
                "error": {
                    "status": "PERMISSION_DENIED",
                    "details": [{"reason": "SERVICE_DISABLED"}, {"links": []}],
                    "errors": [{"reason": "accessNotConfigured"}],
                }
            },
            ("SERVICE_DISABLED", "accessNotConfigured", "PERMISSION_DENIED"),
        ),
        ({"error": "invalid_grant"}, ()),
        ({"error": {"errors": "none", "details": [1, {"reason": 2}]}}, ()),
        ([], ()),
        (None, ()),
    ],
)
def test_reasons_are_found_in_documents_of_any_shape(
    document: object, reasons: tuple[str, ...]
) -> None:
    assert reasons_of(document) == reasons


def test_a_reason_of_an_unknown_form_is_not_repeated() -> None:
    error = from_status(403, (f"token {SECRET}",), CALL)

    assert SECRET not in str(error)
    assert "HTTP 403" in str(error)
