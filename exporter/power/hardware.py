"""What a machine is made of, from the table, its cloud's answer, or the name of its type.

Its size, the CPUs that may serve it, and what a vCPU's share of each one's TDP is.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from exporter.core.model import HOST, Confidence, Machine, Shape
from exporter.core.units import Watts
from exporter.data.cpus import CpuFamily, CpuModel, families, models
from exporter.data.machine_types import MachineType, hardware_type
from exporter.data.macs import Mac, macs
from exporter.power import names
from exporter.power.catalogue import KnownType, Types

UNKNOWN_SIZE: Final = names.Size(2.0, 8.0)
"""Size of a machine of which neither table, cloud nor name tells any: a small general one."""

UNKNOWN_BASELINE: Final = 0.1
"""Baseline of a burstable type that the table lacks: t3.micro's, near the lowest of all."""

MAC_CPU_SHARE: Final = 0.65
"""How much of a Mac's way from idle to its maximum a busy CPU makes: the rest is its GPU's.
Assumed, between 60 and 70 % by reviews."""

MAC_CARD_WATTS: Final = Watts(15.0)
"""The most that the card which joins a rented Mac to its cloud may draw. Assumed; in the upper
bound only."""

_INTEL: Final = ("Skylake", "Cascade Lake", "Ice Lake", "Sapphire Rapids")
_AMD: Final = ("EPYC 2nd Gen", "EPYC 3rd Gen", "EPYC 4th Gen")
_ARM: Final = ("Neoverse N1", "Graviton2", "Graviton3", "Graviton4")
_X86: Final = (*_INTEL, *_AMD)

_GCP_PLATFORMS: Final = {
    "AMD Naples": "EPYC 1st Gen",
    "AMD Rome": "EPYC 2nd Gen",
    "AMD Milan": "EPYC 3rd Gen",
    "AMD Genoa": "EPYC 4th Gen",
    "AMD Turin": "EPYC 5th Gen",
    "Ampere Altra": "Neoverse N1",
}
"""GCE ``cpuPlatform`` where it is not the family's own name, with or without ``Intel``."""


class Facts(NamedTuple):
    """What the power of a machine depends on: machines of equal facts share a profile."""

    provider: str
    instance_type: str
    cpu_platform: str
    shape: Shape | None


def facts(machine: Machine) -> Facts:
    """Return what the power of the machine depends on."""
    return Facts(machine.key.provider, machine.instance_type, machine.cpu_platform, machine.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """One CPU that may serve the machine; ``model`` is None where only the family is known."""

    family: CpuFamily
    model: CpuModel | None

    def tdp_per_vcpu(self, threads_per_core: int) -> Watts:
        """TDP of a vCPU's share: of a thread, or of a core where a vCPU is a whole core."""
        if self.model is None:
            whole_core = threads_per_core == 1 and self.family.threads_per_core > 1
            return Watts(self.family.tdp_per_thread * (2.0 if whole_core else 1.0))
        vcpus = self.model.cores if threads_per_core == 1 else self.model.threads
        return Watts(self.model.tdp / vcpus)


class SizeSource(StrEnum):
    """Where vCPUs and memory come from."""

    TABLE = "machine type table"
    CLOUD = "reported by the provider"
    NAME = "read from the name of the type"
    ASSUMED = "assumed, nothing known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """A machine's share of a server. ``server_kgco2eq`` 0: not in the table, computed by rule.

    ``vcpus`` are those of the hardware that it holds, of which it may use the share ``usable``.
    """

    provider: str
    instance_type: str
    vcpus: float
    memory_gib: float
    size_source: SizeSource
    cpus: tuple[Cpu, ...]
    threads_per_core: int
    confidence: Confidence
    gpu_model: str
    gpu_count: float
    baseline: float
    full_vcpus: float
    host_vcpus: float
    server_kgco2eq: float
    server_published: bool
    usable: float = 1.0

    @property
    def modelled(self) -> bool:
        """Whether the CPU is known, not guessed."""
        return self.confidence is not Confidence.UNKNOWN_TYPE


def hardware(types: Types, machine: Machine) -> Hardware:
    """Resolve a machine; every machine resolves to something."""
    named = hardware_type(machine.key.provider, machine.instance_type)
    machine = replace(machine, instance_type=named)
    known = types.lookup(machine.key.provider, machine.instance_type)
    if known is not None and known.exact and known.type.complete:
        return _of_table(known, machine)
    return _of_facts(known, machine)


def _of_table(known: KnownType, machine: Machine) -> Hardware:
    line, shape = known.type, machine.shape
    held = line.reserved_vcpus or line.vcpus
    attached = shape is not None and not line.gpu_count  # GCP lets any N1 machine have one
    listed = _of_type(line)
    platform = _of_platform(line.provider, machine.cpu_platform, listed)
    cpus = (platform,) if platform else listed
    return Hardware(
        provider=line.provider,
        instance_type=line.name,
        vcpus=held,
        memory_gib=line.memory_gib,
        size_source=SizeSource.TABLE,
        cpus=cpus,
        threads_per_core=line.threads_per_core,
        confidence=_confidence(cpus),
        gpu_model=shape.gpu_model if shape and attached else line.gpu_model,
        gpu_count=shape.gpu_count if shape and attached else line.gpu_count,
        baseline=line.baseline or 1.0,
        full_vcpus=line.full_vcpus or held,
        host_vcpus=line.host_vcpus,
        server_kgco2eq=line.server_kgco2eq,
        server_published=line.server_published,
        usable=line.vcpus / held,
    )


def _of_facts(known: KnownType | None, machine: Machine) -> Hardware:
    """A type that the table lacks, or lists without its size; also a machine of one's own."""
    provider, shape = machine.key.provider, machine.shape
    size, source = _size(known, machine)
    cpus, guessed = _cpus(known, machine)
    host = provider == HOST
    told = (host or (known is not None and known.exact)) and source is SizeSource.CLOUD
    return Hardware(
        provider=provider,
        instance_type=machine.instance_type,
        vcpus=size.vcpus,
        memory_gib=size.memory_gib,
        size_source=source,
        cpus=cpus,
        threads_per_core=_threads(known, shape, cpus),
        confidence=_confidence(cpus) if told and not guessed else Confidence.UNKNOWN_TYPE,
        gpu_model=shape.gpu_model if shape else "",
        gpu_count=shape.gpu_count if shape else 0.0,
        baseline=UNKNOWN_BASELINE if shape and shape.shared_core else 1.0,
        full_vcpus=size.vcpus,
        host_vcpus=shape.host_vcpus if shape else 0.0,
        server_kgco2eq=0.0,
        server_published=False,
    )


def _size(known: KnownType | None, machine: Machine) -> tuple[names.Size, SizeSource]:
    shape = machine.shape
    if shape is not None and shape.vcpus > 0:
        return names.Size(shape.vcpus, max(shape.memory_gib, 0.0)), SizeSource.CLOUD
    guess = _guess(known, machine)
    return (UNKNOWN_SIZE, SizeSource.ASSUMED) if guess is None else (guess, SizeSource.NAME)


def _guess(known: KnownType | None, machine: Machine) -> names.Size | None:
    """Size by the naming rule, with the memory per vCPU and the server of a sibling if it has any.

    The rules are the providers': EC2 instance type naming, Azure size naming, GCE machine types.
    """
    provider, name = machine.key.provider, machine.instance_type
    if known is None or not known.type.complete:
        return names.guess_size(provider, name)
    line = known.type
    if names.whole_server(provider, name) and line.host_vcpus:
        return names.Size(line.host_vcpus, line.host_memory_gib)
    return names.guess_size(provider, name, line.memory_gib / line.vcpus)


def _cpus(known: KnownType | None, machine: Machine) -> tuple[tuple[Cpu, ...], bool]:
    """CPUs, and whether they are only guessed from a vendor or an instruction set."""
    provider, shape = machine.key.provider, machine.shape
    listed = _of_type(known.type) if known else ()
    platform = _of_platform(provider, machine.cpu_platform, listed)
    told = (platform,) if platform else _of_shape(provider, shape) if shape else ()
    cpus = told or listed
    if cpus:
        return cpus, False
    return _of_pool(provider, machine.instance_type, shape), True


def _threads(known: KnownType | None, shape: Shape | None, cpus: tuple[Cpu, ...]) -> int:
    told = shape.threads_per_core if shape else 0
    listed = known.type.threads_per_core if known else 0
    return told or listed or max(cpu.family.threads_per_core for cpu in cpus)


def _confidence(cpus: tuple[Cpu, ...]) -> Confidence:
    if all(cpu.family.proxy for cpu in cpus):
        return Confidence.PROXY
    if len(cpus) > 1:
        return Confidence.MULTI_FAMILY
    model = cpus[0].model
    return Confidence.SKU if model is not None and not model.assumed else Confidence.FAMILY


def _of_type(line: MachineType) -> tuple[Cpu, ...]:
    """CPUs that the table lists for a type."""
    mac = macs().get(line.name) if line.provider == "aws" else None
    if mac is not None:
        return (_of_mac(mac, line),)
    pairs = zip(line.families, line.cpu_models, strict=True)
    return tuple(Cpu(family=families()[name], model=models().get(model)) for name, model in pairs)


def _of_mac(mac: Mac, line: MachineType) -> Cpu:
    """A Mac's own curve, from idle to a busy CPU, over its maximum instead of a TDP."""
    span = MAC_CPU_SHARE * (mac.maximum - mac.idle)
    family = CpuFamily(
        name=mac.host,
        curve=tuple((mac.idle + span * level / 10.0) / mac.maximum for level in range(11)),
        gib_per_thread=line.memory_gib / line.vcpus,
        tdp_per_thread=Watts(mac.maximum / line.vcpus),
        tdp_per_socket=Watts(0.0),
        threads_per_core=line.threads_per_core,
        proxy=False,
        method=f"idle {mac.idle:g} W, {MAC_CPU_SHARE:.0%} of the way to {mac.maximum:g} W at work",
        origin="figures of Apple",
        beside=MAC_CARD_WATTS,
    )
    model = CpuModel(
        name=mac.host,
        family=mac.host,
        cores=int(line.vcpus),
        threads=int(line.vcpus),
        tdp=mac.maximum,
        tdp_low=mac.maximum,
        tdp_high=mac.maximum,
        default_of=frozenset(),
        assumed=mac.assumed,
        source=f"maximum in place of a TDP: {mac.source}",
    )
    return Cpu(family=family, model=model)


def _of_platform(provider: str, platform: str, listed: Iterable[Cpu] = ()) -> Cpu | None:
    """CPU of a platform name as GCE reports it, e.g. ``Intel Ice Lake``; None if not known.

    ``listed`` are the CPUs of the machine's type: the platform chooses among them, so that a type
    keeps its own CPU where it is not the provider's usual one of that family.
    """
    name = _GCP_PLATFORMS.get(platform, platform.removeprefix("Intel "))
    family = families().get(name)
    if family is None:
        return None
    return next((cpu for cpu in listed if cpu.family == family), _usual(provider, family))


def _of_shape(provider: str, shape: Shape) -> tuple[Cpu, ...]:
    """CPUs by what an inventory or the operating system tells; empty if that is nothing."""
    model = _named(shape.cpu_model)
    if model is not None:
        return (Cpu(family=families()[model.family], model=model),)
    listed = [families()[name] for name in shape.architectures if name in families()]
    return tuple(_usual(provider, family) for family in listed)


def _of_pool(provider: str, instance_type: str, shape: Shape | None) -> tuple[Cpu, ...]:
    """CPUs of the vendor or instruction set that the facts hint at; x86 if they hint at none."""
    names = next(_hints(provider, instance_type, shape), _X86)
    return tuple(Cpu(family=families()[name], model=None) for name in names)


def _named(text: str) -> CpuModel | None:
    """CPU model in a name such as ``Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz``."""
    words = " ".join(re.sub(r"\((?:r|tm|c)\)", " ", text.lower()).split())
    found = (m for m in models().values() if _names_model(words, m.name.lower()))
    return max(found, key=lambda model: len(model.name), default=None)


def _names_model(words: str, name: str) -> bool:
    """A later version of a model (``E5-2670 v3``) is another model."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)(?! v\d)", words) is not None


def _usual(provider: str, family: CpuFamily) -> Cpu:
    """A family with the model that the provider uses for it, where it has one."""
    usual = (m for m in models().values() if m.family == family.name and provider in m.default_of)
    return Cpu(family=family, model=next(usual, None))


def _hints(provider: str, instance_type: str, shape: Shape | None) -> Iterator[tuple[str, ...]]:
    if shape is not None:
        yield from _vendor(shape.cpu_model)
        yield from _instruction_set(shape.architectures)
    processor = re.match(r"[a-z]+\d+([a-z])", instance_type) if provider == "aws" else None
    if processor and processor[1] in "gai":
        yield {"g": _ARM, "a": _AMD, "i": _INTEL}[processor[1]]


def _vendor(cpu_model: str) -> Iterator[tuple[str, ...]]:
    text = cpu_model.lower().replace("amd64", "")  # an instruction set, not a vendor
    for word, pool in (("apple", ("Apple silicon",)), ("amd", _AMD), ("intel", _INTEL)):
        if word in text:
            yield pool
    if re.search(r"\barm|neoverse|graviton|ampere|cortex", text):
        yield _ARM


def _instruction_set(architectures: Iterable[str]) -> Iterator[tuple[str, ...]]:
    if {"arm64", "aarch64"} & {name.lower() for name in architectures}:
        yield _ARM
