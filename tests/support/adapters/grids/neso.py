"""Stands for the source that is on by default."""

from typing import Literal

from pydantic import Field

from exporter.core.plugins import GridConfig


class Config(GridConfig):
    kind: Literal["neso"] = Field(default="neso", description="Great Britain.")
