"""A credential of nobody, for tests and the demo."""

import threading
import time
from typing import Final

from azure.core.credentials import AccessToken, AccessTokenInfo

_PREFIX: Final = "demo-token"
_SECONDS: Final = 3600


class DemoCredential:
    """Gives tokens that the fake accepts, without asking anybody; ``scopes`` lists those asked for.

    Thread-safe. A token names its audience, as those of Azure do, so the fake can refuse one that
    was made for another service.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        """Return a token for the first scope, good for an hour by the machine's own clock."""
        return AccessToken(self._token(scopes), int(time.time()) + _SECONDS)

    def get_token_info(self, *scopes: str, **_: object) -> AccessTokenInfo:
        """Return the same in the newer record of azure-core."""
        return AccessTokenInfo(self._token(scopes), int(time.time()) + _SECONDS)

    def close(self) -> None:
        """Release nothing: there is nothing."""

    def _token(self, scopes: tuple[str, ...]) -> str:
        with self._lock:
            self.scopes += scopes
        return token_for(scopes[0].removesuffix("/.default"))


def token_for(audience: str) -> str:
    """Return the demo's token for an audience such as ``https://management.azure.com``."""
    return f"{_PREFIX}.{audience.rstrip('/').removeprefix('https://')}"
