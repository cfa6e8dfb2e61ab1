"""The shipped table of what is known to be missing in a computed value, by zone and source."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from exporter.data import rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Widening:
    """Between which multiples of a value the true one should lie, and why: our own judgement."""

    low: float
    high: float
    reason: str


USUAL: Final = Widening(low=0.95, high=1.05, reason="nothing in particular is known to be missing")
"""Of a zone without a line: what is left where mixes are complete and flows are traced."""


def widening(zone: str, source: str) -> Widening:
    """Return how far a value that a source's mix gives for a zone may be off."""
    return _table().get((zone, source), USUAL)


@cache
def _table() -> Mapping[tuple[str, str], Widening]:
    return {
        (line["grid_zone"], line["source"]): Widening(
            low=float(line["low"]), high=float(line["high"]), reason=line["reason"]
        )
        for line in rows("zone_widening")
    }
