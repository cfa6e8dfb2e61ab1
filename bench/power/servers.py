"""The measured servers: SPECpower_ssj2008 results, one line each, read from a CSV file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.tables import table
from exporter.core.units import Watts

LEVELS: Final = range(0, 101, 10)
"""Percent of load."""

MOST_SOCKETS: Final = 2

LEAST_CORES: Final = {
    "Sandy Bridge": 8,
    "Haswell": 12,
    "Broadwell": 14,
    "Skylake": 20,
    "Cascade Lake": 20,
    "Ice Lake": 28,
    "Sapphire Rapids": 40,
    "Emerald Rapids": 48,
    "EPYC 1st Gen": 24,
    "EPYC 2nd Gen": 48,
    "EPYC 3rd Gen": 48,
    "EPYC 4th Gen": 64,
    "Neoverse N1": 64,
}
"""Cores per CPU from which on a server is of the kind that clouds run: the upper end of each
generation. Other families are not in the clouds' catalogues."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One result: the server's CPUs and its wall power at each level of load."""

    family: str
    cpu: str
    sockets: float
    cores: float
    threads: float
    memory_gib: float
    tdp: Watts
    year: int
    watts: tuple[float, ...]

    @property
    def all_tdp(self) -> float:
        """TDP of all its CPUs."""
        return self.tdp * self.sockets


def read(path: Path) -> tuple[Server, ...]:
    """Read the servers of the kind that clouds run, of which every level was measured.

    Raises:
        OSError, ValueError: the file is not there, or is no such table.
    """
    return tuple(one for one in table(path, _COLUMNS, _server_of_a_cloud) if one is not None)


_COLUMNS: Final = (
    *("family", "cpu2", "chips", "cores", "threads", "cores_per_chip", "mem", "tdp", "year"),
    *map(str, LEVELS),
)


def _server_of_a_cloud(line: Mapping[str, str]) -> Server | None:
    least = LEAST_CORES.get(line["family"])
    measured = line["tdp"] and all(line[str(level)] for level in LEVELS)
    if least is None or not measured or float(line["cores_per_chip"]) < least:
        return None
    return _server(line) if float(line["chips"]) <= MOST_SOCKETS else None


def _server(line: Mapping[str, str]) -> Server:
    return Server(
        family=line["family"],
        cpu=_silicon(line["cpu2"]),
        sockets=float(line["chips"]),
        cores=float(line["cores"]),
        threads=float(line["threads"]),
        memory_gib=float(line["mem"]),
        tdp=Watts(float(line["tdp"])),
        year=int(float(line["year"])),
        watts=tuple(float(line[str(level)]) for level in LEVELS),
    )


def _silicon(name: str) -> str:
    """CPU model: without a stray clock speed, and 8280L is no other CPU than 8280.

    The letters L, M, P and N of four-digit names say how much memory, how many sockets or which
    network features it takes, not how it computes.
    """
    bare = re.sub(r"\s+\d+$", "", name.strip())
    found = re.fullmatch(r"(\d{4})[lmpn]+", bare)
    return found[1] if found else bare
