"""The ``kind: azure`` section of the configuration."""

import re
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from exporter.http.address import is_loopback
from exporter.providers._shared.config import CloudConfig, collector_names
from exporter.providers.azure.kinds import NAMES, kind_of

MANAGEMENT: Final = "https://management.azure.com"
"""Azure Resource Manager of the public cloud."""

METRICS: Final = "https://{region}.metrics.monitor.azure.com"
"""Azure Monitor's metrics batch API of the public cloud; one host for each region."""

LOGS: Final = "https://api.loganalytics.io"
"""Azure Monitor's log query API of the public cloud."""

_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_URL: Final = re.compile(r"https?://[^\s/@?#]+(/[^\s@?#]*)?")
_REGION: Final = "{region}"


def _guid(text: str) -> str:
    lowered = text.strip().lower()
    if not _GUID.fullmatch(lowered):
        message = (
            "write the id, such as 00000000-0000-0000-0000-000000000000, not the name; "
            "`az account list --output table` shows it"
        )
        raise ValueError(message)
    return lowered


def _host(url: str) -> str:
    return urlsplit(url.replace(_REGION, "region")).hostname or ""


def _endpoint(text: str) -> str:
    if not _URL.fullmatch(text.replace(_REGION, "region")):
        message = f"write an address such as {MANAGEMENT}, without user, password or query"
        raise ValueError(message)
    if text.startswith("http://") and not is_loopback(_host(text)):
        message = "tokens are never sent in the clear: write https://, or an address on 127.0.0.1"
        raise ValueError(message)
    return text.rstrip("/")


def _metrics_endpoint(text: str) -> str:
    if text.startswith("https://") and not text.startswith(f"https://{_REGION}."):
        message = f"each region has a host of its own: write {METRICS}"
        raise ValueError(message)
    return text


if TYPE_CHECKING:
    Service = str
else:
    Service = Literal[NAMES]

_WHAT: Final = ", ".join(f"`{name}` for {kind_of(name).what}" for name in NAMES)

Guid = Annotated[str, AfterValidator(_guid)]
Endpoint = Annotated[str, AfterValidator(_endpoint)]


class Config(CloudConfig):
    """Azure subscriptions that one identity can read. List the section once for each identity."""

    kind: Literal["azure"] = Field(
        default="azure", description="Azure virtual machines and Azure Monitor."
    )
    subscriptions: tuple[Guid, ...] | None = Field(
        default=None,
        description="Ids of the subscriptions to watch, each with a collector of its own. "
        "Default: all that the identity can see, in one collector.",
    )
    services: tuple[Service, ...] = Field(
        default=NAMES,
        min_length=1,
        description=f"What to watch: {_WHAT}.",
    )
    tenant_id: Guid | None = Field(
        default=None,
        description="Tenant to ask for tokens, where it is not the identity's own. "
        "Default: `AZURE_TENANT_ID`, or the identity's home.",
    )
    managed_identity_client_id: Guid | None = Field(
        default=None,
        description="Client id of the user-assigned managed identity, or of the workload identity. "
        "Default: `AZURE_CLIENT_ID`, or the system-assigned identity.",
    )
    management_endpoint: Endpoint = Field(
        default=MANAGEMENT,
        description="Address of Azure Resource Manager. In a sovereign cloud set it, "
        "`metrics_endpoint` and the environment variable `AZURE_AUTHORITY_HOST`. An `http://` "
        "address is taken only on this machine, for test servers, and gets no real token.",
    )
    metrics_endpoint: Annotated[Endpoint, AfterValidator(_metrics_endpoint)] = Field(
        default=METRICS,
        description="Address of the metrics batch API; `{region}` stands for the region's name.",
    )
    log_analytics_workspace: Guid | None = Field(
        default=None,
        description="Id of the Log Analytics workspace to which agents in the machines write how "
        "busy their GPUs are (`InsightsMetrics`: Telegraf's nvidia_smi or DCGM; `Perf`: NVIDIA "
        "GPU). Default: none is asked, and GPUs are taken to be half busy.",
    )
    logs_endpoint: Endpoint = Field(
        default=LOGS,
        description="Address of the log query API; another one in a sovereign cloud.",
    )

    @field_validator("services")
    @classmethod
    def _in_order(cls, services: tuple[Service, ...]) -> tuple[Service, ...]:
        return tuple(service for service in NAMES if service in services)

    @field_validator("subscriptions")
    @classmethod
    def _each_once(cls, ids: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if ids == ():
            message = "list at least one, or leave the key out to watch all that are visible"
            raise ValueError(message)
        return None if ids is None else tuple(dict.fromkeys(ids))

    @model_validator(mode="after")
    def _all_or_none_simulated(self) -> Self:
        plain = [self.management_endpoint.startswith("http:"), self._metrics_plain]
        if self.log_analytics_workspace:
            plain.append(self.logs_endpoint.startswith("http:"))
        if any(plain) and not all(plain):
            message = (
                "management_endpoint, metrics_endpoint and, with a workspace, logs_endpoint must "
                "all be https://, or all be a test server's on this machine: real tokens and "
                "invented ones do not mix"
            )
            raise ValueError(message)
        return self

    @property
    def _metrics_plain(self) -> bool:
        return self.metrics_endpoint.startswith("http:")

    @property
    def simulated(self) -> bool:
        """Whether the endpoints are a test server's on this machine: no real token goes there."""
        return self._metrics_plain

    @property
    def collectors(self) -> tuple[str, ...]:
        """Values of the ``collector`` label: one for each listed subscription, or a single one."""
        return collector_names(self.name, self.kind, self.subscriptions or ())

    @property
    def management_scope(self) -> str:
        """What a token for Azure Resource Manager is asked for."""
        return f"{self.management_endpoint}/.default"

    @property
    def metrics_audience(self) -> str:
        """Whom a token for the metrics batch API is for: the host without its region."""
        return self.metrics_endpoint.replace(f"{_REGION}.", "")

    def metrics_url(self, region: str) -> str:
        """Address of a region's metrics batch API."""
        return self.metrics_endpoint.replace(_REGION, region)
