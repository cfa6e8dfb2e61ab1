"""The HTTP client of our adapters: GET a document, or one of our errors.

Every source that is asked over HTTP has the same time-outs, size limit, retries, request counting
and wording of errors. Messages name the source and its host, never a header, a query or a body:
those may hold a secret.
"""

import json
import math
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NoReturn

import httpx
import stamina

from exporter.core.errors import (
    AuthError,
    BadPayloadError,
    ThrottledError,
    UnreachableError,
)
from exporter.core.ports import AdapterContext
from exporter.http.address import is_loopback
from exporter.http.bounds import ACCEPT_ENCODING, BoundsError, TooLargeError, unpacked
from exporter.http.deadline import Limit, PastDeadlineError, present_cycle, within

ATTEMPTS: Final = 3
"""Requests for one document, the first one included."""
RETRY_AFTER_MAX_SECONDS: Final = 10.0
"""A longer wait asked for by the source is left to the next refresh."""
_RETRY_TOTAL_SECONDS: Final = 45.0
DEADLINE_TIMEOUTS: Final = 3
"""A request that has not ended after this many time-outs is cut off, whatever still trickles in."""
_GRACE_SECONDS: Final = 1.0
"""For a thread to notice that its connection was shut down."""
_PAUSE_MAX_SECONDS: Final = 3600.0
"""A longer pause is cut to this: a wrong header must not silence a source for good."""
_ERROR_BODY_BYTES: Final = 4096

KEYLESS_FIX: Final = (
    "it needs no key but may block this address: set base_url or add another source"
)
"""What to do about a 401 or 403 of a source without a key."""
_CONNECT_SECONDS: Final = 5.0
"""Whoever does not take up a connection by then is out of reach. Behind a firewall that drops
packets, the daemon's first cycle waits so long for each source in use."""

Params = Sequence[tuple[str, str]]
NO_HEADERS: Final[Mapping[str, str]] = {}


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


class RefusedError(AuthError):
    """A 401 or a 403, for sources where the two mean different things.

    ``document`` is the body where that is short JSON, else None. Never print it.
    """

    def __init__(self, message: str, *, status: int, document: object = None) -> None:
        super().__init__(message)
        self.status = status
        self.document = document


class StatusError(BadPayloadError):
    """Another 4xx; ``document`` is its body where that is short JSON, else None. Never print it."""

    def __init__(self, message: str, *, status: int, document: object) -> None:
        super().__init__(message)
        self.status = status
        self.document = document


class _RetryLaterError(ThrottledError):
    """A 429, with the wait that the source asked for, if it did."""

    def __init__(self, message: str, *, seconds: float | None) -> None:
        super().__init__(message)
        self.seconds = seconds


class _NoConnectionError(UnreachableError):
    """Nobody took up the connection: nobody will a second later, and others wait meanwhile."""


class _TooSlowError(UnreachableError):
    """It took all the time there was: a second try would take as much, and others wait."""


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
        self._paused_until = float("-inf")
        self._seconds = endpoint.timeout_seconds * DEADLINE_TIMEOUTS
        self._lines: list[socket.socket] = []
        self._admit: Callable[[], bool] | None = None
        self._retry = stamina.RetryingCaller(
            attempts=ATTEMPTS, timeout=_RETRY_TOTAL_SECONDS, wait_initial=1.0, wait_max=8.0
        ).on(self._backoff)
        self._http = httpx.Client(
            base_url=url,
            headers={
                "User-Agent": context.user_agent,
                "Accept": "application/json",
                "Accept-Encoding": ACCEPT_ENCODING,
                **endpoint.headers,
            },
            timeout=_timeout(endpoint.timeout_seconds),
            transport=transport,
            # A redirect may lead to another host, with our headers: never followed.
            follow_redirects=False,
            # A proxy from the environment cannot reach this machine's own loopback.
            trust_env=not is_loopback(url.host),
        )

    def get_json(
        self, path: str, *, api: str, params: Params = (), headers: Mapping[str, str] = NO_HEADERS
    ) -> object:
        """Return the decoded document at ``path``; ``api`` names the call in the request counter.

        ``headers`` go with this request only, such as a key that is read anew each time.

        Raises:
            AuthError: 401 or 403.
            ThrottledError: 429, also after the retries, or within the pause that a 429 asked for.
            UnreachableError: no connection, no answer in time, or a 5xx, after the retries; or the
                time of the collector's cycle is over.
            BadPayloadError: another status, too large, or not JSON.
        """
        return self._decode(self.get_bytes(path, api=api, params=params, headers=headers))

    def get_bytes(
        self, path: str, *, api: str, params: Params = (), headers: Mapping[str, str] = NO_HEADERS
    ) -> bytes:
        """Return the document at ``path`` undecoded, for sources that do not speak JSON.

        Raises:
            CollectorError: as ``get_json`` does, except that any body is accepted.
        """
        return self._retry(self._get, path, api, params, headers)

    def pay_retries(self, admit: Callable[[], bool]) -> None:
        """Try again only where a request budget admits one more request."""
        self._admit = admit

    def close(self) -> None:
        """Release the connections."""
        self._http.close()

    def _get(self, path: str, api: str, params: Params, headers: Mapping[str, str]) -> bytes:
        self._check_pause()
        seconds = min(self._seconds, present_cycle().left)
        if seconds <= 0:
            raise self._cycle_over()
        self._meter.count(self._endpoint.source, api)
        # Name resolution has no time-out and no socket, so all is done in a thread of its own.
        with Limit(seconds) as limit:
            send = partial(self._send, path, params, headers, limit)
            try:
                return within(limit.left + _GRACE_SECONDS, send)
            except PastDeadlineError as error:
                raise self._too_slow() from error

    def _send(self, path: str, params: Params, headers: Mapping[str, str], limit: Limit) -> bytes:
        try:
            body = self._answer(path, params, headers, limit)
        except httpx.ConnectTimeout as error:
            message = self._say("no connection in time — check the network, a firewall or a proxy")
            raise _NoConnectionError(message) from error
        except httpx.TimeoutException as error:
            seconds = self._endpoint.timeout_seconds
            message = self._say(f"no answer within {seconds:g} s — check the network or wait")
            raise UnreachableError(message) from error
        except httpx.TransportError as error:
            if limit.passed:  # it is we who have closed the connection
                raise self._too_slow() from error
            if isinstance(error, httpx.ConnectError):
                message = self._say(f"cannot connect ({error}) — check name, network and proxy")
            else:
                message = self._say("the connection broke off — check network and proxy, or wait")
            raise UnreachableError(message) from error
        if limit.passed:  # without a length, a connection that was closed looks like the end
            raise self._too_slow()
        return body

    def _answer(self, path: str, params: Params, headers: Mapping[str, str], limit: Limit) -> bytes:
        self._lines = [line for line in self._lines if line.fileno() >= 0]
        for line in self._lines:
            limit.hold(line)

        def trace(event: str, info: Mapping[str, Any]) -> None:
            if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
                line = info["return_value"].get_extra_info("socket")
                self._lines.append(line)
                limit.hold(line)

        with self._http.stream(
            "GET", path, params=list(params) or None, headers=headers, extensions={"trace": trace}
        ) as answer:
            self._check_status(answer)
            return self._body(answer)

    def _backoff(self, error: Exception) -> bool | float:
        wait = _backoff(error)
        if wait is not False and wait >= present_cycle().left:
            return False
        if wait is not False and self._admit is not None and not self._admit():
            return False
        return wait

    def _cycle_over(self) -> UnreachableError:
        seconds = present_cycle().seconds
        message = f"its answers took all of the {seconds:g} s that one cycle has"
        return _TooSlowError(self._say(f"{message} — the rest follows with the next refresh"))

    def _too_slow(self) -> UnreachableError:
        if present_cycle().left <= 0:
            return self._cycle_over()
        message = f"the answer trickles in too slowly, not whole within {self._seconds:g} s"
        return _TooSlowError(self._say(f"{message} — check the network"))

    def _check_status(self, answer: httpx.Response) -> None:
        status = answer.status_code
        if answer.is_success:
            return
        if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            message = self._say(f"refused with HTTP {status} — {self._endpoint.auth_fix}")
            raise RefusedError(message, status=status, document=_error_document(answer))
        if status == httpx.codes.TOO_MANY_REQUESTS:
            self._throttled(_retry_after(answer))
        if answer.is_server_error:
            fix = "the fault is on its side; it will be tried again"
            raise UnreachableError(self._say(f"fails with HTTP {status} — {fix}"))
        if answer.has_redirect_location:
            self._refuse(f"redirects elsewhere (HTTP {status}) — check base_url")
        message = self._say(f"answers HTTP {status} — check base_url, or the API has changed")
        raise StatusError(message, status=status, document=_error_document(answer))

    def _throttled(self, seconds: float | None) -> NoReturn:
        if seconds is not None and seconds > RETRY_AFTER_MAX_SECONDS:
            self._paused_until = self._clock.monotonic() + min(seconds, _PAUSE_MAX_SECONDS)
        message = self._say("too many requests (HTTP 429) — ask less often or wait")
        raise _RetryLaterError(message, seconds=seconds)

    def _check_pause(self) -> None:
        left = self._paused_until - self._clock.monotonic()
        if left > 0:
            message = self._say(f"asked for a pause, {left:.0f} s are left — wait")
            raise _RetryLaterError(message, seconds=math.inf)

    def _body(self, answer: httpx.Response) -> bytes:
        encoding = answer.headers.get("Content-Encoding", "")
        try:
            return unpacked(answer.iter_raw(), encoding, self._endpoint.max_bytes)
        except TooLargeError as error:
            self._refuse(f"{error} — check base_url", error)
        except BoundsError as error:
            self._refuse(f"{error} — report it to the source", error)

    def _decode(self, body: bytes) -> object:
        try:
            document: object = json.loads(body, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            message = self._say(f"{_what_is(body)} — check base_url and proxy")
            raise BadPayloadError(message) from error
        return document

    def _refuse(self, text: str, cause: Exception | None = None) -> NoReturn:
        raise BadPayloadError(self._say(text)) from cause

    def _say(self, text: str) -> str:
        return f"{self._endpoint.source} ({self._host}): {text}"


def _timeout(seconds: float) -> httpx.Timeout:
    return httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))


def _backoff(error: Exception) -> bool | float:
    """Tell stamina whether to try again, and after how many seconds if the source said so."""
    if isinstance(error, _RetryLaterError) and error.seconds is not None:
        return error.seconds if error.seconds <= RETRY_AFTER_MAX_SECONDS else False
    passing = isinstance(error, ThrottledError | UnreachableError)
    return passing and not isinstance(error, _NoConnectionError | _TooSlowError)


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds of a ``Retry-After`` header; None where it is absent or holds a date."""
    text = answer.headers.get("Retry-After", "").strip()
    return float(text) if text.isascii() and text.isdigit() else None


def _error_document(answer: httpx.Response) -> object:
    """Decode the body of an error; None where it is long, broken off or not JSON."""
    encoding = answer.headers.get("Content-Encoding", "")
    try:
        body = unpacked(answer.iter_raw(_ERROR_BODY_BYTES), encoding, _ERROR_BODY_BYTES)
        document: object = json.loads(body)
    except (httpx.HTTPError, ValueError, RecursionError):
        return None
    return document


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
