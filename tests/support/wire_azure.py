"""A server of scripted answers, for what the simulated Azure never says."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from exporter.core.meter import ApiMeter
from exporter.demo._http import HttpRequest, LoopbackServer, Reply
from exporter.providers.azure import AzureProvider
from exporter.providers.azure.config import Config
from exporter.providers.azure.credentials import Credentials
from exporter.providers.azure.session import Connection
from tests.support.clock import ManualClock
from tests.support.provider_azure import AzureHarness, Entra, Naps, config_of, providers_of
from tests.support.provider_fakes import context_of

Answer = Reply | None | Callable[[HttpRequest], Reply | None]
Make = Callable[..., AzureHarness]
"""Makes a harness with the arguments that it is given."""


def reply(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Make an answer of a JSON document."""
    body = json.dumps(document).encode()
    return Reply(status=status, content_type="application/json", body=body, headers=headers or {})


def page(text: str, status: int = 200, content_type: str = "text/html") -> Reply:
    """Make an answer that is no JSON."""
    return Reply(status=status, content_type=content_type, body=text.encode())


def refused(code: str, status: int) -> Reply:
    """Make an error as Azure words it."""
    return reply({"error": {"code": code, "message": f"told with {code}"}}, status)


class Wire:
    """Gives its answers one after the other, the last one for ever; None resets the connection."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[HttpRequest] = []
        self.naps = Naps()
        self.meter = ApiMeter()
        self.clock = ManualClock()
        self._server = LoopbackServer("scripted-azure", self._answer)
        self._open: list[Callable[[], None]] = []

    @property
    def url(self) -> str:
        return self._server.url

    def config(self, **settings: Any) -> Config:  # noqa: ANN401 - config keys
        return config_of(self.url, f"{self.url}/{{region}}", **settings)

    def connection(self, **settings: Any) -> Connection:  # noqa: ANN401 - config keys
        config = self.config(**settings)
        context = context_of(self.clock, self.meter)
        credentials = Credentials(config, lambda _: Entra())
        connection = Connection(config, context, credentials, self.naps)
        self._open.append(connection.close)
        return connection

    def provider(self, **settings: Any) -> AzureProvider:  # noqa: ANN401 - config keys
        context = context_of(self.clock, self.meter)
        provider = providers_of(self.config(**settings), context, self.naps)[0]
        self._open.append(provider.close)
        return provider

    def bodies(self) -> list[Any]:
        return [json.loads(request.body) for request in self.asked if request.body]

    def close(self) -> None:
        for close in self._open:
            close()
        self._server.close(lambda: None)

    def _answer(self, request: HttpRequest) -> Reply | None:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(request) if callable(answer) else answer
