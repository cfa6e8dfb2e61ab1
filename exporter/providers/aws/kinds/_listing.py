"""Listings that several kinds share, each asked for once in a region and poll."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from exporter.providers.aws.errors import Call, translated
from exporter.providers.aws.kind import Permission, Place

PAGE_SIZE: Final = 100
"""Largest MaxRecords of DescribeDBInstances (RDS API reference)."""

_FEW: Final = 20
"""Smallest MaxRecords of DescribeDBInstances (RDS API reference)."""


class RdsClient(Protocol):
    """What is used of boto3's client."""

    def describe_db_instances(self, *, MaxRecords: int) -> Mapping[str, Any]:  # noqa: N803 - the API's name
        """Ask for one page."""
        ...

    def get_paginator(self, operation_name: str, /) -> Any:  # noqa: ANN401 - boto3 makes the classes
        """Return what asks for all pages."""
        ...


def db_instances(place: Place, call: Call) -> Sequence[Mapping[str, Any]]:
    """Return the DB instances of a region: those of RDS, DocumentDB and Neptune alike.

    Raises:
        CollectorError: they could not be listed whole.
    """
    client: RdsClient = place.client(call)
    return place.once.do(call.permission, lambda: tuple(_pages(client, call)))


def _pages(client: RdsClient, call: Call) -> Iterator[Mapping[str, Any]]:
    pages = client.get_paginator("describe_db_instances").paginate(
        PaginationConfig={"PageSize": PAGE_SIZE}
    )
    with translated(call):
        for page in pages:
            if "DBInstances" not in page:  # an empty account has an empty list
                call.reject("the answer lists nothing")
            yield from page["DBInstances"]


def _try_db_instances(place: Place) -> None:
    call = place.call(DB_INSTANCES.name)
    client: RdsClient = place.client(call)
    with translated(call):
        client.describe_db_instances(MaxRecords=_FEW)


DB_INSTANCES: Final = Permission(name="rds:DescribeDBInstances", probe=_try_db_instances)
