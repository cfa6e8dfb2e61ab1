"""Tokens of Microsoft Entra ID: which credential is used, and how a refused one is renewed."""

import threading
from collections.abc import Callable
from typing import Any, Final, Protocol

from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.transport import RequestsTransport

from exporter.providers._shared.wire import BoundedSession, Wire
from exporter.providers.azure.config import Config

_FOREVER: Final = 2**33
"""An expiry in the year 2242, for the token that is none."""


class Source(Protocol):
    """Where tokens come from: any credential of azure-identity."""

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:  # noqa: ANN401 - as the SDK has it
        """Return a token for the scopes."""
        ...

    def close(self) -> None:
        """Close its connections."""
        ...


class NoToken:
    """Stands where a test server on this machine is asked: nothing secret goes there."""

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:  # noqa: ANN401 - as the SDK has it
        """Return a text that no server but a simulated one accepts."""
        return AccessToken("simulated", _FOREVER)

    def close(self) -> None:
        """Nothing is open."""


class Credentials:
    """The credential of one section, shared by its subscriptions. Thread-safe.

    It is made at the first token, and made anew after a refusal, so that a new login, a renewed
    secret or another managed identity is found without a restart.
    """

    def __init__(self, config: Config, make: Callable[[Config], Source] | None = None) -> None:
        self._config = config
        self._make = make or (_no_token if config.simulated else _default)
        self._lock = threading.Lock()
        self._source: Source | None = None

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:  # noqa: ANN401 - as the SDK has it
        """Return a token for the scopes.

        Raises:
            ClientAuthenticationError: no credential is to be had, or Entra ID refuses it.
        """
        if self._config.tenant_id:
            options.setdefault("tenant_id", self._config.tenant_id)
        try:
            return self._current().get_token(*scopes, **options)
        except ClientAuthenticationError:
            self.renew()
            raise

    def renew(self) -> None:
        """Forget the credential and its tokens; the next call makes another.

        It is dropped and not closed: another thread may be asking it.
        """
        with self._lock:
            self._source = None

    def close(self) -> None:
        """Close the credential's connections."""
        with self._lock:
            source, self._source = self._source, None
        if source is not None:
            source.close()

    def _current(self) -> Source:
        with self._lock:
            if self._source is None:
                self._source = self._make(self._config)
            return self._source


def _no_token(_config: Config) -> Source:
    return NoToken()


def _default(config: Config) -> Source:
    """Environment, workload identity, managed identity, then the Azure CLI's login."""
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - 0.2 s, only before a token

    transport = RequestsTransport(
        session=BoundedSession(Wire(config.request_seconds), 1),
        session_owner=False,
        connection_timeout=config.connect_seconds,
        read_timeout=config.read_seconds,
    )
    options: dict[str, Any] = {"transport": transport}
    if config.managed_identity_client_id:
        options["managed_identity_client_id"] = config.managed_identity_client_id
    if config.tenant_id:
        options["additionally_allowed_tenants"] = [config.tenant_id]
    return DefaultAzureCredential(
        exclude_shared_token_cache_credential=True,
        exclude_visual_studio_code_credential=True,
        exclude_powershell_credential=True,
        exclude_developer_cli_credential=True,
        exclude_interactive_browser_credential=True,
        exclude_broker_credential=True,
        **options,
    )
