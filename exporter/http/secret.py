"""Keys of APIs: by environment variable or from a file of their own, never in the config."""

from pathlib import Path
from typing import Final, Self

from pydantic import Field, SecretStr, model_validator

from exporter.core.errors import AuthError
from exporter.core.plugins import GridConfig

_LONGEST: Final = 4096
"""Characters; a longer file is not a key."""


class TokenConfig(GridConfig):
    """Keys of the section of a source that answers only to a key."""

    token: SecretStr | None = Field(
        default=None,
        description="The API's key; only by its environment variable. Or use `token_file`.",
    )
    token_file: Path | None = Field(
        default=None,
        description="File that holds the API's key alone. It is read anew for every refresh, "
        "so that a new key needs no restart.",
    )

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        if self.token is None and self.token_file is None:
            message = (
                "needs a key: write `token_file: /path/to/key` "
                "(or set the variable CARBON_GRIDS__<position from 0>__TOKEN)"
            )
            raise ValueError(message)
        if self.token is not None and self.token_file is not None:
            message = "has both a token and a token_file: keep one"
            raise ValueError(message)
        return self

    def secret(self) -> "Secret":
        """Return the key as something that can be asked for it; nothing is read yet."""
        given = self.token_file if self.token is None else self.token
        return Secret(self.kind, given or Path())


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
