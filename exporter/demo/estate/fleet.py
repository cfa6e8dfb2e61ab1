"""The demo estate of all clouds, of any size: the rows of the tables, and copies of them."""

from collections.abc import Iterator
from itertools import count, islice
from typing import Final

from exporter.demo.estate import surge, tables
from exporter.demo.estate.machines import EstateMachine
from exporter.demo.estate.simulation import Estate

USUAL: Final = sum(row.count for row in tables.rows())
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
        groups=tuple(tables.groups(copies)),
    )


def _machines() -> Iterator[EstateMachine]:
    for copy in count():
        for row in tables.rows():
            first = copy * row.count + 1
            yield from map(row.machine, range(first, first + row.count))
