"""Which regions to watch, from DescribeRegions."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from exporter.core.errors import AuthError, CollectorError
from exporter.providers.aws.errors import Call, translated

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

PERMISSION: Final = "ec2:DescribeRegions"

_OFF: Final = "not-opted-in"


def opt_in(client: "EC2Client", call: Call) -> dict[str, bool]:
    """Return every region of the partition and whether the account has it enabled.

    Raises:
        CollectorError: the request failed, or its answer lists no region.
    """
    with translated(call):
        answer = client.describe_regions(AllRegions=True)
    regions = {
        str(item["RegionName"]): item.get("OptInStatus") != _OFF
        for item in answer.get("Regions", ())
        if item.get("RegionName")
    }
    if not regions:
        call.reject("the answer lists no regions")
    return regions


def choose(
    named: Sequence[str] | None, known: Mapping[str, bool], account: str
) -> tuple[tuple[str, ...], tuple[CollectorError, ...]]:
    """Return the regions to ask, and an error for each named one that cannot be."""
    enabled = tuple(region for region, on in known.items() if on)
    if named is None:
        return enabled, ()
    refused = tuple(_refusal(region, known, account) for region in named if not known.get(region))
    return tuple(region for region in named if known.get(region)), refused


def _refusal(region: str, known: Mapping[str, bool], account: str) -> CollectorError:
    if region in known:
        cause = f"is not enabled for account {account}"
        fix = "enable it under Account, AWS Regions, or remove it from regions"
    else:
        cause = f"does not exist for account {account}"
        fix = "remove it from regions"
    return AuthError(f"region {region} {cause} — {fix}", scope=region)
