"""The ``kind: gcp`` section of the configuration."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from exporter.http.address import is_loopback
from exporter.providers._shared.config import CloudConfig, collector_names
from exporter.providers.gcp.kinds import NAMES, kind_of

_PROJECT: Final = re.compile(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
_ACCOUNT: Final = re.compile(r"[\w.-]+@[\w.-]+\.gserviceaccount\.com", re.ASCII)


def _project(text: str) -> str:
    if text.isdigit():
        message = "that is a project number; write the project id, as `gcloud projects list` shows"
        raise ValueError(message)
    if not _PROJECT.fullmatch(text):
        message = "write a project id such as my-project-123456: 6 to 30 of a-z, 0-9 and -"
        raise ValueError(message)
    return text


def _service_account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        message = "write an address such as carbon-exporter@my-project.iam.gserviceaccount.com"
        raise ValueError(message)
    return text


def _endpoint(text: str) -> str:
    url = urlsplit(text)
    wrong = (
        url.username or url.path.strip("/") or url.query or url.fragment or text.split() != [text]
    )
    if url.scheme not in {"https", "http"} or not url.hostname or wrong:
        message = "write an address such as https://compute-mine.p.googleapis.com, without a path"
        raise ValueError(message)
    if url.scheme == "http" and not is_loopback(url.hostname):
        message = "only this machine may be asked without encryption; write https://"
        raise ValueError(message)
    return text.rstrip("/")


if TYPE_CHECKING:
    Service = str
else:
    Service = Literal[NAMES]

_WHAT: Final = ", ".join(f"`{name}` for {kind_of(name).what}" for name in NAMES)

ProjectId = Annotated[str, AfterValidator(_project)]
Endpoint = Annotated[str, AfterValidator(_endpoint)]


class Config(CloudConfig):
    """Projects that one set of credentials may read."""

    kind: Literal["gcp"] = Field(
        default="gcp", description="Google Compute Engine and Cloud Monitoring."
    )
    projects: tuple[ProjectId, ...] | None = Field(
        default=None,
        min_length=1,
        description="Ids of the projects to watch. Each has a collector of its own and fails "
        "alone.",
    )
    metrics_scope: ProjectId | None = Field(
        default=None,
        description="Id of a scoping project, instead of `projects`: every project of its metrics "
        "scope in which a machine ran during the last day is watched, all by one collector.",
    )
    services: tuple[Service, ...] = Field(
        default=NAMES,
        min_length=1,
        description=f"What to watch: {_WHAT}.",
    )
    inventory: Literal["compute", "monitoring"] = Field(
        default="compute",
        description="Where machines are listed. `monitoring` does without any right on Compute "
        "Engine, but knows neither labels, CPU platforms, start and stop times nor stopped "
        "machines, and doubles the API bill. It also stands in, with a failure reported, where "
        "Compute Engine refuses.",
    )
    credentials_file: Path | None = Field(
        default=None,
        description="Google credentials file (JSON), such as a mounted service account key or a "
        "workload identity configuration. Default: Application Default Credentials (environment, "
        "`gcloud auth application-default login`, attached service account).",
    )
    impersonate_service_account: Annotated[str, AfterValidator(_service_account)] | None = Field(
        default=None,
        description="Service account to act as with those credentials; they need "
        "`roles/iam.serviceAccountTokenCreator` on it.",
    )
    compute_endpoint: Endpoint | None = Field(
        default=None,
        description="Address of the Compute Engine API, for a private endpoint or a test server. "
        "An `http://` one must be on this machine and is sent no credentials.",
    )
    monitoring_endpoint: Endpoint | None = Field(
        default=None, description="Address of the Cloud Monitoring API, in the same way."
    )

    @field_validator("services")
    @classmethod
    def _in_order(cls, services: tuple[Service, ...]) -> tuple[Service, ...]:
        return tuple(service for service in NAMES if service in services)

    @field_validator("projects")
    @classmethod
    def _once_each(cls, projects: Sequence[str] | None) -> tuple[str, ...] | None:
        return None if projects is None else tuple(dict.fromkeys(projects))

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.projects is None) == (self.metrics_scope is None):
            message = "write either projects or metrics_scope, so that it is known what to watch"
            raise ValueError(message)
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """Projects, or the scoping project, that are asked for CPU."""
        return self.projects or tuple(filter(None, (self.metrics_scope,)))

    @property
    def collectors(self) -> tuple[str, ...]:
        """Values of the ``collector`` label, one for each project, or one for the metrics scope."""
        return collector_names(self.name, self.kind, self.targets)
