"""A cloud with every sort of key: lists, a nested section, a number, a secret."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from exporter.core.plugins import ProviderConfig


class Proxy(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(description="Name of the proxy.")
    port: int = Field(default=3128, description="Its port.")


class Config(ProviderConfig):
    kind: Literal["cloudy"] = Field(default="cloudy", description="A cloud of the tests.")
    regions: tuple[str, ...] = Field(default=(), description="Regions to watch.")
    accounts: list[str] | None = Field(default=None, description="Accounts to watch.")
    role_arn: str | None = Field(default=None, description="Role to assume.")
    proxy: Proxy | None = Field(default=None, description="How to get out.")
    attempts: int = Field(default=3, ge=1, description="How often to try.")
    verify: bool = Field(default=True, description="Whether to check certificates.")
    password: SecretStr | None = Field(default=None, description="Password of the account.")
    password_file: Path | None = Field(default=None, description="File that holds it.")

    @property
    def collectors(self) -> tuple[str, ...]:
        return (self.name or self.role_arn or self.kind,)
