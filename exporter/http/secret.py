"""Keys of APIs: by environment variable or from a file of their own, never in the config."""

from pathlib import Path
from typing import Final

from pydantic import SecretStr

from exporter.core.errors import AuthError

_LONGEST: Final = 4096
"""Characters; a longer file is not a key."""


class Secret:
    """A key that is given, or read from its file each time that it is asked for.

    ``setting`` is the config key that may give it; the file's key has ``_file`` appended.
    """

    def __init__(self, source: str, given: SecretStr | Path, *, setting: str = "token") -> None:
        self._source = source
        self._given = given
        self._setting = setting

    def reveal(self) -> str:
        """Return the key itself; put it into a request and nowhere else.

        Raises:
            AuthError: the file cannot be read, or the key is empty or cannot stand in a header.
        """
        key = self._text().strip()
        if not key or len(key) > _LONGEST or not (key.isascii() and key.isprintable()):
            message = f"{self._source}: {self._where()} does not hold a key — one line, plain text"
            raise AuthError(message)
        return key

    def _text(self) -> str:
        if isinstance(self._given, SecretStr):
            return self._given.get_secret_value()
        try:
            with self._given.open(encoding="utf-8") as file:
                return file.read(_LONGEST + 1)
        except (OSError, ValueError) as error:
            cause = error.strerror if isinstance(error, OSError) else "not plain text"
            fix = f"check {self._setting}_file"
            message = f"{self._source}: cannot read {self._where()}: {cause} — {fix}"
            raise AuthError(message) from error

    def _where(self) -> str:
        if isinstance(self._given, Path):
            return f"{self._setting}_file {str(self._given)!r}"
        return f"the variable's {self._setting}"
