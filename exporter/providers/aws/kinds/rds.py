"""RDS: databases of its engines in DescribeDBInstances, their CPU from ``AWS/RDS``."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from exporter.core.model import Disk
from exporter.providers.aws.kind import Listing, Place
from exporter.providers.aws.kinds._listing import (
    DbInstances,
    db_instances,
    engine_of,
    engines,
    name_of,
)
from exporter.providers.aws.volumes import disk

_ON_EC2: Final = "custom-"
"""Engines of RDS Custom, of which the machines are EC2 instances of the account."""

_SHARED_STORAGE: Final = "aurora"
"""Storage types that grow by themselves, and belong to a cluster and not to an instance."""


class Rds(DbInstances):
    """Databases of RDS. What is listed with them and is of no kind is told here too."""

    what = "databases of RDS"
    not_counted = (
        "the standby of a Multi-AZ instance, which has no metrics; the volume of an Aurora cluster "
        "and serverless databases, whose size is not told"
    )
    resource_type = "rds_instance"
    engines = ("aurora", "db2-", "mariadb", "mysql", "oracle-", "postgres", "sqlserver-")
    namespace = "AWS/RDS"

    def list(self, place: Place) -> Listing:
        """List a region in all states, and name the databases that no kind takes.

        Raises:
            CollectorError: the region could not be listed whole.
        """
        listing = super().list(place)
        known = (*engines(), _ON_EC2)
        items = db_instances(place, self.listing_call(place))  # listed already: no further call
        strange = {
            name_of(item): f"of the engine {engine_of(item)!r}, which no service here has"
            for item in items
            if not engine_of(item).startswith(known)
        }
        return replace(listing, left_out={**listing.left_out, **strange})

    def storage(self, item: Mapping[str, Any]) -> tuple[Disk, ...]:
        """Return the EBS storage of an instance; an Aurora instance has none of its own."""
        storage_type, gib = str(item.get("StorageType") or ""), item.get("AllocatedStorage")
        if not storage_type or not gib or storage_type.startswith(_SHARED_STORAGE):
            return ()
        return (disk(storage_type, float(gib)),)


KIND = Rds
