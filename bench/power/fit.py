"""The curve of a CPU family from its measured servers."""

import math
from collections.abc import Sequence
from statistics import median
from typing import Final

from bench.power.servers import LEVELS, Server
from exporter.core.units import Watts
from exporter.data.cpus import CpuFamily
from exporter.power import measured

SOCKETS: Final = {"Neoverse N1": 1}
"""CPUs of the servers for which a curve stands, where it is not ``USUAL_SOCKETS``: ARM hosts of the
clouds have one."""

USUAL_SOCKETS: Final = 2

SOCKET_EXPONENT: Final = 0.8
"""Two CPUs in a server draw 2^0.8 = 1.74 times as much as one: the rest of it is shared."""


def family(name: str, servers: Sequence[Server]) -> CpuFamily:
    """Return the family as the model knows it: medians over its servers.

    Each server is first brought to the family's usual TDP and number of sockets.
    """
    tdp = median(server.tdp for server in servers)
    sockets = SOCKETS.get(name, USUAL_SOCKETS)
    ratios = [_ratios(server, tdp, sockets) for server in servers]
    return CpuFamily(
        name=name,
        curve=tuple(median(points) for points in zip(*ratios, strict=True)),
        gib_per_thread=median(server.memory_gib / server.threads for server in servers),
        tdp_per_thread=Watts(median(server.all_tdp / server.threads for server in servers)),
        tdp_per_socket=Watts(tdp),
        threads_per_core=round(median(server.threads / server.cores for server in servers)),
        proxy=False,
        method="median of SPECpower curves",
    )


def chassis(sockets: float, other: float) -> float:
    """Power per CPU in a server of so many sockets over that in a server of another number."""
    return math.pow(sockets / other, SOCKET_EXPONENT - 1.0)


def _ratios(server: Server, tdp: float, sockets: float) -> tuple[float, ...]:
    """Wall power over TDP of a server with CPUs of the usual TDP, and so many of them."""
    own = tuple(watts / server.all_tdp for watts in server.watts)
    usual = measured.of_tdp((1.0,) * len(LEVELS), server.tdp / tdp)
    moved = chassis(sockets, server.sockets)
    return tuple(moved * ratio / factor for ratio, factor in zip(own, usual, strict=True))
