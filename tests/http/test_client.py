import gzip
import itertools
from collections.abc import Callable, Iterator
from contextlib import closing

import httpx
import pytest

from exporter.core.errors import (
    AuthError,
    BadPayloadError,
    CollectorError,
    ThrottledError,
    UnreachableError,
)
from exporter.core.ports import AdapterContext
from exporter.http.address import check_base_url, is_loopback
from exporter.http.client import ATTEMPTS, Endpoint, JsonClient
from tests.support.clock import ManualClock
from tests.support.grids import FIXTURES, context
from tests.support.streamed import Raw, streamed

SECRET = "s3cr3t-key"
PACKED = {"Content-Encoding": "gzip"}
Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def setting() -> AdapterContext:
    return context(ManualClock())


def get(handler: Handler, setting: AdapterContext, *, max_bytes: int = 1_000_000) -> object:
    endpoint = Endpoint(
        source="src",
        base_url="https://grid.example.org/v4",
        auth_fix="check token_file",
        headers={"auth-token": SECRET},
        max_bytes=max_bytes,
    )
    with closing(JsonClient(endpoint, setting, transport=streamed(handler))) as client:
        return client.get_json(
            "/latest", api="latest", params=[("api_key", SECRET), ("zone", "FR")]
        )


def answering(status: int, body: bytes = b"{}", **headers: str) -> Handler:
    return lambda _request: httpx.Response(status, content=body, headers=headers)


def raising(error: Exception) -> Handler:
    def handler(_request: httpx.Request) -> httpx.Response:
        raise error

    return handler


def test_a_request_carries_address_query_headers_and_our_name(setting: AdapterContext) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"value": 1})

    assert get(handler, setting) == {"value": 1}
    assert str(seen[0].url) == f"https://grid.example.org/v4/latest?api_key={SECRET}&zone=FR"
    assert seen[0].headers["user-agent"] == "test/1"
    assert seen[0].headers["auth-token"] == SECRET
    assert setting.meter.usage()["src", "latest"].requests == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (204, BadPayloadError),
        (301, BadPayloadError),
        (304, BadPayloadError),
        (400, BadPayloadError),
        (401, AuthError),
        (403, AuthError),
        (404, BadPayloadError),
        (410, BadPayloadError),
        (429, ThrottledError),
        (500, UnreachableError),
        (503, UnreachableError),
    ],
)
def test_a_status_is_its_named_error(
    setting: AdapterContext, status: int, error: type[CollectorError]
) -> None:
    with pytest.raises(error) as caught:
        get(answering(status, b"", Location="https://elsewhere.example.org/"), setting)
    assert str(caught.value).startswith("src (grid.example.org): ")


def test_a_refusal_says_what_to_do(setting: AdapterContext) -> None:
    with pytest.raises(AuthError, match="check token_file"):
        get(answering(401), setting)


def test_a_server_error_says_whose_fault_it_is_and_that_nothing_is_to_be_done(
    setting: AdapterContext,
) -> None:
    with pytest.raises(UnreachableError) as caught:
        get(answering(502), setting)
    told = "fails with HTTP 502 — the fault is on its side; it will be tried again"
    assert str(caught.value) == f"src (grid.example.org): {told}"


@pytest.mark.parametrize(
    ("status", "fixture", "error"),
    [
        (400, "neso_error_400.json", BadPayloadError),
        (500, "neso_error_500.json", UnreachableError),
        (403, "eia_error_invalid_key.json", AuthError),
        (401, "electricitymaps_error_401.json", AuthError),
        (403, "electricitymaps_error_403.txt", AuthError),
        (404, "electricitymaps_error_404_no_data.json", BadPayloadError),
        (403, "watttime_error_403.html", AuthError),
        (200, "electricitymaps_error_403.txt", BadPayloadError),
        (200, "watttime_error_403.html", BadPayloadError),
    ],
)
def test_recorded_error_bodies_are_named_errors(
    setting: AdapterContext, status: int, fixture: str, error: type[CollectorError]
) -> None:
    with pytest.raises(error):
        get(answering(status, (FIXTURES / fixture).read_bytes()), setting)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  ",
        b'{"data": [1, 2',
        b"<html></html>",
        b'{"value": NaN}',
        b'{"value": -Infinity}',
        b"\xff\xfe\xfa",
        b"[" * 200_000,
        b'{"value": ' + b"9" * 5_000 + b"}",
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_not_json_is_a_bad_payload(setting: AdapterContext, body: bytes) -> None:
    with pytest.raises(BadPayloadError):
        get(answering(200, body), setting)


def test_an_answer_above_the_size_limit_is_refused_while_it_is_read(
    setting: AdapterContext,
) -> None:
    sent = itertools.count()

    def chunks() -> Iterator[bytes]:
        for _ in sent:
            yield b" " * 1024

    with pytest.raises(BadPayloadError, match="larger than 4096 bytes"):
        get(lambda _: httpx.Response(200, content=chunks()), setting, max_bytes=4096)
    assert next(sent) < 10


def test_the_size_limit_counts_what_compression_hides(setting: AdapterContext) -> None:
    body = gzip.compress(b" " * 100_000)
    handler = answering(200, body, **{"Content-Encoding": "gzip"})
    with pytest.raises(BadPayloadError, match="larger"):
        get(handler, setting, max_bytes=50_000)


def test_broken_compression_is_a_bad_payload(setting: AdapterContext) -> None:
    def handler(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=Raw([b"junk"]))

    with pytest.raises(BadPayloadError, match="compression"):
        get(handler, setting)


@pytest.mark.parametrize("status", [200, 404])
def test_an_answer_that_is_packed_twice_is_refused(setting: AdapterContext, status: int) -> None:
    body = gzip.compress(gzip.compress(b" " * 1_000_000))
    with pytest.raises(BadPayloadError):
        get(answering(status, body, **{"Content-Encoding": "gzip, gzip"}), setting)


def test_gzip_and_nothing_else_is_asked_for(setting: AdapterContext) -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["accept-encoding"])
        return httpx.Response(200, stream=Raw([gzip.compress(b"[1]")]), headers=PACKED)

    assert get(handler, setting) == [1]
    assert seen == ["gzip"]


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("[Errno -2] Name or service not known"),
        httpx.ReadTimeout(SECRET),
        httpx.ReadError(SECRET),
        httpx.RemoteProtocolError(SECRET),
        httpx.LocalProtocolError(f"Illegal header value b'{SECRET}'"),
        httpx.ProxyError(SECRET),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_broken_way_is_unreachable_and_tried_again(
    setting: AdapterContext, error: Exception
) -> None:
    with pytest.raises(UnreachableError) as caught:
        get(raising(error), setting)
    assert SECRET not in str(caught.value)
    assert setting.meter.usage()["src", "latest"].requests == ATTEMPTS


def test_a_connection_that_nobody_takes_up_is_not_waited_for_twice(setting: AdapterContext) -> None:
    with pytest.raises(UnreachableError, match="no connection in time") as caught:
        get(raising(httpx.ConnectTimeout(SECRET)), setting)
    assert SECRET not in str(caught.value)
    assert setting.meter.usage()["src", "latest"].requests == 1


def test_a_connection_is_waited_for_no_longer_than_five_seconds(setting: AdapterContext) -> None:
    for seconds, connect in ((30.0, 5.0), (2.0, 2.0)):
        endpoint = Endpoint(
            source="src", base_url="https://a.example", auth_fix="", timeout_seconds=seconds
        )
        with closing(JsonClient(endpoint, setting)) as client:
            assert client._http.timeout == httpx.Timeout(seconds, connect=connect)


@pytest.mark.parametrize("status", [200, 204, 302, 400, 401, 403, 404, 429, 500])
def test_no_secret_of_header_query_or_body_is_in_a_message(
    setting: AdapterContext, status: int
) -> None:
    body = f'{{"echo": "{SECRET}"'.encode()
    handler = answering(status, body, Location=f"https://evil.example.org/?key={SECRET}")
    with pytest.raises(CollectorError) as caught:
        get(handler, setting)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value)


def test_headers_are_not_in_the_endpoints_repr() -> None:
    endpoint = Endpoint(
        source="src", base_url="https://x.example.org", auth_fix="-", headers={"auth": SECRET}
    )
    assert SECRET not in repr(endpoint)


@pytest.mark.parametrize(
    ("retry_after", "requests"),
    [("0", 3), ("10", 3), ("11", 1), ("86400", 1), ("-1", 3), ("soon", 3), ("٣", 3)],
)
def test_retry_after_is_honoured_up_to_its_bound(
    setting: AdapterContext, retry_after: str, requests: int
) -> None:
    handler = lambda _: httpx.Response(  # noqa: E731 - one answer
        429, headers=[(b"Retry-After", retry_after.encode())]
    )
    with pytest.raises(ThrottledError):
        get(handler, setting)
    assert setting.meter.usage()["src", "latest"].requests == requests


@pytest.mark.parametrize(
    "url", ["https://a.example.org/v4/", "http://127.0.0.1:81", "http://[::1]:8"]
)
def test_an_address_is_accepted_without_its_trailing_slash(url: str) -> None:
    assert check_base_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.org",
        "ftp://api.example.org",
        "https://",
        "https://user:pw@api.example.org",
        "https://api.example.org/?key=1",
        "https://api.example.org/#top",
        "https://api.example.org:port",
        "https://exa mple.org",
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="write"):
        check_base_url(url)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - a host to refuse
        ("localhost.example.org", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_only(host: str, *, expected: bool) -> None:
    assert is_loopback(host) is expected
