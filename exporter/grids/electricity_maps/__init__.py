"""The whole world with a key: Electricity Maps, API version 4.

Which zones the key may read is asked for at the first refresh and every few hours from then on.
Values are of consumption, flow-traced, life cycle by name of the question, over
``[datetime, + 1 h)`` UTC. What the operator has estimated is marked so, and replaced by the final
value hours later. One request gives 24 h of history; before that 10 days a request, where the plan
has it.

A sandbox key's invented numbers are refused, as is an answer for another zone: without
``disableCallerLookup`` the API would answer a mistyped zone with that of the caller's address.
"""

from typing import Annotated, Final

from pydantic import Field

from exporter.core.model import Basis, Method
from exporter.core.ports import AdapterContext
from exporter.grids._shared.facts import SourceFacts
from exporter.grids._shared.token import TokenConfig
from exporter.grids.electricity_maps.api import Api
from exporter.grids.electricity_maps.parse import NAME
from exporter.grids.electricity_maps.source import ElectricityMapsSource
from exporter.http.address import SecureUrl
from exporter.http.client import Endpoint, JsonClient
from exporter.http.documents import Budget, Documents

__all__ = ["FACTS", "Config", "ElectricityMapsSource", "build"]

FACTS: Final = SourceFacts(
    kind=NAME,
    title="Electricity Maps",
    zones="those of the key, of about 350",
    method=Method.AVERAGE,
    basis=Basis.LIFECYCLE,
    step="1 h",
    lag="none, but often estimated first",
    forecast="24 h, where the plan has it",
    budget="two or three requests for each zone every 15 minutes, the forecast once an hour, "
    "at most 100 a minute (`requests_per_minute`); answers are kept for 12 minutes. "
    "Zones beyond that wait for the next refresh. The source allows 150 a minute; "
    "free keys far fewer (unverified)",
    licence="proprietary; free keys for non-commercial use only",
    attribution="Source: ElectricityMaps.com",
    key="needed: `token_file`; from portal.electricitymaps.com",
    url="https://www.electricitymaps.com",
    notes=(
        "A free key is for one zone, without a forecast.",
        "A sandbox key's invented numbers are refused.",
    ),
)

Zone = Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]+)*$")]


class Config(TokenConfig):
    """`kind: electricity_maps`: any zone of the world, life cycle, with a key."""

    base_url: SecureUrl = Field(
        default="https://api.electricitymaps.com/v4",
        description="Address of the API with its version, for a proxy or an older contract.",
    )
    zones: tuple[Zone, ...] = Field(
        default=(),
        description="Ask for these zones only, such as `[DE, US-CAL-CISO]`, to spare the quota. "
        "Default: every zone of the regions in use that the key may read.",
    )
    requests_per_minute: float = Field(
        default=100.0,
        ge=1.0,
        le=10_000.0,
        description="Most requests that are sent; zones beyond that wait for the next refresh.",
    )


def build(config: Config, context: AdapterContext) -> tuple[ElectricityMapsSource, ...]:
    """Make the source; nothing is asked yet."""
    endpoint = Endpoint(
        source=NAME,
        base_url=config.base_url,
        auth_fix="check token or token_file; the API also answers so when asked too often",
    )
    clock, per_minute = context.clock, config.requests_per_minute
    documents = Documents(
        JsonClient(endpoint, context),
        clock,
        keep_seconds=ElectricityMapsSource.refresh_seconds * 0.8,
        budget=Budget(clock, per_minute=per_minute, burst=per_minute),
    )
    return (ElectricityMapsSource(Api(documents, config.secret(), clock), clock, config.zones),)
