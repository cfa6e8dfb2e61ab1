"""Requests to Resource Manager and to the regions: retries, waits, time-outs, counts."""

import pytest

from exporter.core.errors import CollectorError, Reason
from exporter.demo._http import HttpRequest, Reply
from exporter.demo.azure import Fault, FaultKind
from exporter.providers.azure import subscriptions
from exporter.providers.azure.errors import Call
from exporter.providers.azure.session import LONGEST_WAIT_SECONDS, api_of
from tests.support.provider_azure import SUBSCRIPTION
from tests.support.providers import SECRET, final_window, running
from tests.support.wire_azure import Answer, Make, Wire, page, refused, reply

CALL = Call(permission="some/read", where="somewhere", scope="here")
GOOD = reply({"fine": True})
QUOTA = {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:00:04"}


def busy(**headers: str) -> Reply:
    return reply({"error": {"code": "TooManyRequests"}}, 429, headers)


def ask(wire: Wire, *answers: Answer, attempts: int = 3) -> object:
    """POST to the scripted server, and return what came at last."""
    wire.answers = list(answers)
    return wire.connection(max_attempts=attempts).post("/query", CALL, {}, version="1")[0]


@pytest.mark.parametrize(
    ("answers", "naps"),
    [
        ([busy()], [0.8]),
        ([busy(), busy()], [0.8, 1.6]),
        ([busy(**{"Retry-After": "7"})], [7.0]),
        ([reply({}, 429, QUOTA)], [4.0]),
        ([reply({}, 529)], [0.8]),
        ([refused("ServiceUnavailable", 503), page("<html>", 502)], [0.8, 1.6]),
        ([refused("InternalServerError", 500)], [0.8]),
        ([None], [0.8]),
    ],
)
def test_what_passes_is_tried_again_after_a_wait(
    wire: Wire, answers: list[Answer], naps: list[float]
) -> None:
    assert ask(wire, *answers, GOOD) == {"fine": True}
    assert wire.naps.seconds == naps
    assert len(wire.asked) == len(answers) + 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (busy(), Reason.THROTTLED),
        (busy(**{"Retry-After": "1"}), Reason.THROTTLED),
        (refused("ServiceUnavailable", 503), Reason.UNREACHABLE),
        (None, Reason.UNREACHABLE),
    ],
)
def test_trying_again_has_an_end_and_every_try_is_counted(
    wire: Wire, answer: Answer, reason: Reason
) -> None:
    with pytest.raises(CollectorError) as failed:
        ask(wire, answer, attempts=4)

    assert failed.value.reason is reason
    assert len(wire.asked) == 4
    assert sum(used.requests for used in wire.meter.usage().values()) == 4


def test_one_attempt_is_one_request(wire: Wire) -> None:
    with pytest.raises(CollectorError):
        ask(wire, busy(), attempts=1)

    assert len(wire.asked) == 1
    assert wire.naps.seconds == []


@pytest.mark.parametrize(
    "headers", [{"Retry-After": "3600"}, {**QUOTA, "x-ms-user-quota-resets-after": "01:00:00"}]
)
def test_who_is_told_to_wait_long_gives_up_until_the_next_poll(
    wire: Wire, headers: dict[str, str]
) -> None:
    with pytest.raises(CollectorError) as failed:
        ask(wire, busy(**headers), GOOD)

    assert failed.value.reason is Reason.THROTTLED
    assert len(wire.asked) == 1
    assert wire.naps.seconds == []


def test_back_off_is_bounded(wire: Wire) -> None:
    with pytest.raises(CollectorError):
        ask(wire, busy(), attempts=10)

    assert max(wire.naps.seconds) == LONGEST_WAIT_SECONDS


@pytest.mark.parametrize(
    "answer", [refused("BadRequest", 400), refused("AuthorizationFailed", 403)]
)
def test_what_will_not_pass_is_not_tried_again(wire: Wire, answer: Answer) -> None:
    with pytest.raises(CollectorError):
        ask(wire, answer)

    assert len(wire.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        page("<html>"),
        page("{", content_type="application/json"),
        reply([1]),
        reply("text"),
        reply(None),
    ],
)
def test_an_answer_that_is_no_json_object_is_a_bad_payload(wire: Wire, answer: Answer) -> None:
    with pytest.raises(CollectorError) as failed:
        ask(wire, answer)

    assert failed.value.reason is Reason.BAD_PAYLOAD


def test_a_server_that_hangs_is_given_up(make: Make) -> None:
    harness = make(timeout="0.2s")
    harness.fake.faults.add(Fault(kind=FaultKind.HANG))

    with pytest.raises(CollectorError) as failed:
        harness.provider.discover()

    assert failed.value.reason is Reason.UNREACHABLE


def test_a_region_is_retried_as_resource_manager_is(make: Make) -> None:
    harness = make(max_attempts=3)
    machines = running(harness.provider.discover().machines)[:1]
    harness.fake.faults.add(Fault(kind=FaultKind.BARE_THROTTLING), times=1)
    harness.fake.faults.add(Fault(kind=FaultKind.UNAVAILABLE), times=1)

    reading = harness.provider.read(machines, final_window(harness))

    assert not reading.failures
    assert len(reading.series[0].cpu) == 12
    assert harness.naps.seconds == [0.8]  # both faults met the first try
    assert harness.requests()["GetBatch"] == 2


def test_each_service_gets_a_token_for_itself(wire: Wire) -> None:
    def authorised(request: HttpRequest) -> Reply:
        return reply({"said": request.headers.get("Authorization", "")})

    assert ask(wire, authorised) == {"said": f"Bearer token-{SECRET}"}


def test_the_next_page_is_never_fetched_from_another_host(wire: Wire) -> None:
    here = {"value": [{"subscriptionId": SUBSCRIPTION}]}
    wire.answers = [reply(here | {"nextLink": "https://example.com/subscriptions?page=2"})]

    with pytest.raises(CollectorError) as failed:
        subscriptions.visible(wire.connection())

    assert failed.value.reason is Reason.BAD_PAYLOAD
    assert len(wire.asked) == 1


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://eastus.metrics.monitor.azure.com/subscriptions/x/metrics:getBatch", "GetBatch"),
        ("https://m.net/providers/Microsoft.ResourceGraph/resources?v=1", "ResourceGraph"),
        ("https://m.net/subscriptions/x/providers/Microsoft.Compute/skus", "ListSkus"),
        ("https://m.net/subscriptions/x/providers/Microsoft.Insights", "GetProvider"),
        ("https://m.net/subscriptions?page=2", "Subscriptions"),
    ],
)
def test_requests_are_counted_by_api(url: str, api: str) -> None:
    assert api_of(url) == api
