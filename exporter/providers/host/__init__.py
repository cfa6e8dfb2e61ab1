"""This machine: its CPU counters read every few seconds, through psutil.

The same contract as a cloud, without one: a laptop or a server of one's own can be watched with no
account at hand. What was not observed, such as the time before the start or a suspended machine,
has no data; it is never taken as idle.
"""

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from exporter.core.plugins import ProviderConfig
from exporter.core.ports import AdapterContext
from exporter.providers.host.machine import Identity, cpu_times, host_id
from exporter.providers.host.provider import SETTLE_SECONDS, HostProvider
from exporter.providers.host.sampler import Sampler

__all__ = ["Config", "HostProvider", "build"]

_ZONE: Final = re.compile(r"WORLD|[A-Z]{2,3}(-[A-Z0-9]{1,6}){0,3}")


def _zone(name: str) -> str:
    if not _ZONE.fullmatch(name):
        message = "write a grid zone such as FR, GB, DE, JP-TK or US-CAL-CISO"
        raise ValueError(message)
    return name


class Config(ProviderConfig):
    """This machine."""

    kind: Literal["host"] = Field(default="host", description="This machine, through psutil.")
    grid_zone: Annotated[str, AfterValidator(_zone)] | None = Field(
        default=None,
        description="Grid zone that feeds this machine, such as `FR`. Default: unknown, so the "
        "world's average intensity is used.",
    )
    pue: float = Field(
        default=1.0,
        ge=1.0,
        le=5.0,
        description="Power usage effectiveness of the room: facility power over IT power.",
    )
    account: str = Field(
        default="local",
        min_length=1,
        max_length=100,
        description="Value of the `account` label: a site, a team, an owner.",
    )
    region: str = Field(
        default="local",
        min_length=1,
        max_length=100,
        description="Value of the `cloud_region` label: a room, a site, a country.",
    )
    resource_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="Value of the `resource_id` label; set it in a container, whose own identity "
        "changes at each start. Default: a hash of this installation's machine id.",
    )


def build(config: Config, context: AdapterContext) -> tuple[HostProvider, ...]:
    """Make the provider of this machine. Sampling starts with the first ``discover``."""
    identity = Identity(
        account=config.account,
        region=config.region,
        resource_id=config.resource_id or host_id(),
        grid_zone=config.grid_zone or "",
        pue=config.pue,
    )
    sampler = Sampler(context.clock, cpu_times)
    return (
        HostProvider(
            config.collectors[0],
            identity,
            sampler,
            settle=config.settle_seconds(SETTLE_SECONDS),
        ),
    )
