"""What a machine is made of, from the table, its cloud's answer, or the name of its type."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from exporter.core.model import HOST, Confidence, Machine, Shape
from exporter.data.machine_types import hardware_type
from exporter.power import _cpu, _names
from exporter.power._cpu import Cpu
from exporter.power.catalogue import KnownType, Types

UNKNOWN_SIZE: Final = _names.Size(2.0, 8.0)
"""Size of a machine of which neither table, cloud nor name tells any: a small general one."""

UNKNOWN_BASELINE: Final = 0.1
"""Baseline of a burstable type that the table lacks: t3.micro's, near the lowest of all."""


class SizeSource(StrEnum):
    """Where vCPUs and memory come from."""

    TABLE = "machine type table"
    CLOUD = "reported by the provider"
    NAME = "read from the name of the type"
    ASSUMED = "assumed, nothing known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """A machine's share of a server. ``server_kgco2eq`` 0: not in the table, computed by rule."""

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
    attached = shape is not None and not line.gpu_count  # GCP lets any N1 machine have one
    listed = _cpu.of_type(line)
    platform = _cpu.of_platform(line.provider, machine.cpu_platform, listed)
    cpus = (platform,) if platform else listed
    return Hardware(
        provider=line.provider,
        instance_type=line.name,
        vcpus=line.vcpus,
        memory_gib=line.memory_gib,
        size_source=SizeSource.TABLE,
        cpus=cpus,
        threads_per_core=line.threads_per_core,
        confidence=_confidence(cpus),
        gpu_model=shape.gpu_model if shape and attached else line.gpu_model,
        gpu_count=shape.gpu_count if shape and attached else line.gpu_count,
        baseline=line.baseline or 1.0,
        full_vcpus=line.full_vcpus or line.vcpus,
        host_vcpus=line.host_vcpus,
        server_kgco2eq=line.server_kgco2eq,
        server_published=line.server_published,
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


def _size(known: KnownType | None, machine: Machine) -> tuple[_names.Size, SizeSource]:
    shape = machine.shape
    if shape is not None and shape.vcpus > 0:
        return _names.Size(shape.vcpus, max(shape.memory_gib, 0.0)), SizeSource.CLOUD
    guess = _guess(known, machine)
    return (UNKNOWN_SIZE, SizeSource.ASSUMED) if guess is None else (guess, SizeSource.NAME)


def _guess(known: KnownType | None, machine: Machine) -> _names.Size | None:
    """Size by the naming rule, with the memory per vCPU and the server of a sibling if it has any.

    The rules are the providers': EC2 instance type naming, Azure size naming, GCE machine types.
    """
    provider, name = machine.key.provider, machine.instance_type
    if known is None or not known.type.complete:
        return _names.guess_size(provider, name)
    line = known.type
    if _names.whole_server(provider, name) and line.host_vcpus:
        return _names.Size(line.host_vcpus, line.host_memory_gib)
    return _names.guess_size(provider, name, line.memory_gib / line.vcpus)


def _cpus(known: KnownType | None, machine: Machine) -> tuple[tuple[Cpu, ...], bool]:
    """CPUs, and whether they are only guessed from a vendor or an instruction set."""
    provider, shape = machine.key.provider, machine.shape
    listed = _cpu.of_type(known.type) if known else ()
    platform = _cpu.of_platform(provider, machine.cpu_platform, listed)
    told = (platform,) if platform else _cpu.of_shape(provider, shape) if shape else ()
    cpus = told or listed
    if cpus:
        return cpus, False
    return _cpu.of_pool(provider, machine.instance_type, shape), True


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
