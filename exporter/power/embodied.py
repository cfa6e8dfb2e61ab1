"""Embodied emissions of a machine's share of its server, part by part. Pure.

kg  = chassis x share of the server + CPUs x share + GiB x kg/GiB + TB of its own disks x kg/TB
      + accelerators x kg of one
g/h = kg x 1000 / lifetime

A server has the sockets that its vCPUs need: one for most ARM hosts, two for most others. A server
of accelerators is shared by these, as they are what it is built for.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from exporter.core.model import Bounds, Factor
from exporter.core.units import GRAMS_PER_KILOGRAM
from exporter.data import embodied as tables
from exporter.data.embodied import CpuPart, Part
from exporter.data.gpus import Gpu
from exporter.power import explain
from exporter.power.accelerators import part as accelerator
from exporter.power.hardware import Cpu, Hardware

HOURS_PER_YEAR: Final = 8760.0

LIFETIME_YEARS: Final = Bounds(4.0, 6.0, 7.0)
"""How long servers are used: Google and Microsoft book six years, AWS five or six (lifetimes.csv);
Cloud Carbon Footprint and Teads four."""

ACCELERATOR_YEARS: Final = Bounds(4.0, 5.0, 7.0)
"""The same of servers of accelerators: what AWS has used for a part of its servers since 2025."""

METHOD_SPREAD: Final = 0.5
"""Half-width of the interval around figures of Teads' sheet: bottom-up assessments give about half
of them."""

_USUAL_SOCKETS: Final = 2
_USUAL_HOST_VCPUS: Final = 96.0
"""vCPUs of a two-socket server of which the CPU is not known (2 x 24 cores x 2 threads)."""

_ONE_SOCKET: Final = frozenset(
    {
        "Neoverse N1",
        "Graviton",
        "Graviton2",
        "Graviton3",
        "Graviton3E",
        "Google Axion",
        "Google Axion N",
        "Cobalt 100",
        "Apple silicon",
    }
)
"""Families whose hosts have one CPU, where the host is not known to be larger: three Graviton3
stand on one board, each a server of its own (ServeTheHome, 2022)."""

_CARDS_IN_A_SERVER: Final = 8.0
"""Accelerator cards that share the chassis of a two-socket server."""

_LIKE: Final = {
    "small-card": "NVIDIA T4",
    "card": "NVIDIA A10",
    "hgx-a100": "NVIDIA A100 40GB",
    "hgx-hopper": "NVIDIA H100",
    "hgx-blackwell": "NVIDIA B200",
    "nvl72": "NVIDIA GB200",
    "tpu": "TPU v6e",
    "trainium": "AWS Trainium2",
}
"""Accelerators that nobody assessed, by the servers that they stand in."""

_BUILT_AROUND: Final = frozenset({"hgx-a100", "hgx-hopper", "hgx-blackwell", "nvl72", "trainium"})
"""Servers that are built around their accelerators, eight or as many as ``gpu.csv`` says."""

_TB_PER_ACCELERATOR: Final = {"hgx-a100": 1.0, "hgx-hopper": 3.8, "hgx-blackwell": 3.8}
"""Local disks of p4d (8 x 1 TB), p5 and p6 (8 x 3.8 TB) by AWS's page of accelerated types."""

_TB_PER_VCPU: Final = (
    ("aws", re.compile(r"i(?:\d|m\d|s\d)"), 0.234),
    ("aws", re.compile(r"g\d"), 0.06),
    ("aws", re.compile(r"[a-z]+\d+[a-z]*d"), 0.0375),
    ("azure", re.compile(r"Standard_L\d"), 0.24),
    ("azure", re.compile(r"Standard_[A-Z]+\d+(?:-\d+)?[a-z]*d"), 0.0375),
    ("gcp", re.compile(r".*-lssd$"), 0.068),
)
"""Local disks that a type brings, by its name: TB for each vCPU, as m5d, i3, g5, Lsv3, Ddsv5 and
c3-lssd have (the providers' pages of these types). The first that fits counts."""


def interval(central: float) -> Bounds:
    """Return a figure of Teads' sheet with the interval that should hold the true one."""
    return Bounds(1.0 - METHOD_SPREAD, 1.0, 1.0 + METHOD_SPREAD).times(central)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How much of a part a machine is charged."""

    part: Part
    amount: float
    why: str

    @property
    def kg(self) -> Bounds:
        """Kilograms of CO2eq."""
        return self.part.kg.times(self.amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The machine's part of the server that it runs on, and for how many years that is used."""

    parts: tuple[Counted, ...]
    years: Bounds
    lifetime_source: str

    @property
    def kg(self) -> Bounds:
        """Kilograms of CO2eq of all parts; their errors are taken to go together."""
        return total(counted.kg for counted in self.parts)

    @property
    def bounds(self) -> Bounds:
        """Grams of CO2eq per hour: low, central, high."""
        return per_hour(self.kg, self.years)


def total(parts: Iterable[Bounds]) -> Bounds:
    """Add intervals end by end."""
    whole = Bounds(0.0, 0.0, 0.0)
    for each in parts:
        whole = whole.plus(each)
    return whole


def per_hour(kg: Bounds, years: Bounds) -> Bounds:
    """Grams of CO2eq per hour over a lifetime: the errors of the two are independent."""
    central = kg.central * GRAMS_PER_KILOGRAM / (years.central * HOURS_PER_YEAR)
    if not kg.central:
        return Bounds(0.0, 0.0, 0.0)
    lower = math.hypot(1.0 - kg.low / kg.central, 1.0 - years.central / years.high)
    upper = math.hypot(kg.high / kg.central - 1.0, years.central / years.low - 1.0)
    return Bounds(max(0.0, 1.0 - lower) * central, central, (1.0 + upper) * central)


def share(machine: Hardware) -> Share:
    """Return the part of a server that the machine accounts for.

    A machine of which nobody knows the server (an unknown type, this host: itself a server, a
    virtual machine or a laptop) is taken as its vCPUs of a usual one.
    """
    parts = [*_body(machine), *_memory_and_disks(machine)]
    if machine.gpu_count:
        gpu = accelerator(machine.gpu_model)
        parts.append(Counted(part=_of_gpu(gpu), amount=machine.gpu_count, why="number of them"))
    return Share(
        parts=tuple(parts),
        years=ACCELERATOR_YEARS if machine.gpu_count else LIFETIME_YEARS,
        lifetime_source=tables.lifetimes().get(
            machine.provider, "as the clouds: six years, five of servers of accelerators"
        ),
    )


def _body(machine: Hardware) -> Iterator[Counted]:
    """Chassis and CPUs."""
    sizes = [_socket_vcpus(cpu, machine.threads_per_core) for cpu in machine.cpus]
    socket = fmean(sizes)
    single = all(cpu.family.name in _ONE_SOCKET or _is_mac(cpu) for cpu in machine.cpus)
    usual = 1 if single else _USUAL_SOCKETS
    # The largest type of a series may be less than a server: at least the usual sockets are there.
    host = max(machine.host_vcpus, usual * socket, machine.vcpus)
    part = machine.vcpus / host
    chassis, several = _chassis(round(host / socket))
    amount, why = several * part, "share of the server's vCPUs"
    if machine.gpu_count:
        node = accelerator(machine.gpu_model).node
        built = node.name in _BUILT_AROUND
        of_gpus = machine.gpu_count / (node.gpus if built else _CARDS_IN_A_SERVER)
        chassis = "chassis, eight GPUs" if built else chassis
        if built or of_gpus > amount:
            amount, why = of_gpus, "share of the server's accelerators"
    yield Counted(part=tables.components()[chassis], amount=amount, why=why)
    for cpu, size in zip(machine.cpus, sizes, strict=True):
        one = machine.vcpus / size / len(machine.cpus)
        yield Counted(part=_of_cpu(cpu).part, amount=one, why="vCPUs of a CPU")


def _chassis(sockets: int) -> tuple[str, float]:
    """Which chassis so many sockets need, and how many of it."""
    if sockets <= 1:
        return "chassis, one socket", 1.0
    return ("chassis, two sockets", 1.0) if sockets == 2 else ("chassis, four sockets", sockets / 4)  # noqa: PLR2004 - two sockets


def _socket_vcpus(cpu: Cpu, threads_per_core: int) -> float:
    """Return the vCPUs of one CPU."""
    if cpu.model is not None:
        return float(cpu.model.cores if threads_per_core == 1 else cpu.model.threads)
    cores = _of_cpu(cpu).cores
    return cores * threads_per_core if cores else _USUAL_HOST_VCPUS / _USUAL_SOCKETS


def _is_mac(cpu: Cpu) -> bool:
    """Whether a CPU is a Mac's, whose family is made for it and in no table."""
    return cpu.family.name not in tables.cpus()


def _of_cpu(cpu: Cpu) -> CpuPart:
    return tables.cpus()["Apple silicon" if _is_mac(cpu) else cpu.family.name]


def _memory_and_disks(machine: Hardware) -> Iterator[Counted]:
    beside = [tables.components()[cpu.memory_kind] for cpu in machine.cpus]
    yield Counted(part=_either(beside), amount=machine.memory_gib, why="GiB of memory")
    terabytes = local_terabytes(machine)
    if terabytes:
        yield Counted(part=tables.components()["SSD"], amount=terabytes, why="TB of local disks")


def _either(several: Sequence[Part]) -> Part:
    """Return the mean of the parts that may be there, the interval holding those of all."""
    names = dict.fromkeys(part.name for part in several)
    if len(names) == 1:
        return several[0]
    low, high = min(part.kg.low for part in several), max(part.kg.high for part in several)
    return Part(
        name=" or ".join(names),
        kg=Bounds(low, fmean(part.kg.central for part in several), high),
        source="; ".join(dict.fromkeys(part.source for part in several)),
        year=several[0].year,
    )


def local_terabytes(machine: Hardware) -> float:
    """Local disks that the type brings, as far as its name and its accelerators tell."""
    node = accelerator(machine.gpu_model).node.name if machine.gpu_count else ""
    if node in _TB_PER_ACCELERATOR:
        return machine.gpu_count * _TB_PER_ACCELERATOR[node]
    for provider, pattern, per_vcpu in _TB_PER_VCPU:
        if machine.provider == provider and pattern.match(machine.instance_type):
            return machine.vcpus * per_vcpu
    return 0.0


def _of_gpu(gpu: Gpu) -> Part:
    return tables.gpus().get(gpu.model) or tables.gpus()[_LIKE[gpu.node.name]]


def factors(share: Share) -> Iterator[Factor]:
    """Each part with its kilograms, the lifetime, and what they come to."""
    found: dict[str, list[Counted]] = {}
    for counted in share.parts:
        found.setdefault(counted.part.name, []).append(counted)
    for name, several in found.items():
        part, amount = several[0].part, sum(counted.amount for counted in several)
        source = f"{amount:.4g} x {part.kg.central:g} kg ({several[0].why}): {part.source}"
        kg = total(counted.kg for counted in several)
        yield explain.between(f"embodied carbon, {name}", kg, "kgCO2eq", source, part.year)
    yield explain.between("lifetime", share.years, "years", share.lifetime_source, "2026")
    yield explain.between(
        "embodied emissions", share.bounds, "gCO2eq/h", "sum of the parts / lifetime"
    )
