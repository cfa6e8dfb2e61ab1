"""The demo estate of all clouds; each cloud's machines stand in a file of their own."""

from collections.abc import Iterator
from itertools import count, islice
from typing import Final

from exporter.demo.estate import aws_databases, aws_fleet, azure_fleet, gcp_fleet, surge
from exporter.demo.estate.machines import EstateMachine
from exporter.demo.estate.simulation import Estate

_FLEETS: Final = (aws_fleet, aws_databases, gcp_fleet, azure_fleet)
USUAL: Final = sum(len(fleet.machines(0)) for fleet in _FLEETS)
"""Permanent machines that the estate has before its copies begin."""


def demo_estate(machines: int | None = None, *, surge_at: int | None = None) -> Estate:
    """Build the demo estate; the same arguments always give the same estate.

    Args:
        machines: number of permanent machines. More than the usual ones are copies of the same
            character under new names; fewer are the first of them. Groups grow in proportion.
        surge_at: epoch second from which on an accident multiplies what the estate emits, for a
            quarter of an hour; None: it never does.

    Raises:
        ValueError: not a positive number.
    """
    wanted = USUAL if machines is None else machines
    if wanted < 1:
        message = f"an estate of {wanted} machines: ask for 1 or more"
        raise ValueError(message)
    copies = max(1, wanted // USUAL)
    accident = () if surge_at is None else surge.machines(surge_at, copies)
    return Estate(
        machines=(*islice(_machines(), wanted), *accident),
        groups=tuple(group for fleet in _FLEETS for group in fleet.groups(copies)),
    )


def _machines() -> Iterator[EstateMachine]:
    for copy in count():
        for fleet in _FLEETS:
            yield from fleet.machines(copy)
