import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from exporter.demo.aws import AwsFake, Fault, FaultKind, access_key_id
from exporter.demo.estate import Estate, EstateMachine
from tests.demo.aws.asking import Connect, named, query, read
from tests.support.clock import ManualClock

HASTY = Config(read_timeout=0.3, retries={"mode": "standard", "total_max_attempts": 1})
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


def test_a_fault_happens_so_many_times(fake: AwsFake, connect: Connect) -> None:
    fake.faults.add(Fault(kind=FaultKind.THROTTLING), times=2)
    client = connect(fake, "ec2")
    for _ in range(2):
        with pytest.raises(ClientError, match="RequestLimitExceeded"):
            client.describe_regions()
    assert client.describe_regions()["Regions"]
    assert fake.requests["ec2", "DescribeRegions"] == 3


def test_a_fault_without_a_number_lasts_until_it_is_cleared(
    fake: AwsFake, connect: Connect
) -> None:
    fake.faults.add(Fault(kind=FaultKind.UNAVAILABLE))
    client = connect(fake, "ec2")
    for _ in range(3):
        with pytest.raises(ClientError, match="Unavailable"):
            client.describe_regions()
    fake.faults.clear()
    assert client.describe_regions()["Regions"]


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


def test_a_web_page_is_no_answer(fake: AwsFake, connect: Connect, web: EstateMachine) -> None:
    fake.faults.add(Fault(kind=FaultKind.HTML))
    assert "Regions" not in connect(fake, "ec2").describe_regions()
    answer = read(connect(fake, "cloudwatch"), [query(web.resource_id)])
    assert "MetricDataResults" not in answer


def test_half_an_answer_is_no_answer(fake: AwsFake, connect: Connect, web: EstateMachine) -> None:
    fake.faults.add(Fault(kind=FaultKind.TRUNCATED))
    with pytest.raises(ResponseParserError):
        connect(fake, "ec2").describe_regions()
    answer = read(connect(fake, "cloudwatch"), [query(web.resource_id)])
    assert "MetricDataResults" not in answer


def test_a_connection_can_be_torn_down(fake: AwsFake, connect: Connect) -> None:
    fake.faults.add(Fault(kind=FaultKind.RESET), times=1)
    client = connect(fake, "ec2")
    with pytest.raises(HTTPClientError):
        client.describe_regions()
    assert client.describe_regions()["Regions"]


@pytest.mark.parametrize(
    "fault", [Fault(kind=FaultKind.HANG), Fault(kind=FaultKind.LATENCY, seconds=600)]
)
def test_a_client_gives_up_on_a_request_that_hangs(
    fake: AwsFake, connect: Connect, fault: Fault
) -> None:
    fake.faults.add(fault)
    with pytest.raises(ReadTimeoutError):
        connect(fake, "ec2", config=HASTY).describe_regions()


@pytest.mark.parametrize(
    "fault", [Fault(kind=FaultKind.HANG), Fault(kind=FaultKind.LATENCY, seconds=600)]
)
def test_a_request_that_hangs_is_answered_when_the_fault_is_cleared(
    fake: AwsFake, connect: Connect, fault: Fault
) -> None:
    fake.faults.add(fault)
    client = connect(fake, "ec2")
    with ThreadPoolExecutor() as threads:
        answer = threads.submit(client.describe_regions)
        while not fake.requests:
            threading.Event().wait(0.01)
        assert not answer.done()
        fake.faults.clear()
        assert answer.result(timeout=5)["Regions"]


def test_one_region_may_hang_while_others_answer(fake: AwsFake, connect: Connect) -> None:
    fake.faults.add(Fault(kind=FaultKind.HANG, region="us-east-1"))
    with pytest.raises(ReadTimeoutError):
        connect(fake, "ec2", "us-east-1", config=HASTY).describe_regions()
    assert connect(fake, "ec2", "eu-west-1").describe_regions()["Regions"]


def test_closing_ends_requests_that_hang(
    estate: Estate, clock: ManualClock, connect: Connect
) -> None:
    fake = AwsFake(estate, clock).start()
    fake.faults.add(Fault(kind=FaultKind.HANG))
    client = connect(fake, "ec2")
    with ThreadPoolExecutor() as threads:
        answer = threads.submit(client.describe_regions)
        while not fake.requests:
            threading.Event().wait(0.01)
        fake.close()
        assert isinstance(answer.exception(timeout=5), HTTPClientError)


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
