"""The shipped CPU tables: power curve of each CPU family, thermal design power of each CPU."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from exporter.core.units import Watts
from exporter.data import rows

_NONE: Final = Watts(0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuFamily:
    """A CPU generation as SPECpower results show it.

    ``curve`` is the wall power of the whole server over its CPUs' thermal design power (TDP), at
    0, 10 … 100 % of load, for a CPU of the TDP ``tdp_per_socket``: the median of the measured
    servers, 0 where nothing was measured. ``gib_per_thread`` is the memory of those servers, whose
    power the curve already holds. ``threads_per_core`` is that of the measured servers. A
    ``proxy`` has no measurement of its own. ``origin`` is whose measurements the curve rests on,
    ``beside`` what the machine may draw beyond it, in the upper bound only.
    """

    name: str
    curve: tuple[float, ...]
    gib_per_thread: float
    tdp_per_thread: Watts
    tdp_per_socket: Watts
    threads_per_core: int
    proxy: bool
    method: str
    origin: str = "SPECpower_ssj2008"
    beside: Watts = _NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuModel:
    """One CPU as sold, or as built for one cloud.

    ``default_of`` names the providers that use it for its family unless told otherwise.
    ``assumed`` says that its TDP is that of the nearest public part; where it may be another,
    it is between ``tdp_low`` and ``tdp_high``.
    """

    name: str
    family: str
    cores: int
    threads: int
    tdp: Watts
    tdp_low: Watts
    tdp_high: Watts
    default_of: frozenset[str]
    assumed: bool
    source: str


@cache
def families() -> Mapping[str, CpuFamily]:
    """Return the CPU families by name."""
    return {line["family"]: _family(line) for line in rows("family_curves")}


@cache
def models() -> Mapping[str, CpuModel]:
    """Return the CPU models by name."""
    return {line["cpu_model"]: model_of(line) for line in rows("cpu_skus")}


def _family(line: Mapping[str, str]) -> CpuFamily:
    return CpuFamily(
        name=line["family"],
        curve=tuple(float(line[f"p{level}"]) for level in range(0, 101, 10)),
        gib_per_thread=float(line["spec_gib_per_thread"]),
        tdp_per_thread=Watts(float(line["tdp_watts_per_thread"])),
        tdp_per_socket=Watts(float(line["tdp_watts_per_socket"] or 0.0)),
        threads_per_core=int(line["threads_per_core"]),
        proxy=bool(line["proxy"]),
        method=_method(line),
    )


def _method(line: Mapping[str, str]) -> str:
    results = int(line["results"])
    return f"{line['method']}, {results} results" if results > 1 else line["method"]


def model_of(line: Mapping[str, str]) -> CpuModel:
    """Read one line of the table of CPU models."""
    return CpuModel(
        name=line["cpu_model"],
        family=line["architecture"],
        cores=int(line["cores_per_socket"]),
        threads=int(line["threads_per_socket"]),
        tdp=Watts(float(line["tdp_watts"])),
        tdp_low=Watts(float(line["tdp_low"] or line["tdp_watts"])),
        tdp_high=Watts(float(line["tdp_high"] or line["tdp_watts"])),
        default_of=frozenset(line["default_of"].split()),
        assumed=line["tdp_basis"] == "assumed",
        source=line["tdp_source"],
    )
