"""The one HTTP client of the grid sources: GET a JSON document, or one of our errors.

Every source has the same time-outs, size limit, retries, request counting and wording of errors.
Messages name the source and its host, never a header, a query or a body: those may hold a secret.
"""

import ipaddress
import json
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, NoReturn

import httpx
import stamina
from pydantic import AfterValidator

from exporter.core.errors import (
    AuthError,
    BadPayloadError,
    ThrottledError,
    UnreachableError,
)
from exporter.core.ports import AdapterContext

ATTEMPTS: Final = 3
"""Requests for one document, the first one included."""
RETRY_AFTER_MAX_SECONDS: Final = 10.0
"""A longer wait asked for by the source is left to the next refresh."""
_RETRY_TOTAL_SECONDS: Final = 45.0
_DEADLINE_TIMEOUTS: Final = 3
"""An answer that trickles is cut off after this many time-outs."""

Params = Sequence[tuple[str, str]]


def is_loopback(host: str) -> bool:
    """Whether a host name can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_base_url(text: str) -> str:
    """Accept an address such as ``https://host/path`` and drop its trailing slash.

    Raises:
        ValueError: another scheme, no host, or a user, query or fragment in it.
    """
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, UnicodeError) as error:
        message = "write an address such as https://api.example.org"
        raise ValueError(message) from error
    if url.scheme not in {"http", "https"} or not url.host or set(text) & set(string.whitespace):
        message = "write an address that starts with https:// (or http://) and names a host"
        raise ValueError(message)
    if url.userinfo or url.query or url.fragment:
        message = "write the address without user, query or fragment"
        raise ValueError(message)
    return text.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(check_base_url)]
"""Address of an API in a source's config section."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a source answers, and what its answers may cost in time and memory.

    ``auth_fix`` completes the message of a 401 or 403: what the user should do. ``headers`` may
    hold a secret and are not part of ``repr``.
    """

    source: str
    base_url: str
    auth_fix: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_seconds: float = 10.0
    max_bytes: int = 4 * 1024 * 1024


class _RetryLaterError(ThrottledError):
    """A 429, with the wait that the source asked for, if it did."""

    def __init__(self, message: str, *, seconds: float | None) -> None:
        super().__init__(message)
        self.seconds = seconds


class JsonClient:
    """Gets JSON documents from one endpoint. Used by one thread at a time."""

    def __init__(
        self,
        endpoint: Endpoint,
        context: AdapterContext,
        *,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        url = httpx.URL(endpoint.base_url)
        self._endpoint = endpoint
        self._host = url.netloc.decode("ascii")
        self._clock = context.clock
        self._meter = context.meter
        self._retry = stamina.RetryingCaller(
            attempts=ATTEMPTS, timeout=_RETRY_TOTAL_SECONDS, wait_initial=1.0, wait_max=8.0
        ).on(_backoff)
        self._http = httpx.Client(
            base_url=url,
            headers={
                "User-Agent": context.user_agent,
                "Accept": "application/json",
                **endpoint.headers,
            },
            timeout=endpoint.timeout_seconds,
            transport=transport,
            # A redirect may lead to another host, with our headers: never followed.
            follow_redirects=False,
            # A proxy from the environment cannot reach this machine's own loopback.
            trust_env=not is_loopback(url.host),
        )

    def get_json(self, path: str, *, api: str, params: Params = ()) -> object:
        """Return the decoded document at ``path``; ``api`` names the call in the request counter.

        Raises:
            AuthError: 401 or 403.
            ThrottledError: 429, also after the retries.
            UnreachableError: no connection, no answer in time, or a 5xx, after the retries.
            BadPayloadError: another status, too large, or not JSON.
        """
        return self._decode(self._retry(self._get, path, api, params))

    def close(self) -> None:
        """Release the connections."""
        self._http.close()

    def _get(self, path: str, api: str, params: Params) -> bytes:
        self._meter.count(self._endpoint.source, api)
        try:
            with self._http.stream("GET", path, params=list(params) or None) as answer:
                self._check_status(answer)
                return self._body(answer)
        except httpx.TimeoutException as error:
            seconds = self._endpoint.timeout_seconds
            message = self._say(f"no answer within {seconds:g} s — check the network or wait")
            raise UnreachableError(message) from error
        except httpx.ConnectError as error:
            message = self._say(f"cannot connect ({error}) — check name, network and proxy")
            raise UnreachableError(message) from error
        except httpx.DecodingError as error:
            message = self._say("the answer's compression is broken — report it to the source")
            raise BadPayloadError(message) from error
        except httpx.TransportError as error:
            message = self._say("the connection broke off — check network and proxy, or wait")
            raise UnreachableError(message) from error

    def _check_status(self, answer: httpx.Response) -> None:
        status = answer.status_code
        if answer.is_success:
            return
        if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise AuthError(self._say(f"refused with HTTP {status} — {self._endpoint.auth_fix}"))
        if status == httpx.codes.TOO_MANY_REQUESTS:
            message = self._say("too many requests (HTTP 429) — ask less often or wait")
            raise _RetryLaterError(message, seconds=_retry_after(answer))
        if answer.is_server_error:
            raise UnreachableError(self._say(f"fails with HTTP {status} — wait; it is its fault"))
        if answer.has_redirect_location:
            self._refuse(f"redirects elsewhere (HTTP {status}) — check base_url")
        self._refuse(f"answers HTTP {status} — check base_url, or the API has changed")

    def _body(self, answer: httpx.Response) -> bytes:
        body = bytearray()
        limit = self._endpoint.max_bytes
        deadline = self._clock.monotonic() + self._endpoint.timeout_seconds * _DEADLINE_TIMEOUTS
        for chunk in answer.iter_bytes():
            body += chunk
            if len(body) > limit:
                self._refuse(f"the answer is larger than {limit} bytes — check base_url")
            if self._clock.monotonic() > deadline:
                message = self._say("the answer trickles in too slowly — check the network")
                raise UnreachableError(message)
        return bytes(body)

    def _decode(self, body: bytes) -> object:
        try:
            document: object = json.loads(body, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            message = self._say(f"{_what_is(body)} — check base_url and proxy")
            raise BadPayloadError(message) from error
        return document

    def _refuse(self, text: str) -> NoReturn:
        raise BadPayloadError(self._say(text))

    def _say(self, text: str) -> str:
        return f"{self._endpoint.source} ({self._host}): {text}"


def _backoff(error: Exception) -> bool | float:
    """Tell stamina whether to try again, and after how many seconds if the source said so."""
    if isinstance(error, _RetryLaterError) and error.seconds is not None:
        return error.seconds if error.seconds <= RETRY_AFTER_MAX_SECONDS else False
    return isinstance(error, ThrottledError | UnreachableError)


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds of a ``Retry-After`` header; None where it is absent or holds a date."""
    text = answer.headers.get("Retry-After", "").strip()
    return float(text) if text.isascii() and text.isdigit() else None


def _no_constant(name: str) -> NoReturn:
    message = f"{name} is not JSON"
    raise ValueError(message)


def _what_is(body: bytes) -> str:
    start = body.lstrip()[:1]
    if not start:
        return "an empty answer instead of JSON"
    if start == b"<":
        return "an HTML or XML page instead of JSON"
    return "the answer is broken off or is not JSON"
