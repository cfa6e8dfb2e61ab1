"""A grid source with a secret."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from exporter.core.plugins import GridConfig


class Config(GridConfig):
    kind: Literal["breezy"] = Field(default="breezy", description="A grid of the tests.")
    token: SecretStr | None = Field(default=None, description="Key of the API.")
    token_file: Path | None = Field(default=None, description="File that holds the key.")
    zones: tuple[str, ...] = Field(default=(), description="Zones to ask for.")
