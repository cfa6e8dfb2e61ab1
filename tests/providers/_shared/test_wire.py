"""What all SDKs send over: ends, sizes, no redirects, and connections that are used again."""

import gzip
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http import HTTPStatus

import boto3
import pytest
import requests
from azure.core import PipelineClient
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest as AzureRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import Session
from requests.adapters import HTTPAdapter

from exporter.demo._http import HttpRequest, LoopbackServer, Reply, SilentServer
from exporter.http.bounds import BoundsError
from exporter.http.deadline import PastDeadlineError, TimeBudget
from exporter.providers._shared.wire import BoundedSession, Wire, causes
from exporter.providers.aws.session import _bounding

SECONDS = 0.3
PATIENCE = 5.0
MOST = 100_000
TIMEOUTS = (10.0, 10.0)
"""Of the libraries: none of them ends anything here."""

Serve = Callable[[Reply], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[LoopbackServer] = []

    def start(reply: Reply) -> str:
        servers.append(LoopbackServer("wire", lambda _request: reply))
        return servers[-1].url

    yield start
    for server in servers:
        server.close(lambda: None)


@pytest.fixture
def wire() -> Wire:
    return Wire(SECONDS, TimeBudget(60.0), most_bytes=MOST)


def test_a_right_answer_is_whole_and_its_connection_is_used_again(wire: Wire) -> None:
    made: set[int] = set()

    def answer(request: HttpRequest) -> Reply:
        assert request.headers.get("Accept-Encoding", "") == "gzip"
        packed = gzip.compress(b"right" * 1000)
        return Reply(status=200, body=packed, headers={"Content-Encoding": "gzip"})

    server = LoopbackServer("wire", answer)
    with BoundedSession(wire, 2) as session:
        session.trust_env = False
        for _ in range(3):
            reply = session.get(server.url, timeout=TIMEOUTS)
            assert reply.content == b"right" * 1000
            adapter = session.get_adapter(server.url)
            assert isinstance(adapter, HTTPAdapter)
            pools = adapter.poolmanager.pools
            made |= {pools[key].num_connections for key in pools.keys()}  # noqa: SIM118 - no dict
    server.close(lambda: None)
    assert made == {1}


@pytest.mark.parametrize("drip_seconds", [None, 0.02])
def test_a_handshake_that_does_not_end_is_cut_off(wire: Wire, drip_seconds: float | None) -> None:
    began = time.monotonic()
    with (
        closing(SilentServer(drip_seconds)) as silent,
        BoundedSession(wire, 1) as session,
        pytest.raises(requests.RequestException) as failed,
    ):
        session.get(silent.url, timeout=TIMEOUTS)
    assert time.monotonic() - began < PATIENCE
    assert any(isinstance(one, PastDeadlineError) for one in causes(failed.value))


def test_a_handshake_of_aws_that_does_not_end_is_cut_off(wire: Wire) -> None:
    core = Session()
    core.get_component("event_emitter").register("creating-client-class", _bounding(wire))
    began = time.monotonic()
    with closing(SilentServer(0.02)) as silent:
        client = boto3.session.Session(
            botocore_session=core,
            aws_access_key_id="AKIADEMO",
            aws_secret_access_key="-",
        ).client(
            "sts",
            region_name="eu-west-1",
            endpoint_url=silent.url,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=10, connect_timeout=10),
        )
        with pytest.raises(BotoCoreError) as failed:
            client.get_caller_identity()
    assert time.monotonic() - began < PATIENCE
    assert any(isinstance(one, PastDeadlineError) for one in causes(failed.value))


def test_a_handshake_of_azure_that_does_not_end_is_cut_off(wire: Wire) -> None:
    began = time.monotonic()
    with closing(SilentServer(0.02)) as silent, BoundedSession(wire, 1) as session:
        transport = RequestsTransport(
            session=session, session_owner=False, connection_timeout=10, read_timeout=10
        )
        client = PipelineClient[AzureRequest, object](silent.url, policies=[], transport=transport)
        with pytest.raises(AzureError) as failed:
            client.send_request(AzureRequest("GET", silent.url))
    assert time.monotonic() - began < PATIENCE
    assert any(isinstance(one, PastDeadlineError) for one in causes(failed.value))


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b" " * 10 * MOST), "gzip"),
        (gzip.compress(gzip.compress(b" " * 10 * MOST)), "gzip, gzip"),
        (b" " * 2 * MOST, ""),
        (b"not packed", "gzip"),
        (b"-", "br"),
    ],
    ids=["packed", "packed twice", "plain", "not packed", "unknown encoding"],
)
@pytest.mark.parametrize("status", [HTTPStatus.OK, HTTPStatus.FORBIDDEN])
def test_an_answer_beyond_its_bounds_is_refused_whatever_its_status(
    serve: Serve, wire: Wire, body: bytes, encoding: str, status: int
) -> None:
    url = serve(Reply(status=status, body=body, headers={"Content-Encoding": encoding}))
    with BoundedSession(wire, 1) as session:
        session.trust_env = False
        with pytest.raises(BoundsError):
            session.get(url, timeout=TIMEOUTS)


def test_a_redirect_is_an_answer_like_any_other(serve: Serve, wire: Wire) -> None:
    elsewhere = serve(Reply(status=200, body=b"elsewhere"))
    url = serve(Reply(status=307, body=b"moved", headers={"Location": elsewhere}))
    with BoundedSession(wire, 1) as session:
        session.trust_env = False
        answer = session.post(url, timeout=TIMEOUTS)
    assert (answer.status_code, answer.content) == (307, b"moved")


def test_nothing_is_sent_when_the_cycle_has_no_time_left(serve: Serve) -> None:
    budget = TimeBudget(0.0)
    budget.start()
    with BoundedSession(Wire(SECONDS, budget), 1) as session:
        session.trust_env = False
        with pytest.raises(requests.RequestException) as failed:
            session.get(serve(Reply(status=200, body=b"-")), timeout=TIMEOUTS)
    assert any("cycle" in str(one) for one in causes(failed.value))


def test_causes_are_found_however_they_are_kept_and_loops_end() -> None:
    first, second = ValueError("first"), KeyError("second")
    first.__context__ = second
    second.__cause__ = first
    kept = OSError(second)
    assert set(causes(kept)) == {kept, second, first}
