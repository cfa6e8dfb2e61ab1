"""Adapters by file name: ``providers/aws.py`` is ``kind: aws``. No registry to edit.

An adapter module has two names: ``Config``, a subclass of the config classes below, and
``build(config, context)``, which makes its providers or grid sources without any I/O.
"""

import importlib
import pkgutil
from datetime import timedelta
from types import ModuleType
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from exporter.core.durations import parse_duration
from exporter.core.errors import MissingExtraError

Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
"""A time span as people write it: ``300``, ``90s``, ``5m``, ``24h``, ``30d``."""


class AdapterConfig(BaseModel):
    """Base of every adapter's section; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str = Field(description="Which adapter: the name of its file.")


class ProviderConfig(AdapterConfig):
    """Keys that every provider's section takes."""

    name: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="Name of the collector in metrics and logs. Needed to tell two entries apart.",
    )
    poll_interval: Duration | None = Field(
        default=None, description="Overrides the top-level `poll_interval` for this entry."
    )
    resolution: Duration | None = Field(
        default=None, description="Overrides the top-level `resolution` for this entry."
    )
    settle: Duration | None = Field(
        default=None,
        description="How long after its end a bucket is taken as final. Default: per cloud.",
    )

    @property
    def collectors(self) -> tuple[str, ...]:
        """Names of the collectors that this section makes: values of the ``collector`` label."""
        return (self.name or self.kind,)

    def settle_seconds(self, default: int) -> int:
        """How long after its end a bucket is final, where the cloud's own value is ``default``."""
        return default if self.settle is None else int(self.settle.total_seconds())


class GridConfig(AdapterConfig):
    """Keys that every grid source's section takes."""


def kinds(package: str) -> tuple[str, ...]:
    """Names of the adapters in a package, sorted. Imports none of them."""
    found = importlib.import_module(package)
    return tuple(
        sorted(m.name for m in pkgutil.iter_modules(found.__path__) if not m.name.startswith("_"))
    )


def offering(package: str, function: str) -> tuple[str, ...]:
    """Names of the modules in a package that have a function, sorted. Imports all of them.

    For packages that hold more than what is chosen by name.
    """
    return tuple(kind for kind in kinds(package) if hasattr(load(package, kind), function))


def load(package: str, kind: str) -> ModuleType:
    """Import one adapter by its kind.

    Raises:
        MissingExtraError: the adapter needs a package that is not installed.
    """
    try:
        return importlib.import_module(f"{package}.{kind}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("exporter"):
            raise
        message = (
            f"{kind} needs the Python package {error.name!r}, which is not installed — "
            f"run: pip install 'carbon-exporter[{kind}]'"
        )
        raise MissingExtraError(message) from error
