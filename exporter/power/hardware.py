"""What a machine is made of, from the table, its cloud's answer, or the name of its type.

Its size, the CPUs that may serve it, and what a vCPU's share of each one's TDP is.
"""

import re
from collections.abc import Iterable
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
from exporter.power.names import Maker

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
_POOLS: Final = {Maker.INTEL: _INTEL, Maker.AMD: _AMD, Maker.ARM: _ARM}
"""CPUs of today by maker, for a machine that no cloud's table tells of."""

_ARM_NAMES: Final = ("Graviton", "Axion", "Cobalt", "Neoverse")

GCP: Final = "gcp"

GUARANTEED_OF_SHARED: Final = 0.25
"""Share of the vCPUs that it sees which a shared-core type of Google is guaranteed, where the table
lacks it: that of e2-small, between 0.125 (e2-micro) and 0.5 (e2-medium)."""

_GCP_PLATFORMS: Final = {
    "AMD Naples": "EPYC 1st Gen",
    "AMD Rome": "EPYC 2nd Gen",
    "AMD Milan": "EPYC 3rd Gen",
    "AMD Genoa": "EPYC 4th Gen",
    "AMD Turin": "EPYC 5th Gen",
    "Ampere Altra": "Neoverse N1",
}
"""GCE ``cpuPlatform`` where it is not the family's own name, with or without ``Intel``."""


_DDR5: Final = frozenset(
    {
        "Sapphire Rapids",
        "Emerald Rapids",
        "Granite Rapids",
        "EPYC 4th Gen",
        "EPYC 5th Gen",
        "Graviton3",
        "Graviton3E",
        "Graviton4",
        "Graviton5",
        "Google Axion",
        "Google Axion N",
        "Cobalt 100",
        "Neoverse V2 (Grace)",
        "Apple silicon",
    }
)
"""Families whose servers have DDR5 (or LPDDR5); all others of the table have DDR4 or older."""


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

    @property
    def memory_kind(self) -> str:
        """Generation of the memory beside it."""
        return "DDR5" if self.family.name in _DDR5 else "DDR4"

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
    ``rule`` says how the machine's type was found, or read from its name.
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
    rule: str = ""

    @property
    def modelled(self) -> bool:
        """Whether the CPU is known, not guessed."""
        return self.confidence is not Confidence.UNKNOWN_TYPE


def hardware(types: Types, machine: Machine) -> Hardware:
    """Resolve a machine; every machine resolves to something."""
    named = hardware_type(machine.key.provider, machine.instance_type)
    machine = replace(machine, instance_type=named)
    known = types.lookup(machine.key.provider, named)
    if known is not None and known.exact and known.type.complete:
        return _of_table(known, machine)
    return of_name(types, known, types.reading(machine.key.provider, named), machine)


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
        rule=known.rule,
    )


def of_name(
    types: Types, known: KnownType | None, reading: names.Reading | None, machine: Machine
) -> Hardware:
    """Resolve a type that the table lacks, or lists without its size; also a machine of one's own.

    What the cloud told of its size comes first, then what ``reading`` tells by its name.
    """
    provider, shape = machine.key.provider, machine.shape
    size, source = _size(reading, shape)
    cpus, guessed = _cpus(types, known, machine)
    host = provider == HOST
    told = (host or (known is not None and known.exact)) and source is SizeSource.CLOUD
    parts = _accelerators(reading, shape)
    held = shape.reserved_vcpus if shape and source is SizeSource.CLOUD else _reserved(reading)
    # Google counts the utilisation of a shared core over what is guaranteed, not over what is seen.
    shared = provider == GCP and shape is not None and shape.shared_core
    vcpus = (held or size.vcpus) * (GUARANTEED_OF_SHARED if shared else 1.0)
    return Hardware(
        provider=provider,
        instance_type=machine.instance_type,
        vcpus=vcpus,
        memory_gib=size.memory_gib,
        size_source=source,
        cpus=cpus,
        threads_per_core=_threads(known, shape, cpus),
        confidence=_confidence(cpus) if told and not guessed else Confidence.UNKNOWN_TYPE,
        gpu_model=parts[0],
        gpu_count=parts[1],
        baseline=UNKNOWN_BASELINE if shape and shape.shared_core and not shared else 1.0,
        full_vcpus=max(size.vcpus, vcpus),
        host_vcpus=shape.host_vcpus if shape else 0.0,
        server_kgco2eq=0.0,
        server_published=False,
        usable=1.0 if shared else size.vcpus / vcpus,
        rule=_rule(known, reading, source, host=host),
    )


def _size(reading: names.Reading | None, shape: Shape | None) -> tuple[names.Size, SizeSource]:
    if shape is not None and shape.vcpus > 0:
        return names.Size(shape.vcpus, max(shape.memory_gib, 0.0)), SizeSource.CLOUD
    if reading is None:
        return UNKNOWN_SIZE, SizeSource.ASSUMED
    return names.Size(reading.vcpus, reading.memory_gib), SizeSource.NAME


def _reserved(reading: names.Reading | None) -> float:
    return reading.reserved_vcpus if reading else 0.0


def _accelerators(reading: names.Reading | None, shape: Shape | None) -> tuple[str, float]:
    """Model and number: the cloud's word, then the name's; Azure tells only the number."""
    model, count = (reading.gpu_model, reading.gpu_count) if reading else ("", 0.0)
    if shape is None or not shape.gpu_count:
        return (model, count) if shape is None or model else ("", 0.0)
    return shape.gpu_model or model, shape.gpu_count


def _rule(
    known: KnownType | None, reading: names.Reading | None, source: SizeSource, *, host: bool
) -> str:
    """How size and CPU were found."""
    if host:
        return "this machine"
    size = reading.rule if reading and source is SizeSource.NAME else source.value
    return f"size: {size}; CPU: {known.rule if known else 'guessed, the newest of the provider'}"


def _cpus(types: Types, known: KnownType | None, machine: Machine) -> tuple[tuple[Cpu, ...], bool]:
    """CPUs, and whether they are only guessed from a vendor or an instruction set."""
    provider, shape = machine.key.provider, machine.shape
    listed = _of_type(known.type) if known else ()
    platform = _of_platform(provider, machine.cpu_platform, listed)
    told = (platform,) if platform else _of_shape(provider, shape) if shape else ()
    if told:
        return told, False
    if listed and (known is None or known.exact or _agree(listed, shape)):
        return listed, False
    return _of_pool(types, provider, machine.instance_type, shape), True


def _agree(listed: Iterable[Cpu], shape: Shape | None) -> bool:
    """Whether CPUs of a relative have the instruction set that the cloud tells."""
    told = _maker(shape)
    return told is None or all(_arm(cpu) == (told is Maker.ARM) for cpu in listed)


def _arm(cpu: Cpu) -> bool:
    """Whether a CPU has ARM's instruction set."""
    return any(word in cpu.family.name for word in _ARM_NAMES)


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


def _of_pool(
    types: Types, provider: str, instance_type: str, shape: Shape | None
) -> tuple[Cpu, ...]:
    """CPUs of the maker or instruction set that the facts hint at; x86 if they hint at none.

    Of a cloud its newest ones: what the table lacks is newer than the table.
    """
    if shape is not None and "apple" in shape.cpu_model.lower():
        return (Cpu(family=families()["Apple silicon"], model=None),)
    lineage = names.lineage(provider, instance_type)
    maker = _maker(shape) or (lineage.maker if lineage else None)
    makers = (maker,) if maker else (Maker.INTEL, Maker.AMD)
    newest = [name for one in makers for name in types.newest(provider, one)]
    if newest:
        return tuple(_usual(provider, families()[name]) for name in dict.fromkeys(newest))
    return tuple(Cpu(family=families()[n], model=None) for one in makers for n in _POOLS[one])


def _maker(shape: Shape | None) -> Maker | None:
    """Maker of the CPU that an inventory or the operating system hints at."""
    if shape is None:
        return None
    text = shape.cpu_model.lower().replace("amd64", "")  # an instruction set, not a maker
    for word, maker in (("amd", Maker.AMD), ("intel", Maker.INTEL)):
        if word in text:
            return maker
    arm = re.search(r"\barm|neoverse|graviton|ampere|cortex|apple", text)
    told = {"arm64", "aarch64"} & {name.lower() for name in shape.architectures}
    return Maker.ARM if arm or told else None


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
