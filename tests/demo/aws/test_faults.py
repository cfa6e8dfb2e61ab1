import pytest
from botocore.exceptions import ClientError

from exporter.demo.aws import AwsFake, Fault, FaultKind, access_key_id
from exporter.demo.estate import Estate, EstateMachine
from tests.demo.aws.asking import Connect, named, query, read

WORDS = {
    FaultKind.THROTTLING: ("RequestLimitExceeded", 503, "ThrottlingException", 400),
    FaultKind.UNAVAILABLE: ("Unavailable", 503, "ServiceUnavailableException", 503),
    FaultKind.INTERNAL_ERROR: ("InternalError", 500, "InternalServiceFault", 500),
    FaultKind.EXPIRED_CREDENTIALS: ("RequestExpired", 400, "ExpiredTokenException", 400),
    FaultKind.INVALID_CREDENTIALS: ("AuthFailure", 401, "UnrecognizedClientException", 403),
    FaultKind.MISSING_PERMISSION: ("UnauthorizedOperation", 403, "AccessDeniedException", 400),
}


@pytest.mark.parametrize("kind", WORDS)
def test_each_service_refuses_in_its_own_words(
    fake: AwsFake, connect: Connect, web: EstateMachine, kind: FaultKind
) -> None:
    fake.faults.add(Fault(kind=kind))
    refusals = []
    with pytest.raises(ClientError) as ec2:
        connect(fake, "ec2").describe_instances()
    with pytest.raises(ClientError) as cloudwatch:
        read(connect(fake, "cloudwatch"), [query(web.resource_id)])
    for caught in (ec2, cloudwatch):
        answer = caught.value.response
        refusals += [answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]]
    assert tuple(refusals) == WORDS[kind]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (FaultKind.THROTTLING, "Throttling"),
        (FaultKind.UNAVAILABLE, "ServiceUnavailable"),
        (FaultKind.EXPIRED_CREDENTIALS, "ExpiredToken"),
        (FaultKind.MISSING_PERMISSION, "AccessDenied"),
    ],
)
def test_sts_refuses_in_the_words_of_the_query_protocol(
    fake: AwsFake, connect: Connect, kind: FaultKind, code: str
) -> None:
    fake.faults.add(Fault(kind=kind))
    with pytest.raises(ClientError) as caught:
        connect(fake, "sts").get_caller_identity()
    assert caught.value.response["Error"]["Code"] == code


def test_a_missing_permission_is_named_as_aws_names_it(
    fake: AwsFake, connect: Connect, web: EstateMachine
) -> None:
    fake.faults.add(Fault(kind=FaultKind.MISSING_PERMISSION))
    with pytest.raises(ClientError, match=r"user/.*demo is not .* perform: ec2:DescribeRegions"):
        connect(fake, "ec2").describe_regions()
    with pytest.raises(ClientError, match="allows the cloudwatch:GetMetricData action"):
        read(connect(fake, "cloudwatch"), [query(web.resource_id)])


@pytest.mark.parametrize(
    "scope",
    [
        {"service": "sts"},
        {"region": "us-east-1"},
        {"account": "444455556666"},
        {"operation": "DescribeInstances"},
    ],
)
def test_a_fault_meets_its_scope_only(
    fake: AwsFake, connect: Connect, scope: dict[str, str]
) -> None:
    fake.faults.add(Fault(kind=FaultKind.UNAVAILABLE, **scope))  # type: ignore[arg-type]
    assert connect(fake, "ec2", "eu-west-1").describe_regions()["Regions"]
    key = access_key_id(scope.get("account", fake.accounts[0]))
    met = connect(
        fake, scope.get("service", "ec2"), scope.get("region", "eu-west-1"), aws_access_key_id=key
    )
    with pytest.raises(ClientError, match="Unavailable"):
        met.get_caller_identity() if "service" in scope else met.describe_instances()


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (FaultKind.RESULT_INTERNAL_ERROR, "InternalError"),
        (FaultKind.RESULT_FORBIDDEN, "Forbidden"),
    ],
)
def test_single_results_can_fail_in_an_answer_that_succeeds(
    fake: AwsFake, connect: Connect, estate: Estate, kind: FaultKind, status: str
) -> None:
    ids = [named(estate, f"demo-web-dublin-0{n}").resource_id for n in (1, 2)]
    fake.faults.add(Fault(kind=kind, instance_ids=frozenset(ids[:1])))
    queries = [query(instance_id, f"q{i}") for i, instance_id in enumerate(ids)]
    spoiled, right = read(connect(fake, "cloudwatch"), queries)["MetricDataResults"]
    assert (spoiled["StatusCode"], spoiled["Values"]) == (status, [])
    assert right["StatusCode"] == "Complete"
    assert right["Values"]


def test_a_fault_of_results_hits_all_unless_told_otherwise(
    fake: AwsFake, connect: Connect, web: EstateMachine
) -> None:
    fake.faults.add(Fault(kind=FaultKind.RESULT_FORBIDDEN), times=1)
    client = connect(fake, "cloudwatch")
    (first,) = read(client, [query(web.resource_id)])["MetricDataResults"]
    (second,) = read(client, [query(web.resource_id)])["MetricDataResults"]
    assert (first["StatusCode"], second["StatusCode"]) == ("Forbidden", "Complete")
