"""WattTime's API behind its login: a token for half an hour, renewed before it ends."""

import base64
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from exporter.core.errors import AuthError, BadPayloadError
from exporter.core.ports import Clock
from exporter.http.client import JsonClient, Params, RefusedError
from exporter.http.secret import Secret

RENEW_SECONDS: Final = 25 * 60.0
"""A token lives for 30 minutes."""
_TOKEN: Final = re.compile(r"[!-~]{1,8192}", re.ASCII)


class PlanError(AuthError):
    """The account is right, but its plan lacks what was asked for."""


class LoggedInClient:
    """Gets documents with a token that is renewed by time and whenever it is refused."""

    def __init__(self, client: JsonClient, username: str, password: Secret, clock: Clock) -> None:
        self._client = client
        self._username = username
        self._password = password
        self._clock = clock
        self._token = ""
        self._renew_at = 0.0

    def get(self, path: str, *, api: str, params: Params) -> object:
        """Return the document at ``path``.

        Raises:
            PlanError: the plan lacks it.
            AuthError: the login is refused, or a new token as well.
            CollectorError: as ``JsonClient.get_json``.
        """
        try:
            return self._get(path, api, params)
        except RefusedError as error:
            if error.status == HTTPStatus.UNAUTHORIZED:
                self._token = ""
                return self._get(path, api, params)
            if not isinstance(error.document, dict):
                raise
            message = "watttime: the plan lacks this region or endpoint — see watttime.org, plans"
            raise PlanError(message) from error

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _get(self, path: str, api: str, params: Params) -> object:
        if not self._token or self._clock.monotonic() >= self._renew_at:
            self._token = self._login()
            self._renew_at = self._clock.monotonic() + RENEW_SECONDS
        headers = {"Authorization": f"Bearer {self._token}"}
        return self._client.get_json(path, api=api, params=params, headers=headers)

    def _login(self) -> str:
        pair = f"{self._username}:{self._password.reveal()}".encode()
        headers = {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
        try:
            document = self._client.get_json("/login", api="login", headers=headers)
        except RefusedError as error:  # a new try would be refused as well
            raise AuthError(str(error)) from error
        token = document.get("token") if isinstance(document, Mapping) else None
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            message = "watttime: the login gave no token — check base_url"
            raise BadPayloadError(message)
        return token
