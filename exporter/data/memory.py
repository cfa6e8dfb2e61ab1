"""The shipped table of memory modules: what one draws, by its kind and size."""

from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from exporter.data import rows


class Module(NamedTuple):
    """Watts of one module, idle and busy."""

    gib: float
    idle: float
    busy: float


@cache
def modules() -> Mapping[str, tuple[Module, ...]]:
    """Return the modules of each kind (DDR4, DDR5), smallest first."""
    found: dict[str, list[Module]] = {}
    for line in rows("memory_watts"):
        gib = float(line["gib"])
        idle, busy = (gib * float(line[f"{state}_watts_per_gib"]) for state in ("idle", "busy"))
        found.setdefault(line["kind"], []).append(Module(gib, idle, busy))
    return {kind: tuple(sorted(several)) for kind, several in found.items()}


def module(kind: str, gib: float) -> Module:
    """Return a module of any size, by straight lines between the sizes of the table."""
    several = modules()[kind]
    for small, large in pairwise(several):
        if gib <= large.gib:
            share = (max(gib, small.gib) - small.gib) / (large.gib - small.gib)
            return Module(
                max(gib, small.gib),
                small.idle + share * (large.idle - small.idle),
                small.busy + share * (large.busy - small.busy),
            )
    return several[-1]
