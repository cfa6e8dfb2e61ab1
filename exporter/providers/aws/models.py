"""What botocore ships: the models of the APIs, and which regions there are."""

import functools
import os

import botocore.session
from botocore.loaders import Loader, create_loader


@functools.cache
def shared_loader() -> Loader:
    """API models in memory, once for all accounts: 6 MiB for each further one instead of 30.

    Made without a session, which would insist on the environment's profile.
    """
    return create_loader(os.environ.get("AWS_DATA_PATH"))


@functools.cache
def partitions() -> dict[str, str]:
    """Region to partition (``aws``, ``aws-cn``, ``aws-us-gov``, …).

    Asked for CloudWatch, which is wherever EC2 is: EC2's own model takes long to load.
    """
    session = botocore.session.Session()
    session.register_component("data_loader", shared_loader())
    return {
        region: partition
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("cloudwatch", partition_name=partition)
    }


def partition_of(region: str) -> str:
    """Partition of a region; one newer than the installed botocore is in that of its neighbours."""
    known = partitions()
    return known.get(region) or _areas().get(region.rpartition("-")[0], "aws")


def may_be_newer(region: str) -> bool:
    """Whether a name may be that of a region newer than the installed botocore.

    That is, a number more where there are regions already: ``eu-west-4``. Whether there is such a
    region, the account's own list tells.
    """
    area, _, number = region.rpartition("-")
    return area in _areas() and len(number) == 1 and number in "123456789"


@functools.cache
def _areas() -> dict[str, str]:
    """Partitions by what stands before the number: ``eu-west``, ``us-gov-east``."""
    return {name.rpartition("-")[0]: partition for name, partition in partitions().items()}


def first_region(partition: str) -> str:
    """Return a region that every account of the partition has enabled, for the first call."""
    if partition == "aws":
        return "us-east-1"
    return min((r for r, p in partitions().items() if p == partition), default="us-east-1")
