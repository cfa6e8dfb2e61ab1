"""The ``kind: aws`` section of the configuration."""

import difflib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from exporter.providers._shared.config import CloudConfig
from exporter.providers.aws.kinds import NAMES, kind_of
from exporter.providers.aws.models import first_region, may_be_newer, partition_of, partitions

_ROLE: Final = re.compile(r"arn:(aws[a-z-]*):iam::(\d{12}):role/[\w+=,.@/-]{1,512}")
_EXTERNAL_ID: Final = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_SESSION_NAME: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_URL: Final = re.compile(r"https?://[^\s/@]+(/[^\s@]*)?")
_ZONE: Final = re.compile(r"([a-z]{2,4}(?:-[a-z]+)+-\d{1,2})[a-z]")


if TYPE_CHECKING:
    Service = str
else:
    Service = Literal[NAMES]

_WHAT: Final = ", ".join(f"`{name}` for {kind_of(name).what}" for name in NAMES)


def _known_region(region: str) -> str:
    if region in partitions() or may_be_newer(region):
        return region
    if zone := _ZONE.fullmatch(region):
        message = f"that is an availability zone; write its region, {zone[1]}"
        raise ValueError(message)
    close = difflib.get_close_matches(region.lower().replace("_", "-"), partitions(), n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else "write a name such as eu-west-1"
    message = f"no AWS region has this name; {hint} (regions of a new area need a newer boto3)"
    raise ValueError(message)


def _role_arn(arn: str) -> str:
    if not _ROLE.fullmatch(arn):
        message = "write an IAM role ARN such as arn:aws:iam::123456789012:role/carbon-exporter"
        raise ValueError(message)
    return arn


def _external_id(text: str) -> str:
    if not _EXTERNAL_ID.fullmatch(text):
        message = "write 2 to 1224 letters, digits or any of _+=,.@:/- as the trust policy has it"
        raise ValueError(message)
    return text


def _session_name(text: str) -> str:
    if not _SESSION_NAME.fullmatch(text):
        message = "write 2 to 64 letters, digits or any of _+=,.@-"
        raise ValueError(message)
    return text


def _endpoint_url(text: str) -> str:
    if not _URL.fullmatch(text):
        message = "write an address such as https://vpce-0123.example.com, without user or password"
        raise ValueError(message)
    return text


class Config(CloudConfig):
    """One AWS account. List the section once for each account."""

    kind: Literal["aws"] = Field(default="aws", description="Amazon Web Services.")
    regions: tuple[Annotated[str, AfterValidator(_known_region)], ...] | None = Field(
        default=None,
        min_length=1,
        description="Regions to watch. Default: all that are enabled in the account.",
    )
    services: tuple[Service, ...] = Field(
        default=NAMES,
        min_length=1,
        description=f"What to watch: {_WHAT}.",
    )
    volumes: bool = Field(
        default=True,
        description="Whether the EBS volumes of instances are counted. Needs the permission "
        "`ec2:DescribeVolumes`; what storage other services tell of is always counted.",
    )
    profile: str | None = Field(
        default=None,
        min_length=1,
        description="Profile of the AWS config and credentials files. "
        "Default: the SDK's credential chain (environment, files, web identity, task, instance).",
    )
    credentials_file: Path | None = Field(
        default=None,
        description="AWS credentials file (INI) to read instead of `~/.aws/credentials`, such as a "
        "mounted secret. Name the `profile` too, otherwise keys in the environment win.",
    )
    role_arn: Annotated[str, AfterValidator(_role_arn)] | None = Field(
        default=None,
        description="IAM role to assume with those credentials, typically in another account.",
    )
    external_id: Annotated[str, AfterValidator(_external_id)] | None = Field(
        default=None,
        description="External id that the trust policy of `role_arn` asks for.",
    )
    session_name: Annotated[str, AfterValidator(_session_name)] = Field(
        default="carbon-exporter",
        description="Name of the assumed role's session, as CloudTrail shows it.",
    )
    endpoint_url: Annotated[str, AfterValidator(_endpoint_url)] | None = Field(
        default=None,
        description="Address to send all requests to, for a proxy, a private endpoint or a test "
        "server. Default: the public endpoint of each service and region.",
    )

    @field_validator("services")
    @classmethod
    def _in_order(cls, services: tuple[Service, ...]) -> tuple[Service, ...]:
        return tuple(service for service in NAMES if service in services)

    @field_validator("regions")
    @classmethod
    def _one_partition(cls, regions: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if regions is None:
            return None
        partitions = sorted({partition_of(region) for region in regions})
        if len(partitions) > 1:
            message = (
                f"regions of {' and '.join(partitions)} need different accounts; "
                "write one section for each"
            )
            raise ValueError(message)
        return tuple(dict.fromkeys(regions))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.external_id is not None and self.role_arn is None:
            message = "external_id belongs to a role; add role_arn or remove external_id"
            raise ValueError(message)
        if self.role_arn and self.regions and partition_of(self.regions[0]) != self._partition():
            message = (
                f"role_arn is in partition {self._partition()}, the regions in "
                f"{partition_of(self.regions[0])}; use a role and regions of the same partition"
            )
            raise ValueError(message)
        return self

    def _partition(self) -> str:
        return (self.role_arn or "arn:aws").split(":")[1]

    @property
    def role_account(self) -> str:
        """Account id of the role, or empty."""
        return self.role_arn.split(":")[4] if self.role_arn else ""

    @property
    def collectors(self) -> tuple[str, ...]:
        """Value of the ``collector`` label."""
        return (self.name or (f"aws:{self.role_account}" if self.role_account else "aws"),)

    def first_regions(self, default: str | None) -> tuple[str, ...]:
        """Regions in which to try the first call, best first.

        ``default`` is the region of the SDK's own configuration, if it has one. One that botocore
        does not know is not among them: it may not exist, and then it would not even answer.
        """
        known = partitions()
        partition = partition_of(self.regions[0]) if self.regions else self._partition()
        named = tuple(region for region in self.regions or () if region in known)[:1]
        own = (default,) if default and partition_of(default) == partition else ()
        if default and not self.regions and not self.role_arn:
            own, partition = (default,), partition_of(default)
        return tuple(dict.fromkeys((*named, *own, first_region(partition))))
