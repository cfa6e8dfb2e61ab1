"""What a zone consumes: its own generation and what its neighbours sent, traced by one hop.

The electricity that a neighbour sends has the intensity of what that neighbour generates; where
the neighbour's own imports come from is not asked. Over ten days of all US authorities that comes
within 1 to 7 % of tracing every flow to its plants, where leaving imports out is 1 to 50 % wrong
(``python -m bench.grids``). Exports change nothing: what leaves is as clean as what stays.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from exporter.core.model import Bounds

Flows = Mapping[tuple[str, str], float]
"""Amount by sender and receiver as the sender's side reports it: negative where it received."""


class Supply(NamedTuple):
    """An amount of electricity, and what each kWh of it emitted."""

    amount: float
    gco2eq_per_kwh: Bounds


def imports(flows: Flows) -> dict[str, dict[str, float]]:
    """Return what each zone received from each neighbour, in the unit of the flows.

    Both sides report a border, and seldom the same: the mean of both is taken, or the one there is.
    """
    received: dict[str, dict[str, float]] = {}
    for (here, there), sent in flows.items():
        mirrored = flows.get((there, here))
        if mirrored is not None and here > there:
            continue  # the other direction of a border that both report: already counted
        amount = sent if mirrored is None else (sent - mirrored) / 2
        if amount > 0:
            received.setdefault(there, {})[here] = amount
        elif amount < 0:
            received.setdefault(here, {})[there] = -amount
    return received


def consumed(own: Supply, received: Iterable[Supply]) -> Bounds:
    """Return gCO2eq of a kWh that is consumed: the mean of all supplies by amount.

    Raises:
        ZeroDivisionError: nothing was supplied.
    """
    total = own.amount
    grams = own.gco2eq_per_kwh.times(own.amount)
    for supply in received:
        total += supply.amount
        grams = grams.plus(supply.gco2eq_per_kwh.times(supply.amount))
    return Bounds(grams.low / total, grams.central / total, grams.high / total)
