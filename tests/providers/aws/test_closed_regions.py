"""A region that an organisation closes is told once and left out; the account goes on."""

from typing import Any

from botocore.exceptions import ClientError

from exporter.core.errors import AuthError, CollectorError
from exporter.providers._shared.calls import across
from exporter.providers.aws.errors import Call, ClosedError, translate
from exporter.providers.aws.kind import Listing
from exporter.providers.aws.survey import Survey

OPEN, CLOSED = "eu-west-1", "ap-south-1"


def denied(why: str, permission: str = "ec2:DescribeInstances") -> CollectorError:
    text = f"User: arn:aws:sts::111122223333:user is not authorized to perform {permission} {why}"
    answer: Any = {"Error": {"Code": "UnauthorizedOperation", "Message": text}}
    return translate(ClientError(answer, "Any"), Call(permission=permission, region=CLOSED))


BY_POLICY = denied("with an explicit deny in a service control policy")


def test_an_explicit_deny_of_the_organisation_is_another_refusal_than_a_missing_right() -> None:
    assert isinstance(BY_POLICY, ClosedError)
    assert BY_POLICY.minor
    missing = denied("because no identity-based policy allows it")
    assert isinstance(missing, AuthError)
    assert not missing.minor
    assert "deploy/iam" in str(missing)


def test_what_is_listed_elsewhere_counts_and_the_closed_region_is_no_failure() -> None:
    listing = Listing(region=OPEN, machines=())
    survey = Survey.of([("ec2", OPEN), ("ec2", CLOSED)], [listing, BY_POLICY], ())
    assert survey.failures == ()
    assert survey.unseen_regions == frozenset()
    assert list(survey.closed.values()) == [BY_POLICY]


def test_where_every_region_is_closed_the_account_fails() -> None:
    survey = Survey.of([("ec2", CLOSED)], [BY_POLICY], ())
    assert survey.failures == (BY_POLICY,)


def test_a_check_warns_of_a_closed_region_and_fails_where_all_are() -> None:
    some = across("ec2:DescribeInstances", [None, BY_POLICY], "region")
    assert some.ok
    assert "warning: 1 left out" in some.message
    assert not across("ec2:DescribeInstances", [BY_POLICY], "region").ok


def test_a_limit_that_is_exceeded_is_throttling() -> None:
    answer: Any = {"Error": {"Code": "LimitExceeded", "Message": "-"}}
    call = Call(permission="cloudwatch:GetMetricData", region=OPEN)
    assert translate(ClientError(answer, "GetMetricData"), call).reason == "throttled"
