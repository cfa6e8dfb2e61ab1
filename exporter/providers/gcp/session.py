"""Credentials and clients of one collector: everything that is made once and then shared."""

import functools
import json
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import google.auth
import grpc  # type: ignore[import-untyped] # the package ships no types
import stamina
from google.api_core.gapic_v1.client_info import ClientInfo
from google.auth import impersonated_credentials
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession, Request
from google.cloud.monitoring_v3 import ListTimeSeriesRequest, MetricServiceClient
from google.cloud.monitoring_v3.services.metric_service.transports.grpc import (
    MetricServiceGrpcTransport,
)

from exporter.core.errors import AuthError, ThrottledError, UnreachableError
from exporter.core.ports import AdapterContext
from exporter.http.deadline import PastDeadlineError, TimeBudget
from exporter.providers._shared.calls import Pages, TooSlowError
from exporter.providers._shared.provider import WORKERS
from exporter.providers._shared.wire import BoundedSession, Wire, bound
from exporter.providers.gcp.errors import Call, from_status, reasons_of, translated

if TYPE_CHECKING:  # it knows the kinds, which know this
    from exporter.providers.gcp.config import Config

LIST_TIME_SERIES: Final = "ListTimeSeries"
"""Name of the only Cloud Monitoring call, in the request counter."""

DOLLARS_PER_SERIES: Final = 0.50 / 1e6
"""List price of a time series returned by a read, since 2 October 2025.

The first million of each billing account and month is free; that is left out here, because other
readers of the account may have used it. https://cloud.google.com/products/observability/pricing
"""

_SCOPES: Final = (
    "https://www.googleapis.com/auth/monitoring.read",
    "https://www.googleapis.com/auth/compute.readonly",
)
_COMPUTE: Final = "https://compute.googleapis.com"
MOST_MESSAGE_BYTES: Final = 32 * 1024 * 1024
"""Of one page of ListTimeSeries. One of 100,000 points, the most there can be, is about 10 MB."""
_CHANNEL: Final = (
    ("grpc.max_receive_message_length", MOST_MESSAGE_BYTES),
    ("grpc.compression_enabled_algorithms_bitset", 1),  # none: a message is as large as it comes
)
_PLAIN_CHANNEL: Final = (
    *_CHANNEL,
    ("grpc.enable_http_proxy", 0),  # a proxy cannot reach this machine's own loopback
)
_LOADING: Final = threading.Lock()
_NO_CREDENTIALS_FILE: Final = (OSError, LookupError, TypeError, ValueError, AttributeError)
"""What reading a file raises that is not there or holds something else."""

JsonObject = dict[str, Any]


class Connection:
    """Working credentials of one collector and its clients, safe to share between threads.

    The constructor may ask the metadata server whose machine this is. To an ``http://`` endpoint,
    which is on this machine, no credentials are sent.
    """

    def __init__(
        self, config: "Config", context: AdapterContext, budget: TimeBudget | None = None
    ) -> None:
        self._config = config
        self._wire = Wire(config.request_seconds, budget)
        self._context = context
        self._seconds = config.read_seconds
        self._timeouts = (config.connect_seconds, config.read_seconds)
        self._retry = stamina.RetryingCaller(
            attempts=config.max_attempts,
            timeout=self._seconds * config.max_attempts,
            wait_initial=0.5,
            wait_max=8.0,
        ).on(_passing)
        self._compute = config.compute_endpoint or _COMPUTE
        plain = [_is_plain(url) for url in (self._compute, config.monitoring_endpoint)]
        self.credentials: Credentials | None = None if all(plain) else _credentials(config)
        self._idle: list[AuthorizedSession] = []
        self._client = self._metric_client()

    def authorize(self) -> None:
        """Renew the access token if it is needed: gRPC would hide why that failed.

        Raises:
            CollectorError: it could not be had.
        """
        with translated(_identity(self._config, self._config.targets[0])):
            self._renew()

    def _renew(self) -> None:
        credentials = self.credentials
        if credentials is None or credentials.valid:
            return
        with BoundedSession(self._wire, 1) as http:
            renew = functools.partial(Request(http), timeout=self._seconds)
            credentials.refresh(renew)  # type: ignore[no-untyped-call] # untyped upstream

    def call(self, permission: str, project: str) -> Call:
        """Describe a call for error messages."""
        principal = self._config.impersonate_service_account or ""
        return Call(permission=permission, project=project, principal=principal)

    def get(self, api: str, path: str, params: Mapping[str, str], call: Call) -> JsonObject | None:
        """Return a document of the Compute Engine API below ``/compute/v1``; None if not found.

        Raises:
            CollectorError: no answer, a refusal, or something else than a JSON object.
        """
        return self._retry(self._get, api, path, params, call)

    def series_pages(self, request: ListTimeSeriesRequest, call: Call) -> Iterator[Any]:
        """Yield the pages of ListTimeSeries as raw protobuf, ten times faster than proto-plus.

        Raises:
            CollectorError: a page could not be had.
        """
        pages = Pages(call)
        while True:
            page = self._retry(self._list, request, call)
            dollars = len(page.time_series) * DOLLARS_PER_SERIES
            self._context.meter.count("gcp", LIST_TIME_SERIES, requests=0, dollars=dollars)
            yield page
            token = pages.turn(page.next_page_token, len(page.time_series))
            if not token:
                return
            request.page_token = token

    def close(self) -> None:
        """Close the clients' connections."""
        self._client.transport.close()  # type: ignore[no-untyped-call] # untyped upstream
        while self._idle:
            self._idle.pop().close()  # type: ignore[no-untyped-call] # untyped upstream

    def _get(self, api: str, path: str, params: Mapping[str, str], call: Call) -> JsonObject | None:
        self._context.meter.count("gcp", api)
        url = f"{self._compute}/compute/v1/{path}"
        with translated(call), self._session() as session:
            answer = session.get(url, params=params, timeout=self._timeouts, allow_redirects=False)
            status, body = answer.status_code, answer.content
            if status == HTTPStatus.OK:
                return _object(body, call)
        if status == HTTPStatus.NOT_FOUND:
            return None
        raise from_status(status, reasons_of(_lenient(body)), call)

    def _list(self, request: ListTimeSeriesRequest, call: Call) -> Any:  # noqa: ANN401 - protobuf's classes have no types
        self._context.meter.count("gcp", LIST_TIME_SERIES)
        with translated(call):
            if not _is_plain(self._config.monitoring_endpoint):
                self._renew()
            left = min(self._seconds, self._wire.budget.left)
            if left <= 0:
                raise PastDeadlineError(self._wire.budget.seconds, "the cycle has not ended")
            pager = self._client.list_time_series(request=request, retry=None, timeout=left)
            page = next(iter(pager.pages))
            return type(page).pb(page)

    @contextmanager
    def _session(self) -> Iterator[AuthorizedSession]:
        """Lend a session to one thread: requests does not promise that they can be shared."""
        try:
            session = self._idle.pop()
        except IndexError:
            session = self._new_session()
        try:
            yield session
        finally:
            self._idle.append(session)

    def _new_session(self) -> AuthorizedSession:
        plain = _is_plain(self._compute)
        session = AuthorizedSession(  # type: ignore[no-untyped-call] # untyped upstream
            AnonymousCredentials() if plain else self.credentials,  # type: ignore[no-untyped-call] # untyped upstream
            refresh_status_codes=() if plain else (HTTPStatus.UNAUTHORIZED,),
            auth_request=Request(BoundedSession(self._wire, 1)),
        )
        bound(session, self._wire, WORKERS)
        session.trust_env = not plain  # a proxy cannot reach this machine's own loopback
        session.headers["User-Agent"] = self._context.user_agent
        return session

    def _metric_client(self) -> MetricServiceClient:
        endpoint = self._config.monitoring_endpoint
        info = ClientInfo(  # type: ignore[no-untyped-call] # untyped upstream
            user_agent=self._context.user_agent
        )
        if _is_plain(endpoint):
            channel = grpc.insecure_channel(urlsplit(endpoint or "").netloc, options=_PLAIN_CHANNEL)
            transport = MetricServiceGrpcTransport(channel=channel, client_info=info)
            return MetricServiceClient(transport=transport)
        host = urlsplit(endpoint).netloc if endpoint else MetricServiceClient.DEFAULT_ENDPOINT
        transport = MetricServiceGrpcTransport(
            host=host, credentials=self.credentials, channel=_channel, client_info=info
        )
        return MetricServiceClient(transport=transport)


def _channel(host: str, **options: Any) -> Any:  # noqa: ANN401 - passed on
    """Make a channel as the SDK does, but for messages of a bounded size."""
    return MetricServiceGrpcTransport.create_channel(host, **{**options, "options": list(_CHANNEL)})


def _passing(error: Exception) -> bool:
    return isinstance(error, ThrottledError | UnreachableError) and not isinstance(
        error, TooSlowError
    )


def connect(
    config: "Config", context: AdapterContext, project: str, budget: TimeBudget | None = None
) -> Connection:
    """Load the credentials and make the clients.

    Raises:
        AuthError: there are no credentials, or their file is not usable.
    """
    with translated(_identity(config, project)):
        return Connection(config, context, budget)


def _identity(config: "Config", project: str) -> Call:
    """Describe what needs credentials alone, for error messages."""
    principal = config.impersonate_service_account or ""
    permission = "iam.serviceAccounts.getAccessToken"
    return Call(permission=permission, project=project, principal=principal)


def _credentials(config: "Config") -> Credentials:
    source = _source(config)
    if config.impersonate_service_account is None:
        return source
    return impersonated_credentials.Credentials(  # type: ignore[no-untyped-call] # untyped upstream
        source_credentials=source,
        target_principal=config.impersonate_service_account,
        target_scopes=list(_SCOPES),
    )


def _source(config: "Config") -> Credentials:
    if config.credentials_file is None:
        found, _ = google.auth.default(scopes=_SCOPES)
        return found
    return _from_file(config.credentials_file)


def _from_file(path: Path) -> Credentials:
    # The library warns of files from strangers; this one is the operator's own.
    try:
        with _LOADING, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            loaded, _ = google.auth.load_credentials_from_file(  # type: ignore[no-untyped-call] # untyped upstream
                str(path), scopes=_SCOPES
            )
    except (GoogleAuthError, *_NO_CREDENTIALS_FILE) as error:
        message = (
            f"credentials_file {path} cannot be used ({type(error).__name__}) — "
            "give a service account key or a federation configuration, as JSON"
        )
        raise AuthError(message) from error
    credentials: Credentials = loaded
    return credentials


def _is_plain(endpoint: str | None) -> bool:
    return endpoint is not None and endpoint.startswith("http://")


def _object(body: bytes, call: Call) -> JsonObject:
    document = json.loads(body)
    if not isinstance(document, dict):
        call.reject("the answer is not a JSON object")
    return document


def _lenient(body: bytes) -> object:
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document
