"""Connections to Azure: Resource Manager, and the metrics API of each region."""

import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from azure.core import PipelineClient
from azure.core.pipeline import PipelineRequest, PipelineResponse, policies
from azure.core.pipeline.transport import HttpTransport, RequestsTransport
from azure.core.rest import HttpRequest, HttpResponse
from azure.monitor.querymetrics import MetricsClient

from exporter.core.meter import ApiMeter
from exporter.core.ports import AdapterContext
from exporter.http.deadline import TimeBudget
from exporter.providers._shared.provider import WORKERS
from exporter.providers._shared.wire import BoundedSession, Wire
from exporter.providers.azure.config import Config
from exporter.providers.azure.credentials import Credentials
from exporter.providers.azure.errors import Call, code_of, refusal, translated

if TYPE_CHECKING:
    from azure.monitor.query import LogsQueryClient

LONGEST_WAIT_SECONDS: Final = 30.0
"""Most that a retry waits. Who is told to wait longer gives up: the next poll comes anyway."""

_BACKOFF_SECONDS: Final = 0.8
"""First wait of a retry where the answer does not tell one; doubled each time."""

_QUOTA_RESET: Final = "x-ms-user-quota-resets-after"
_QUOTA_LEFT: Final = "x-ms-user-quota-remaining"
_CLOCK: Final = re.compile(r"(\d+):(\d{2}):(\d{2})(?:\.\d+)?")
_OK: Final = 200

Pause = Callable[[float], None]
"""Sleeps so many seconds."""

_APIS: Final = (
    ("metrics:getBatch", "GetBatch"),
    ("Microsoft.ResourceGraph/resources", "ResourceGraph"),
    ("Microsoft.Compute/skus", "ListSkus"),
    ("providers/Microsoft.Insights", "GetProvider"),
)
APIS: Final = (*(name for _, name in _APIS), "Subscriptions")
"""What each kind of request is called in ``carbon_api_requests_total``."""


LOGS_API: Final = "LogsQuery"
"""The same of Log Analytics, which is asked only where a workspace is configured."""


def api_of(url: str) -> str:
    """Name of the API that an address belongs to."""
    path = urlsplit(url).path
    if path.startswith("/v1/workspaces/"):
        return LOGS_API
    return next((name for ending, name in _APIS if path.endswith(ending)), "Subscriptions")


def quota_reset_seconds(headers: Mapping[str, str]) -> float | None:
    """Seconds until Resource Graph's quota is full again, from ``00:00:05``; None if not told."""
    found = _CLOCK.fullmatch(headers.get(_QUOTA_RESET, ""))
    return float(int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])) if found else None


class BoundedRetry(policies.RetryPolicy[HttpRequest, HttpResponse]):
    """Retries reads sent by POST too, waits no longer than is sensible, knows quota headers.

    The SDK's own policy gives up at once at a 429 without Retry-After, sleeps as long as any
    Retry-After says, and may go on for seven days.
    """

    def __init__(self, attempts: int, timeout: float, pause: Pause) -> None:
        retries = attempts - 1
        super().__init__(
            retry_total=retries,
            retry_connect=retries,
            retry_read=retries,
            retry_status=retries,
            timeout=timeout * attempts + LONGEST_WAIT_SECONDS * retries,
        )
        self._retries = retries
        self._pause = pause

    def configure_retries(self, options: dict[str, Any]) -> dict[str, Any]:
        """Add POST: all that is sent so are queries, which change nothing."""
        settings = super().configure_retries(options)
        return settings | {"methods": settings["methods"] | {"POST"}}

    def is_retry(self, settings: dict[str, Any], response: PipelineResponse[Any, Any]) -> bool:
        """Whether to try again: not where the answer asks for a longer wait than is sensible."""
        wait = self.get_retry_after(response)
        if wait is not None and wait > LONGEST_WAIT_SECONDS:
            return False
        return bool(super().is_retry(settings, response))

    def get_retry_after(self, response: PipelineResponse[Any, Any]) -> float | None:
        """Return the wait that the answer asks for, by Retry-After or by its quota headers."""
        told = super().get_retry_after(response)
        if told is None and response.http_response.status_code != _OK:
            return quota_reset_seconds(response.http_response.headers)
        return told

    def get_backoff_time(self, settings: dict[str, Any]) -> float:
        """Return the wait where the answer tells none."""
        return float(_BACKOFF_SECONDS * 2 ** (len(settings["history"]) - 1))

    def sleep(
        self,
        settings: dict[str, Any],
        transport: HttpTransport[HttpRequest, HttpResponse],  # noqa: ARG002 - the inherited signature
        response: PipelineResponse[HttpRequest, HttpResponse] | None = None,
    ) -> None:
        """Wait before the next try."""
        told = self.get_retry_after(response) if response is not None else None
        wait = self.get_backoff_time(settings) if told is None else told
        self._pause(min(wait, LONGEST_WAIT_SECONDS))


class _Counter(policies.SansIOHTTPPolicy[HttpRequest, HttpResponse]):
    """Counts each request that goes out, retries included."""

    def __init__(self, meter: ApiMeter) -> None:
        self._meter = meter

    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        self._meter.count("azure", api_of(request.http_request.url))


class Connection:
    """Clients of one collector. The constructor sends nothing.

    Clients are safe to share between threads; ``metrics`` and ``logs`` create them and must be
    called from one thread.
    """

    def __init__(
        self,
        config: Config,
        context: AdapterContext,
        credentials: Credentials,
        pause: Pause = time.sleep,
    ) -> None:
        self._config = config
        self._context = context
        self._credentials = credentials
        self.pause = pause
        self.meter = context.meter
        self.options: Final[Mapping[str, Any]] = (
            {"enforce_https": False} if config.simulated else {}
        )
        """What each request needs: plain HTTP is for a test server on this machine."""
        self._read_timeout = config.read_seconds
        self._connect_timeout = config.connect_seconds
        self.budget: Final = TimeBudget(config.cycle_seconds)
        """The time of one cycle; the provider starts it."""
        self._wire = Wire(config.request_seconds, self.budget)
        self._sessions: list[BoundedSession] = []
        self._metrics: dict[str, MetricsClient] = {}
        self._logs: LogsQueryClient | None = None
        self._arm = self._management()

    def metrics(self, region: str) -> MetricsClient:
        """Return the metrics client of a region."""
        if region not in self._metrics:
            self._metrics[region] = MetricsClient(
                self._config.metrics_url(region),
                self._credentials,
                audience=self._config.metrics_audience,
                retry_policy=self._retry(),
                per_retry_policies=[_Counter(self.meter)],
                redirect_policy=policies.RedirectPolicy.no_redirects(),
                user_agent=self._context.user_agent,
                transport=self._transport(),
            )
        return self._metrics[region]

    def logs(self) -> "LogsQueryClient":
        """Return the client of Log Analytics."""
        if self._logs is None:
            from azure.monitor.query import LogsQueryClient  # noqa: PLC0415 - only if configured

            self._logs = LogsQueryClient(
                self._credentials,
                endpoint=self._config.logs_endpoint,
                retry_policy=self._retry(),
                per_retry_policies=[_Counter(self.meter)],
                redirect_policy=policies.RedirectPolicy.no_redirects(),
                user_agent=self._context.user_agent,
                transport=self._transport(),
            )
        return self._logs

    def get(self, path: str, call: Call, **query: str) -> Mapping[str, Any]:
        """Ask Resource Manager for something.

        ``path`` may be an address that an earlier answer gave for its next page.

        Raises:
            CollectorError: the request failed, or the answer is no JSON object.
        """
        request = HttpRequest("GET", self._url(path, call), params=query)
        return self._sent(request, call)[0]

    def post(
        self, path: str, call: Call, body: Mapping[str, Any], **query: str
    ) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """Send a query to Resource Manager; returns the answer and its headers.

        Raises:
            CollectorError: the request failed, or the answer is no JSON object.
        """
        request = HttpRequest("POST", self._url(path, call), params=query, json=body)
        return self._sent(request, call)

    def rest(self, headers: Mapping[str, str]) -> None:
        """Wait where Resource Graph says that its quota is used up."""
        if headers.get(_QUOTA_LEFT) == "0":
            self.pause(min(quota_reset_seconds(headers) or 0.0, LONGEST_WAIT_SECONDS))

    def renew(self) -> None:
        """Forget refused credentials, so that renewed ones are found without a restart."""
        self._credentials.renew()

    def close(self) -> None:
        """Close the clients' connections, and the credential's."""
        self._arm.close()
        for client in self._metrics.values():
            client.close()
        self._metrics.clear()
        if self._logs is not None:
            self._logs.close()
        for session in self._sessions:
            session.close()
        self._credentials.close()

    def authorize(self) -> None:
        """Nothing: a token is asked for over bounded connections when a request needs it."""

    def _management(self) -> PipelineClient[HttpRequest, HttpResponse]:
        chain = [
            policies.RequestIdPolicy(),
            policies.UserAgentPolicy(user_agent=self._context.user_agent),
            policies.ProxyPolicy(),
            self._retry(),
            policies.BearerTokenCredentialPolicy(self._credentials, self._config.management_scope),
            _Counter(self.meter),
        ]
        endpoint = self._config.management_endpoint
        return PipelineClient(
            endpoint,
            policies=chain,
            transport=self._transport(),
        )

    def _transport(self) -> RequestsTransport:
        session = BoundedSession(self._wire, WORKERS)
        self._sessions.append(session)
        return RequestsTransport(
            session=session,
            session_owner=False,
            connection_timeout=self._connect_timeout,
            read_timeout=self._read_timeout,
        )

    def _retry(self) -> BoundedRetry:
        return BoundedRetry(self._config.max_attempts, self._read_timeout, self.pause)

    def _url(self, path: str, call: Call) -> str:
        endpoint = self._config.management_endpoint
        if path.startswith("/"):
            return endpoint + path
        if not path.lower().startswith(f"{endpoint}/".lower()):
            call.reject("the next page is on another host")
        return path

    def _sent(
        self, request: HttpRequest, call: Call
    ) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        with translated(call):
            response = self._arm.send_request(request, **self.options)
            if response.status_code != _OK:
                raise refusal(response.status_code, code_of(response), call)
            answer = response.json()
        if not isinstance(answer, dict):
            call.reject("the answer is no JSON object")
        return answer, response.headers
