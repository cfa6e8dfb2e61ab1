"""Every foreign error becomes one of ours: right reason, cause and fix, nothing secret."""

import pytest
from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError

from exporter.core.errors import Reason
from exporter.providers.aws.errors import Call, translate

ROLE = "arn:aws:iam::111122223333:role/reader"
CALL = Call(
    permission="cloudwatch:GetMetricData",
    region="eu-west-1",
    account="111122223333",
    role_arn=ROLE,
)


def refused(code: str, status: int = 400, operation: str = "GetMetricData") -> sdk.ClientError:
    told = f"User arn:aws:iam::1:user/x with key AKIASECRET was refused: {code}"
    return sdk.ClientError(
        {
            "Error": {"Code": code, "Message": told},
            "ResponseMetadata": {
                "HTTPStatusCode": status,
                "RequestId": "",
                "HTTPHeaders": {},
                "RetryAttempts": 0,
                "HostId": "",
            },
        },
        operation,
    )


@pytest.mark.parametrize(
    ("error", "reason", "words"),
    [
        (refused("AccessDenied", 403), Reason.AUTH, "attach the policy in deploy/iam/aws.json"),
        (refused("UnauthorizedOperation", 403), Reason.AUTH, "deploy/iam/aws.json"),
        (refused("com.amazon#AccessDeniedException"), Reason.AUTH, "deploy/iam/aws.json"),
        (refused("Client.UnauthorizedOperation"), Reason.AUTH, "deploy/iam/aws.json"),
        (refused("ExpiredTokenException"), Reason.AUTH, "renew them; no restart is needed"),
        (refused("RequestExpired"), Reason.AUTH, "renew them"),
        (refused("UnrecognizedClientException"), Reason.AUTH, "check the key"),
        (refused("AuthFailure", 401), Reason.AUTH, "opt-in"),
        (refused("SignatureDoesNotMatch", 403), Reason.AUTH, "this clock"),
        (refused("OptInRequired", 403), Reason.AUTH, "enable the region"),
        (refused("Throttling"), Reason.THROTTLED, "poll_interval"),
        (refused("RequestLimitExceeded", 503), Reason.THROTTLED, "poll_interval"),
        (refused("Whatever", 429), Reason.THROTTLED, "poll_interval"),
        (refused("InternalFailure", 500), Reason.UNREACHABLE, "HTTP 500"),
        (refused("Whatever", 502), Reason.UNREACHABLE, "tried again"),
        (refused("ValidationError"), Reason.BAD_PAYLOAD, "HTTP 400, ValidationError"),
        (refused("<b>boo</b>"), Reason.BAD_PAYLOAD, "unknown code"),
        (sdk.NoCredentialsError(), Reason.AUTH, "set profile, or AWS_ACCESS_KEY_ID"),
        (
            sdk.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            Reason.AUTH,
            "AWS_SECRET_ACCESS_KEY",
        ),
        (sdk.ProfileNotFound(profile="p"), Reason.AUTH, "correct the profile"),
        (
            sdk.UnauthorizedSSOTokenError(),
            Reason.AUTH,
            "aws sso login",
        ),
        (RuntimeError("still expired"), Reason.AUTH, "this clock"),
        (sdk.ConnectTimeoutError(endpoint_url="http://x"), Reason.UNREACHABLE, "network"),
        (sdk.ReadTimeoutError(endpoint_url="http://x"), Reason.UNREACHABLE, "network"),
        (
            sdk.EndpointConnectionError(endpoint_url="http://x"),
            Reason.UNREACHABLE,
            "EndpointConnectionError",
        ),
        (sdk.SSLError(endpoint_url="http://x", error=OSError()), Reason.UNREACHABLE, "SSLError"),
        (ResponseParserError("<html>"), Reason.BAD_PAYLOAD, "ResponseParserError"),
        (KeyError("GetCallerIdentityResult"), Reason.BAD_PAYLOAD, "KeyError"),
    ],
)
def test_each_error_has_its_reason_and_its_fix(
    error: Exception, reason: Reason, words: str
) -> None:
    ours = translate(error, CALL)

    text = str(ours)
    assert ours.reason is reason
    assert ours.scope == "eu-west-1"
    assert words in text
    assert text.startswith("cloudwatch:GetMetricData in eu-west-1 (account 111122223333): ")
    assert " — " in text
    assert "\n" not in text
    for secret in ("AKIASECRET", "<b>", "<html>", "user/x"):
        assert secret not in text


def test_a_role_that_may_not_be_assumed_is_named() -> None:
    ours = translate(refused("AccessDenied", 403, "AssumeRole"), CALL)

    assert ours.reason is Reason.AUTH
    assert str(ours).startswith("sts:AssumeRole in eu-west-1")
    assert ROLE in str(ours)
    assert "trust policy" in str(ours)
