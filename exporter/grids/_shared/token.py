"""The config section of a source that answers only to a key."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from exporter.core.plugins import GridConfig
from exporter.http.secret import Secret


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

    def secret(self) -> Secret:
        """Return the key as something that can be asked for it; nothing is read yet."""
        given = self.token_file if self.token is None else self.token
        return Secret(self.kind, given or Path())
