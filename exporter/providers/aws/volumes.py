"""Volumes of instances: which are attached from DescribeInstances, the rest from DescribeVolumes.

DescribeInstances names an instance's volumes but tells neither size nor type. These are asked for
with one paged call for each region, and again only when a volume appears that is not known, or
after an hour, in which one may have been resized. The call costs nothing.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from exporter.core.errors import AuthError, CollectorError
from exporter.core.model import Disk, DiskKind
from exporter.core.ports import Clock
from exporter.providers._shared.calls import MISREAD, readable
from exporter.providers.aws.errors import Call, paged, translated

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

PERMISSION: Final = "ec2:DescribeVolumes"
OTHERWISE: Final = "set volumes: false"

PAGE_SIZE: Final = 500
"""Most volumes that DescribeVolumes returns at once (EC2 API reference)."""

COPIES: Final = 2.0
"""EBS keeps each volume twice in its zone (Cloud Carbon Footprint, replication factors)."""

FRESH_SECONDS: Final = 3600.0
"""How long sizes and types are taken to stay: EBS allows a volume a change in six hours, and what
is accounted stays open for an hour."""

_HARD_DISKS: Final = frozenset({"st1", "sc1", "standard"})
"""Types on hard disks; all others are on SSDs (EBS user guide, "Volume types")."""

_DETACHED: Final = "detached"


def disk(volume_type: str, gib: float) -> Disk:
    """Return a volume as the power model knows it."""
    kind = DiskKind.HDD if volume_type in _HARD_DISKS else DiskKind.SSD
    return Disk(kind=kind, type=volume_type, size_gib=gib, copies=COPIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """The volumes of one region by id, and when they were listed, by the monotonic clock."""

    disks: Mapping[str, Disk]
    at: float


@dataclass(slots=True)
class VolumeFacts:
    """Remembers the volumes of each region. Shared by the worker threads of one account."""

    clock: Clock
    _regions: dict[str, _Listing] = field(default_factory=dict)

    def find(self, region: str) -> Mapping[str, Disk]:
        """Return the volumes that are known of a region, by id."""
        listing = self._regions.get(region)
        return {} if listing is None else listing.disks

    def learn(
        self, wanted: Collection[str], client: "EC2Client", call: Call
    ) -> CollectorError | None:
        """List a region's volumes, if one of those wanted is not known or all are long known.

        Returns the error of a failed request: what was known before is kept, and the region is
        asked again next time.
        """
        now = self.clock.monotonic()
        before = self._regions.get(call.region)
        fresh = before is not None and now - before.at < FRESH_SECONDS
        if not wanted or (fresh and before is not None and before.disks.keys() >= set(wanted)):
            return None
        try:
            rows, odd = _volumes(client, call)
            self._regions[call.region] = _Listing(disks=dict(one for _, one in rows), at=now)
        except AuthError as error:  # what may not be asked for is missing, and all else is right
            return AuthError(str(error), scope=error.scope, minor=True)
        except CollectorError as error:
            return error
        return odd[0] if odd else None


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeSource:
    """Where one region learns about its volumes."""

    client: "EC2Client"
    call: Call
    facts: VolumeFacts

    def attach(
        self, items: Iterable[Mapping[str, Any]]
    ) -> tuple[list[tuple[Disk, ...]], CollectorError | None]:
        """Return the volumes of each instance, in order, and the error of a failed request.

        A volume that is attached to several instances is shared out evenly among them. One of
        which nothing is known is left out.
        """
        ids = [_attached(item) for item in items]
        users = Counter(volume for some in ids for volume in some)
        error = self.facts.learn(users, self.client, self.call)
        known = self.facts.find(self.call.region)
        return [
            tuple(_shared(known[one], users[one]) for one in some if one in known) for some in ids
        ], error


def try_list(client: "EC2Client", call: Call, results: int) -> None:
    """Ask for a few volumes.

    Raises:
        CollectorError: they could not be listed.
    """
    with translated(call):
        client.describe_volumes(MaxResults=results)


def _attached(item: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for mapping in item.get("BlockDeviceMappings") or ():
        with suppress(*MISREAD):  # an odd one is not known, and the others count
            if mapping["Ebs"].get("Status") != _DETACHED:
                found.append(str(mapping["Ebs"]["VolumeId"]))
    return found


def _shared(one: Disk, users: int) -> Disk:
    return one if users == 1 else replace(one, size_gib=one.size_gib / users)


def _volumes(
    client: "EC2Client", call: Call
) -> tuple[list[tuple[Mapping[str, Any], tuple[str, Disk]]], tuple[CollectorError, ...]]:
    items = paged(
        client,
        "describe_volumes",
        call,
        "Volumes",
        Filters=[{"Name": "status", "Values": ["in-use"]}],
        PaginationConfig={"PageSize": PAGE_SIZE},
    )
    return readable(items, _volume, call, "volumes")


def _volume(item: Mapping[str, Any]) -> tuple[str, Disk]:
    return str(item["VolumeId"]), disk(str(item["VolumeType"]), float(item["Size"]))
