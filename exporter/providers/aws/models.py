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
    """Partition of a region; a region newer than the installed botocore is in the common one."""
    return partitions().get(region, "aws")


def first_region(partition: str) -> str:
    """Return a region that every account of the partition has enabled, for the first call."""
    if partition == "aws":
        return "us-east-1"
    return min((r for r, p in partitions().items() if p == partition), default="us-east-1")
